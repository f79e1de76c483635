//! The judge: is the canary worse than the baseline, and is there enough evidence to say so?

use super::{
    Gap, Judgement, LOOKS_MAX, Look, MetricJudgement, MetricKind, MetricPlan, NeedMore, Reason, Samples,
    Sides, TestName, Threshold, Verdict, WatchPlan,
    spending::{Boundary, Spending, boundaries},
    tally::{Tally, information, samples_of, usable},
};

/// Part of the false-alarm rate that the planned looks spend; the rest is for those that follow, because somebody asked
/// to measure longer or while people decide.
const PLANNED_PART: f64 = 0.8;
/// Part that the same comparison spends as it goes on.
const LONGER_PART: f64 = 0.1;
/// Part that fresh rounds spend, each of which sees only what is new.
const FRESH_PART: f64 = 1.0 - PLANNED_PART - LONGER_PART;
/// A metric is broken if more than one look in this many has no data.
const GAPS_ONE_IN: usize = 5;

/// Judges the looks so far, in the order they were taken.
///
/// - `fail` as soon as one metric is worse: significantly at this look's limit, and by more than a limit of the plan.
///   It stays so whatever comes later.
/// - `pass` only after `looks_wanted` looks, with `min_samples` on each side of each metric.
/// - `broken` if the latest look, or more than a fifth of all, has no data for a metric.
/// - `insufficient` otherwise.
///
/// The plan's false-alarm rate is divided evenly among the metrics (Bonferroni), and each metric's part among looks
/// by an alpha-spending function. Looks after the planned ones, asked for or taken while people decide, count twice.
/// They go on with the comparison of all looks, on a tenth of the rate that was kept for it from the start: so whoever
/// measures longer keeps the promise, whatever made them do it. And they form fresh rounds as long as the planned watch,
/// each judged by its own data, so that a late breach is not diluted; round r spends a part 1 / (r (r+1)) of the last
/// tenth, which sums to that tenth however long people take.
pub fn judge(plan: &WatchPlan, looks: &[Look]) -> Judgement {
    judge_with(plan, looks, &mut boundaries)
}

/// Information per look and what may be spent → the limits: [`boundaries`] or something that remembers its answers.
pub(super) type Limits<'a> = &'a mut dyn FnMut(&[f64], Spending) -> Vec<Boundary>;

pub(super) fn judge_with(plan: &WatchPlan, looks: &[Look], limits: Limits) -> Judgement {
    let metrics: Vec<MetricJudgement> =
        plan.metrics.iter().map(|metric| judge_metric(plan, metric, looks, &mut *limits)).collect();
    Judgement {
        // A plan without metrics has no source of evidence at all.
        verdict: metrics.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Broken),
        metrics,
        looks: looks.len() as u32,
        looks_planned: plan.looks_wanted(),
        false_alarm_rate: plan.false_alarm_rate,
        from: looks.first().map(|it| it.at),
        until: looks.last().map(|it| it.at),
        note: looks.iter().rev().map(|it| &it.note).find(|it| !it.is_empty()).cloned().unwrap_or_default(),
    }
}

/// Where one comparison over some looks stands.
struct Round {
    tally: Tally,
    p_value: Option<f64>,
    limit: Boundary,
    /// The look of this round, from 0, at which the evidence sufficed to fail.
    failed_at: Option<usize>,
}

