//! What adapters ask while somebody is still at it: before a press counts, and while a command is typed.

use std::time::Duration;

use async_trait::async_trait;

use super::{Bot, command, secret, view};
use crate::{
    alias,
    chat::{ChatError, Choice, Guide, GuideError, Typed},
    content::{App, native_aliases},
    engine::{Asked, Live},
    id::{Account, AppName, ExecutionId},
    identity::{Actor, Standing},
    message::{Card, Confirm, PressedAct, PressedVote, words},
    store::StoreError,
};

/// Platforms show no more.
const MOST: usize = 25;

#[async_trait]
impl Guide for Bot {
    async fn confirmation(&self, act: &str) -> Result<Option<Confirm>, GuideError> {
        let asked = match PressedAct::decode(act) {
            Some(PressedAct::Vote(vote)) => self.question(&vote).await,
            Some(PressedAct::Stop(root)) => self.running(root).await,
            None => return Ok(None),
        };
        let card = asked.map_err(|error| GuideError { why: error.to_string() })?;
        // The buttons of an older seal, or of what has ended, are not among these: the press says why.
        let buttons = card.map(|it| it.buttons).unwrap_or_default();
        Ok(buttons.into_iter().find(|it| it.act.encode() == act).and_then(|it| it.confirm))
    }

    fn phrase(&self, typed: &Typed) -> Option<String> {
        let index = self.index(&self.engine().live());
        let alias = native_aliases(index.aliases()).into_iter().find(|it| it.name == typed.command)?;
        alias::phrase(&index, self.0.parts.reading, alias, &typed.values)
    }

    async fn shown(&self, words: &str) -> String {
        secret::shown(self, words).await
    }

    async fn choices(&self, typed: &Typed, option: &str, so_far: &str, who: &Actor) -> Vec<Choice> {
        let live = self.engine().live();
        let known = Actor { standing: self.standing_of(who).await, account: who.account.clone() };
        if command::may_read(&live, &known).is_err() {
            return Vec::new();
        }
        let app = typed.values.iter().find(|(name, _)| name == "app").map(|(_, it)| AppName::new(it));
        let app = app.and_then(|it| live.settings.app(&it).cloned());
        let found = match option {
            "app" => apps(&live),
            "release" => self.releases(&live).await,
            "stage" | "environment" => stages(&live, app.as_ref()),
            "version" => self.versions(app.as_ref()).await,
            _ => Vec::new(),
        };
        fitting(found, so_far)
    }
}

impl Bot {
    /// A gate's question as it is asked now; none if it is another installation's.
    async fn question(&self, vote: &PressedVote) -> anyhow::Result<Option<Card>> {
        let row = match self.engine().store().load_gate::<Asked>(vote.gate).await {
            Ok(row) => row,
            Err(StoreError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let view = view::gate(self, &row.body, row.body.gate.seal_number).await?;
        Ok(Some(words::gate::card(&view)))
    }

    /// An execution's card; the same.
    async fn running(&self, root: ExecutionId) -> anyhow::Result<Option<Card>> {
        if self.engine().store().find_execution(root).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(words::execution::card(&view::execution(self, root).await?)))
    }

    /// What the platform says of an account, asked if its event did not say. A linked account is worth no more than
    /// the one that it is linked to: who was sent away there is gone here too.
    pub(super) async fn standing_of(&self, who: &Actor) -> Standing {
        self.standing_now(who).await.unwrap_or(Standing::Unresolved)
    }

    /// The same; after how long the platform may be asked again, if it wants to be asked less often.
    pub(super) async fn standing_now(&self, who: &Actor) -> Result<Standing, Duration> {
        let own = match who.standing {
            Standing::Unresolved => self.ask_standing(&who.account).await?,
            Standing::Member
            | Standing::Guest
            | Standing::External
            | Standing::Bot
            | Standing::Webhook
            | Standing::Deactivated => who.standing,
        };
        let live = self.engine().live();
        match live.settings.people.link_of(&who.account) {
            Some(link) if own.may_act() => self.ask_standing(&link.listed).await,
            Some(_) | None => Ok(own),
        }
    }

    async fn ask_standing(&self, account: &Account) -> Result<Standing, Duration> {
        let Some(adapter) = self.adapter(account.platform) else { return Ok(Standing::Unresolved) };
        match adapter.standing(account).await {
            Ok((standing, _)) => Ok(standing),
            Err(ChatError::RateLimited { retry_after }) => Err(retry_after),
            Err(
                ChatError::Unreachable { .. }
                | ChatError::Unclear { .. }
                | ChatError::Gone
                | ChatError::Refused { .. }
                | ChatError::Broken { .. },
            ) => Ok(Standing::Unresolved),
        }
    }

    /// What waits for an answer, then the apps.
    async fn releases(&self, live: &Live) -> Vec<Choice> {
        let open = self.engine().open_gates().await.unwrap_or_default();
        let waiting = open.iter().map(|it| Choice {
            label: words::overview::choice(it.number, it.app.as_str(), it.environment.as_str()),
            value: it.number.to_string(),
        });
        waiting.chain(apps(live)).collect()
    }

    /// The branch, then what was released before, newest first.
    async fn versions(&self, app: Option<&App>) -> Vec<Choice> {
        let Some(app) = app else { return Vec::new() };
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let rows = self.engine().store().releases(&app.app, most).await.unwrap_or_default();
        let released = rows.iter().filter(|it| it.commit.is_known()).map(|it| Choice {
            label: words::overview::choice(it.number, app.app.as_str(), it.commit.short()),
            value: it.commit.to_string(),
        });
        let mut found = vec![same(&app.repository.branch)];
        for it in released {
            if found.iter().all(|known| known.value != it.value) {
                found.push(it);
            }
        }
        found
    }
}

fn same(text: &str) -> Choice {
    Choice { label: text.to_owned(), value: text.to_owned() }
}

fn apps(live: &Live) -> Vec<Choice> {
    live.settings.apps.keys().map(|it| same(it.as_str())).collect()
}

/// Where this app may go; where any may, if nobody has said which.
fn stages(live: &Live, app: Option<&App>) -> Vec<Choice> {
    let all = live.settings.apps.values().filter(|it| app.is_none_or(|app| app.app == it.app));
    let mut names: Vec<String> = Vec::new();
    for it in all {
        let environments = it.environments.keys().map(ToString::to_string);
        names.extend(std::iter::once(it.canary.role.to_string()).chain(environments));
    }
    names.sort_unstable();
    names.dedup();
    names.iter().map(|it| same(it)).collect()
}

/// Those that hold what was typed, those that begin with it first.
fn fitting(all: Vec<Choice>, so_far: &str) -> Vec<Choice> {
    let wanted = so_far.trim().to_lowercase();
    let text = |it: &Choice| (it.value.to_lowercase(), it.label.to_lowercase());
    let mut found: Vec<Choice> = all
        .into_iter()
        .filter(|it| {
            let (value, label) = text(it);
            value.contains(&wanted) || label.contains(&wanted)
        })
        .collect();
    found.sort_by_key(|it| !text(it).0.starts_with(&wanted));
    found.truncate(MOST);
    found
}
