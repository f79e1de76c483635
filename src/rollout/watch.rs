//! What is watched and what was seen: the plan an app's file holds, and one look per interval.

use std::collections::HashSet;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Looks a plan may ask for. More would make the steps between looks finer than the spending grid resolves.
pub const LOOKS_PLANNED_MAX: u32 = 100;
/// Looks that one watch may hold, waiting for people included: a day at one look each 30 seconds.
pub const LOOKS_MAX: usize = 2_880;
/// Values that one look keeps for each side of a metric; see [`Look::thinned`].
pub const VALUES_PER_LOOK_MAX: usize = 500;

/// How a canary is watched. Part of an app's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchPlan {
    pub metrics: Vec<MetricPlan>,
    /// Probability that a canary which is no worse is failed, over the whole watch, all looks and all metrics.
    #[serde(default = "default_false_alarm_rate")]
    pub false_alarm_rate: f64,
    /// After how many looks a pass is possible, unless more are asked for.
    #[serde(default = "default_looks_planned")]
    pub looks_planned: u32,
    /// Looks that somebody asked for on top of the planned ones. They delay a pass and move no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub looks_asked: u32,
    /// Seconds between two looks, for the forecast "about how long"; once two looks are there, theirs is used.
    #[serde(default = "default_interval_seconds")]
    pub interval_seconds: u32,
}

/// One metric that canary and baseline are compared by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricPlan {
    pub name: String,
    pub kind: MetricKind,
    #[serde(default)]
    pub worse: Direction,
    /// How far the canary may be worse than the baseline, in the metric's unit (counts: as a share, 0.05 = 5
    /// percentage points). With both limits set, exceeding either can fail; below both never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_increase_absolute: Option<f64>,
    /// How far the canary may be worse, as a share of the baseline (0.2 = a fifth). Says nothing on a baseline of
    /// zero if there is an absolute limit; without one, any worsening of a zero baseline exceeds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_increase_relative: Option<f64>,
    /// Samples that each side needs before a pass.
    #[serde(default = "default_min_samples")]
    pub min_samples: u64,
    /// `ms`, `requests`; shown, never computed with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// What a metric is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// Events out of a total: errors of requests, slow requests of requests.
    Counts,
    /// A value each time, such as a latency. The rank test sees the typical request; a slow tail of few requests is
    /// better watched as counts ("slower than 500 ms").
    Distribution,
}

/// Which way is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    #[default]
    Higher,
    Lower,
}

impl Direction {
    /// +1 where higher is worse, -1 where lower is.
    pub(super) fn sign(self) -> f64 {
        match self {
            Direction::Higher => 1.0,
            Direction::Lower => -1.0,
        }
    }
}

fn default_false_alarm_rate() -> f64 {
    0.05
}

fn default_looks_planned() -> u32 {
    10
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn default_interval_seconds() -> u32 {
    30
}

fn default_min_samples() -> u64 {
    30
}

/// Why a plan cannot be watched.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    #[error("a watch needs at least one metric")]
    NoMetrics,
    #[error("metric `{0}` is there twice")]
    MetricTwice(String),
    #[error("a metric has no name")]
    MetricUnnamed,
    #[error("false_alarm_rate is {0}, not above 0 and at most 0.5")]
    FalseAlarmRate(f64),
    #[error("looks_planned is {0}, not 1 to {LOOKS_PLANNED_MAX}")]
    LooksPlanned(u32),
    #[error("interval_seconds is 0")]
    Interval,
    #[error("metric `{0}`: min_samples is 0, so silence would pass")]
    MinSamples(String),
    #[error("metric `{0}`: an increase limit is negative or not a number")]
    Limit(String),
}

impl WatchPlan {
    /// A plan of these metrics with the defaults for all else.
    pub fn new(metrics: Vec<MetricPlan>) -> Self {
        Self {
            metrics,
            false_alarm_rate: default_false_alarm_rate(),
            looks_planned: default_looks_planned(),
            looks_asked: 0,
            interval_seconds: default_interval_seconds(),
        }
    }

    /// After how many looks a pass is possible: those planned and those asked for since.
    pub fn looks_wanted(&self) -> u32 {
        self.looks_planned.saturating_add(self.looks_asked)
    }

    /// Checks what types cannot say. [`judge`](super::judge) takes any plan without a panic, but only a checked one
    /// keeps its promise.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.metrics.is_empty() {
            return Err(PlanError::NoMetrics);
        }
        if !(self.false_alarm_rate > 0.0 && self.false_alarm_rate <= 0.5) {
            return Err(PlanError::FalseAlarmRate(self.false_alarm_rate));
        }
        if !(1..=LOOKS_PLANNED_MAX).contains(&self.looks_planned) {
            return Err(PlanError::LooksPlanned(self.looks_planned));
        }
        if self.interval_seconds == 0 {
            return Err(PlanError::Interval);
        }
        let mut names = HashSet::new();
        self.metrics.iter().try_for_each(|metric| {
            if !names.insert(&metric.name) {
                return Err(PlanError::MetricTwice(metric.name.clone()));
            }
            metric.check()
        })
    }
}

