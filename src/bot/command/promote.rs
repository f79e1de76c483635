//! `promote APP|RELEASE [to STAGE]`: asks again for an artifact that stands; nothing is built.

use serde_json::{Map, Value, json};

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    engine::{Asked, StartError, involved},
    id::{AppName, Digest, EvidenceId},
    identity::Right,
    message::words,
    release::Plan,
    store::{Change, StoreError, release::Release},
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let Some(release) = find(bot, order.required("release")).await? else {
        return Ok(Answer::say(words::order::no_release(order.required("release"))));
    };
    if release.back_to.is_some() {
        return Ok(Answer::say(words::rollback::not_to_promote(release.number)));
    }
    let Some(digest) = release.artifact.clone() else {
        return Ok(Answer::say(words::order::never_built(release.number)));
    };
    let (app, environment, leave) = match subject::of(&live, order, Right::Deploy, release.app.as_str()) {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    if is_asked(bot, release.number).await? {
        return Ok(Answer::say(words::order::asked_already(release.number)));
    }
    let under_way = || Answer::say(words::answer::under_way(release.number));
    let before = bot.engine().store().load_execution(release.execution).await?;
    if before.ended_at.is_none() {
        return Ok(under_way());
    }
    let prepared =
        bot.prepare(&live, app, &environment, release.commit.clone(), release.reference.clone()).await?;
    let mut ready = match prepared {
        Ok(ready) => ready,
        Err(answer) => return Ok(answer),
    };
    if let Err(error) = &ready.authors {
        return Ok(Answer::say(error.card(app.app.as_str(), &release.reference)));
    }
    (ready.plan.release, ready.plan.number) = (release.id, release.number);
    let parameters = parameters(bot, &release, &ready.plan, &digest).await?;
    let mut starting = ready.starting("release.promote", parameters, subject::cause(app, order, &leave));
    // Asking again makes nobody a stranger to it.
    starting.context.insert("involved".to_owned(), json!(involved(&before)?));
    let now = bot.engine().clock().now();
    let mut also =
        vec![Change::CarryOn(release.id, release.execution, ready.root), Change::Done(order.call.id)];
    also.extend(bot.news(&ready, now).await?);
    // From here on the execution refers to it, so a sweep leaves it.
    let Some(_held) = bot.engine().hold_artifact(&digest).await else {
        let kept = bot.engine().keep().artifacts;
        return Ok(Answer::say(words::answer::artifact_removed(
            &release.app,
            release.number,
            &release.commit,
            kept,
        )));
    };
    match bot.engine().start(starting, also).await {
        Ok(_) => Ok(Answer { done: true, ..Answer::nothing() }),
        // Somebody else was faster.
        Err(StartError::Store(StoreError::CalledOff { .. })) => Ok(under_way()),
        Err(error) => Err(error.into()),
    }
}

async fn parameters(
    bot: &Bot,
    release: &Release,
    plan: &Plan,
    digest: &Digest,
) -> anyhow::Result<Map<String, Value>> {
    Ok(Map::from_iter([
        ("plan".to_owned(), json!(plan)),
        ("digest".to_owned(), json!(digest)),
        ("evidence".to_owned(), json!(evidence(bot, release).await?)),
    ]))
}

/// By number, or the latest of an app. A rollback's number stands for no artifact of its own.
async fn find(bot: &Bot, text: &str) -> anyhow::Result<Option<Release>> {
    let store = bot.engine().store();
    match Bot::release_number(text) {
        Some(number) => Ok(store.find_release_number(number).await?),
        None => Ok(store.latest_release(&AppName::new(text)).await?),
    }
}

async fn is_asked(bot: &Bot, number: i64) -> anyhow::Result<bool> {
    let gates = bot.engine().store().gates_of::<Asked>(number).await?;
    Ok(gates.iter().any(|it| it.decided_at.is_none()))
}

/// What was measured of this release: the evidence of its last gate, or of its watch.
async fn evidence(bot: &Bot, release: &Release) -> anyhow::Result<Option<EvidenceId>> {
    let store = bot.engine().store();
    if let Some(gate) = store.gates_of::<Asked>(release.number).await?.into_iter().next() {
        return Ok(Some(gate.body.gate.facts.evidence));
    }
    let tree = store.tree(release.execution, i64::MAX, 1_000).await?;
    let watch =
        tree.iter().rev().find(|it| it.action.as_str() == "release.watch").and_then(|it| it.result.as_ref());
    let id = watch.and_then(|it| it.get("evidence")).and_then(Value::as_str);
    Ok(id.and_then(|it| EvidenceId::parse(it).ok()))
}
