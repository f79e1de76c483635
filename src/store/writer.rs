//! One connection writes. Jobs that wait at the same moment share one commit (one fsync), each inside its own
//! savepoint, so that one that is called off takes nothing with it. A job is answered only after the commit.

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Executor as _};
use tokio::sync::{mpsc, oneshot};

use super::{Store, StoreError, place::Place, point::Points};

/// What a job writes with.
pub struct Tx {
    pub(super) connection: AnyConnection,
}

/// Jobs in one commit at most: bounds how long the first one waits.
const BATCH: usize = 64;
/// Jobs that may queue; beyond that callers wait.
const QUEUE: usize = 1_024;

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Runs in a transaction, or hears why there is none.
type Job = Box<dyn for<'t> FnOnce(Result<&'t mut Tx, String>) -> BoxFuture<'t, Done> + Send>;

struct Done {
    wrote: bool,
    answer: Answer,
}

#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) async fn start(mut connection: AnyConnection, place: Place) -> Result<Self, sqlx::Error> {
        let points = Points::open(&mut connection).await?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        tokio::spawn(work(Tx { connection }, place, points, queue));
        Ok(Self { jobs })
    }
}

impl Store {
    /// Runs `act` in a transaction and returns after its commit is on disk. If `act` returns an error, nothing of it
    /// is kept. The caller may be dropped at any point: the job goes on to its commit.
    pub async fn write<T, F>(&self, act: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            Box::pin(async move {
                let result = match tx {
                    Ok(tx) => act(tx).await,
                    Err(why) => Err(unavailable(why)),
                };
                let wrote = result.is_ok();
                let answer: Answer = Box::new(move |committed| {
                    // The caller may be gone; what it asked for stands all the same.
                    drop(reply.send(committed.and(result)));
                });
                Done { wrote, answer }
            })
        });
        self.writer.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Unavailable(sqlx::Error::WorkerCrashed))?
    }
}

async fn work(mut tx: Tx, place: Place, mut points: Points, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.recv().await {
        let mut answers = Vec::new();
        let committed = batch(&mut tx, &place, &mut points, first, &mut queue, &mut answers).await;
        let failure = committed.err().map(|error| error.to_string());
        if let Some(why) = &failure {
            // The connection may stand in a broken transaction; if there is none this is a harmless error.
            drop(tx.connection.execute("ROLLBACK").await);
            tracing::error!(why, "nothing can be stored");
        }
        for answer in answers {
            answer(failure.as_ref().map_or(Ok(()), |why| Err(unavailable(why.clone()))));
        }
    }
}

fn unavailable(why: String) -> StoreError {
    StoreError::Unavailable(sqlx::Error::Protocol(why))
}

async fn batch(
    tx: &mut Tx,
    place: &Place,
    points: &mut Points,
    first: Job,
    queue: &mut mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), sqlx::Error> {
    let begun = match place.check() {
        Ok(()) => tx.connection.execute("BEGIN IMMEDIATE").await.map(drop),
        Err(why) => Err(sqlx::Error::Protocol(why)),
    };
    if let Err(error) = begun {
        // Nothing runs; who waits hears of it.
        answers.push(first(Err(error.to_string())).await.answer);
        return Err(error);
    }
    let mut next = Some(first);
    while let Some(job) = next.take() {
        tx.connection.execute("SAVEPOINT job").await?;
        let done = job(Ok(&mut *tx)).await;
        answers.push(done.answer);
        tx.connection.execute(if done.wrote { "RELEASE job" } else { "ROLLBACK TO job" }).await?;
        if answers.len() < BATCH {
            next = queue.try_recv().ok();
        }
    }
    points.before(&mut tx.connection).await?;
    tx.connection.execute("COMMIT").await?;
    points.after();
    Ok(())
}

pub(super) async fn prepare(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("PRAGMA journal_mode = WAL").await?;
    connection.execute("PRAGMA synchronous = FULL").await?;
    connection.execute("PRAGMA busy_timeout = 5000").await?;
    connection.execute("PRAGMA foreign_keys = ON").await?;
    Ok(())
}

pub(super) async fn prepare_reader(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("PRAGMA busy_timeout = 5000").await?;
    connection.execute("PRAGMA query_only = ON").await?;
    Ok(())
}
