//! The judgement in words and numbers only.

use std::fmt::Write as _;

use super::{POINTS_MAX, number, points, shown};
use crate::rollout::{Judgement, Look, MetricJudgement};

/// Characters of a metric's name.
const NAME_MAX: usize = 40;

/// All that the SVG shows, as text for who cannot see it: every verdict, both sides, limit, effect, test, and the
/// points of both lines. Metrics that the SVG leaves out come with their verdict and sums. All verdicts come first, as
/// platforms keep the beginning only: Discord 1,024 characters
/// (<https://docs.discord.com/developers/resources/message#attachment-object>), Slack 1,000
/// (<https://docs.slack.dev/reference/methods/files.getUploadURLExternal>).
pub fn alt(judgement: &Judgement, looks: &[Look]) -> String {
    let shown = shown(judgement);
    let others = judgement.metrics.iter().filter(|it| !shown.iter().any(|shown| shown.name == it.name));
    let others: Vec<&MetricJudgement> = others.collect();
    let verdicts = shown.iter().chain(&others).map(|it| format!("{}: {}", name(it), it.verdict.as_str()));
    let mut text =
        format!("Canary against baseline, {}: {}", super::looks_words(judgement), judgement.verdict.as_str());
    let verdicts: Vec<String> = verdicts.collect();
    if !verdicts.is_empty() {
        let _ = write!(text, " ({})", verdicts.join(", "));
    }
    text.push('.');
    for metric in &shown {
        let _ = write!(text, " {}; {}.", facts(metric), course(metric, looks));
    }
    for metric in others {
        let _ = write!(text, " {}.", facts(metric));
    }
    text
}

fn name(metric: &MetricJudgement) -> String {
    super::clean(&metric.name, NAME_MAX)
}

fn facts(metric: &MetricJudgement) -> String {
    let mut facts = format!("{}: canary {}", name(metric), number::side(metric, &metric.canary));
    let _ = write!(facts, ", baseline {}", number::side(metric, &metric.baseline));
    if let Some(limit) = metric.threshold.limit {
        let _ = write!(facts, ", limit {}", number::value(metric, limit));
    }
    if let Some(effect) = &metric.effect {
        let _ = write!(facts, ", difference {}", number::effect(metric, effect));
    }
    if let Some(p) = metric.p_value {
        let (p, needed) = (number::p(p), number::p(metric.p_needed));
        let _ = write!(facts, ", {} p {p} (needed {needed})", metric.test.as_str());
    }
    if let Some(needed) = &metric.needed {
        let _ = write!(facts, ", {} more needed", needed.requests);
        if let Some(seconds) = needed.about_seconds {
            let _ = write!(facts, " in about {}", number::duration(seconds));
        }
    }
    facts
}

fn course(metric: &MetricJudgement, looks: &[Look]) -> String {
    let points = points(metric, looks, POINTS_MAX);
    let line = |side: &dyn Fn(&super::Point) -> Option<f64>| {
        let values = points
            .iter()
            .map(|it| side(it).map_or_else(|| "none".to_owned(), |it| number::value(metric, it)));
        values.collect::<Vec<String>>().join(", ")
    };
    let joined = match points.first() {
        None => return "no looks".to_owned(),
        Some(first) if first.from == first.until => "by look".to_owned(),
        Some(first) => format!("by {} looks", first.until),
    };
    format!("{joined} canary {}; baseline {}", line(&|it| it.at.canary), line(&|it| it.at.baseline))
}
