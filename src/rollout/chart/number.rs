//! Numbers as people read them.

use crate::rollout::{Effect, MetricJudgement, MetricKind, Summary};

/// A share as per cent, a value with its unit.
pub(super) fn value(metric: &MetricJudgement, value: f64) -> String {
    match metric.kind {
        MetricKind::Counts => format!("{} %", plain(value * 100.0)),
        MetricKind::Distribution if metric.unit.is_empty() => plain(value),
        MetricKind::Distribution => format!("{} {}", plain(value), super::clean(&metric.unit, 8)),
    }
}

/// Three significant digits or so, never an exponent for what a metric holds.
fn plain(value: f64) -> String {
    let value = if value == 0.0 { 0.0 } else { value };
    match value.abs() {
        it if it >= 99.95 => format!("{value:.0}"),
        it if it >= 0.995 || it == 0.0 => format!("{value:.1}"),
        it if it >= 0.0995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A side's share or median with what it is made of.
pub(super) fn side(metric: &MetricJudgement, summary: &Summary) -> String {
    match summary {
        Summary::Nothing => "no samples".to_owned(),
        Summary::Rate { bad, total, rate } => format!("{} ({bad} of {total})", value(metric, *rate)),
        Summary::Spread { samples, median, .. } => {
            format!("{} (median of {samples})", value(metric, *median))
        }
    }
}

/// How far the canary is off: points of per cent, or the shift, each with its share of the baseline.
pub(super) fn effect(metric: &MetricJudgement, effect: &Effect) -> String {
    let absolute = match metric.kind {
        MetricKind::Counts => format!("{} points", plain(effect.absolute.abs() * 100.0)),
        MetricKind::Distribution => value(metric, effect.absolute.abs()),
    };
    let sign = if effect.absolute < 0.0 { '-' } else { '+' };
    match effect.relative {
        Some(relative) => format!("{sign}{absolute} ({relative:+.0} %)", relative = relative * 100.0),
        None => format!("{sign}{absolute}"),
    }
}

/// A p-value, or how small it is.
pub(super) fn p(value: f64) -> String {
    if value < 0.0001 { "< 0.0001".to_owned() } else { format!("{value:.4}") }
}

/// About how long, in the largest unit that fits.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_about_three_digits() {
        let read = [0.0, -0.0, 0.0012, 0.05, 0.25, 1.0, 12.34, 99.96, 12_345.6].map(plain);
        assert_eq!(read, ["0.0", "0.0", "0.001", "0.050", "0.25", "1.0", "12.3", "100", "12346"]);
        assert_eq!([p(0.00001), p(0.05)], ["< 0.0001", "0.0500"]);
        assert_eq!([duration(90), duration(121), duration(7_201)], ["90 s", "3 min", "3 h"]);
    }
}
