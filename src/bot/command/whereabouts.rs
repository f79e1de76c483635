//! `where [APP]`: app × environment × host × version × who × since, as last confirmed.

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    message::words::{self, overview::Whereabouts},
    store::deployment::Deployment,
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    if let Err(answer) = subject::reader(&live, order.call) {
        return Ok(answer);
    }
    let app = match order.text("app").map(|it| subject::app(&live, it)) {
        Some(Err(answer)) => return Ok(answer),
        Some(Ok(app)) => Some(app.app.clone()),
        None => None,
    };
    let mut rows = Vec::new();
    for it in bot.engine().store().deployments(app.as_ref()).await? {
        rows.push(row(bot, it).await?);
    }
    Ok(Answer::say(words::overview::whereabouts(&rows)))
}

async fn row(bot: &Bot, it: Deployment) -> anyhow::Result<Whereabouts> {
    let release = match it.release {
        Some(release) => bot.engine().store().find_release(release).await?,
        None => None,
    };
    let version = match (&it.digest, release) {
        (None, _) => "unknown".to_owned(),
        (Some(_), Some(release)) => format!("#{} {}", release.number, release.commit.short()),
        (Some(digest), None) => format!("sha256:{}", digest.short()),
    };
    Ok(Whereabouts {
        app: it.app.to_string(),
        environment: it.environment.to_string(),
        host: it.host.to_string(),
        version,
        since: it.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        by: it.person.map_or_else(|| "-".to_owned(), |it| it.to_string()),
    })
}
