//! `rollback APP [in STAGE]`: back to the last good release, pre-authorised by policy. Where that is follows from the
//! recorded rollouts ([`crate::rollout::record`]); hosts are asked only whether there is anything to do.

use serde_json::{Map, json};

use super::{Order, subject};
use crate::{
    bot::{
        Bot,
        hear::Answer,
        release::{Ready, sentence},
    },
    content::App,
    engine::{Live, StartError, lock_for, rollout_of},
    gate::Grant,
    id::{CommitSha, EnvironmentName},
    identity::{Authorised, Right},
    message::words,
    rollout::record::{Good, Kind, WayBack, way_back},
    store::{Change, StoreError, release::Release},
};

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
    let records = bot.engine().store().rollouts(&app.app, &environment).await?;
    let Some(way) = way_back(&records) else {
        return Ok(Answer::say(words::rollback::nothing_before(app.app.as_str(), environment.as_str())));
    };
    match ready(bot, &live, app, &environment, &way).await? {
        Ok(ready) => go(bot, order, app, &leave, ready, &way).await,
        Err(answer) => Ok(answer),
    }
}

/// The plan back, if there is anything to do.
async fn ready(
    bot: &Bot,
    live: &Live,
    app: &App,
    environment: &EnvironmentName,
    way: &WayBack,
) -> anyhow::Result<Result<Ready, Answer>> {
    let release = release(bot, &way.to).await?;
    let (commit, reference) = match &release {
        Some(it) => (it.commit.clone(), it.reference.clone()),
        None => (CommitSha::unknown(), String::new()),
    };
    let ready = match bot.compose(live, app, environment, commit, reference) {
        Ok(ready) => ready,
        Err(answer) => return Ok(Err(answer)),
    };
    if bot.survey(&ready.plan.target).await.as_ref() != Some(&way.to.digest) {
        return Ok(Ok(ready));
    }
    let further = match &way.further {
        Some(good) => self::release(bot, good).await?.map(|it| it.number),
        None => None,
    };
    let named = release.as_ref().map(|it| (it.number, it.commit.short()));
    let runs = words::rollback::named(named, way.to.digest.short());
    let (app, environment) = (app.app.as_str(), environment.as_str());
    Ok(Err(Answer::say(words::rollback::nothing_to_leave(app, environment, &runs, further))))
}

async fn release(bot: &Bot, good: &Good) -> Result<Option<Release>, StoreError> {
    match good.release {
        Some(id) => bot.engine().store().find_release(id).await,
        None => Ok(None),
    }
}

async fn go(
    bot: &Bot,
    order: &Order<'_>,
    app: &App,
    leave: &Authorised,
    mut ready: Ready,
    way: &WayBack,
) -> anyhow::Result<Answer> {
    let good = &way.to.digest;
    ready.plan.number = bot.engine().store().next_release_number().await?;
    let grant = match bot.engine().preauthorise(&ready.plan, ready.root, good, leave) {
        Ok(grant) => grant,
        Err(why) => return Ok(Answer::whisper(words::answer::note(sentence(&why)))),
    };
    let parameters = Map::from_iter([
        ("plan".to_owned(), json!(ready.plan)),
        ("digest".to_owned(), json!(good)),
        ("leaves".to_owned(), json!(way.leaves)),
    ]);
    let cause = subject::cause(app, order, leave);
    let now = bot.engine().clock().now();
    let row = ready.row(&cause.asker, Some(good.clone()), now);
    let starting = ready.starting("release.rollback", parameters, cause);
    let lock = Change::Lock(lock_for(&grant, format!("#{}", ready.plan.number)));
    // What it leaves is left from now on, however far this comes.
    let begun = Change::Rollout(Box::new(rollout_of(&grant, Kind::Back, way.to.release, now)));
    let also = vec![row, permit(&grant, now), lock, begun, Change::Done(order.call.id)];
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
