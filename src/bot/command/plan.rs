//! `plan APP[@VERSION] [to] [STAGE]`: a dry run.

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    message::words,
    release::Plan,
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let found = subject::reader(&live, order.call)
        .and_then(|_| subject::app(&live, order.required("app")))
        .and_then(|app| Ok((app, subject::environment(app, order.text("stage"))?)));
    let (app, environment) = match found {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let (commit, reference) = match bot.resolve(app, order.text("version")).await {
        Ok(resolved) => resolved,
        Err(answer) => return Ok(answer),
    };
    let ready = match bot.prepare(&live, app, &environment, commit, reference).await? {
        Ok(ready) => ready,
        Err(answer) => return Ok(answer),
    };
    let plan = &ready.plan;
    let policy = live.policy(&app.app, &environment);
    let guarded = live.is_guarded(&environment, &plan.target.role);
    let slots: Vec<String> = policy.quorum.iter().map(|it| format!("{} of {}", it.count, it.group)).collect();
    let facts = vec![
        ("commit", format!("{} ({})", plan.commit, plan.reference)),
        ("brings", words::execution::commits(&ready.commits).to_string()),
        ("runs now", ready.runs.as_ref().map_or("unknown".to_owned(), |it| format!("sha256:{}", it.short()))),
        ("approval", if guarded { words::list(&slots) } else { "not needed".to_owned() }),
    ];
    let title = format!("Plan: {} to {environment}", app.app);
    Ok(Answer::say(words::overview::plan(&title, facts, &steps(plan, guarded))))
}

fn steps(plan: &Plan, guarded: bool) -> Vec<String> {
    let mut steps = vec![
        format!("clone {} at {}", plan.repository.url, plan.commit.short()),
        format!("run {}, then {}", plan.scripts.setup, plan.scripts.build),
        "pack the checkout into one archive, named by its SHA-256".to_owned(),
    ];
    if let (Some(canary), Some(watch)) = (&plan.canary, &plan.watch) {
        steps.push(format!("install it on {}", words::list(&canary.host_names())));
        let seconds = watch.interval_ms.saturating_mul(u64::from(watch.metrics.looks_planned)) / 1_000;
        let length = words::length(std::time::Duration::from_secs(seconds));
        steps.push(format!("watch it against {} for {length}", words::count(watch.baseline.len(), "host")));
    }
    if guarded {
        steps.push("ask, and wait for the approval".to_owned());
    }
    let hosts = words::list(&plan.target.host_names());
    steps.push(format!("install it on {hosts}, {} at a time", plan.target.batch_size));
    steps.push("ask every host what it runs".to_owned());
    steps
}
