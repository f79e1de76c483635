//! The only SQL. One writer, which groups what many ask at once into one commit; a few readers beside it.
//!
//! - [`writer`]: `Store::write`, group commit with a savepoint per caller; [`change`]: what a transition may commit;
//! - one file per noun: [`inbox`], [`execution`], [`attempt`], [`flow`], [`lock`], [`look`], [`release`],
//!   [`deployment`], [`gate`], [`outbox`], [`incident`], [`link`], [`notify`], [`content`],
//!   [`counter`], [`audit`]; [`datastore`]: keys and values, secrets among them sealed;
//! - what is asked across them: [`count`]: how many there are; [`picture`]: what a card shows; [`reference`]: which files
//!   are still needed; [`trace`]: what a root did to hosts; [`left`]: what a dead process left;
//! - [`alert`]: the writer's thread; [`row`]: reading columns; [`place`]: where the database lies; [`point`]: where a test kills the process.
//!
//! Invariants: every instant is a parameter; a changed aggregate bumps its `version` with `WHERE version = …` and
//! hits exactly one row; a row that cannot be decoded is an error, never a default.

mod alert;
pub mod attempt;
pub mod audit;
pub mod change;
pub mod content;
pub mod count;
pub mod counter;
pub mod datastore;
pub mod deployment;
pub mod execution;
pub mod flow;
pub mod gate;
pub mod inbox;
pub mod incident;
pub mod left;
pub mod link;
pub mod lock;
pub mod look;
pub mod notify;
pub mod outbox;
pub mod picture;
mod place;
mod point;
mod reference;
pub mod release;
mod row;
mod trace;
mod writer;

use std::{fs::File, path::Path, str::FromStr, sync::Arc};

use sqlx::{
    AnyPool, ConnectOptions as _,
    any::{AnyConnectOptions, AnyPoolOptions},
    pool::PoolConnection,
};

pub use change::Change;
pub use writer::Tx;

use place::Place;

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the aggregate first: read again and decide anew.
    #[error("{what} was changed by somebody else")]
    Changed { what: &'static str },
    /// A unique key stands already.
    #[error("{what} exists already")]
    Exists { what: &'static str },
    /// A row that must be there is not.
    #[error("{what} does not exist")]
    Missing { what: String },
    /// A row holds what its type does not allow.
    #[error("row of {table} is corrupt: {why}")]
    Corrupt { table: &'static str, why: String },
    /// The decision inside a transaction said no; nothing was written.
    #[error("the transaction was called off: {why}")]
    CalledOff { why: String },
    /// The database could not be asked: full disk, no file, broken connection.
    #[error("the database cannot be used: {0}")]
    Unavailable(sqlx::Error),
    #[error(
        "the database {path} was here before and is gone: put it back; or, to begin with an empty history, remove {lock}"
    )]
    Lost { path: String, lock: String },
    #[error("another lockkeeper holds {path}; stop it first, or give this one a store of its own")]
    Held { path: String },
    #[error("the database's schema cannot be brought up to date")]
    Schema(#[from] sqlx::migrate::MigrateError),
    #[error("the store is closed")]
    Closed,
}

/// How what the schema itself forbids begins (`migrations/sqlite/0005_guards.sql`).
const REFUSED: &str = "refused: ";

impl From<sqlx::Error> for StoreError {
    /// What the schema forbids is a decision: asking again brings the same.
    fn from(error: sqlx::Error) -> Self {
        let refused = error.as_database_error().and_then(|it| it.message().split_once(REFUSED));
        match refused {
            Some((_, why)) => Self::CalledOff { why: why.to_owned() },
            None => Self::Unavailable(error),
        }
    }
}

/// Durable memory. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: writer::Writer,
    readers: AnyPool,
    /// Held for as long as any clone lives: a second process on the same file is refused.
    _lock: Option<Arc<File>>,
}

/// Readers beside the one writer.
const READERS: u32 = 4;

impl Store {
    /// Opens `sqlite:PATH` (or `sqlite::memory:` is refused: readers would see another database), brings its schema
    /// up to date and starts the writer.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
        let path = Path::new(path);
        let lock = place::hold(path)?;
        let options = AnyConnectOptions::from_str(&format!("sqlite:{}?mode=rw", path.display()))?
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        writer::prepare(&mut connection).await?;
        sqlx::migrate!("migrations/sqlite").run(&mut connection).await?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS)
            // A file does not go away as a network does; asking first would double what each reading costs.
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(async move { writer::prepare_reader(connection).await }))
            .connect_lazy_with(options);
        let unusable = |error| StoreError::Unavailable(sqlx::Error::Io(error));
        place::mark(&lock).map_err(unusable)?;
        let place = Place::of(path).map_err(unusable)?;
        let writer = writer::Writer::start(connection, place).await?;
        Ok(Self { writer, readers, _lock: Some(Arc::new(lock)) })
    }

    async fn reader(&self) -> Result<PoolConnection<sqlx::Any>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// True if a trivial write commits: what readiness asks.
    pub async fn is_writable(&self, now: jiff::Timestamp) -> bool {
        let beat = self.write(move |tx| {
            Box::pin(async move { counter::set(tx, "beat", crate::clock::to_millis(now)).await })
        });
        beat.await.is_ok()
    }
}