fn judge_metric(plan: &WatchPlan, metric: &MetricPlan, looks: &[Look], limits: Limits) -> MetricJudgement {
    let planned = plan.looks_planned.max(1) as usize;
    // A rate that is not a number becomes 0: nothing fails, rather than everything.
    let rate = if plan.false_alarm_rate.is_nan() { 0.0 } else { plan.false_alarm_rate.clamp(0.0, 0.5) };
    let alpha = rate / plan.metrics.len().max(1) as f64;
    let watched = &looks[..looks.len().min(LOOKS_MAX)];
    let spending =
        Spending { planned: planned as u32, alpha: alpha * PLANNED_PART, after: alpha * LONGER_PART };
    let whole = run_round(metric, watched, spending, &mut *limits);
    let fresh = fresh_rounds(metric, watched, spending, alpha, &mut *limits);
    let samples = Samples::of(count(metric, looks), metric.min_samples);
    let (round, reason) = match (whole.failed_at, fresh) {
        (Some(at), Some((fresh_at, fresh))) if fresh_at < at => (fresh, worse(fresh_at)),
        (Some(at), _) => (whole, worse(at)),
        (None, Some((at, fresh))) => (fresh, worse(at)),
        (None, None) => {
            let reason = reason_without_finding(plan, metric, looks, &samples, &whole);
            (whole, reason)
        }
    };
    write_up(plan, metric, looks, samples, round, reason)
}

fn worse(at: usize) -> Reason {
    Reason::Worse { at_look: at as u32 + 1 }
}

/// The first of the rounds after the planned looks that fails, and the look at which it does.
fn fresh_rounds(
    metric: &MetricPlan,
    looks: &[Look],
    spending: Spending,
    alpha: f64,
    limits: Limits,
) -> Option<(usize, Round)> {
    let planned = spending.planned as usize;
    looks.chunks(planned).enumerate().skip(1).find_map(|(number, chunk)| {
        let part = FRESH_PART / (number * (number + 1)) as f64;
        let round =
            run_round(metric, chunk, Spending { alpha: alpha * part, after: 0.0, ..spending }, &mut *limits);
        round.failed_at.map(|at| (number * planned + at, round))
    })
}

impl Round {
    fn new(kind: MetricKind) -> Self {
        Round { tally: Tally::new(kind), p_value: None, limit: Boundary::default(), failed_at: None }
    }

    fn is_significant(&self) -> bool {
        self.p_value.is_some_and(|it| it <= self.limit.p_needed)
    }
}

