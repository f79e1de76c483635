//! Signs of life of a listening connection: when it was last heard, and whether it has ended for good.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{ListenError, Trouble};
use crate::clock::{between, from_millis, to_millis};

/// What tells that a connection lives; never a library's flag.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Milliseconds; 0 is never.
    heard: AtomicI64,
    /// When somebody began to listen, in milliseconds; 0 is never.
    began: AtomicI64,
    /// Listening ended for good.
    ended: Mutex<Option<ListenError>>,
}

impl Signs {
    pub(super) fn hear(&self, now: Timestamp) {
        self.heard.store(to_millis(now), Ordering::Relaxed);
    }

    pub(super) fn heard_at(&self) -> Option<Timestamp> {
        at(&self.heard)
    }

    pub(super) fn begin(&self, now: Timestamp) {
        self.began.store(to_millis(now), Ordering::Relaxed);
        self.end(None);
    }

    pub(super) fn end(&self, why: Option<ListenError>) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Since when nothing has come although it should, if that is longer than `patience`.
    pub(super) fn deaf_since(&self, now: Timestamp, patience: Duration) -> Option<Timestamp> {
        let since = self.heard_at().max(at(&self.began))?;
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        (ended || patience < between(since, now)).then_some(since)
    }

    /// Why listening ended, if it did.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ListenError::Fatal { code, fix }) = &*ended else { return None };
        Some(Trouble::Deaf { code: code.clone(), fix: fix.clone() })
    }
}

fn at(millis: &AtomicI64) -> Option<Timestamp> {
    let millis = millis.load(Ordering::Relaxed);
    (millis != 0).then(|| from_millis(millis))
}
