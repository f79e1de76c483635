//! The judge: is the canary worse than the baseline, and is there enough evidence to say so?

use super::{
    Effect, Gap, Judgement, LOOKS_MAX, Look, MetricJudgement, MetricKind, MetricPlan, NeedMore, Reason,
    Samples, Sides, TestName, Threshold, Verdict, WatchPlan,
    spending::{Boundary, boundaries},
    tally::{Tally, information, samples_of, usable},
};

/// Part of the false-alarm rate that the planned looks spend; the rest is for those that follow while people decide.
const PLANNED_PART: f64 = 0.8;
/// A metric is broken if more than one look in this many has no data.
const GAPS_ONE_IN: usize = 5;

/// Judges the looks so far, in the order they were taken.
///
/// - `fail` as soon as one metric is worse: significantly at this look's limit, and by more than a limit of the plan.
///   It stays so whatever comes later.
/// - `pass` only after `looks_planned` looks, with `min_samples` on each side of each metric.
/// - `broken` if the latest look, or more than a fifth of all, has no data for a metric.
/// - `insufficient` otherwise.
///
/// The plan's false-alarm rate is divided evenly among the metrics (Bonferroni), and each metric's part among looks
/// by an alpha-spending function. Looks after the planned ones, taken while people decide, form rounds of the same
/// length, each judged by its own data, so that a late breach is not diluted; round r spends a part 1 / (r (r+1)) of
/// a fifth of the rate, which sums to that fifth however long people take. A watch that was too short is extended by
/// raising `looks_planned`: then all looks are judged together. Doing so for lack of samples, not for lack of a
/// liked answer, keeps the rate.
pub fn judge(plan: &WatchPlan, looks: &[Look]) -> Judgement {
    judge_with(plan, looks, &mut boundaries)
}

/// Information per look, looks planned, alpha → the limits: [`boundaries`] or something that remembers its answers.
type Limits<'a> = &'a mut dyn FnMut(&[f64], u32, f64) -> Vec<Boundary>;

fn judge_with(plan: &WatchPlan, looks: &[Look], limits: Limits) -> Judgement {
    let metrics: Vec<MetricJudgement> =
        plan.metrics.iter().map(|metric| judge_metric(plan, metric, looks, &mut *limits)).collect();
    Judgement {
        // A plan without metrics has no source of evidence at all.
        verdict: metrics.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Broken),
        metrics,
        looks: looks.len() as u32,
        looks_planned: plan.looks_planned,
        false_alarm_rate: plan.false_alarm_rate,
        from: looks.first().map(|it| it.at),
        until: looks.last().map(|it| it.at),
    }
}

/// Where one round of looks stands.
struct Round {
    tally: Tally,
    p_value: Option<f64>,
    limit: Boundary,
    effect: Option<Effect>,
    /// The look of this round, from 0, at which the evidence sufficed to fail.
    failed_at: Option<usize>,
}

fn judge_metric(plan: &WatchPlan, metric: &MetricPlan, looks: &[Look], limits: Limits) -> MetricJudgement {
    let planned = plan.looks_planned.max(1) as usize;
    // In this order a rate that is not a number becomes 0: nothing fails, rather than everything.
    let rate = plan.false_alarm_rate.max(0.0).min(0.5);
    let alpha = rate / plan.metrics.len().max(1) as f64;
    let watched = &looks[..looks.len().min(LOOKS_MAX)];
    let mut first = None;
    let mut failed = None;
    for (number, chunk) in watched.chunks(planned).enumerate() {
        let round = run_round(metric, chunk, planned as u32, alpha * part_of_round(number), &mut *limits);
        if let Some(at) = round.failed_at {
            failed = Some((number * planned + at, round));
            break;
        }
        first.get_or_insert(round);
    }
    let samples = Samples::of(count(metric, looks), metric.min_samples);
    let (round, reason) = match (failed, first) {
        (Some((at, round)), _) => (round, Reason::Worse { at_look: at as u32 + 1 }),
        (None, Some(round)) => {
            let reason = reason_without_finding(metric, looks, planned, &samples, &round);
            (round, reason)
        }
        (None, None) => (Round::new(metric.kind), Reason::WatchNotOver { looks_left: planned as u32 }),
    };
    write_up(plan, metric, looks, samples, round, reason)
}

fn part_of_round(number: usize) -> f64 {
    if number == 0 { PLANNED_PART } else { (1.0 - PLANNED_PART) / (number * (number + 1)) as f64 }
}

impl Round {
    fn new(kind: MetricKind) -> Self {
        Round {
            tally: Tally::new(kind),
            p_value: None,
            limit: Boundary::default(),
            effect: None,
            failed_at: None,
        }
    }

    fn is_significant(&self) -> bool {
        self.p_value.is_some_and(|it| it <= self.limit.p_needed)
    }
}

