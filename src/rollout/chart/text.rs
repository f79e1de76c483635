//! The judgement as lines of text: bars to compare, small curves for the course.

use super::{axis::Axis, clean, number, points};
use crate::rollout::{Judgement, Look, MetricJudgement, Sides};

/// The narrowest chart; less is taken as this.
pub(super) const WIDTH_MIN: usize = 44;
const LABEL: usize = 11;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Eighths of a full block, for the end of a bar.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Bars of canary and baseline with the limit as a rule between them, and the course by look, per metric, in at most
/// `width` columns of a fixed-width font (at least 44). Lines end without spaces.
pub fn text(judgement: &Judgement, looks: &[Look], width: usize) -> String {
    let width = width.max(WIDTH_MIN);
    let metrics: Vec<String> =
        judgement.metrics.iter().map(|it| lines_of(it, looks, width).join("\n")).collect();
    if metrics.is_empty() {
        return format!("{} no metrics: {}\n", judgement.verdict.symbol(), judgement.verdict.as_str());
    }
    metrics.join("\n\n") + "\n"
}

fn lines_of(metric: &MetricJudgement, looks: &[Look], width: usize) -> Vec<String> {
    let verdict = metric.verdict;
    let name = clean(&metric.name, width - 16);
    let mut lines = vec![format!("{} {name}: {}", verdict.symbol(), verdict.as_str())];
    // As wide as the value column may get before the bar is squeezed.
    let values = [number::side(metric, &metric.canary), number::side(metric, &metric.baseline)];
    let value_width = values.iter().map(|it| it.chars().count()).max().unwrap_or(0).min(width - LABEL - 8);
    let bar_width = width - LABEL - value_width - 1;
    let axis = Axis::of(metric, &[]);
    let column = |value: f64| ((axis.share(value) * bar_width as f64).round() as usize).min(bar_width - 1);
    let rule = metric.threshold.limit.map(column);
    let sides = [("canary", metric.canary.centre()), ("baseline", metric.baseline.centre())];
    for ((label, centre), value) in sides.into_iter().zip(&values) {
        let bar = bar(centre.map_or(0.0, |it| axis.share(it)), bar_width, rule);
        lines.push(line(label, &format!("{bar} {}", clean(value, value_width))));
    }
    if let (Some(column), Some(limit)) = (rule, metric.threshold.limit) {
        let label = number::value(metric, limit);
        let before = column + label.chars().count() + 2 > width - LABEL;
        let mark = if before {
            format!("{:>column$}╵", format!("{label} "))
        } else {
            format!("{:column$}╵ {label}", "")
        };
        lines.push(line("limit", &mark));
    }
    lines.extend(curves(metric, looks, width));
    lines.push(line("test", &clean(&test(metric), width - LABEL)));
    if let Some(needed) = &metric.needed {
        let time =
            needed.about_seconds.map(|it| format!(", about {}", number::duration(it))).unwrap_or_default();
        lines.push(line("needs", &clean(&format!("{} more{time}", needed.requests), width - LABEL)));
    }
    lines
}

fn line(label: &str, rest: &str) -> String {
    format!("  {label:<9}{rest}").trim_end().to_owned()
}

fn test(metric: &MetricJudgement) -> String {
    let effect =
        metric.effect.as_ref().map(|it| format!(", {}", number::effect(metric, it))).unwrap_or_default();
    match metric.p_value {
        Some(p) => format!("p {}, needs {}{effect}", number::p(p), number::p(metric.p_needed)),
        None => "no samples on both sides".to_owned(),
    }
}

/// A bar of this share of the width, with the rule of the limit drawn over it.
fn bar(share: f64, width: usize, rule: Option<usize>) -> String {
    let eighths = (share * width as f64 * 8.0).round() as usize;
    let cells = (0..width).map(|cell| {
        if rule == Some(cell) {
            return '│';
        }
        match eighths.saturating_sub(cell * 8) {
            0 => ' ',
            it @ 1..=7 => PARTS[it - 1],
            _ => '█',
        }
    });
    cells.collect()
}

/// The course of both sides on one scale; `·` where there was nothing.
fn curves(metric: &MetricJudgement, looks: &[Look], width: usize) -> Vec<String> {
    let points = points(metric, looks, width - LABEL - "canary ".len() - 2);
    let axis = Axis::of(metric, &points);
    let curve = |side: &dyn Fn(&Sides<Option<f64>>) -> Option<f64>| -> String {
        let levels = points.iter().map(|it| match side(&it.at) {
            Some(value) => LEVELS[(axis.share(value) * 7.0).round() as usize],
            None => '·',
        });
        levels.collect()
    };
    if points.is_empty() {
        return Vec::new();
    }
    vec![
        line("by look", &format!("{} canary", curve(&|it| it.canary))),
        line("", &format!("{} baseline", curve(&|it| it.baseline))),
    ]
}
