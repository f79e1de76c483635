//! How long the expressions take that workflows really hold.

use criterion::{Criterion, criterion_group, criterion_main};
use lockkeeper::expression::template::{Undefined, render};
use lockkeeper::expression::{Compat, HostValues, Scope, evaluate};
use serde_json::{Map, Value, json};

fn context() -> Map<String, Value> {
    let hosts: Vec<Value> =
        (0..200).map(|at| json!({ "name": format!("host-{at}"), "up": at % 3 != 0, "load": at })).collect();
    let all = json!({ "app": "shop", "version": "1.2.3", "hosts": hosts });
    all.as_object().cloned().unwrap_or_default()
}

fn expressions(criterion: &mut Criterion) {
    let (context, host) = (context(), HostValues::default());
    let scope = Scope { context: &context, task: None, item: None, state: None, host: &host };
    let texts = [
        ("yaql variable", "<% ctx().app %>"),
        ("yaql in text", "deploy <% ctx().app %> <% ctx().version %>"),
        ("yaql query", "<% ctx().hosts.where($.up).orderBy($.load).select($.name).first() %>"),
        ("jinja variable", "{{ ctx().app }}"),
        ("jinja filters", "{{ ctx().hosts | selectattr('up') | map(attribute='name') | join(',') }}"),
    ];
    for (name, text) in texts {
        let text = json!(text);
        criterion.bench_function(name, |bench| bench.iter(|| evaluate(&text, &scope, Compat::Strict)));
    }
    criterion.bench_function("template", |bench| {
        bench.iter(|| render("{{ app }}@{{ version }}", &context, Undefined::Strict));
    });
}

criterion_group!(benches, expressions);
criterion_main!(benches);
