//! `plan APP[@VERSION] [to] [STAGE]`: a dry run.

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    message::words,
    release::{Stage, Watch},
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
    let slots = || policy.quorum.iter().map(|it| words::label::seats(it.count, &it.group)).collect();
    Ok(Answer::say(words::overview::plan(&words::overview::Plan {
        app: app.app.to_string(),
        environment: environment.to_string(),
        commit: plan.build.commit.to_string(),
        short: plan.build.commit.short().to_owned(),
        reference: plan.build.reference.clone(),
        brings: words::execution::commits(&ready.commits),
        runs: ready.runs.as_ref().map(|it| it.short().to_owned()),
        approval: guarded.then(slots),
        url: plan.build.repository.url.clone(),
        setup: plan.build.scripts.setup.clone(),
        build: plan.build.scripts.build.clone(),
        canary: plan.canary.as_ref().zip(plan.watch.as_ref()).map(|(canary, watch)| watched(canary, watch)),
        hosts: plan.target.host_names(),
        batch_size: plan.target.batch_size,
    })))
}

fn watched(canary: &Stage, watch: &Watch) -> words::overview::Watched {
    let seconds = watch.interval_ms.saturating_mul(u64::from(watch.metrics.looks_planned)) / 1_000;
    words::overview::Watched {
        hosts: canary.host_names(),
        baseline: watch.baseline.len(),
        length: std::time::Duration::from_secs(seconds),
    }
}
