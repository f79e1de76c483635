//! What the looks add up to for one metric, and what the tests say of it.

use super::{
    Direction, Effect, Gap, Look, Measured, MetricKind, Sides, Summary,
    fisher::fisher_greater,
    rank::{hodges_lehmann, mann_whitney, quantile},
};

/// Events that one look can hold on one side. More is a broken source, and sums could no longer be exact.
const TOTAL_MAX: u64 = 1_000_000_000;

/// Sums of a metric over some looks. Values are kept sorted.
#[derive(Clone, Debug)]
pub(super) enum Tally {
    Counts(Sides<(u64, u64)>),
    Values(Sides<Vec<f64>>),
}

/// What a look holds for a metric, if it is usable.
pub(super) fn usable<'a>(name: &str, kind: MetricKind, look: &'a Look) -> Result<&'a Measured, Gap> {
    let measured = look.metrics.get(name).ok_or(Gap::Absent)?;
    match (kind, measured) {
        (MetricKind::Counts, Measured::Counts(sides)) => {
            let possible =
                [sides.canary, sides.baseline].iter().all(|(bad, total)| bad <= total && *total <= TOTAL_MAX);
            if possible { Ok(measured) } else { Err(Gap::Impossible) }
        }
        (MetricKind::Distribution, Measured::Values(sides)) => {
            let finite = sides.canary.iter().chain(&sides.baseline).all(|it| it.is_finite());
            if finite { Ok(measured) } else { Err(Gap::Impossible) }
        }
        (_, Measured::Missing { why }) => Err(Gap::Reported { why: why.clone() }),
        (MetricKind::Counts, Measured::Values(_)) | (MetricKind::Distribution, Measured::Counts(_)) => {
            Err(Gap::WrongKind)
        }
    }
}

impl Tally {
    pub fn new(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counts => Tally::Counts(Sides::default()),
            MetricKind::Distribution => Tally::Values(Sides::default()),
        }
    }

    /// Adds what [`usable`] let through; anything else adds nothing.
    pub fn add(&mut self, measured: &Measured) {
        match (self, measured) {
            (Tally::Counts(sum), Measured::Counts(new)) => {
                add_counts(&mut sum.canary, new.canary);
                add_counts(&mut sum.baseline, new.baseline);
            }
            (Tally::Values(sum), Measured::Values(new)) => {
                merge(&mut sum.canary, &new.canary);
                merge(&mut sum.baseline, &new.baseline);
            }
            (Tally::Counts(_), Measured::Values(_) | Measured::Missing { .. })
            | (Tally::Values(_), Measured::Counts(_) | Measured::Missing { .. }) => {}
        }
    }

    pub fn samples(&self) -> Sides<u64> {
        match self {
            Tally::Counts(sum) => Sides { canary: sum.canary.1, baseline: sum.baseline.1 },
            Tally::Values(sum) => {
                Sides { canary: sum.canary.len() as u64, baseline: sum.baseline.len() as u64 }
            }
        }
    }

    /// One-sided p-value of "the canary is worse".
    pub fn p_value(&self, worse: Direction) -> f64 {
        match (self, worse) {
            (Tally::Counts(sum), Direction::Higher) => fisher_greater(sum.canary, sum.baseline),
            (Tally::Counts(sum), Direction::Lower) => fisher_greater(sum.baseline, sum.canary),
            (Tally::Values(sum), Direction::Higher) => mann_whitney(&sum.canary, &sum.baseline).p_greater,
            (Tally::Values(sum), Direction::Lower) => mann_whitney(&sum.baseline, &sum.canary).p_greater,
        }
    }

    /// `None` while a side has no samples.
    pub fn effect(&self) -> Option<Effect> {
        match self {
            Tally::Counts(sum) => {
                let absolute = rate(sum.canary)? - rate(sum.baseline)?;
                Some(Effect { absolute, relative: share(absolute, rate(sum.baseline)?), superiority: None })
            }
            Tally::Values(sum) => {
                let absolute = hodges_lehmann(&sum.canary, &sum.baseline)?;
                let superiority = mann_whitney(&sum.canary, &sum.baseline).superiority;
                let relative = share(absolute, quantile(&sum.baseline, 0.5)?);
                Some(Effect { absolute, relative, superiority: Some(superiority) })
            }
        }
    }

    pub fn summaries(&self) -> Sides<Summary> {
        match self {
            Tally::Counts(sum) => {
                Sides { canary: summary_of_counts(sum.canary), baseline: summary_of_counts(sum.baseline) }
            }
            Tally::Values(sum) => {
                Sides { canary: summary_of_values(&sum.canary), baseline: summary_of_values(&sum.baseline) }
            }
        }
    }
}

/// Information that this many samples on the two sides carry, but for a factor: n·m / (n+m), the inverse of the
/// variance of a difference of means.
pub(super) fn information(samples: Sides<u64>) -> f64 {
    let (n, m) = (samples.canary as f64, samples.baseline as f64);
    if n + m == 0.0 { 0.0 } else { n * m / (n + m) }
}

/// Samples that one look brought.
pub(super) fn samples_of(measured: &Measured) -> Sides<u64> {
    match measured {
        Measured::Counts(new) => Sides { canary: new.canary.1, baseline: new.baseline.1 },
        Measured::Values(new) => {
            Sides { canary: new.canary.len() as u64, baseline: new.baseline.len() as u64 }
        }
        Measured::Missing { .. } => Sides::default(),
    }
}

fn add_counts(sum: &mut (u64, u64), new: (u64, u64)) {
    *sum = (sum.0.saturating_add(new.0), sum.1.saturating_add(new.1));
}

/// Adds values to sorted ones: in place from the back, as each value has its place once.
fn merge(sorted: &mut Vec<f64>, new: &[f64]) {
    let mut new = new.to_vec();
    new.sort_unstable_by(f64::total_cmp);
    let (mut old, mut left) = (sorted.len(), new.len());
    sorted.resize(old + left, 0.0);
    while 0 < left {
        let from_old = 0 < old && new[left - 1] < sorted[old - 1];
        let place = old + left - 1;
        sorted[place] = if from_old {
            old -= 1;
            sorted[old]
        } else {
            left -= 1;
            new[left]
        };
    }
}

fn rate((bad, total): (u64, u64)) -> Option<f64> {
    (total > 0).then(|| bad as f64 / total as f64)
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn summary_of_counts((bad, total): (u64, u64)) -> Summary {
    match rate((bad, total)) {
        Some(rate) => Summary::Rate { bad, total, rate },
        None => Summary::Nothing,
    }
}

fn summary_of_values(values: &[f64]) -> Summary {
    match (quantile(values, 0.5), quantile(values, 0.95)) {
        (Some(median), Some(p95)) => Summary::Spread { samples: values.len() as u64, median, p95 },
        (None, _) | (_, None) => Summary::Nothing,
    }
}
