//! A judgement to look at: as text for any width, as SVG, and as alternative text with every number of the SVG.
//!
//! The same judgement and looks give the same bytes. Verdicts are told by word and symbol, the two sides by label and
//! shape, so nothing is lost without colour. Rasterising the SVG (font family `DejaVu Sans`) is for an edge.

mod alt;
mod axis;
mod number;
mod svg;
mod text;

pub use alt::alt;
pub use svg::{HEIGHT, WIDTH, svg};
pub use text::text;

use super::{
    Judgement, Look, MetricJudgement, Sides,
    tally::{Tally, usable},
};

/// Metrics that the SVG shows, worst first; the others it counts, and the alternative text has them all.
const PANELS_MAX: usize = 3;
/// Points along a line. More looks than this are joined, so that chart and alternative text stay readable, and the
/// latter within Slack's 2,000 characters (<https://docs.slack.dev/reference/block-kit/blocks/image-block/>).
const POINTS_MAX: usize = 16;

/// One point of both lines: what some looks in a row came to.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    /// First and last look it stands for, counted from 1.
    from: usize,
    until: usize,
    /// Share or median; `None` where a side had nothing.
    at: Sides<Option<f64>>,
}

/// The course of a metric in at most `points_max` points.
fn points(metric: &MetricJudgement, looks: &[Look], points_max: usize) -> Vec<Point> {
    let joined = looks.len().div_ceil(points_max.max(1)).max(1);
    let points = looks.chunks(joined).enumerate().map(|(index, chunk)| {
        let mut tally = Tally::new(metric.kind);
        for measured in chunk.iter().filter_map(|it| usable(&metric.name, metric.kind, it).ok()) {
            tally.add(measured);
        }
        let Sides { canary, baseline } = tally.summaries();
        let from = index * joined + 1;
        let at = Sides { canary: canary.centre(), baseline: baseline.centre() };
        Point { from, until: from + chunk.len() - 1, at }
    });
    points.collect()
}

/// The metrics that the SVG shows, worst first, else in the order of the plan.
fn shown(judgement: &Judgement) -> Vec<&MetricJudgement> {
    let mut metrics: Vec<&MetricJudgement> = judgement.metrics.iter().collect();
    metrics.sort_by_key(|it| std::cmp::Reverse(it.verdict));
    metrics.truncate(PANELS_MAX);
    metrics
}

/// How far the watch is.
fn looks_words(judgement: &Judgement) -> String {
    let (looks, planned) = (judgement.looks, judgement.looks_planned);
    if looks <= planned {
        format!("look {looks} of {planned}")
    } else {
        format!("look {looks}, {planned} planned")
    }
}

