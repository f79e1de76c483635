//! `where [APP]`: app × environment × host × version × who × since, as last confirmed. The inventory says which hosts there
//! are; a host that was never confirmed, or that the inventory no longer has, is said as such.

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    content::{App, Environments},
    id::{EnvironmentName, HostName},
    message::words::{
        self,
        overview::{Runs, Whereabouts},
    },
    store::deployment::Deployment,
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    if let Err(answer) = subject::reader(&live, order.call) {
        return Ok(answer);
    }
    let apps: Vec<&App> = match order.text("app").map(|it| subject::app(&live, it)) {
        Some(Err(answer)) => return Ok(answer),
        Some(Ok(app)) => vec![app],
        None => live.settings.apps.values().collect(),
    };
    let mut rows = Vec::new();
    for app in apps {
        let confirmed = bot.engine().store().deployments(Some(&app.app)).await?;
        for (environment, host) in places(app, &live.settings.environments, &confirmed) {
            let row = confirmed.iter().find(|it| it.environment == environment && it.host == host);
            let listed = live.settings.environments.host(&host).is_some();
            rows.push(whereabouts(bot, app, (environment, host), row, listed).await?);
        }
    }
    Ok(Answer::say(words::overview::whereabouts(&rows)))
}

/// The app's hosts of every environment, canary first, then those that were confirmed and are listed no more.
fn places(
    app: &App,
    environments: &Environments,
    confirmed: &[Deployment],
) -> Vec<(EnvironmentName, HostName)> {
    let mut places: Vec<(EnvironmentName, HostName)> = Vec::new();
    for environment in app.environments.keys() {
        let canary = Some(&app.canary.role).filter(|_| app.canary.environment == *environment);
        let roles = canary.into_iter().chain([&app.rollout.role]);
        let hosts = roles.flat_map(|role| environments.hosts_of(environment, role));
        places.extend(hosts.map(|host| (environment.clone(), host.clone())));
    }
    places.extend(confirmed.iter().map(|it| (it.environment.clone(), it.host.clone())));
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|it| seen.insert(it.clone()));
    places
}

async fn whereabouts(
    bot: &Bot,
    app: &App,
    (environment, host): (EnvironmentName, HostName),
    row: Option<&Deployment>,
    listed: bool,
) -> anyhow::Result<Whereabouts> {
    let release = match row.and_then(|it| it.release) {
        Some(release) => bot.engine().store().find_release(release).await?,
        None => None,
    };
    let runs = match (row.map(|it| it.digest.as_ref()), &release) {
        (None, _) => Runs::NotRecorded,
        (Some(None), _) => Runs::Unknown,
        (Some(Some(_)), Some(release)) => Runs::Release(release.number, release.commit.short().to_owned()),
        (Some(Some(digest)), None) => Runs::Artifact(digest.short().to_owned()),
    };
    Ok(Whereabouts {
        app: app.app.to_string(),
        environment: environment.to_string(),
        host: host.to_string(),
        runs,
        listed,
        since: row.map(|it| it.at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        by: row.and_then(|it| it.person.as_ref()).map(ToString::to_string),
    })
}
