//! Who asks for what: the app, the environment, and the right to it.

use super::Order;
use crate::{
    bot::{
        Bot,
        hear::{Answer, Call},
        release::{Asker, Cause},
    },
    content::App,
    engine::Live,
    id::{AppName, EnvironmentName},
    identity::{Actor, Authorised, Denied, Right, Rights, Subject, authorize},
    message::words,
};

/// The app of this name, or an answer that names the known ones.
pub(super) fn app<'l>(live: &'l Live, name: &str) -> Result<&'l App, Answer> {
    let app = AppName::new(name);
    live.settings.app(&app).ok_or_else(|| {
        if let Some(fault) = live.settings.fault_of(&app) {
            return Answer::say(words::answer::app_faulty(name, &fault.to_string()));
        }
        let known: Vec<String> = live.settings.apps.keys().map(ToString::to_string).collect();
        Answer::say(words::answer::unknown_name("app", name, &known))
    })
}

/// Where a release is to end: `canary` and nothing mean the app's rollout environment.
pub(super) fn environment(app: &App, stage: Option<&str>) -> Result<EnvironmentName, Answer> {
    if app.environments.is_empty() {
        return Err(Answer::say(words::answer::only_built(&app.app)));
    }
    match stage {
        None => Ok(app.rollout.environment.clone()),
        Some(stage) if stage == app.canary.role.as_str() => Ok(app.canary.environment.clone()),
        Some(stage) => {
            let environment = EnvironmentName::new(stage);
            if app.environments.contains_key(&environment) {
                return Ok(environment);
            }
            let mut known: Vec<String> = vec![app.canary.role.to_string()];
            known.extend(app.environments.keys().map(ToString::to_string));
            Err(Answer::say(words::answer::unknown_name("stage", stage, &known)))
        }
    }
}

/// Leave for this person, or the refusal, for them alone.
pub(super) fn leave(
    live: &Live,
    call: &Call<'_>,
    right: Right,
    app: &AppName,
    environment: &EnvironmentName,
) -> Result<Authorised, Answer> {
    let rights = live.rights(app, environment);
    authorize(&live.settings.people, &call.actor, right, &Subject::of(app, environment), &rights)
        .map_err(|denied| Answer::whisper(words::refusal::denied(&denied)))
}

/// The app and the environment that an order names, with this person's leave to do that there.
pub(super) fn of<'l>(
    live: &'l Live,
    order: &Order<'_>,
    right: Right,
    name: &str,
) -> Result<(&'l App, EnvironmentName, Authorised), Answer> {
    let app = app(live, name)?;
    let environment = environment(app, order.text("stage"))?;
    let leave = leave(live, order.call, right, &app.app, &environment)?;
    Ok((app, environment, leave))
}

/// Leave to read, which everybody has whom we know.
pub(super) fn reader(live: &Live, call: &Call<'_>) -> Result<Authorised, Answer> {
    may_read(live, &call.actor).map_err(|denied| Answer::whisper(words::refusal::denied(&denied)))
}

/// The same for whoever is no caller.
pub(in crate::bot) fn may_read(live: &Live, actor: &Actor) -> Result<Authorised, Denied> {
    authorize(&live.settings.people, actor, Right::Read, &Subject::default(), &Rights::none())
}

/// This order as a cause. The card stands in the app's channels, and where it was asked for.
pub(super) fn cause<'a>(app: &App, order: &Order<'_>, leave: &'a Authorised) -> Cause<'a> {
    let mut places = app.channels.clone();
    let here = order.call.delivery.place.channel();
    if !places.contains(&here) {
        places.push(here);
    }
    Cause { asker: Asker::Person(leave), origin: format!("{}:0", order.call.delivery.key), places }
}

impl Bot {
    /// The release that a person means: its number, with or without `#`.
    pub(super) fn release_number(text: &str) -> Option<i64> {
        text.trim_start_matches('#').parse().ok()
    }
}
