//! `rollback APP [in STAGE]`: back to the last good release, pre-authorised by policy. Where that is follows from the
//! recorded rollouts ([`crate::rollout::record`]); hosts are asked only whether there is anything to do, and which of
//! them answer. `in canary`: the canary hosts alone, to what production last ran well.

use serde_json::{Map, Value, json};

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer, release::Ready},
    content::App,
    engine::{Live, StartError, lock_for, rollout_of},
    gate::{Grant, OnFail},
    id::{ActionRef, CommitSha, Digest, EnvironmentName, HostName},
    identity::{Authorised, Right},
    message::words,
    release::{Plan, Stage, back_order},
    rollout::record::{Good, Kind, WayBack, last_good, way_back},
    store::{Change, StoreError, release::Release},
};

/// What goes back, and where to.
struct Back<'a> {
    app: &'a App,
    environment: EnvironmentName,
    leave: Authorised,
    /// The canary hosts alone.
    canary: bool,
    way: WayBack,
    /// The release that it goes back to; none for what ran before us.
    release: Option<Release>,
}

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let (app, environment, leave) = match subject::of(&live, order, Right::Rollback, order.required("app")) {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let canary = order.text("stage") == Some(app.canary.role.as_str());
    let records = bot.engine().store().rollouts(&app.app, &environment).await?;
    let way = if canary {
        last_good(&records).map(|to| WayBack { to, leaves: None, further: None, settled: true })
    } else {
        way_back(&records)
    };
    let Some(way) = way else {
        return Ok(Answer::say(words::rollback::nothing_before(app.app.as_str(), environment.as_str())));
    };
    let release = release(bot, &way.to).await?;
    let back = Back { app, environment, leave, canary, way, release };
    let ready = match compose(bot, &live, &back) {
        Ok(ready) => ready,
        Err(answer) => return Ok(answer),
    };
    let said = bot.ask_each(&back_order(&ready.plan, &[])).await;
    // One that stopped may be repeated, also where all hosts run it by now: some may be out of the pool still.
    if back.way.settled && said.iter().all(|(_, digest)| digest.as_ref() == Some(&back.way.to.digest)) {
        return nothing_to_do(bot, &back).await;
    }
    go(bot, order, &live, &back, ready, &said).await
}

/// The plan back. For the canary alone its hosts are the target.
fn compose(bot: &Bot, live: &Live, back: &Back<'_>) -> Result<Ready, Answer> {
    let (commit, reference) = match &back.release {
        Some(it) => (it.commit.clone(), it.reference.clone()),
        None => (CommitSha::unknown(), String::new()),
    };
    let mut ready = bot.compose(live, back.app, &back.environment, commit, reference)?;
    if back.canary {
        let name = (back.app.app.as_str(), back.environment.as_str());
        let canary = ready.plan.canary.take();
        let canary = canary.ok_or_else(|| Answer::say(words::rollback::no_canary(name.0, name.1)))?;
        ready.plan.target = canary;
    }
    Ok(ready)
}

async fn release(bot: &Bot, good: &Good) -> Result<Option<Release>, StoreError> {
    match good.release {
        Some(id) => bot.engine().store().find_release(id).await,
        None => Ok(None),
    }
}

/// Every host said that it runs the artifact that this would lead to.
async fn nothing_to_do(bot: &Bot, back: &Back<'_>) -> anyhow::Result<Answer> {
    let named = back.release.as_ref().map(|it| (it.number, it.commit.short()));
    let runs = words::rollback::named(named, back.way.to.digest.short());
    let (app, environment) = (back.app.app.as_str(), back.environment.as_str());
    if back.canary {
        return Ok(Answer::say(words::rollback::canary_is_back(app, environment, &runs)));
    }
    let further = match &back.way.further {
        Some(good) => release(bot, good).await?.map(|it| it.number),
        None => None,
    };
    Ok(Answer::say(words::rollback::nothing_to_leave(app, environment, &runs, further)))
}

async fn go(
    bot: &Bot,
    order: &Order<'_>,
    live: &Live,
    back: &Back<'_>,
    mut ready: Ready,
    said: &[(HostName, Option<Digest>)],
) -> anyhow::Result<Answer> {
    ready.plan.number = bot.engine().store().next_release_number().await?;
    let now = bot.engine().clock().now();
    let changes = match permits(bot, live, back, &ready, now) {
        Ok(changes) => changes,
        Err(why) => return Ok(Answer::whisper(words::order::cannot(&why))),
    };
    let cause = subject::cause(back.app, order, &back.leave);
    let mut also = vec![ready.row(&cause.asker, Some(back.way.to.digest.clone()), now)];
    also.extend(changes);
    also.push(Change::Done(order.call.id));
    let parameters = parameters(back, &ready.plan, said);
    // Without it every host would leave the pool, fail, and stay out. From here on the execution refers to it.
    let Some(_held) = bot.engine().hold_artifact(&back.way.to.digest).await else {
        let (app, digest) = (back.app.app.as_str(), back.way.to.digest.short());
        return Ok(Answer::say(words::rollback::no_artifact(app, digest)));
    };
    match bot.engine().start(ready.starting(action(back).as_str(), parameters, cause), also).await {
        Ok(_) => Ok(Answer { done: true, ..Answer::nothing() }),
        Err(StartError::Store(StoreError::CalledOff { why })) => Ok(Answer::say(words::order::held(&why))),
        Err(error) => Err(error.into()),
    }
}

fn action(back: &Back<'_>) -> ActionRef {
    ActionRef::from(if back.canary { "release.canary_back" } else { "release.rollback" })
}

fn parameters(back: &Back<'_>, plan: &Plan, said: &[(HostName, Option<Digest>)]) -> Map<String, Value> {
    let good = &back.way.to.digest;
    if back.canary {
        let canary = Stage { previous: Some(good.clone()), on_fail: OnFail::RollBack, ..plan.target.clone() };
        let plan = Plan { canary: Some(canary), ..plan.clone() };
        return Map::from_iter([("plan".to_owned(), json!(plan)), ("turn".to_owned(), true.into())]);
    }
    let silent: Vec<HostName> =
        said.iter().filter(|(_, digest)| digest.is_none()).map(|(host, _)| host.clone()).collect();
    Map::from_iter([
        ("plan".to_owned(), json!(plan)),
        ("digest".to_owned(), json!(good)),
        ("leaves".to_owned(), json!(back.way.leaves)),
        ("hosts".to_owned(), json!(back_order(plan, &silent))),
    ])
}

/// One grant for each role that is guarded, the environment's lock, and the record that it begins: what a rollback
/// leaves is left from then on, however far it comes.
fn permits(
    bot: &Bot,
    live: &Live,
    back: &Back<'_>,
    ready: &Ready,
    now: jiff::Timestamp,
) -> Result<Vec<Change>, String> {
    let (plan, good) = (&ready.plan, &back.way.to.digest);
    let grant = |stage: &Stage| {
        let plan = Plan { target: stage.clone(), ..plan.clone() };
        bot.engine().preauthorise(&action(back), &plan, ready.root, good, &back.leave)
    };
    let target = grant(&plan.target)?;
    let mut changes = vec![Change::Lock(lock_for(&target, format!("#{}", plan.number)))];
    if !back.canary {
        changes.push(Change::Rollout(Box::new(rollout_of(&target, Kind::Back, back.way.to.release, now))));
    }
    changes.push(permit(&target, now));
    let canary = plan.canary.iter().filter(|it| live.is_guarded(&it.environment, &it.role));
    for stage in canary {
        changes.push(permit(&grant(stage)?, now));
    }
    Ok(changes)
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
