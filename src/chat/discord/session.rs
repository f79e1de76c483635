//! What has to outlive the process: the session, so that the next start resumes it and is told what it missed, and when
//! sessions were begun, so that a process that dies in a loop does not use the day's thousand up (then Discord resets
//! the token: <https://docs.discord.com/developers/events/gateway#session-start-limit-object>).
//!
//! A file beside the store, for it is this process's line and nobody's history. Losing it costs a new session.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::clock::{after, before, between, from_millis, to_millis};

/// Begun sessions are counted over this time.
const HOUR: Duration = Duration::from_secs(3_600);
/// So many an hour are begun at once; each further one waits twice as long as the one before.
const FREE: usize = 5;
const PAUSE: Duration = Duration::from_secs(2);
/// With this between two, a day has 720 at most.
const PAUSE_MAX: Duration = Duration::from_secs(120);
/// The number of what is stored is written at most this often: what it lags behind is replayed, and known by its keys.
const WRITE: Duration = Duration::from_secs(1);

/// A session at Discord, as far as it has been stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    /// `resume_gateway_url`
    pub(super) url: String,
    /// The last event that is in the inbox, or concerned nobody.
    pub(super) seq: u64,
    /// Who we are in it: a resumed line does not say so again.
    pub(super) user: String,
    pub(super) application: String,
    pub(super) guild: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Book {
    session: Option<Session>,
    /// Milliseconds.
    begun: Vec<i64>,
}

/// The book of sessions; without a path it is kept in memory alone.
pub(super) struct Sessions {
    path: Option<PathBuf>,
    book: Mutex<Book>,
    written: Mutex<Option<Instant>>,
}

impl Sessions {
    pub(super) fn open(path: Option<PathBuf>) -> Self {
        let read = |path: &Path| match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "the book of discord's sessions is not readable; a new one is begun");
                Book::default()
            }),
            Err(_) => Book::default(),
        };
        let book = path.as_deref().map(read).unwrap_or_default();
        Self { path, book: Mutex::new(book), written: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn current(&self) -> Option<Session> {
        self.book().session.clone()
    }

    /// How long to wait before another session is begun.
    pub(super) fn pause(&self, now: Timestamp) -> Duration {
        let begun = self.begun_lately(now);
        let Some(last) = begun.last().filter(|_| FREE <= begun.len()) else { return Duration::ZERO };
        let doublings = u32::try_from(begun.len() - FREE).unwrap_or(u32::MAX).min(16);
        let whole = PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX);
        // A clock that was set back must not make it longer than it ever is.
        between(now, after(*last, whole)).min(whole)
    }

    fn begun_lately(&self, now: Timestamp) -> Vec<Timestamp> {
        let since = before(now, HOUR);
        let mut lately: Vec<Timestamp> =
            self.book().begun.iter().map(|it| from_millis(*it)).filter(|it| since < *it).collect();
        lately.sort_unstable();
        lately
    }

    /// A session is about to be begun. It is counted before it is, so that no crash hides it.
    pub(super) fn begin(&self, now: Timestamp) {
        let mut lately: Vec<i64> = self.begun_lately(now).into_iter().map(to_millis).collect();
        lately.push(to_millis(now));
        *self.book() = Book { session: None, begun: lately };
        self.write();
    }

    pub(super) fn enter(&self, session: Session) {
        self.book().session = Some(session);
        self.write();
    }

    /// Discord does not know it any more.
    pub(super) fn forget(&self) {
        self.book().session = None;
        self.write();
    }

    /// Everything up to this event of this session is stored.
    pub(super) fn stored(&self, id: &str, seq: u64) {
        match &mut self.book().session {
            Some(session) if session.id == id => session.seq = session.seq.max(seq),
            Some(_) | None => return,
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.is_none_or(|it| WRITE <= it.elapsed()) {
            *written = Some(Instant::now());
            drop(written);
            self.write();
        }
    }

    /// Writes what is known now. A disk that does not take it costs a new session at the next start, no more.
    pub(super) fn write(&self) {
        let Some(path) = &self.path else { return };
        let book = self.book().clone();
        let replaced = serde_json::to_vec(&book).map_err(std::io::Error::from).and_then(|bytes| {
            let beside = path.with_extension("new");
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&bytes)?;
            std::fs::rename(&beside, path)
        });
        if let Err(error) = replaced {
            tracing::warn!(%error, "the book of discord's sessions was not written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(seq: u64) -> Session {
        let [id, url, user, application] = ["s", "wss://x", "1", "2"].map(str::to_owned);
        Session { id, url, seq, user, application, guild: None }
    }

    #[test]
    fn a_crash_loop_never_uses_a_day_up() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let path = dir.path().join("discord.json");
        let day = from_millis(0);
        let (mut now, mut begun) = (day, 0);
        while between(day, now) < Duration::from_secs(86_400) {
            // Each start is a new process that dies at once.
            let sessions = Sessions::open(Some(path.clone()));
            let pause = sessions.pause(now);
            if pause.is_zero() {
                sessions.begin(now);
                begun += 1;
            }
            now = after(now, pause.max(Duration::from_millis(50)));
        }
        assert!((100..=730).contains(&begun), "{begun}");
    }

    #[test]
    fn a_session_is_found_again_as_far_as_it_was_stored() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let path = dir.path().join("discord.json");
        let sessions = Sessions::open(Some(path.clone()));
        sessions.begin(from_millis(1));
        sessions.enter(session(1));
        sessions.stored("s", 7);
        sessions.stored("s", 3);
        sessions.stored("another", 9);
        sessions.write();
        assert_eq!(Sessions::open(Some(path.clone())).current(), Some(session(7)));
        sessions.forget();
        assert_eq!(Sessions::open(Some(path.clone())).current(), None);
        std::fs::write(&path, "{").expect("a file");
        assert_eq!(Sessions::open(Some(path)).current(), None);
    }

    #[test]
    fn the_first_few_starts_and_an_hour_later_nothing_is_waited_for() {
        let sessions = Sessions::open(None);
        for second in 0..5 {
            assert_eq!(sessions.pause(from_millis(second * 1_000)), Duration::ZERO);
            sessions.begin(from_millis(second * 1_000));
        }
        assert_eq!(sessions.pause(from_millis(4_500)), Duration::from_millis(1_500));
        assert_eq!(sessions.pause(from_millis(0)), Duration::from_secs(2), "a clock that was set back");
        assert_eq!(sessions.pause(from_millis(3_700_000)), Duration::ZERO);
    }
}
