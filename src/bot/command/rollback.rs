//! `rollback APP [in STAGE]`: back to the last good release, pre-authorised by policy.

use serde_json::{Map, json};

use super::{Order, subject};
use crate::{
    bot::{
        Bot,
        hear::Answer,
        release::{Ready, sentence},
    },
    content::App,
    engine::{Live, StartError, lock_for},
    gate::Grant,
    id::{Digest, EnvironmentName},
    identity::{Authorised, Right},
    message::words,
    store::{Change, StoreError, deployment::Rollout},
};

/// Rollouts looked through for another digest than the one that runs.
const LOOKED_AT: i64 = 50;

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let found = subject::app(&live, order.required("app")).and_then(|app| {
        let environment = subject::environment(app, order.text("stage"))?;
        let leave = subject::leave(&live, order.call, Right::Rollback, &app.app, &environment)?;
        Ok((app, environment, leave))
    });
    let (app, environment, leave) = match found {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    match ready(bot, &live, app, &environment).await? {
        Ok((ready, good)) => go(bot, order, app, &leave, ready, &good).await,
        Err(answer) => Ok(answer),
    }
}

/// The plan back, and the digest it leads to.
async fn ready(
    bot: &Bot,
    live: &Live,
    app: &App,
    environment: &EnvironmentName,
) -> anyhow::Result<Result<(Ready, Digest), Answer>> {
    let store = bot.engine().store();
    let rollouts = store.complete_rollouts(&app.app, environment, LOOKED_AT).await?;
    let none = || {
        Answer::say(words::answer::note(format!(
            "{} has no earlier release in {environment} that I know of.",
            app.app
        )))
    };
    let Some(last) = rollouts.first() else { return Ok(Err(none())) };
    let commit = release_commit(bot, app, last).await?;
    let Some((commit, reference)) = commit else { return Ok(Err(none())) };
    let prepared = bot.prepare(live, app, environment, commit, reference).await?;
    let ready = match prepared {
        Ok(ready) => ready,
        Err(answer) => return Ok(Err(answer)),
    };
    // All hosts on the last complete one: back means the one before it. Otherwise that one is where they belong.
    let good = match &ready.runs {
        Some(runs) if *runs == last.digest => rollouts.iter().find(|it| it.digest != last.digest),
        Some(_) | None => Some(last),
    };
    Ok(good.map(|it| it.digest.clone()).map(|digest| (ready, digest)).ok_or_else(none))
}

/// Some commit of the app for the plan's sake; what is installed is named by its digest alone.
async fn release_commit(
    bot: &Bot,
    app: &App,
    rollout: &Rollout,
) -> anyhow::Result<Option<(crate::id::CommitSha, String)>> {
    let releases = bot.engine().store().releases(&app.app, LOOKED_AT).await?;
    let exact = releases.iter().find(|it| it.artifact.as_ref() == Some(&rollout.digest));
    Ok(exact.or(releases.first()).map(|it| (it.commit.clone(), it.reference.clone())))
}

async fn go(
    bot: &Bot,
    order: &Order<'_>,
    app: &App,
    leave: &Authorised,
    mut ready: Ready,
    good: &Digest,
) -> anyhow::Result<Answer> {
    ready.commits.clear();
    ready.plan.number = bot.engine().store().next_release_number().await?;
    let grant = match bot.engine().preauthorise(&ready.plan, ready.root, good, leave) {
        Ok(grant) => grant,
        Err(why) => return Ok(Answer::whisper(words::answer::note(sentence(&why)))),
    };
    let parameters =
        Map::from_iter([("plan".to_owned(), json!(ready.plan)), ("digest".to_owned(), json!(good))]);
    let cause = subject::cause(app, order, leave);
    let now = bot.engine().clock().now();
    let row = ready.row(&cause.asker, Some(good.clone()), now);
    let starting = ready.starting("release.rollback", parameters, cause);
    let lock = Change::Lock(lock_for(&grant, format!("#{}", ready.plan.number)));
    let also = vec![row, permit(&grant, now), lock, Change::Done(order.call.id)];
    match bot.engine().start(starting, also).await {
        Ok(_) => Ok(Answer { done: true, ..Answer::nothing() }),
        Err(StartError::Store(StoreError::CalledOff { why })) => {
            let text = format!("{} Cancel it first, or wait.", sentence(&why));
            Ok(Answer::say(words::answer::note(text)))
        }
        Err(error) => Err(error.into()),
    }
}

fn permit(grant: &Grant, now: jiff::Timestamp) -> Change {
    Change::Permit(Box::new(crate::store::gate::PermissionRow {
        id: grant.id,
        gate: None,
        root: grant.rollout,
        seal: grant.seal.clone(),
        digest: grant.digest.clone(),
        body: json!(grant),
        at: now,
        used_at: Some(now),
    }))
}
