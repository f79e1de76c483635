//! How long to wait before the next try: longer each time, and never in step with anybody else.

use std::time::Duration;

use tokio::time::Instant;

/// Pauses that double from `first` to `longest`; each is shortened by chance to somewhere above its half.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// The next pause.
    pub(super) fn pause(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.tries.min(16)).min(self.longest);
        self.tries = self.tries.saturating_add(1);
        whole.mul_f64(0.5 + chance() / 2.0)
    }

    /// A connection stood: begin again with the shortest pause.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// Tries of something that may go wrong for a while.
pub(super) struct Tries {
    backoff: Backoff,
    until: Instant,
}

impl Tries {
    /// For this long from now.
    pub(super) fn begin(backoff: Backoff, most: Duration) -> Self {
        Self { backoff, until: Instant::now() + most }
    }

    /// Waits until the next try may be made; false if there is to be none.
    pub(super) async fn again(&mut self) -> bool {
        if self.until <= Instant::now() {
            return false;
        }
        tokio::time::sleep(self.backoff.pause()).await;
        true
    }
}

/// A number in 0..1 by chance: the random tail of a fresh UUIDv7.
pub(super) fn chance() -> f64 {
    let bytes = uuid::Uuid::now_v7().into_bytes();
    f64::from(u16::from_be_bytes([bytes[14], bytes[15]])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let pauses: Vec<Duration> = (0..10).map(|_| backoff.pause()).collect();
        assert!(pauses[0] <= Duration::from_secs(1));
        assert!(Duration::from_secs(15) <= pauses[9] && pauses[9] <= Duration::from_secs(30));
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_secs(1));
    }
}
