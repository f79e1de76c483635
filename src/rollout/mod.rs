//! Strategies and verdicts: which hosts next, whether they are healthy, and whether the canary is worse.
//!
//! - [`judge`]: a [`WatchPlan`] and the [`Look`]s so far give a [`Judgement`] with one of four verdicts: `tally` adds the
//!   looks up, `fisher` and `rank` test them, `spending` says how sure a test has to be;
//! - [`plan`]: batches of hosts, and what may be claimed of them afterwards;
//! - [`record`]: what an environment has run, what of it is good, and where a rollback leads;
//! - [`turn`]: which of several releases has an app's canary;
//! - [`health`]: the streak of passing checks that lets the next batch start;
//! - [`chart`]: a judgement as text, as SVG and as alternative text.
//!
//! All of it is pure: the same values in give the same bytes out.

pub mod chart;
pub mod health;
pub mod plan;
pub mod record;
pub mod turn;

mod fisher;
mod judge;
mod judgement;
mod rank;
mod spending;
mod tally;
mod watch;

#[cfg(test)]
mod simulation;

pub use judge::judge;
pub use judgement::{
    Effect, Gap, Judgement, MetricJudgement, NeedMore, Reason, Samples, Summary, TestName, Threshold, Verdict,
};
pub use watch::{
    Direction, LOOKS_MAX, LOOKS_PLANNED_MAX, Look, Measured, MetricKind, MetricPlan, PlanError, Sides,
    VALUES_PER_LOOK_MAX, WatchPlan,
};
