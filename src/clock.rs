//! Time, asked in one place. Everything else gets instants as values, so tests can move them.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::Notify;

/// A sleep that some clock measures.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The wall clock, real or moved by a test.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Resolves once `now() >= until`.
    fn sleep_until(&self, until: Timestamp) -> Sleep<'_>;
}

/// A clock that everybody shares.
pub type SharedClock = Arc<dyn Clock>;

/// Milliseconds since the epoch: how the store and outside formats hold an instant.
pub fn to_millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// The instant of a stored number of milliseconds; out of range is the nearest representable one.
pub fn from_millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// `at` moved by `by`; saturates at the ends of representable time.
pub fn after(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX))
        .unwrap_or(Timestamp::MAX)
}

/// `at` moved back by `by`; saturates at the ends of representable time.
pub fn before(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX))
        .unwrap_or(Timestamp::MIN)
}

/// How long from `from` to `to`; zero if `to` is earlier.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one caller of the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(between(self.now(), until)))
    }
}

/// A clock that stands still until somebody advances it.
#[derive(Debug)]
pub struct TestClock {
    now: Mutex<Timestamp>,
    moved: Notify,
}

impl TestClock {
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(now), moved: Notify::new() })
    }

    pub fn advance(&self, by: Duration) {
        {
            let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *now = after(*now, by);
        }
        self.moved.notify_waiters();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep<'_> {
        Box::pin(async move {
            loop {
                let moved = self.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                if until <= self.now() {
                    return;
                }
                moved.await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved_far_enough() {
        let clock = TestClock::at(from_millis(0));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(from_millis(2_000)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.expect("the sleeper ends");
    }
}
