//! Points at which this process can be killed on purpose, for the crash matrix: before and after every commit. Only with
//! the feature `crash-points`, which no build has by default; without it all of this is nothing.
//!
//! `LOCKKEEPER_CRASH` names a folder. Its file `commits` gets a line for each commit, written before it: the number
//! since the start of this process, and what is being committed. Its file `plan` has a line for each start to come,
//! and a start takes the first:
//!
//! ```text
//! before 17                      the seventeenth commit never happens
//! after 17                       it does, and nothing after it
//! after of permission update     the first commit in which that is written
//! ```

#[cfg(not(feature = "crash-points"))]
pub(super) use absent::Points;
#[cfg(feature = "crash-points")]
pub(super) use present::Points;

#[cfg(not(feature = "crash-points"))]
mod absent {
    use sqlx::AnyConnection;

    pub(in crate::store) struct Points;

    impl Points {
        pub(in crate::store) async fn open(_: &mut AnyConnection) -> Result<Self, sqlx::Error> {
            Ok(Self)
        }

        pub(in crate::store) async fn before(&mut self, _: &mut AnyConnection) -> Result<(), sqlx::Error> {
            Ok(())
        }

        pub(in crate::store) fn after(&self) {}
    }
}

#[cfg(feature = "crash-points")]
mod present {
    use std::{
        fs,
        io::Write as _,
        path::{Path, PathBuf},
    };

    use rustix::process::{Signal, getpid, kill_process};
    use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};

    const VARIABLE: &str = "LOCKKEEPER_CRASH";
    /// What tells one write to a table from another.
    const DETAILS: [(&str, &str); 4] = [
        ("execution", "NEW.action || ' ' || NEW.status"),
        ("attempt", "NEW.status || COALESCE(' on ' || NEW.host, '')"),
        ("outbox", "substr(NEW.subject, 1, instr(NEW.subject, ':') - 1)"),
        ("gate", "NEW.state"),
    ];

    enum Which {
        Number(u64),
        Writing(String),
    }

    struct Plan {
        before: bool,
        which: Which,
    }

    #[derive(Default)]
    pub(in crate::store) struct Points {
        folder: Option<PathBuf>,
        plan: Option<Plan>,
        commits: u64,
        /// The commit that is under way is the one to die after.
        last: bool,
    }

    impl Points {
        /// Takes the plan's first line, and notes from now on what this connection writes.
        pub(in crate::store) async fn open(connection: &mut AnyConnection) -> Result<Self, sqlx::Error> {
            let found = crate::config::environment().find(|(name, _)| name == VARIABLE);
            let Some(folder) = found.map(|(_, value)| PathBuf::from(value)) else {
                return Ok(Self::default());
            };
            note_writes(connection).await?;
            let plan = take_plan(&folder.join("plan"))?;
            Ok(Self { folder: Some(folder), plan, ..Self::default() })
        }

        /// Called when all is written and nothing is committed.
        pub(in crate::store) async fn before(
            &mut self,
            connection: &mut AnyConnection,
        ) -> Result<(), sqlx::Error> {
            let Some(folder) = &self.folder else { return Ok(()) };
            let written = noted(connection).await?;
            self.commits += 1;
            let log = fs::File::options().create(true).append(true).open(folder.join("commits"));
            log.and_then(|mut log| writeln!(log, "{} {written}", self.commits))?;
            let meant = self.plan.as_ref().is_some_and(|plan| match &plan.which {
                Which::Number(number) => *number == self.commits,
                Which::Writing(part) => written.contains(part.as_str()),
            });
            match self.plan.as_ref().filter(|_| meant) {
                Some(plan) if plan.before => die(),
                Some(_) => self.last = true,
                None => {}
            }
            Ok(())
        }

        /// Called when it is committed and nobody knows.
        pub(in crate::store) fn after(&self) {
            if self.last {
                die();
            }
        }
    }

    fn take_plan(file: &Path) -> Result<Option<Plan>, sqlx::Error> {
        let Ok(text) = fs::read_to_string(file) else { return Ok(None) };
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        fs::write(file, rest)?;
        let (side, which) = first.split_once(' ').unwrap_or((first, ""));
        let which = match which.strip_prefix("of ") {
            Some(part) => Which::Writing(part.to_owned()),
            None => match which.parse() {
                Ok(number) => Which::Number(number),
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(Plan { before: side == "before", which }))
    }

    /// Every write to a table of ours leaves a note beside them, in a table that only this connection has.
    async fn note_writes(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        connection.execute("CREATE TEMP TABLE written (what TEXT NOT NULL)").await?;
        let tables: Vec<(String,)> = sqlx::query_as(
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
        )
        .fetch_all(&mut *connection)
        .await?;
        for (table,) in tables {
            let detail = DETAILS.iter().find(|(name, _)| *name == table).map_or("''", |(_, it)| it);
            for act in ["insert", "update"] {
                let trigger = format!(
                    "CREATE TEMP TRIGGER note_{table}_{act} AFTER {act} ON main.{table} BEGIN
                        INSERT INTO written VALUES (rtrim('{table} {act} ' || {detail})); END"
                );
                connection.execute(AssertSqlSafe(trigger)).await?;
            }
        }
        Ok(())
    }

    async fn noted(connection: &mut AnyConnection) -> Result<String, sqlx::Error> {
        let mut written: Vec<(String,)> =
            sqlx::query_as("SELECT what FROM written ORDER BY rowid").fetch_all(&mut *connection).await?;
        connection.execute("DELETE FROM written").await?;
        written.dedup();
        Ok(written.into_iter().map(|(what,)| what).collect::<Vec<_>>().join(", "))
    }

    fn die() -> ! {
        // If it fails, this process is not worth living on either.
        if kill_process(getpid(), Signal::KILL).is_err() {
            std::process::abort();
        }
        loop {
            std::thread::park();
        }
    }
}
