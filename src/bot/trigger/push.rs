//! A push to the branch that an app is built from: a build, or a release as far as its gate.

use std::time::Duration;

use serde_json::json;

use crate::{
    bot::{
        Bot,
        inbox::{TRIES_EVENT, TRIES_SAID},
        release::{Asker, Cause},
    },
    clock,
    content::App,
    engine::Live,
    id::{CommitSha, InboxId, Place},
    message::{Card, notify::News, words},
    runner::git::GitError,
    sensor::webhook::{Delivery, Push, same_repository},
    store::{
        Change,
        inbox::Waiting,
        notify::Whose,
        outbox::{Priority, Wanted},
    },
};

/// Commits that a card lists at most.
const COMMITS_MAX: usize = 50;

/// Why an app's part of a push did not start.
enum Stopped {
    /// Worth another try, for a long time: something is away.
    Passing(anyhow::Error),
    /// Worth a few more tries: the repository answers, and may only be behind its own webhook.
    Missing(String),
    /// The same next time.
    Lasting(String),
}

impl<E: Into<anyhow::Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Passing(error.into())
    }
}

/// Starts what each app that is built from this branch wants. One event can start several executions, each under a
/// key of its own, so a second try starts only what the first did not.
pub(super) async fn pushed(bot: &Bot, waiting: &Waiting) -> anyhow::Result<()> {
    let delivery: Delivery = match serde_json::from_value(waiting.body.clone()) {
        Ok(delivery) => delivery,
        Err(error) => {
            tracing::error!(delivery = %waiting.id, %error, "a stored push cannot be read; it is put away");
            return put_away(bot, waiting.id, Vec::new()).await;
        }
    };
    let live = bot.engine().live();
    let push = &delivery.push;
    let Some((branch, commit)) = push.branch() else { return put_away(bot, waiting.id, Vec::new()).await };
    let (mut told, mut again) = (Vec::new(), None);
    for (ordinal, app) in built_from(&live, push, branch).enumerate() {
        let origin = format!("{}:{ordinal}", delivery.id.key());
        let Err(stopped) = start(bot, &live, app, push, commit, origin).await else { continue };
        let (why, most) = match stopped {
            Stopped::Passing(error) => (chain(&error), TRIES_EVENT),
            Stopped::Missing(why) => (why, TRIES_SAID),
            Stopped::Lasting(why) => (why, 1),
        };
        let tries = waiting.tries + 1;
        if tries < most {
            again = Some(anyhow::anyhow!(why));
            continue;
        }
        let tried = (tries, clock::between(waiting.received_at, bot.engine().clock().now()));
        let places = listening(bot, app).await?;
        told.extend(tell(waiting.id, app, &places, push, commit, &why, tried));
    }
    match again {
        Some(error) => Err(error),
        None => put_away(bot, waiting.id, told).await,
    }
}

fn built_from<'l>(live: &'l Live, push: &Push, branch: &str) -> impl Iterator<Item = &'l App> {
    let ours = |app: &App| push.addresses.iter().any(|it| same_repository(it, &app.repository.url));
    live.settings.apps.values().filter(move |app| app.repository.branch == branch && ours(app))
}

async fn start(
    bot: &Bot,
    live: &Live,
    app: &App,
    push: &Push,
    commit: &CommitSha,
    origin: String,
) -> Result<(), Stopped> {
    if bot.engine().store().find_execution_of(&origin).await?.is_some() {
        return Ok(());
    }
    let repositories = &bot.0.parts.repositories;
    match repositories.resolve(&app.repository, commit.as_str()).await {
        Ok(found) if found == *commit => {}
        Ok(_) | Err(GitError::Unknown { .. }) => {
            return Err(Stopped::Missing(words::execution::commit_gone(&app.repository.url)));
        }
        Err(error @ (GitError::Unreachable { .. } | GitError::Remote { .. } | GitError::NoGit(_))) => {
            return Err(error.into());
        }
    }
    let asker = Asker::Push { push, people: &live.settings.people };
    let cause = Cause { asker, origin, places: app.channels.clone() };
    if !app.canary.automatic {
        let commits = commits(bot, app, push, commit).await;
        return Ok(bot.build(app, commit, &commits, cause).await?);
    }
    // As `deploy APP canary` says it: every stage before it is the canary's own.
    let environment = &app.canary.environment;
    let branch = app.repository.branch.clone();
    let ready = match bot.prepare(live, app, environment, commit.clone(), branch).await? {
        Ok(ready) => ready,
        Err(answer) => return Err(Stopped::Lasting(words_of(answer.card))),
    };
    if let Err(error) = &ready.authors {
        return Err(Stopped::Passing(anyhow::anyhow!(error.to_string())));
    }
    Ok(bot.release(ready, cause, Vec::new()).await?)
}

/// What the push brought, newest first, as the repository itself tells it.
async fn commits(bot: &Bot, app: &App, push: &Push, commit: &CommitSha) -> Vec<words::execution::Commit> {
    let repositories = &bot.0.parts.repositories;
    // What the branch was at may be gone after a forced push.
    let since = push.before.as_ref();
    let brought = repositories.log(&app.repository, since, commit, COMMITS_MAX).await.unwrap_or_default();
    if !brought.is_empty() {
        return brought;
    }
    repositories.log(&app.repository, None, commit, COMMITS_MAX).await.unwrap_or_default()
}

async fn put_away(bot: &Bot, id: InboxId, mut changes: Vec<Change>) -> anyhow::Result<()> {
    changes.push(Change::Done(id));
    Ok(bot.engine().commit(changes).await?)
}

/// Letters to the app's channels.
fn tell(
    id: InboxId,
    app: &App,
    places: &[Place],
    push: &Push,
    commit: &CommitSha,
    why: &str,
    tried: (i64, Duration),
) -> Vec<Change> {
    let pusher = push.pusher.as_deref().unwrap_or("somebody");
    let card = words::execution::push_stopped(app.app.as_str(), commit.as_str(), pusher, why, tried);
    let letter = |place: &Place| {
        Change::Want(Box::new(Wanted {
            subject: format!("push:{id}:{}", app.app),
            place: place.clone(),
            body: json!({ "say": { "card": card, "to": null } }),
            priority: Priority::Soon,
        }))
    };
    places.iter().map(letter).collect()
}

/// The app's channels that want to hear of failures.
async fn listening(bot: &Bot, app: &App) -> anyhow::Result<Vec<Place>> {
    let mut places = Vec::new();
    for place in &app.channels {
        let wants = bot.engine().store().wants(&Whose::Channel(place.channel())).await?;
        if wants.tells(News::Failure) {
            places.push(place.clone());
        }
    }
    Ok(places)
}

/// An error with its causes, in one line.
fn chain(error: &anyhow::Error) -> String {
    format!("{error:#}").trim_end_matches('.').to_owned()
}

fn words_of(card: Option<Box<Card>>) -> String {
    card.map(|it| it.to_string()).unwrap_or_default().trim_end_matches('.').to_owned()
}
