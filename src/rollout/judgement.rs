//! What a judgement says: four verdicts, each with the evidence it stands on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Direction, MetricKind, MetricPlan, Sides};

/// The answer to "is the canary worse?", from best to worst; the order decides which of two judgements is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The watch is over, every metric had its samples, and none is worse both significantly and by more than its
    /// limits allow. It does *not* prove that no worsening exists: one too small for the samples can hide.
    Pass,
    /// Nothing speaks against the canary yet, but too little has been seen to say so.
    Insufficient,
    /// The source of a metric does not deliver. Never advances a release, never rolls one back by itself.
    Broken,
    /// At least one metric is worse: significantly, at the rate this look may spend, and by more than a limit.
    Fail,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Insufficient => "insufficient",
            Verdict::Broken => "broken",
            Verdict::Fail => "fail",
        }
    }

    /// A sign that says the same without colour. DejaVu Sans has all four.
    pub fn symbol(self) -> &'static str {
        match self {
            Verdict::Pass => "✓",
            Verdict::Insufficient => "◔",
            Verdict::Broken => "⚠",
            Verdict::Fail => "✗",
        }
    }
}

/// The verdict on a watch so far. Immutable evidence: part of what voters see and of what the seal covers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The worst of the metrics'.
    pub verdict: Verdict,
    pub metrics: Vec<MetricJudgement>,
    pub looks: u32,
    /// Planned and asked for.
    pub looks_planned: u32,
    pub false_alarm_rate: f64,
    /// First and last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What the latest look that noted anything noted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Judgement {
    /// Whether this verdict voids votes that were given on `other`'s.
    pub fn worse_than(&self, other: &Judgement) -> bool {
        other.verdict < self.verdict
    }
}

/// The verdict on one metric, with all that message and chart need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricJudgement {
    pub name: String,
    pub kind: MetricKind,
    pub worse: Direction,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub verdict: Verdict,
    pub reason: Reason,
    pub test: TestName,
    /// One-sided; `None` without samples on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// The largest p-value that is a finding at this look; 0 if the look is not tested, as it brought nothing new.
    pub p_needed: f64,
    /// What of this metric's part of the false-alarm rate has been spent so far.
    pub alpha_spent: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    pub threshold: Threshold,
    pub canary: Summary,
    pub baseline: Summary,
    pub samples: Samples,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<NeedMore>,
}

/// Why a metric got its verdict. `message` makes the sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Reason {
    /// No significant worsening.
    NoWorse,
    /// Significantly worse, but by less than the limits.
    WithinLimits,
    /// Significantly worse and beyond a limit; first seen at this look, counted from 1.
    Worse { at_look: u32 },
    /// The planned looks are not over.
    WatchNotOver { looks_left: u32 },
    /// The planned looks are over, but a side has fewer samples than the plan wants.
    TooFewSamples,
    /// The latest look has no data.
    NoData { gap: Gap },
    /// The latest look has data, but too many others (more than a fifth) have none.
    ManyGaps { missing: u32, looks: u32 },
    /// More looks than a watch may hold ([`LOOKS_MAX`](super::LOOKS_MAX)).
    WatchTooLong,
}

/// Why a look has no data for a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "gap", rename_all = "snake_case")]
pub enum Gap {
    /// The source said so; its words, from outside.
    Reported { why: String },
    /// The look does not name the metric.
    Absent,
    /// Counts for a distribution, or values for counts.
    WrongKind,
    /// More bad events than events, or a value that is no number.
    Impossible,
}

/// Which test decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestName {
    /// Fisher's exact test, one-sided.
    FisherExact,
    /// Mann-Whitney U, one-sided, corrected for ties and continuity.
    MannWhitneyU,
}

impl TestName {
    /// The name as papers spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            TestName::FisherExact => "Fisher exact",
            TestName::MannWhitneyU => "Mann-Whitney U",
        }
    }
}

/// How far the canary is from the baseline; positive where the canary is higher, whichever way is worse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Counts: difference of the shares. Distributions: Hodges-Lehmann shift in the metric's unit.
    pub absolute: f64,
    /// `absolute` as a share of the baseline's share or median; `None` on a baseline of zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// Distributions: probability that a value of the canary is above one of the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superiority: Option<f64>,
}

