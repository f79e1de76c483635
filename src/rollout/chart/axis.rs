//! The vertical axis: a range that holds everything drawn, and round marks on it.

use super::Point;
use crate::rollout::MetricJudgement;

/// From where to where the axis goes, and its marks from low to high.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub marks: Vec<f64>,
}

impl Axis {
    /// The axis for these points and the metric's limit; always holds zero, so that heights compare.
    pub fn of(metric: &MetricJudgement, points: &[Point]) -> Self {
        let lines = points.iter().flat_map(|it| [it.at.canary, it.at.baseline]).flatten();
        let sums =
            [metric.canary.centre(), metric.baseline.centre(), metric.threshold.limit].into_iter().flatten();
        let (low, high) =
            lines.chain(sums).fold((0.0_f64, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
        if low == high {
            return Axis { low: 0.0, high: 1.0, marks: vec![0.0, 1.0] };
        }
        let step = round_step((high - low) / 4.0);
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
        let marks: Vec<f64> = (first..=last).map(|it| it as f64 * step).collect();
        Axis { low: first as f64 * step, high: last as f64 * step, marks }
    }

    /// Where a value lies, 0 at the bottom and 1 at the top.
    pub fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The smallest of 1, 2, 5, 10 times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|it| it * power)
        .find(|it| step <= *it * (1.0 + 1e-9))
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let steps = [0.03, 0.5, 1.0, 1.1, 2.5, 6.0, 70.0].map(round_step);
        assert_eq!(
            steps.map(|it| (it * 1_000.0).round()),
            [50.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 100_000.0]
        );
    }
}