impl MetricPlan {
    /// A metric without limits: any significant worsening fails.
    pub fn new(name: impl Into<String>, kind: MetricKind) -> Self {
        Self {
            name: name.into(),
            kind,
            worse: Direction::default(),
            max_increase_absolute: None,
            max_increase_relative: None,
            min_samples: default_min_samples(),
            unit: String::new(),
            description: String::new(),
        }
    }

    fn check(&self) -> Result<(), PlanError> {
        if self.name.is_empty() {
            return Err(PlanError::MetricUnnamed);
        }
        if self.min_samples == 0 {
            return Err(PlanError::MinSamples(self.name.clone()));
        }
        let limits = [self.max_increase_absolute, self.max_increase_relative];
        if limits.into_iter().flatten().any(|it| !it.is_finite() || it < 0.0) {
            return Err(PlanError::Limit(self.name.clone()));
        }
        Ok(())
    }
}

/// What one interval brought, per metric. Incremental: a look holds only what is new since the look before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    pub at: Timestamp,
    pub metrics: IndexMap<String, Measured>,
    /// What numbers alone do not say: which answers were refused, say. Shown, never computed with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One metric in one look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// (bad, total) of each side.
    Counts(Sides<(u64, u64)>),
    /// The values of each side, in any order.
    Values(Sides<Vec<f64>>),
    /// The source gave nothing, and says why. Not the same as an interval without traffic.
    Missing { why: String },
}

/// Canary and baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sides<T> {
    pub canary: T,
    pub baseline: T,
}

impl Measured {
    pub fn counts(canary: (u64, u64), baseline: (u64, u64)) -> Self {
        Measured::Counts(Sides { canary, baseline })
    }

    pub fn values(canary: Vec<f64>, baseline: Vec<f64>) -> Self {
        Measured::Values(Sides { canary, baseline })
    }

    pub fn missing(why: impl Into<String>) -> Self {
        Measured::Missing { why: why.into() }
    }
}

impl Look {
    /// The look with at most [`VALUES_PER_LOOK_MAX`] values per side and metric, which bounds what a watch can hold.
    ///
    /// Keeps evenly spaced order statistics, so it needs no randomness, does not depend on the order of the values,
    /// and errs to the safe side: the thinned sample scatters less than its size lets the test expect.
    pub fn thinned(mut self) -> Self {
        for measured in self.metrics.values_mut() {
            if let Measured::Values(sides) = measured {
                thin(&mut sides.canary);
                thin(&mut sides.baseline);
            }
        }
        self
    }
}

fn thin(values: &mut Vec<f64>) {
    if VALUES_PER_LOOK_MAX < values.len() {
        values.sort_by(f64::total_cmp);
        let step = values.len() as f64 / VALUES_PER_LOOK_MAX as f64;
        *values = (0..VALUES_PER_LOOK_MAX).map(|it| values[((it as f64 + 0.5) * step) as usize]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_could_not_keep_its_promise_is_refused() {
        let metric = MetricPlan::new("errors", MetricKind::Counts);
        let good = WatchPlan::new(vec![metric.clone()]);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(WatchPlan::new(vec![]).check(), Err(PlanError::NoMetrics));
        let twice = WatchPlan::new(vec![metric.clone(), metric.clone()]);
        assert_eq!(twice.check(), Err(PlanError::MetricTwice("errors".into())));
        for rate in [0.0, -0.1, 0.6] {
            let plan = WatchPlan { false_alarm_rate: rate, ..good.clone() };
            assert_eq!(plan.check(), Err(PlanError::FalseAlarmRate(rate)));
        }
        for looks_planned in [0, LOOKS_PLANNED_MAX + 1] {
            let plan = WatchPlan { looks_planned, ..good.clone() };
            assert_eq!(plan.check(), Err(PlanError::LooksPlanned(looks_planned)));
        }
        let silent = MetricPlan { min_samples: 0, ..metric.clone() };
        assert_eq!(WatchPlan::new(vec![silent]).check(), Err(PlanError::MinSamples("errors".into())));
        let odd = MetricPlan { max_increase_relative: Some(f64::NAN), ..metric };
        assert_eq!(WatchPlan::new(vec![odd]).check(), Err(PlanError::Limit("errors".into())));
    }

    #[test]
    fn a_thinned_look_keeps_the_distribution_and_forgets_the_order() {
        let values: Vec<f64> = (0..10_000).map(|it| f64::from(it * 7_919 % 10_000)).collect();
        let mut turned = values.clone();
        turned.reverse();
        let look = |canary: Vec<f64>| Look {
            at: Timestamp::UNIX_EPOCH,
            metrics: [("latency".to_owned(), Measured::values(canary, vec![3.0, 1.0]))].into_iter().collect(),
            note: String::new(),
        };
        let thinned = look(values).thinned();
        assert_eq!(thinned, look(turned).thinned());
        let Measured::Values(sides) = &thinned.metrics["latency"] else { panic!("{thinned:?}") };
        assert_eq!(sides.canary.len(), VALUES_PER_LOOK_MAX);
        assert_eq!((sides.canary[0], sides.canary[250], sides.canary[499]), (10.0, 5_010.0, 9_990.0));
        assert_eq!(sides.baseline, [3.0, 1.0]);
    }
}
