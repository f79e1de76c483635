//! Limits as the platforms keep them: who calls too often is told how long to wait, and is held to that.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many calls a platform takes.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// So many at once, then one each `every`.
    Leak { burst: u32, every: Duration },
    /// So many from the first one on, until `per` is over.
    Window { calls: u32, per: Duration },
}

/// A call, as far as limits go.
#[derive(Debug, Clone)]
pub struct Counted {
    /// What is counted apart from others.
    pub key: String,
    pub rule: Option<Rule>,
    /// It shows something to somebody.
    pub says: bool,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Taken; of a window, how many more it takes, and when it is over.
    Taken(Option<(u32, Duration)>),
    Refused(Duration),
    /// The same for calls of every kind.
    AllRefused(Duration),
}

/// A platform's counts. Lenient until a test asks for more.
#[derive(Debug, Default)]
pub struct Limits {
    strict: bool,
    /// When it is empty, or when the window ends, and what the window has taken.
    counts: BTreeMap<String, (Instant, u32)>,
    closed: BTreeMap<String, Instant>,
    silent_until: Option<Instant>,
    /// The next call of any kind is one too many, and all others until then.
    next_for_all: Option<Duration>,
    all_until: Option<Instant>,
    refused: usize,
    /// Calls that came although they were told to wait.
    early: Vec<String>,
    calls: Vec<(String, Instant)>,
}

impl Limits {
    pub fn be_strict(&mut self) {
        self.strict = true;
    }

    /// Nobody is shown anything for this long.
    pub fn silence(&mut self, pause: Duration) {
        self.strict = true;
        self.silent_until = Some(Instant::now() + pause);
    }

    /// The next call, and everything for this long after it, is one too many.
    pub fn close_all_next(&mut self, pause: Duration) {
        self.next_for_all = Some(pause);
    }

    /// A refusal that a test planned: from now on it counts like the platform's own.
    pub fn close(&mut self, key: &str, pause: Duration) {
        self.closed.insert(key.to_owned(), Instant::now() + pause);
    }

    pub fn ask(&mut self, counted: &Counted) -> Verdict {
        if !self.strict {
            return Verdict::Taken(None);
        }
        let now = Instant::now();
        if let Some(pause) = self.next_for_all.take() {
            self.all_until = Some(now + pause);
            return Verdict::AllRefused(pause);
        }
        if let Some(until) = self.all_until.filter(|it| now < *it) {
            self.early.push(format!("`{}` came although everything was closed", counted.key));
            return Verdict::AllRefused(until - now);
        }
        if let Some(until) = self.closed.get(&counted.key).filter(|it| now < **it) {
            let left = *until - now;
            self.early.push(format!("`{}` came {left:?} before its pause was over", counted.key));
            return Verdict::Refused(left);
        }
        if let Some(until) = self.silent_until.filter(|it| counted.says && now < *it) {
            self.closed.insert(counted.key.clone(), until);
            return Verdict::Refused(until - now);
        }
        match counted.rule.map_or(Ok(None), |rule| self.count(&counted.key, rule, now)) {
            Ok(left) => Verdict::Taken(left),
            Err(pause) => {
                self.refused += 1;
                self.closed.insert(counted.key.clone(), now + pause);
                Verdict::Refused(pause)
            }
        }
    }

    fn count(&mut self, key: &str, rule: Rule, now: Instant) -> Result<Option<(u32, Duration)>, Duration> {
        let (at, taken) = self.counts.entry(key.to_owned()).or_insert((now, 0));
        match rule {
            Rule::Leak { burst, every } => {
                let empty = (*at).max(now) + every;
                let room = now + every * burst;
                if room < empty {
                    // Whole seconds, as headers have it.
                    return Err(Duration::from_secs((empty - room).as_secs() + 1));
                }
                *at = empty;
                Ok(None)
            }
            Rule::Window { calls, per } => {
                if *at <= now {
                    (*at, *taken) = (now + per, 0);
                }
                if *taken == calls {
                    return Err(*at - now);
                }
                *taken += 1;
                Ok(Some((calls - *taken, *at - now)))
            }
        }
    }

    /// Remembers that a call came.
    pub fn note(&mut self, call: String) {
        self.calls.push((call, Instant::now()));
    }

    /// The calls that begin so, without that, and when they came.
    pub fn calls(&self, begin: &str) -> Vec<(String, Instant)> {
        let found = self.calls.iter().filter_map(|(it, at)| Some((it.strip_prefix(begin)?.to_owned(), *at)));
        found.collect()
    }

    /// Calls that were one too many, those that a test planned left out.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// What the platform would hold against us.
    pub fn early(&self) -> &[String] {
        &self.early
    }
}
