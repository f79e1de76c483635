//! What one step of the conductor costs, and that it does not grow with what has already run.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lockkeeper::expression::{Compat, HostValues};
use lockkeeper::workflow::{Conductor, Dispatch, Effect, Event, Spec, Status};
use serde_json::{Map, Value, json};

fn conductor(spec: &Value) -> Conductor {
    let spec = Spec::parse(spec).expect("a workflow");
    Conductor::new(Arc::new(spec), Map::new(), Map::new(), Compat::Strict)
}

fn step(conductor: &mut Conductor, event: Event, host: &HostValues) -> Vec<Dispatch> {
    conductor.apply(event, host).expect("an event that fits");
    let effects = conductor.apply(Event::NextRequested, host).expect("always fits");
    effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Start(dispatch) => Some(dispatch),
            Effect::Completed { .. } => None,
        })
        .collect()
}

fn succeeded(dispatch: Dispatch) -> Event {
    let Dispatch { task, route, item, .. } = dispatch;
    Event::ActionChanged { task, route, item, status: Status::Succeeded, result: json!({ "ok": true }) }
}

/// Runs a workflow to its end.
fn run(mut conductor: Conductor, host: &HostValues) -> Status {
    let mut open: VecDeque<Dispatch> =
        step(&mut conductor, Event::StatusRequested(Status::Running), host).into();
    while let Some(next) = open.pop_front() {
        open.extend(step(&mut conductor, succeeded(next), host));
    }
    conductor.status()
}

fn items(count: usize) -> Value {
    json!({ "tasks": { "each": {
        "action": "core.noop", "input": { "n": "<% item() %>" },
        "with": { "items": format!("<% range({count}).toList() %>"), "concurrency": 10 },
    }}})
}

fn chain(count: usize) -> Value {
    let tasks: Map<String, Value> = (0..count)
        .map(|index| {
            let next = json!([{ "when": "<% succeeded() %>", "publish": [{ "n": index }], "do": format!("t{}", index + 1) }]);
            (format!("t{index}"), json!({ "action": "core.noop", "next": next }))
        })
        .chain([(format!("t{count}"), json!({ "action": "core.noop" }))])
        .collect();
    json!({ "tasks": tasks })
}

fn runs(criterion: &mut Criterion) {
    let host = HostValues::default();
    for (shape, spec) in [("items", items as fn(usize) -> Value), ("chain", chain)] {
        let mut group = criterion.benchmark_group(format!("workflow_run_{shape}"));
        group.sample_size(10).measurement_time(Duration::from_secs(3));
        for count in [250, 5_000] {
            let begun = conductor(&spec(count));
            // The time per element has to be the same for both.
            group.throughput(Throughput::Elements(count as u64));
            group.bench_with_input(BenchmarkId::from_parameter(count), &count, |bencher, _| {
                bencher.iter_batched(|| begun.clone(), |begun| run(begun, &host), BatchSize::PerIteration);
            });
        }
        group.finish();
    }
}

criterion_group!(benches, runs);
criterion_main!(benches);
