//! When the next call to somebody who counts them may go. The time comes in as a value; nothing in here waits.
//!
//! A rate is kept by the generic cell rate algorithm (ITU-T I.371, <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>):
//! all that has to be known of a bucket is when it would be full again.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

const MINUTE: Duration = Duration::from_secs(60);

/// So many calls at once, and then one each `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub burst: u32,
    pub every: Duration,
    /// Of the burst, left for what is urgent.
    pub kept: u32,
}

impl Rate {
    /// Fewer than this in any minute (at least 10): a fifth of them at once, and half of those only for what is urgent.
    pub fn per_minute(calls: u32) -> Self {
        let burst = (calls / 5).max(1);
        let steady = calls.saturating_sub(burst + 1).max(1);
        Self { burst, every: MINUTE / steady, kept: burst / 2 }
    }
}

/// One thing that is counted apart from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket<K> {
    pub name: K,
    /// `None` if only the other side knows: then it is open until it says otherwise.
    pub rate: Option<Rate>,
}

impl<K> Bucket<K> {
    pub fn at_rate(name: K, rate: Rate) -> Self {
        Self { name, rate: Some(rate) }
    }

    /// Without a rate that we would know.
    pub fn untold(name: K) -> Self {
        Self { name, rate: None }
    }
}

/// What is known of the buckets that matter at the moment.
#[derive(Debug)]
pub struct Buckets<K>(HashMap<K, State<K>>);

#[derive(Debug)]
struct State<K> {
    /// When as many calls as the burst has could go at once again.
    full_at: Option<Instant>,
    /// Until when we were told to wait.
    closed_until: Option<Instant>,
    /// The narrower bucket that was closed last, and until when.
    narrower: Option<(K, Instant)>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K> Default for State<K> {
    fn default() -> Self {
        Self { full_at: None, closed_until: None, narrower: None }
    }
}

impl<K> State<K> {
    fn matters(&self, now: Instant) -> bool {
        let narrower = self.narrower.as_ref().map(|(_, until)| *until);
        [self.full_at, self.closed_until, narrower].into_iter().flatten().any(|it| now < it)
    }

    fn fill_until(&mut self, at: Instant) {
        self.full_at = self.full_at.max(Some(at));
    }
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// When a call that counts in this bucket may go; `None`: whenever it likes.
    pub fn opens_at(&self, bucket: &Bucket<K>, urgent: bool) -> Option<Instant> {
        let state = self.0.get(&bucket.name)?;
        let refilled = bucket.rate.and_then(|rate| {
            let kept = if urgent { 0 } else { rate.kept };
            let spare = rate.every * rate.burst.saturating_sub(1 + kept);
            // So long ago that nothing can hold it up.
            state.full_at?.checked_sub(spare)
        });
        state.closed_until.max(refilled)
    }

    /// Counts a call in all of these buckets, if it may go now.
    ///
    /// # Errors
    /// When to ask again; nothing was counted.
    pub fn take(&mut self, buckets: &[Bucket<K>], urgent: bool, now: Instant) -> Result<(), Instant> {
        self.0.retain(|_, it| it.matters(now));
        let opens_at = buckets.iter().filter_map(|it| self.opens_at(it, urgent)).max();
        if let Some(at) = opens_at.filter(|at| now < *at) {
            return Err(at);
        }
        for (bucket, rate) in rated(buckets) {
            let state = self.0.entry(bucket.name.clone()).or_default();
            let from = state.full_at.map_or(now, |it| it.max(now));
            state.full_at = Some(from + rate.every);
        }
        Ok(())
    }

    /// A call that was counted is not made.
    pub fn give_back(&mut self, buckets: &[Bucket<K>]) {
        for (bucket, rate) in rated(buckets) {
            if let Some(state) = self.0.get_mut(&bucket.name) {
                state.full_at = state.full_at.and_then(|it| it.checked_sub(rate.every));
            }
        }
    }

    /// A call that was counted has its answer: the other side may have counted it as late as now.
    pub fn answered(&mut self, buckets: &[Bucket<K>], now: Instant) {
        for (bucket, rate) in rated(buckets) {
            self.0.entry(bucket.name.clone()).or_default().fill_until(now + rate.every);
        }
    }

    /// The other side took this call for one too many, and said until when to wait. It does not say what it counted: the
    /// first of the buckets is closed, and the wider one behind it only if another narrow one of it is closed already.
    pub fn close(&mut self, buckets: &[Bucket<K>], until: Instant, now: Instant) {
        let Some(first) = buckets.first() else { return };
        self.shut(first, until);
        for wider in &buckets[1..] {
            let state = self.0.entry(wider.name.clone()).or_default();
            let another = state.narrower.as_ref().is_some_and(|(name, it)| *name != first.name && now < *it);
            state.narrower = Some((first.name.clone(), until));
            if another {
                self.shut(wider, until);
            }
        }
    }