/// Outside text without what would break a line or a document, and not longer than `chars_max`.
fn clean(text: &str, chars_max: usize) -> String {
    let mut kept: String = text.chars().filter(|it| !it.is_control()).collect();
    if let Some((end, _)) = kept.char_indices().nth(chars_max) {
        let end = kept[..end].char_indices().next_back().map_or(0, |(last, _)| last);
        kept.truncate(end);
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::Timestamp;

    use super::*;
    use crate::rollout::{Measured, MetricKind, MetricPlan, WatchPlan, judge};

    fn sample() -> (Judgement, Vec<Look>) {
        let errors =
            MetricPlan { max_increase_absolute: Some(0.02), ..MetricPlan::new("errors", MetricKind::Counts) };
        let latency = MetricPlan {
            max_increase_relative: Some(0.25),
            unit: "ms".into(),
            ..MetricPlan::new("latency", MetricKind::Distribution)
        };
        let plan = WatchPlan { looks_planned: 6, ..WatchPlan::new(vec![latency, errors]) };
        let looks = [2_u64, 1, 4, 3].iter().zip(0..).map(|(bad, at)| {
            let canary = (0..20).map(|it| 40.0 + f64::from((it * 7 + at * 3) % 20));
            let baseline = (0..20).map(|it| 40.0 + f64::from((it * 11 + at * 5) % 19));
            let metrics = [
                ("errors".to_owned(), Measured::counts((*bad, 20), (0, 20))),
                ("latency".to_owned(), Measured::values(canary.collect(), baseline.collect())),
            ];
            Look {
                at: Timestamp::from_second(i64::from(at) * 20).unwrap(),
                metrics: metrics.into_iter().collect(),
                note: String::new(),
            }
        });
        let looks: Vec<Look> = looks.collect();
        (judge(&plan, &looks), looks)
    }

    #[test]
    fn the_text_chart_reads_without_colour() {
        let (judgement, looks) = sample();
        assert_snapshot!(text(&judgement, &looks, 72), @r#"
        ◔ latency: insufficient
          canary   ███████████████████████▌     │         49.5 ms (median of 80)
          baseline ███████████████████████▎     │         49.0 ms (median of 80)
          limit                                 ╵ 61.2 ms
          by look  ▅▅▅▅ canary
                   ▅▅▅▅ baseline
          test     p 0.2653, needs 0.0061, +1.0 ms (+2 %)
          needs    40 more, about 40 s

        ✗ errors: fail
          canary   ██████│████████████████████████████▉        12.5 % (10 of 80)
          baseline       │                                     0.0 % (0 of 80)
          limit          ╵ 2.0 %
          by look  ▅▃█▆ canary
                   ▁▁▁▁ baseline
          test     p 0.0007, needs 0.0061, +12.5 points
        "#);
    }

    #[test]
    fn a_narrow_text_chart_keeps_to_its_width() {
        let (judgement, looks) = sample();
        for width in [0, 44, 60, 100] {
            let chart = text(&judgement, &looks, width);
            let longest = chart.lines().map(|it| it.chars().count()).max().unwrap();
            assert!(longest <= width.max(text::WIDTH_MIN), "{width}: {longest}\n{chart}");
        }
        assert_snapshot!(text(&judgement, &looks, 44), @r#"
        ◔ latency: insufficient
          canary   ██████▎ │  49.5 ms (median of 80)
          baseline ██████▏ │  49.0 ms (median of 80)
          limit            ╵ 61.2 ms
          by look  ▅▅▅▅ canary
                   ▅▅▅▅ baseline
          test     p 0.2653, needs 0.0061, +1.0 ms …
          needs    40 more, about 40 s

        ✗ errors: fail
          canary   ██│█████████▌   12.5 % (10 of 80)
          baseline   │             0.0 % (0 of 80)
          limit      ╵ 2.0 %
          by look  ▅▃█▆ canary
                   ▁▁▁▁ baseline
          test     p 0.0007, needs 0.0061, +12.5 po…
        "#);
    }

    #[test]
    fn the_alternative_text_holds_every_verdict_and_number() {
        let (judgement, looks) = sample();
        assert_snapshot!(alt(&judgement, &looks), @r#"
        Canary against baseline, look 4 of 6: fail (errors: fail, latency: insufficient). errors: canary 12.5 % (10 of 80), baseline 0.0 % (0 of 80), limit 2.0 %, difference +12.5 points, Fisher exact p 0.0007 (needed 0.0061); by look canary 10.0 %, 5.0 %, 20.0 %, 15.0 %; baseline 0.0 %, 0.0 %, 0.0 %, 0.0 %. latency: canary 49.5 ms (median of 80), baseline 49.0 ms (median of 80), limit 61.2 ms, difference +1.0 ms (+2 %), Mann-Whitney U p 0.2653 (needed 0.0061), 40 more needed in about 40 s; by look canary 49.5 ms, 49.5 ms, 49.5 ms, 49.5 ms; baseline 48.5 ms, 48.5 ms, 49.5 ms, 49.5 ms.
        "#);
    }

    #[test]
    fn every_number_drawn_is_in_the_alternative_text() {
        let (judgement, looks) = sample();
        let alt = alt(&judgement, &looks);
        for metric in shown(&judgement) {
            assert!(alt.contains(&format!("{}: {}", metric.name, metric.verdict.as_str())), "{alt}");
            for point in points(metric, &looks, POINTS_MAX) {
                for value in [point.at.canary, point.at.baseline] {
                    assert!(alt.contains(&number::value(metric, value.unwrap())), "{alt}");
                }
            }
        }
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() {
        let (judgement, looks) = sample();
        let again = sample();
        assert_eq!(svg(&judgement, &looks), svg(&again.0, &again.1));
        assert_eq!(text(&judgement, &looks, 80), text(&again.0, &again.1, 80));
    }

    #[test]
    fn hostile_names_stay_text() {
        let (mut judgement, looks) = sample();
        judgement.metrics[0].name = "<script>\"&\n\u{7}".to_owned();
        judgement.metrics[0].unit = "</text>".to_owned();
        let document = svg(&judgement, &looks);
        assert!(
            !document.contains("<script") && document.contains("&lt;script&gt;&quot;&amp;"),
            "{document}"
        );
        assert!(!document.contains("</text></text>") && !document.contains('\u{7}'));
        assert!(!text(&judgement, &looks, 60).contains('\u{7}'));
    }

    #[test]
    fn nothing_measured_still_draws() {
        let plan = WatchPlan::new(vec![MetricPlan::new("errors", MetricKind::Counts)]);
        let none = judge(&plan, &[]);
        assert_snapshot!(text(&none, &[], 60), @r#"
        ◔ errors: insufficient
          canary                                          no samples
          baseline                                        no samples
          test     no samples on both sides
          needs    30 more
        "#);
        assert!(svg(&none, &[]).ends_with("</svg>\n"));
        let nothing = judge(&WatchPlan::new(vec![]), &[]);
        assert!(svg(&nothing, &[]).ends_with("</svg>\n") && alt(&nothing, &[]).contains("broken"));
    }

    #[test]
    fn long_watches_join_looks_and_many_metrics_are_counted() {
        let metrics: Vec<MetricPlan> =
            (0..5).map(|it| MetricPlan::new(format!("metric-{it}"), MetricKind::Counts)).collect();
        let look = |at: i64| Look {
            at: Timestamp::from_second(at).unwrap(),
            metrics: (0..5).map(|it| (format!("metric-{it}"), Measured::counts((it, 20), (1, 20)))).collect(),
            note: String::new(),
        };
        let looks: Vec<Look> = (0..100).map(look).collect();
        let judgement = judge(&WatchPlan::new(metrics), &looks);
        let drawn = points(&judgement.metrics[0], &looks, POINTS_MAX);
        assert!(drawn.len() <= POINTS_MAX && drawn.last().unwrap().until == 100, "{drawn:?}");
        assert!(svg(&judgement, &looks).contains("2 more"));
        let alt = alt(&judgement, &looks);
        assert!(alt.contains("metric-4: fail") && alt.contains("metric-0: pass"), "{alt}");
        assert!(alt.chars().count() <= 2_000, "{}", alt.chars().count());
    }

    #[test]
    fn every_verdict_stands_where_no_platform_cuts() {
        let name = |it: u64| format!("{it}{}", "x".repeat(39));
        let plans = (0..3).map(|it| MetricPlan {
            max_increase_relative: Some(0.25),
            unit: "requests/s".into(),
            ..MetricPlan::new(name(it), MetricKind::Distribution)
        });
        let look = |at: i64| Look {
            at: Timestamp::from_second(at).unwrap(),
            metrics: (0..3)
                .map(|it| (name(it), Measured::values(vec![12_345.678; 3], vec![23_456.789; 3])))
                .collect(),
            note: String::new(),
        };
        let looks: Vec<Look> = (0..100).map(look).collect();
        let judgement = judge(&WatchPlan::new(plans.collect()), &looks);
        let alt = alt(&judgement, &looks);
        assert!(1_000 < alt.chars().count(), "{alt}");
        let kept: String = alt.chars().take(1_000).collect();
        for metric in &judgement.metrics {
            assert!(kept.contains(&format!("{}: {}", metric.name, metric.verdict.as_str())), "{kept}");
        }
    }
}