/// Tests after each look of one round until one fails. The limits depend on sample sizes only, never on results.
fn run_round(metric: &MetricPlan, looks: &[Look], planned: u32, alpha: f64, limits: Limits) -> Round {
    let mut so_far = Sides::default();
    let amounts = looks.iter().map(|look| {
        let new = usable(metric, look).map(samples_of).unwrap_or_default();
        add_sides(&mut so_far, new);
        information(so_far)
    });
    let amounts: Vec<f64> = amounts.collect();
    let limits = limits(&amounts, planned, alpha);
    let mut round = Round::new(metric.kind);
    for (at, (look, limit)) in looks.iter().zip(limits).enumerate() {
        if let Ok(measured) = usable(metric, look) {
            round.tally.add(measured);
        }
        round.limit = limit;
        if limit.p_needed <= 0.0 {
            continue;
        }
        round.p_value = Some(round.tally.p_value(metric.worse));
        if round.is_significant() && exceeds(metric, &round.tally) {
            round.failed_at = Some(at);
            break;
        }
    }
    let both_sides = 0.0 < information(round.tally.samples());
    round.p_value = both_sides.then(|| round.p_value.unwrap_or_else(|| round.tally.p_value(metric.worse)));
    round.effect = round.tally.effect();
    round
}

fn exceeds(metric: &MetricPlan, tally: &Tally) -> bool {
    let threshold = Threshold::of(metric, &tally.summaries().baseline);
    tally.effect().is_some_and(|it| threshold.is_exceeded(&it, metric.worse))
}

fn reason_without_finding(
    metric: &MetricPlan,
    looks: &[Look],
    planned: usize,
    samples: &Samples,
    round: &Round,
) -> Reason {
    let gaps: Vec<Option<Gap>> = looks.iter().map(|it| usable(metric, it).err()).collect();
    let missing = gaps.iter().flatten().count();
    if let Some(Some(gap)) = gaps.last() {
        Reason::NoData { gap: gap.clone() }
    } else if looks.len() < missing * GAPS_ONE_IN {
        Reason::ManyGaps { missing: missing as u32, looks: looks.len() as u32 }
    } else if LOOKS_MAX < looks.len() {
        Reason::WatchTooLong
    } else if looks.len() < planned {
        Reason::WatchNotOver { looks_left: (planned - looks.len()) as u32 }
    } else if 0 < samples.missing() {
        Reason::TooFewSamples
    } else if round.is_significant() {
        Reason::WithinLimits
    } else {
        Reason::NoWorse
    }
}

fn verdict_of(reason: &Reason) -> Verdict {
    match reason {
        Reason::NoWorse | Reason::WithinLimits => Verdict::Pass,
        Reason::WatchNotOver { .. } | Reason::TooFewSamples => Verdict::Insufficient,
        Reason::NoData { .. } | Reason::ManyGaps { .. } | Reason::WatchTooLong => Verdict::Broken,
        Reason::Worse { .. } => Verdict::Fail,
    }
}

fn write_up(
    plan: &WatchPlan,
    metric: &MetricPlan,
    looks: &[Look],
    samples: Samples,
    round: Round,
    reason: Reason,
) -> MetricJudgement {
    let Sides { canary, baseline } = round.tally.summaries();
    let verdict = verdict_of(&reason);
    MetricJudgement {
        name: metric.name.clone(),
        kind: metric.kind,
        worse: metric.worse,
        unit: metric.unit.clone(),
        description: metric.description.clone(),
        verdict,
        reason,
        test: match metric.kind {
            MetricKind::Counts => TestName::FisherExact,
            MetricKind::Distribution => TestName::MannWhitneyU,
        },
        p_value: round.p_value,
        p_needed: round.limit.p_needed,
        alpha_spent: round.limit.spent,
        effect: round.effect,
        threshold: Threshold::of(metric, &baseline),
        canary,
        baseline,
        needed: (verdict == Verdict::Insufficient).then(|| forecast(plan, looks, &samples)),
        samples,
    }
}

/// What the rest of the watch needs, at the pace so far.
fn forecast(plan: &WatchPlan, looks: &[Look], samples: &Samples) -> NeedMore {
    let looks_left = (plan.looks_planned as usize).saturating_sub(looks.len()) as u64;
    let interval = interval_seconds(plan, looks);
    let per_look = samples.canary.min(samples.baseline) as f64 / looks.len().max(1) as f64;
    let requests = samples.missing().max((per_look * looks_left as f64).ceil() as u64);
    let about_seconds = if samples.missing() == 0 {
        Some((looks_left as f64 * interval).ceil() as u64)
    } else if per_look > 0.0 {
        let looks_for_samples = (samples.missing() as f64 / per_look).ceil();
        Some((looks_for_samples.max(looks_left as f64) * interval).ceil() as u64)
    } else {
        None
    };
    NeedMore { requests, about_seconds }
}

/// Seconds between looks: as they came, or as planned while there is only one.
fn interval_seconds(plan: &WatchPlan, looks: &[Look]) -> f64 {
    match looks {
        [first, .., last] if first.at < last.at => {
            last.at.duration_since(first.at).as_secs_f64() / (looks.len() - 1) as f64
        }
        _ => f64::from(plan.interval_seconds),
    }
}

fn count(metric: &MetricPlan, looks: &[Look]) -> Sides<u64> {
    let mut sum = Sides::default();
    for measured in looks.iter().filter_map(|it| usable(metric, it).ok()) {
        add_sides(&mut sum, samples_of(measured));
    }
    sum
}

fn add_sides(sum: &mut Sides<u64>, new: Sides<u64>) {
    sum.canary = sum.canary.saturating_add(new.canary);
    sum.baseline = sum.baseline.saturating_add(new.baseline);
}