/// Tests after each of these looks until one fails. The limits depend on sample sizes only, never on results.
fn run_round(metric: &MetricPlan, looks: &[Look], spending: Spending, limits: Limits) -> Round {
    let mut so_far = Sides::default();
    let amounts = looks.iter().map(|look| {
        let new = usable(&metric.name, metric.kind, look).map(samples_of).unwrap_or_default();
        add_sides(&mut so_far, new);
        information(so_far)
    });
    let amounts: Vec<f64> = amounts.collect();
    let limits = limits(&amounts, spending);
    let mut round = Round::new(metric.kind);
    for (at, (look, limit)) in looks.iter().zip(limits).enumerate() {
        if let Ok(measured) = usable(&metric.name, metric.kind, look) {
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
    round
}

fn exceeds(metric: &MetricPlan, tally: &Tally) -> bool {
    let threshold = Threshold::of(metric, &tally.summaries().baseline);
    tally.effect().is_some_and(|it| threshold.is_exceeded(&it, metric.worse))
}

fn reason_without_finding(
    plan: &WatchPlan,
    metric: &MetricPlan,
    looks: &[Look],
    samples: &Samples,
    round: &Round,
) -> Reason {
    let gaps: Vec<Option<Gap>> = looks.iter().map(|it| usable(&metric.name, metric.kind, it).err()).collect();
    let missing = gaps.iter().flatten().count();
    let wanted = plan.looks_wanted().max(1) as usize;
    if let Some(Some(gap)) = gaps.last() {
        Reason::NoData { gap: gap.clone() }
    } else if looks.len() < missing * GAPS_ONE_IN {
        Reason::ManyGaps { missing: missing as u32, looks: looks.len() as u32 }
    } else if LOOKS_MAX < looks.len() {
        Reason::WatchTooLong
    } else if looks.len() < wanted {
        Reason::WatchNotOver { looks_left: (wanted - looks.len()) as u32 }
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
        effect: round.tally.effect(),
        threshold: Threshold::of(metric, &baseline),
        canary,
        baseline,
        needed: (verdict == Verdict::Insufficient).then(|| forecast(plan, looks, &samples)),
        samples,
    }
}

/// What the rest of the watch needs, at the pace so far.
fn forecast(plan: &WatchPlan, looks: &[Look], samples: &Samples) -> NeedMore {
    let looks_left = (plan.looks_wanted() as usize).saturating_sub(looks.len()) as u64;
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
    for measured in looks.iter().filter_map(|it| usable(&metric.name, metric.kind, it).ok()) {
        add_sides(&mut sum, samples_of(measured));
    }
    sum
}

fn add_sides(sum: &mut Sides<u64>, new: Sides<u64>) {
    sum.canary = sum.canary.saturating_add(new.canary);
    sum.baseline = sum.baseline.saturating_add(new.baseline);
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::rollout::{Direction, Measured, Summary};

    fn errors() -> MetricPlan {
        MetricPlan { max_increase_absolute: Some(0.02), ..MetricPlan::new("errors", MetricKind::Counts) }
    }

    fn latency() -> MetricPlan {
        let metric = MetricPlan::new("latency", MetricKind::Distribution);
        MetricPlan {
            max_increase_absolute: Some(20.0),
            max_increase_relative: Some(0.2),
            unit: "ms".into(),
            ..metric
        }
    }

    fn plan(metrics: Vec<MetricPlan>) -> WatchPlan {
        WatchPlan { looks_planned: 5, ..WatchPlan::new(metrics) }
    }

    fn look(second: i64, metrics: &[(&str, Measured)]) -> Look {
        let metrics: IndexMap<String, Measured> =
            metrics.iter().map(|(name, measured)| ((*name).to_owned(), measured.clone())).collect();
        Look { at: Timestamp::from_second(1_800_000_000 + second).unwrap(), metrics, note: String::new() }
    }

    fn looks(measured: &[Measured]) -> Vec<Look> {
        measured.iter().zip(0..).map(|(it, at)| look(at * 20, &[("errors", it.clone())])).collect()
    }

    fn counts(canary: u64, baseline: u64) -> Measured {
        Measured::counts((canary, 20), (baseline, 20))
    }

    fn only(judgement: &Judgement) -> &MetricJudgement {
        assert_eq!(judgement.metrics.len(), 1);
        &judgement.metrics[0]
    }

    #[test]
    fn a_healthy_canary_passes_at_the_end_and_not_before() {
        let looks = looks(&[counts(0, 0), counts(0, 1), counts(1, 0), counts(0, 0), counts(0, 0)]);
        for seen in 0..5 {
            assert_eq!(judge(&plan(vec![errors()]), &looks[..seen]).verdict, Verdict::Insufficient, "{seen}");
        }
        let judgement = judge(&plan(vec![errors()]), &looks);
        assert_eq!(judgement.verdict, Verdict::Pass);
        assert_eq!(only(&judgement).reason, Reason::NoWorse);
        assert_eq!(only(&judgement).canary, Summary::Rate { bad: 1, total: 100, rate: 0.01 });
    }

    #[test]
    fn a_broken_canary_fails_early_although_the_baseline_has_no_errors() {
        let looks = looks(&[counts(8, 0), counts(9, 0)]);
        let judgement = judge(&plan(vec![errors()]), &looks);
        assert_eq!(judgement.verdict, Verdict::Fail);
        let metric = only(&judgement);
        assert!(metric.p_value.unwrap() <= metric.p_needed, "{metric:?}");
        assert_eq!(metric.effect.unwrap().relative, None);
    }

    #[test]
    fn a_failure_stays_whatever_follows() {
        let mut seen = looks(&[counts(15, 0), counts(0, 0), counts(0, 0), counts(0, 0), counts(0, 0)]);
        let judgement = judge(&plan(vec![errors()]), &seen);
        assert_eq!(only(&judgement).reason, Reason::Worse { at_look: 1 });
        seen.push(look(120, &[("errors", Measured::missing("timeout"))]));
        assert_eq!(judge(&plan(vec![errors()]), &seen).verdict, Verdict::Fail);
    }

    #[test]
    fn significance_below_the_limits_passes() {
        let strict = MetricPlan { max_increase_absolute: Some(0.9), ..errors() };
        let looks = looks(&[counts(12, 0), counts(12, 0), counts(12, 0), counts(12, 0), counts(12, 0)]);
        let judgement = judge(&plan(vec![strict]), &looks);
        assert_eq!(judgement.verdict, Verdict::Pass);
        assert_eq!(only(&judgement).reason, Reason::WithinLimits);
    }

    #[test]
    fn effect_without_significance_does_not_fail() {
        let looks = looks(&[Measured::counts((1, 4), (0, 4))]);
        assert_eq!(judge(&plan(vec![errors()]), &looks).verdict, Verdict::Insufficient);
    }

    #[test]
    fn missing_data_is_broken_neither_pass_nor_fail() {
        let plan = plan(vec![errors()]);
        let gap = Measured::missing("connection refused");
        let all = looks(&[gap.clone(), gap.clone(), gap.clone(), gap.clone(), gap.clone(), gap.clone()]);
        let judgement = judge(&plan, &all);
        assert_eq!(judgement.verdict, Verdict::Broken);
        assert_eq!(
            only(&judgement).reason,
            Reason::NoData { gap: Gap::Reported { why: "connection refused".into() } }
        );
        // The last look of an otherwise good watch must have data.
        let good = counts(0, 0);
        let end = looks(&[good.clone(), good.clone(), good.clone(), good.clone(), good.clone(), gap.clone()]);
        assert_eq!(judge(&plan, &end).verdict, Verdict::Broken);
        let one = looks(&[good.clone(), gap.clone(), good.clone(), good.clone(), good.clone()]);
        assert_eq!(judge(&plan, &one).verdict, Verdict::Pass);
        let two = looks(&[good.clone(), gap.clone(), good.clone(), gap, good]);
        assert_eq!(only(&judge(&plan, &two)).reason, Reason::ManyGaps { missing: 2, looks: 5 });
    }

    #[test]
    fn impossible_or_foreign_data_is_no_data() {
        let plan = plan(vec![errors(), latency()]);
        for (errors, latency) in [
            (Measured::counts((9, 5), (0, 5)), Measured::values(vec![f64::NAN], vec![1.0])),
            (Measured::values(vec![], vec![]), Measured::counts((0, 5), (0, 5))),
        ] {
            let judgement = judge(&plan, &[look(0, &[("errors", errors), ("latency", latency)])]);
            assert!(judgement.metrics.iter().all(|it| it.verdict == Verdict::Broken), "{judgement:?}");
        }
        assert_eq!(judge(&plan, &[look(0, &[])]).verdict, Verdict::Broken);
        assert_eq!(judge(&self::plan(vec![]), &[]).verdict, Verdict::Broken);
    }

    #[test]
    fn no_traffic_is_insufficient_and_says_how_much_more() {
        let idle = Measured::counts((0, 0), (0, 0));
        let silent = looks(&[idle.clone(), idle.clone(), idle.clone(), idle.clone(), idle]);
        let judgement = judge(&plan(vec![errors()]), &silent);
        assert_eq!(only(&judgement).reason, Reason::TooFewSamples);
        assert_eq!(only(&judgement).needed, Some(NeedMore { requests: 30, about_seconds: None }));
        assert_eq!(only(&judgement).p_value, None);
        // 4 per look each 20 s: 20 there, 10 missing, so three more looks.
        let little = Measured::counts((0, 4), (0, 4));
        let slow = looks(&[little.clone(), little.clone(), little.clone(), little.clone(), little]);
        let judgement = judge(&plan(vec![errors()]), &slow);
        assert_eq!(only(&judgement).needed, Some(NeedMore { requests: 10, about_seconds: Some(60) }));
    }

    #[test]
    fn a_watch_that_goes_on_judges_all_looks_together() {
        let little = Measured::counts((2, 6), (1, 6));
        let seen = looks(&vec![little; 50]);
        let longer = WatchPlan { looks_asked: 45, ..plan(vec![errors()]) };
        let at_the_gate = judge(&longer, &seen[..5]);
        assert_eq!(only(&at_the_gate).reason, Reason::WatchNotOver { looks_left: 45 });
        // No five looks show it; more do.
        let judgement = judge(&longer, &seen);
        assert_eq!(judgement.verdict, Verdict::Fail);
        let Reason::Worse { at_look } = only(&judgement).reason else { panic!("{judgement:?}") };
        assert!(5 < at_look, "{judgement:?}");
        assert_eq!(
            only(&judgement).canary,
            Summary::Rate { bad: 2 * u64::from(at_look), total: 6 * u64::from(at_look), rate: 1.0 / 3.0 }
        );
    }

    #[test]
    fn asking_for_more_looks_brings_the_samples_that_were_missing_and_moves_no_limit() {
        let seen = looks(&vec![Measured::counts((0, 4), (0, 4)); 10]);
        let (short, longer) = (plan(vec![errors()]), WatchPlan { looks_asked: 5, ..plan(vec![errors()]) });
        let before = judge(&short, &seen[..5]);
        assert_eq!(only(&before).reason, Reason::TooFewSamples);
        assert_eq!(judge(&longer, &seen[..9]).verdict, Verdict::Insufficient);
        let after = judge(&longer, &seen);
        assert_eq!((after.verdict, after.looks_planned), (Verdict::Pass, 10));
        for taken in 1..=10 {
            let needed = |plan| only(&judge(plan, &seen[..taken])).p_needed.to_bits();
            assert_eq!(needed(&short), needed(&longer), "{taken}");
        }
    }

    #[test]
    fn a_breach_while_people_decide_fails_within_a_few_looks() {
        let mut seen = looks(&vec![counts(0, 0); 50]);
        let plan = plan(vec![errors()]);
        let before = judge(&plan, &seen);
        assert_eq!(before.verdict, Verdict::Pass);
        seen.extend((0..2).map(|it| look(1_000 + it * 20, &[("errors", counts(16, 0))])));
        let after = judge(&plan, &seen);
        assert_eq!(after.verdict, Verdict::Fail);
        assert!(after.worse_than(&before) && !before.worse_than(&after) && !before.worse_than(&before));
    }

    #[test]
    fn slower_values_fail_and_lower_is_worse_where_the_plan_says_so() {
        let slow: Vec<f64> = (0..40).map(|it| 150.0 + f64::from(it)).collect();
        let fast: Vec<f64> = (0..40).map(|it| 100.0 + f64::from(it)).collect();
        let seen = [look(0, &[("latency", Measured::values(slow.clone(), fast.clone()))])];
        let judgement = judge(&plan(vec![latency()]), &seen);
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert!((only(&judgement).effect.unwrap().absolute - 50.0).abs() < 1e-6);
        assert_eq!(only(&judgement).threshold.limit, Some(139.5));
        let throughput = MetricPlan { worse: Direction::Lower, ..latency() };
        assert_eq!(judge(&plan(vec![throughput.clone()]), &seen).verdict, Verdict::Insufficient);
        let swapped = [look(0, &[("latency", Measured::values(fast, slow))])];
        assert_eq!(judge(&plan(vec![throughput]), &swapped).verdict, Verdict::Fail);
        assert_eq!(judge(&plan(vec![latency()]), &swapped).verdict, Verdict::Insufficient);
    }

    #[test]
    fn a_judgement_survives_json() {
        let seen = looks(&[counts(8, 0), counts(9, 0), Measured::missing("x")]);
        for seen in [&seen[..], &seen[..2], &seen[..0]] {
            let judgement = judge(&plan(vec![errors(), latency()]), seen);
            let text = serde_json::to_string(&judgement).unwrap();
            assert_eq!(serde_json::from_str::<Judgement>(&text).unwrap(), judgement, "{text}");
        }
    }

    #[test]
    fn a_plan_reads_from_yaml_with_defaults_and_refuses_what_it_does_not_know() {
        let text = "metrics:\n  - name: errors\n    kind: counts\n    max_increase_absolute: 0.02\n";
        let read: WatchPlan = serde_saphyr::from_str(text).unwrap();
        assert_eq!(read, WatchPlan::new(vec![errors()]));
        assert_eq!(read.check(), Ok(()));
        assert!(serde_saphyr::from_str::<WatchPlan>(&format!("{text}    max_increase: 1\n")).is_err());
    }

    #[test]
    fn any_plan_and_any_looks_are_judged_without_a_panic() {
        let seen =
            looks(&[counts(1, 0), Measured::counts((u64::MAX, u64::MAX), (0, u64::MAX)), counts(3, 1)]);
        for rate in [f64::NAN, f64::INFINITY, -1.0, 0.0, 2.0] {
            let odd =
                WatchPlan { false_alarm_rate: rate, looks_planned: 0, ..plan(vec![errors(), latency()]) };
            assert!(odd.check().is_err());
            judge(&odd, &seen);
        }
    }

    #[test]
    fn a_watch_without_end_never_passes() {
        let seen = looks(&vec![counts(0, 0); LOOKS_MAX + 1]);
        let plan = WatchPlan { looks_planned: 1, ..plan(vec![errors()]) };
        assert_eq!(judge(&plan, &seen[..LOOKS_MAX]).verdict, Verdict::Pass);
        assert_eq!(only(&judge(&plan, &seen)).reason, Reason::WatchTooLong);
    }

    fn any_counts() -> impl Strategy<Value = Vec<(u64, u64)>> {
        proptest::collection::vec((0_u64..=20, 0_u64..=20), 1..8)
    }

    proptest! {
        #[test]
        fn more_errors_in_the_canary_never_make_the_verdict_better(seen in any_counts(), which in 0_usize..8, more in 1_u64..5) {
            let before: Vec<Measured> = seen.iter().map(|(canary, baseline)| counts(*canary, *baseline)).collect();
            let mut worse = seen.clone();
            let which = which % seen.len();
            worse[which].0 = (worse[which].0 + more).min(20);
            let after: Vec<Measured> = worse.iter().map(|(canary, baseline)| counts(*canary, *baseline)).collect();
            let plan = plan(vec![errors()]);
            let (before, after) = (judge(&plan, &looks(&before)), judge(&plan, &looks(&after)));
            prop_assert!(!before.worse_than(&after), "{before:?}\n{after:?}");
        }

        #[test]
        fn the_order_of_values_within_a_look_has_no_effect(
            canary in proptest::collection::vec(0_u32..500, 0..60),
            baseline in proptest::collection::vec(0_u32..500, 0..60),
            turn in 0_usize..60,
        ) {
            let values = |values: &[u32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
            let (mut other_canary, mut other_baseline) = (values(&canary), values(&baseline));
            other_canary.reverse();
            let middle = turn % other_baseline.len().max(1);
            other_baseline.rotate_left(middle);
            let plan = plan(vec![latency()]);
            let one = judge(&plan, &[look(0, &[("latency", Measured::values(values(&canary), values(&baseline)))])]);
            let other = judge(&plan, &[look(0, &[("latency", Measured::values(other_canary, other_baseline))])]);
            prop_assert_eq!(one, other);
        }

        #[test]
        fn without_data_no_watch_passes_or_fails(gaps in 1_usize..12) {
            let seen = looks(&vec![Measured::missing("down"); gaps]);
            prop_assert_eq!(judge(&plan(vec![errors()]), &seen).verdict, Verdict::Broken);
        }
    }
}