    /// Closed, and empty when it opens: whoever counts has nothing to spare for us.
    fn shut(&mut self, bucket: &Bucket<K>, until: Instant) {
        let state = self.0.entry(bucket.name.clone()).or_default();
        state.closed_until = state.closed_until.max(Some(until));
        if let Some(rate) = bucket.rate {
            state.fill_until(until + rate.every * rate.burst.saturating_sub(1));
        }
    }
}

fn rated<K>(buckets: &[Bucket<K>]) -> impl Iterator<Item = (&Bucket<K>, Rate)> {
    buckets.iter().filter_map(|it| Some((it, it.rate?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const RATE: Rate = Rate { burst: 3, every: SECOND, kept: 1 };

    fn one() -> [Bucket<&'static str>; 1] {
        [Bucket::at_rate("one", RATE)]
    }

    /// When calls go, asked for as soon as they may, in milliseconds after the first.
    fn times(rate: Rate, urgent: bool, calls: usize) -> Vec<u128> {
        let (mut buckets, start) = (Buckets::default(), Instant::now());
        let mut now = start;
        let counted = [Bucket::at_rate("one", rate)];
        let mut times = Vec::new();
        while times.len() < calls {
            match buckets.take(&counted, urgent, now) {
                Ok(()) => times.push((now - start).as_millis()),
                Err(at) => now = at,
            }
        }
        times
    }

    #[test]
    fn a_burst_goes_at_once_and_then_one_after_another() {
        assert_eq!(times(RATE, true, 6), [0, 0, 0, 1_000, 2_000, 3_000]);
        assert_eq!(times(RATE, false, 5), [0, 0, 1_000, 2_000, 3_000], "one is left");
    }

    #[test]
    fn what_is_urgent_goes_when_the_rest_has_to_wait() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        for _ in 0..2 {
            buckets.take(&one(), false, now).expect("room");
        }
        let later = buckets.take(&one(), false, now).expect_err("what is left is kept");
        buckets.take(&one(), true, now).expect("it is urgent");
        let next = buckets.take(&one(), true, now).expect_err("now it is empty");
        assert!(next <= later, "{:?} before {:?}", next - now, later - now);
    }

    #[test]
    fn a_minute_never_has_more_calls_than_it_may() {
        for calls in [10, 20, 50, 100] {
            let times = times(Rate::per_minute(calls), true, 400);
            for from in &times {
                let within = times.iter().filter(|it| (*from..=*from + 60_000).contains(*it)).count();
                assert!(within < calls as usize, "{within} of {calls} from {from}");
            }
        }
    }

    #[test]
    fn a_call_counts_from_when_it_was_answered() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        let rate = Rate { burst: 1, every: SECOND, kept: 0 };
        let slow = [Bucket::at_rate("slow", rate)];
        buckets.take(&slow, true, now).expect("room");
        buckets.answered(&slow, now + SECOND * 5);
        assert_eq!(buckets.take(&slow, true, now + SECOND * 5), Err(now + SECOND * 6));
        assert_eq!(buckets.take(&slow, true, now + SECOND * 6), Ok(()));
    }

    #[test]
    fn what_is_not_called_does_not_count() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        for _ in 0..100 {
            buckets.take(&one(), true, now).expect("room");
            buckets.give_back(&one());
        }
        buckets.give_back(&[Bucket::at_rate("never seen", RATE)]);
        let whole = (0..RATE.burst).all(|_| buckets.take(&one(), true, now).is_ok());
        assert!(whole && buckets.take(&one(), true, now).is_err(), "the burst and no more");
    }

    #[test]
    fn a_pause_closes_and_nothing_is_saved_up_meanwhile() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        let until = now + SECOND * 30;
        buckets.close(&one(), until, now);
        assert_eq!(buckets.take(&one(), true, now + SECOND * 29), Err(until));
        assert_eq!(buckets.take(&one(), true, until), Ok(()));
        assert_eq!(buckets.take(&one(), true, until), Err(until + SECOND), "one, not a burst");

        let untold = [Bucket::untold("another")];
        assert_eq!(buckets.take(&untold, false, now), Ok(()), "it is another bucket");
        buckets.close(&untold, until, now);
        assert_eq!(buckets.take(&untold, true, now), Err(until));
        assert_eq!(buckets.take(&untold, true, until), Ok(()));
    }

    #[test]
    fn the_wider_bucket_closes_when_a_second_narrow_one_does() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        let of = |name| [Bucket::untold(name), Bucket::untold("all")];
        buckets.close(&of("a"), now + SECOND * 9, now);
        assert_eq!(buckets.take(&of("b"), true, now), Ok(()), "it may have been about the first alone");
        buckets.close(&of("a"), now + SECOND * 9, now);
        assert_eq!(buckets.take(&of("b"), true, now), Ok(()), "the first again says no more");
        buckets.close(&of("b"), now + SECOND * 3, now);
        assert_eq!(buckets.take(&of("c"), true, now), Err(now + SECOND * 3));
        assert_eq!(buckets.take(&of("c"), true, now + SECOND * 3), Ok(()));

        let (mut buckets, later) = (Buckets::default(), now + SECOND * 20);
        buckets.close(&of("a"), now + SECOND, now);
        buckets.close(&of("b"), later + SECOND, later);
        assert_eq!(buckets.take(&of("c"), true, later), Ok(()), "the first one's pause was long over");
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        for number in 0..100 {
            let bucket = [Bucket::at_rate(number, RATE)];
            buckets.take(&bucket, true, now + SECOND * 10 * number).expect("room");
        }
        assert_eq!(buckets.0.len(), 1);
    }
}
