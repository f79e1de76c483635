//! A verdict in words.

use super::count;
use crate::id::HostName;
use crate::rollout::{Gap, Judgement, MetricJudgement, MetricKind, Reason, Summary, Threshold, Verdict};

/// `pass: the canary is no worse than the baseline`.
pub fn verdict(it: Verdict) -> &'static str {
    match it {
        Verdict::Pass => "pass: the canary is no worse than the baseline",
        Verdict::Fail => "fail: the canary is worse than the baseline",
        Verdict::Insufficient => "insufficient: too little was measured to say",
        Verdict::Broken => "broken: the measurements could not be had",
    }
}

/// Why a look at a canary is no data: somebody put something else on it.
pub fn stranger(host: &HostName) -> String {
    format!("canary: {host} runs another artifact")
}

/// One line per metric: what was seen on both sides, the test, the effect, the threshold, the sample sizes.
pub fn lines(judgement: &Judgement) -> Vec<String> {
    let metrics = judgement.metrics.iter().map(|it| format!("{} {}", it.verdict.symbol(), metric(it)));
    metrics.chain((!judgement.note.is_empty()).then(|| judgement.note.clone())).collect()
}

/// What the canary's answers were where they were no good ones. `most`: the commonest of these statuses.
pub fn bad_answers(refused: u64, of: u64, most: u16) -> String {
    let hint = match most {
        401 | 403 => ": the probe asks without credentials, as anybody would",
        404 | 410 => ": nothing is served where the probe asks",
        _ => "",
    };
    format!("canary: {refused} of {of} requests were answered {most}{hint}")
}

/// Why a look at a baseline is no data: what runs now does not serve what the probe asks for.
pub fn refused(refused: u64, of: u64, most: u16) -> String {
    format!(
        "baseline: {refused} of {of} requests were answered {most}; let `canary.probe.path` of the app name what it serves"
    )
}

fn metric(it: &MetricJudgement) -> String {
    let sides = format!("canary {}, baseline {}", side(&it.canary, &it.unit), side(&it.baseline, &it.unit));
    let test = match it.p_value {
        Some(p) => format!(" · {} p{}", it.test.as_str(), p_text(p)),
        None => String::new(),
    };
    let effect = it.effect.map_or(String::new(), |effect| match it.kind {
        MetricKind::Counts => format!(" · effect {:+.1} points", effect.absolute * 100.0),
        MetricKind::Distribution => {
            format!(" · effect {:+.1} {}", effect.absolute, it.unit).trim_end().to_owned()
        }
    });
    let limit = threshold(&it.threshold, it.kind, &it.unit);
    format!("{}: {sides}{test}{effect}{limit} · {}", it.name, because(it))
}

fn side(it: &Summary, unit: &str) -> String {
    match it {
        Summary::Nothing => "nothing".to_owned(),
        Summary::Rate { bad, total, rate } => format!("{bad} of {total} ({:.1} %)", rate * 100.0),
        Summary::Spread { samples, median, p95 } => {
            format!("median {median:.1} {unit}, p95 {p95:.1} {unit} (n={samples})")
                .replace(" ,", ",")
                .replace("  ", " ")
        }
    }
}

fn p_text(p: f64) -> String {
    if p < 0.0001 { " < 0.0001".to_owned() } else { format!(" = {p:.4}") }
}

fn threshold(it: &Threshold, kind: MetricKind, unit: &str) -> String {
    let absolute = it.absolute.map(|limit| match kind {
        MetricKind::Counts => format!("+{:.1} points", limit * 100.0),
        MetricKind::Distribution => format!("+{limit:.1} {unit}").trim_end().to_owned(),
    });
    let relative = it.relative.map(|limit| format!("+{:.0} %", limit * 100.0));
    let limits: Vec<String> = absolute.into_iter().chain(relative).collect();
    if limits.is_empty() { String::new() } else { format!(" · threshold {}", limits.join(" or ")) }
}

fn because(it: &MetricJudgement) -> String {
    match &it.reason {
        Reason::NoWorse => "no worse".to_owned(),
        Reason::WithinLimits => "worse, but within the threshold".to_owned(),
        Reason::Worse { at_look } => format!("worse, seen at look {at_look}"),
        Reason::WatchNotOver { looks_left } => format!("{} to go", count(*looks_left as usize, "look")),
        Reason::TooFewSamples => needs(it),
        Reason::NoData { gap } => gap_text(gap),
        Reason::ManyGaps { missing, looks } => format!("{missing} of {looks} looks have no data"),
        Reason::WatchTooLong => "the watch is longer than can be judged".to_owned(),
    }
}

fn needs(it: &MetricJudgement) -> String {
    match it.needed {
        Some(more) => {
            let about = more
                .about_seconds
                .map(|it| format!(", about {}", super::length(std::time::Duration::from_secs(it))));
            format!("needs {} more{}", count(more.requests as usize, "sample"), about.unwrap_or_default())
        }
        None => "too few samples".to_owned(),
    }
}

fn gap_text(gap: &Gap) -> String {
    match gap {
        Gap::Reported { why } => format!("no data: {why}"),
        Gap::Absent => "the source does not name it".to_owned(),
        Gap::WrongKind => "the source gave another kind of data".to_owned(),
        Gap::Impossible => "the source gave impossible numbers".to_owned(),
    }
}
