//! One connection writes. Jobs that wait at the same moment share one commit (one fsync); whichever is called off takes
//! nothing with it. A job is answered only after the commit.

use std::{sync::Arc, thread::JoinHandle};

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::sync::{mpsc, oneshot};

use super::{Store, StoreError, alert, place::Place, point::Points};

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
pub(super) struct Writer(Arc<Desk>);

/// Where jobs are handed in. Dropping the last hold of it waits until all of them are on disk and the connection is
/// closed, so that whoever opens the database next finds nobody there.
struct Desk {
    /// `None` while it closes.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.jobs = None;
        let Some(thread) = self.thread.take() else { return };
        // A job may hold the last one itself.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the writer of the store has panicked");
        }
    }
}

impl Writer {
    pub(super) async fn start(mut connection: AnyConnection, place: Place) -> Result<Self, sqlx::Error> {
        let points = Points::open(&mut connection).await?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || alert::run(work(Tx { connection }, place, points, queue)))?;
        Ok(Self(Arc::new(Desk { jobs: Some(jobs), thread: Some(thread) })))
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
        let jobs = self.writer.0.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).await.map_err(|_| StoreError::Closed)?;
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
    if let Err(error) = tx.connection.close().await {
        tracing::warn!(%error, "the database was not closed in order; its next start does that");
    }
}

fn unavailable(why: String) -> StoreError {
    StoreError::Unavailable(sqlx::Error::Protocol(why))
}

/// Where a job ended within its commit.
#[derive(Clone, Copy)]
struct Step {
    /// Jobs before it have written.
    beside: bool,
    wrote: bool,
    more: bool,
}

impl Step {
    /// What stands between this job and the next, or the commit. The first that writes needs no savepoint: as long as it
    /// is alone, all there is can be taken back. A savepoint that was gone back to still stands.
    fn between(self) -> Option<&'static str> {
        match (self.beside, self.wrote, self.more) {
            (false, true, true) => Some("SAVEPOINT job"),
            (false, false, true) => Some("ROLLBACK; BEGIN IMMEDIATE"),
            (false, false, false) => Some("ROLLBACK"),
            (true, true, true) => Some("RELEASE job; SAVEPOINT job"),
            (true, false, true | false) => Some("ROLLBACK TO job"),
            (true | false, true, false) => None,
        }
    }
}

async fn batch(
    tx: &mut Tx,
    place: &Place,
    points: &mut Points,
    first: Job,
    queue: &mut mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), sqlx::Error> {
    let mut stands = match place.check() {
        Ok(()) => tx.connection.execute("BEGIN IMMEDIATE").await.map(drop),
        Err(why) => Err(sqlx::Error::Protocol(why)),
    };
    let (mut next, mut wrote) = (Some(first), false);
    while let Some(job) = next.take() {
        if let Err(error) = &stands {
            // It does not run, and hears why.
            answers.push(job(Err(error.to_string())).await.answer);
            break;
        }
        let done = job(Ok(&mut *tx)).await;
        answers.push(done.answer);
        next = if answers.len() < BATCH { queue.try_recv().ok() } else { None };
        let step = Step { beside: wrote, wrote: done.wrote, more: next.is_some() };
        wrote |= done.wrote;
        if let Some(control) = step.between() {
            stands = tx.connection.execute(control).await.map(drop);
        }
    }
    stands?;
    if wrote {
        points.before(&mut tx.connection).await?;
        tx.connection.execute("COMMIT").await?;
        points.after();
    }
    Ok(())
}

pub(super) async fn prepare(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("PRAGMA journal_mode = WAL").await?;
    connection.execute("PRAGMA synchronous = FULL").await?;
    // 16 MiB of log before its pages go to their places, not 4: the same few pages change again and again, and each time
    // writes them once (https://www.sqlite.org/wal.html#ckpt, "Performance Considerations").
    connection.execute("PRAGMA wal_autocheckpoint = 4000").await?;
    connection.execute("PRAGMA busy_timeout = 5000").await?;
    connection.execute("PRAGMA foreign_keys = ON").await?;
    Ok(())
}

pub(super) async fn prepare_reader(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("PRAGMA busy_timeout = 5000").await?;
    connection.execute("PRAGMA query_only = ON").await?;
    Ok(())
}
