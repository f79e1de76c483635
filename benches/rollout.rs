//! What a judgement costs: `cargo bench --bench rollout`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use lockkeeper::rollout::{Look, Measured, MetricKind, MetricPlan, WatchPlan, chart, judge};

/// Twenty looks of 500 latencies (250 a side, 10,000 in all) and 500 counted requests.
fn watch() -> (WatchPlan, Vec<Look>) {
    let metrics = vec![
        MetricPlan::new("errors", MetricKind::Counts),
        MetricPlan {
            max_increase_relative: Some(0.2),
            ..MetricPlan::new("latency", MetricKind::Distribution)
        },
    ];
    let latencies = |look: u64, step: u64| -> Vec<f64> {
        (0..250_u64).map(|it| 40.0 + ((it * step + look * 7) % 97) as f64 * 1.3).collect()
    };
    let look = |at: u64| Look {
        at: Timestamp::from_second(at as i64 * 30).expect("a small number of seconds"),
        note: String::new(),
        metrics: [
            ("errors".to_owned(), Measured::counts((at % 3, 250), ((at + 1) % 3, 250))),
            ("latency".to_owned(), Measured::values(latencies(at, 31), latencies(at, 17))),
        ]
        .into_iter()
        .collect(),
    };
    (WatchPlan { looks_planned: 20, ..WatchPlan::new(metrics) }, (0..20).map(look).collect())
}

fn rollout(criterion: &mut Criterion) {
    let (plan, looks) = watch();
    let judgement = judge(&plan, &looks);
    criterion.bench_function("judge 10,000 samples in 20 looks", |bench| {
        bench.iter(|| judge(black_box(&plan), black_box(&looks)));
    });
    criterion.bench_function("draw svg", |bench| {
        bench.iter(|| chart::svg(black_box(&judgement), black_box(&looks)))
    });
}

criterion_group!(benches, rollout);
criterion_main!(benches);