/// The limits of the plan, and where they lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// The share or value which the canary would have to be beyond, given this baseline (its rate or median).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

impl Threshold {
    pub(super) fn of(metric: &MetricPlan, baseline: &Summary) -> Self {
        let (absolute, relative) = (metric.max_increase_absolute, metric.max_increase_relative);
        let limit = baseline.centre().map(|centre| {
            let of_share = relative.filter(|_| centre > 0.0).map(|it| it * centre);
            let allowed = absolute.into_iter().chain(of_share).reduce(f64::min).unwrap_or(0.0);
            centre + metric.worse.sign() * allowed
        });
        Threshold { absolute, relative, limit }
    }

    /// Whether this effect is worse by more than a limit, or at all if there are none.
    pub(super) fn is_exceeded(&self, effect: &Effect, worse: Direction) -> bool {
        let worsening = effect.absolute * worse.sign();
        let beyond_absolute = self.absolute.map(|limit| limit < worsening);
        let beyond_relative = match (self.relative, effect.relative) {
            (Some(limit), Some(relative)) => Some(limit < relative * worse.sign()),
            (Some(_), None) | (None, _) => None,
        };
        match (beyond_absolute, beyond_relative) {
            (None, None) => 0.0 < worsening,
            (absolute, relative) => absolute == Some(true) || relative == Some(true),
        }
    }
}

/// One side of a metric over the judged looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Summary {
    Nothing,
    Rate { bad: u64, total: u64, rate: f64 },
    Spread { samples: u64, median: f64, p95: f64 },
}

impl Summary {
    /// The share or the median.
    pub fn centre(&self) -> Option<f64> {
        match self {
            Summary::Nothing => None,
            Summary::Rate { rate, .. } => Some(*rate),
            Summary::Spread { median, .. } => Some(*median),
        }
    }
}

/// How many samples each side has over the whole watch, and must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    pub canary: u64,
    pub baseline: u64,
    pub needed_each: u64,
}

impl Samples {
    pub(super) fn of(sides: Sides<u64>, needed_each: u64) -> Self {
        Samples { canary: sides.canary, baseline: sides.baseline, needed_each }
    }

    /// What the scarcer side lacks.
    pub fn missing(&self) -> u64 {
        self.needed_each.saturating_sub(self.canary.min(self.baseline))
    }
}

/// What would turn `insufficient` into an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeedMore {
    /// Samples to come on the scarcer side, at its pace so far.
    pub requests: u64,
    /// About how long; `None` if nothing has come so far, so nobody can say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about_seconds: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_below_both_limits_or_in_the_better_direction_never_exceeds() {
        let exceeds = |limits: (Option<f64>, Option<f64>), absolute: f64, baseline: f64, worse: Direction| {
            let threshold = Threshold { absolute: limits.0, relative: limits.1, limit: None };
            let relative = (baseline > 0.0).then(|| absolute / baseline);
            threshold.is_exceeded(&Effect { absolute, relative, superiority: None }, worse)
        };
        let (higher, lower) = (Direction::Higher, Direction::Lower);
        let both = (Some(10.0), Some(0.2));
        assert!(!exceeds(both, 9.0, 100.0, higher));
        assert!(exceeds(both, 11.0, 100.0, higher) && exceeds(both, 9.0, 30.0, higher));
        assert!(!exceeds(both, -50.0, 100.0, higher) && exceeds(both, -50.0, 100.0, lower));
        // On a baseline of zero a share says nothing, unless there is nothing else to go by.
        assert!(!exceeds(both, 9.0, 0.0, higher) && exceeds((None, Some(0.2)), 0.1, 0.0, higher));
        assert!(exceeds((None, None), 0.1, 5.0, higher) && !exceeds((None, None), 0.0, 5.0, higher));
    }

    #[test]
    fn verdicts_are_ordered_from_best_to_worst() {
        let order = [Verdict::Pass, Verdict::Insufficient, Verdict::Broken, Verdict::Fail];
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
