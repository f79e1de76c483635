//! From an outbox row to the card as history has it now.

use serde::Deserialize;
use serde_json::Value;

use super::{Bot, attach::File, failure, sequel, trouble::Told, view};
use crate::{
    chat::ChatAdapter,
    clock,
    engine::{Asked, Live},
    gate::{Gate, Shown},
    id::{Account, AppName, ExecutionId, GateId, LinkId, MessageRef, Place},
    identity::Person,
    message::{
        Block, Card, USUAL,
        notify::{News, Wants},
        words::{
            self,
            execution::{Called, Commit, Whom},
        },
    },
    store::{execution::Execution, incident::incident_subject, notify::Whose, outbox::Letter},
};

/// People mentioned in an author's place.
const FALLBACK_MAX: usize = 5;
/// People whom a reminder rings.
const RUNG_MAX: usize = 5;

/// A message as it should stand.
pub(super) struct Drawn {
    pub(super) card: Card,
    /// Only this person sees it.
    pub(super) to: Option<Account>,
    /// People may answer with reactions.
    pub(super) offers_marks: bool,
    /// A question that nobody has decided, with the seal that is asked about.
    pub(super) asks: bool,
    pub(super) stands: Stands,
    /// To be shown once in its thread.
    pub(super) files: Vec<File>,
}

/// Where a message stands that is posted anew.
pub(super) enum Stands {
    /// In the letter's own place.
    There,
    /// In the thread of this one.
    Below(MessageRef),
    /// In the thread of one that is not posted yet.
    NotYet,
}

impl Drawn {
    pub(super) fn of(card: Card) -> Self {
        Self { card, to: None, offers_marks: false, asks: false, stands: Stands::There, files: Vec::new() }
    }
}

/// What a row's body says.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Card(ExecutionId),
    Sequel(ExecutionId),
    Gate { id: GateId, seal_number: u32 },
    Reminder { id: GateId },
    Say { card: Card, to: Option<Account> },
    Inquiry(ExecutionId),
    Code(LinkId),
    Incident { root: ExecutionId, visit: ExecutionId, app: AppName, first_at: i64 },
    Recovered { root: ExecutionId, app: AppName, first_at: i64 },
    Trouble(Told),
}

/// Draws a letter; `None` if there is nothing to say any more.
pub(super) async fn draw(bot: &Bot, letter: &Letter<Value>) -> anyhow::Result<Option<Drawn>> {
    let body: Body = serde_json::from_value(letter.body.clone())?;
    if !is_wanted(bot, letter, &body).await? {
        return Ok(None);
    }
    let drawn = draw_body(bot, letter, body).await?;
    let spoken = |it: Drawn| match bot.adapter(letter.place.platform) {
        Some(adapter) => Drawn { card: bot.spoken(adapter.as_ref(), it.card), ..it },
        None => it,
    };
    Ok(drawn.map(spoken))
}

async fn draw_body(bot: &Bot, letter: &Letter<Value>, body: Body) -> anyhow::Result<Option<Drawn>> {
    Ok(match body {
        Body::Card(root) => Some(Drawn::of(words::execution::card(&view::execution(bot, root).await?))),
        Body::Sequel(root) => sequel::draw(bot, letter, root).await?,
        Body::Gate { id, seal_number } => Some(gate(bot, &letter.place, id, seal_number).await?),
        Body::Reminder { id } => reminder(bot, &letter.place, id).await?,
        Body::Say { card, to } => Some(Drawn { to, ..Drawn::of(card) }),
        Body::Inquiry(id) => Some(Drawn::of(words::inquiry::card(&view::inquiry(bot, id).await?))),
        Body::Code(id) => Some(Drawn::of(code(bot, id).await?)),
        Body::Incident { root, visit, app, first_at } => {
            incident(bot, &letter.place, root, visit, &app, first_at).await?
        }
        Body::Recovered { root, app, first_at } => {
            recovered(bot, &letter.place, root, &app, first_at).await?
        }
        Body::Trouble(told) => told.draw(letter.message.is_some()).map(Drawn::of),
    })
}

/// Whether its channel wants to be told. What stands there already is kept up: an edit rings nobody.
async fn is_wanted(bot: &Bot, letter: &Letter<Value>, body: &Body) -> anyhow::Result<bool> {
    if letter.message.is_some() {
        return Ok(true);
    }
    let store = bot.engine().store();
    let wants = store.wants(&Whose::Channel(letter.place.channel())).await?;
    if wants == Wants::All {
        return Ok(true);
    }
    Ok(match body {
        // Answers, and questions; what follows a card stands where the card does; and whoever names a fallback channel
        // wants to know.
        Body::Gate { .. }
        | Body::Reminder { .. }
        | Body::Say { .. }
        | Body::Inquiry(_)
        | Body::Code(_)
        | Body::Sequel(_)
        | Body::Trouble(_) => true,
        Body::Incident { .. } => wants.tells(News::Failure),
        Body::Recovered { .. } => wants.tells(News::Recovery),
        Body::Card(root) => {
            let root = store.load_execution(*root).await?;
            let asked_for = root.context.contains_key("asker");
            let news = if failure::is_failed_itself(&root) { News::Failure } else { News::Progress };
            asked_for || wants.tells(news)
        }
    })
}

/// The words of a code, while it can be said; after a restart nobody knows them.
async fn code(bot: &Bot, id: LinkId) -> anyhow::Result<Card> {
    let (offer, prefix) = (bot.engine().store().load_offer(id).await?, bot.0.parts.prefix.as_str());
    let code = bot.0.codes.find(id).filter(|_| offer.is_open(bot.engine().clock().now()));
    Ok(match code {
        Some(code) => words::link::code(prefix, offer.person.as_str(), &code.expose()),
        None => words::link::code_gone(prefix),
    })
}

async fn gate(bot: &Bot, place: &Place, id: GateId, seal_number: u32) -> anyhow::Result<Drawn> {
    let asked: Asked = bot.engine().store().load_gate::<Asked>(id).await?.body;
    let asks = asked.gate.decision.is_none() && asked.gate.seal_number == seal_number;
    let mut view = view::gate(bot, &asked, seal_number).await?;
    let shows_all = bot.shows(&asked, &words::gate::card(&view)) == Shown::Whole;
    view.marks &= bot.adapter(place.platform).is_some_and(|it| it.hears_marks());
    // Not the seal: whoever may have to look it up finds it in the whole plan only.
    let name = format!("{}-{}.png", view.number, view.seal_number);
    let offers_marks =
        asked.gate.decision.is_none() && view.marks && !view::needs_reason(&asked.gate) && shows_all;
    let card = words::gate::card(&view);
    let files = charts(&card, &name);
    Ok(Drawn { offers_marks, asks, files, ..Drawn::of(card) })
}

/// The charts of a card as pictures.
fn charts(card: &Card, name: &str) -> Vec<File> {
    let chart = |block: &Block| match block {
        Block::Chart { svg, alt, .. } => {
            Some(File::Chart { name: name.to_owned(), svg: svg.clone(), alt: alt.clone() })
        }
        Block::Text(_) | Block::Lines(_) | Block::Fields(_) | Block::Code(_) => None,
    };
    card.blocks.iter().filter_map(chart).collect()
}

impl Bot {
    /// Whether the gate's message as it is now can show everything wherever it stands.
    pub(super) async fn shown(&self, asked: &Asked) -> anyhow::Result<Shown> {
        let view = view::gate(self, asked, asked.gate.seal_number).await?;
        Ok(self.shows(asked, &words::gate::card(&view)))
    }

    fn shows(&self, asked: &Asked, card: &Card) -> Shown {
        let mut adapters = asked.places.iter().filter_map(|it| self.adapter(it.platform));
        let shows_all = |it: &dyn ChatAdapter| it.shows_all(&self.spoken(it, card.clone()));
        if adapters.all(|it| shows_all(it.as_ref())) { Shown::Whole } else { Shown::Partly }
    }

    /// The card with its commands as people can say them on this platform.
    fn spoken(&self, adapter: &dyn ChatAdapter, card: Card) -> Card {
        match adapter.command_lead() {
            Some(lead) => card.commands_as(&[USUAL, &self.0.parts.prefix], lead),
            None => self.spelled(card),
        }
    }

    /// The card with its commands as people can say them where messages are told of.
    pub(super) fn spelled(&self, card: Card) -> Card {
        card.commands_as(&[USUAL], &self.0.parts.prefix)
    }

    /// The question about a release that waits for an answer, whole.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open_question(&self, root: &Execution) -> anyhow::Result<Option<Card>> {
        let Some(number) = root.context.get("number").and_then(Value::as_i64) else { return Ok(None) };
        let gates = self.engine().store().gates_of::<Asked>(number).await?;
        let Some(row) = gates.into_iter().find(|it| it.decided_at.is_none()) else { return Ok(None) };
        let view = view::gate(self, &row.body, row.body.gate.seal_number).await?;
        Ok(Some(words::gate::card(&view)))
    }
}

async fn reminder(bot: &Bot, place: &Place, id: GateId) -> anyhow::Result<Option<Drawn>> {
    let row = bot.engine().store().load_gate::<Asked>(id).await?;
    let gate: &Gate = &row.body.gate;
    if gate.decision.is_some() {
        return Ok(None);
    }
    let left = clock::between(bot.engine().clock().now(), gate.deadline);
    let missing = bot.engine().missing(gate);
    let mut rung = Vec::new();
    let people = &bot.engine().live().settings.people;
    let awaited = gate.awaited(&gate.electorate(people));
    for person in people.iter().filter(|it| awaited.contains(&it.name)) {
        let account = person.accounts.iter().find(|it| is_of(it, place));
        if let (Some(account), true) = (account, is_rung(bot, person).await?) {
            rung.push(account.clone());
        }
    }
    rung.truncate(RUNG_MAX);
    let what = (row.number, row.app.as_str(), row.environment.as_str());
    Ok(Some(Drawn::of(words::gate::reminder(what, &missing, left, rung))))
}

/// Only an account of this very place can be rung here.
fn is_of(account: &Account, place: &Place) -> bool {
    account.platform == place.platform && account.workspace == place.workspace
}

async fn is_rung(bot: &Bot, person: &Person) -> anyhow::Result<bool> {
    let wants = bot.engine().store().wants(&Whose::Person(person.name.clone())).await?;
    // Whoever is rung at all is rung for failures.
    Ok(wants.tells(News::Failure))
}

async fn incident(
    bot: &Bot,
    place: &Place,
    root: ExecutionId,
    visit: ExecutionId,
    app: &AppName,
    first_at: i64,
) -> anyhow::Result<Option<Drawn>> {
    let store = bot.engine().store();
    let Some(incident) = store.find_incident(app, first_at).await? else { return Ok(None) };
    let root = store.load_execution(root).await?;
    let visit = store.load_execution(visit).await?;
    let commit = head(&root);
    let live = bot.engine().live();
    let people = &live.settings.people;
    let login = || root.context.get("author").and_then(Value::as_str).and_then(|it| people.by_login(it));
    let author = people.by_email(&commit.email).or_else(login);
    let here = |it: &&Account| is_of(it, place);
    let whom = match author.and_then(|it| Some((it, it.accounts.iter().find(here)?))) {
        Some((author, account)) => Whom::Author(called(bot, author, account).await?),
        None => {
            let mut all = Vec::new();
            for (person, account) in fallback(&live, app, here) {
                all.push(called(bot, person, account).await?);
            }
            Whom::Fallback(all)
        }
    };
    let card =
        words::execution::build_failed(app.as_str(), &commit, whom, &failure::of(&visit), incident.times);
    Ok(Some(Drawn::of(card)))
}

/// Accounts of the people whom the app names for when nobody knows an author.
fn fallback<'l>(
    live: &'l Live,
    app: &AppName,
    here: impl Fn(&&Account) -> bool,
) -> Vec<(&'l Person, &'l Account)> {
    let groups = live.settings.app(app).map(|it| it.fallback.as_slice()).unwrap_or_default();
    let people = live.settings.people.iter().filter(|it| it.is_in_any(groups));
    people.filter_map(|it| Some((it, it.accounts.iter().find(&here)?))).take(FALLBACK_MAX).collect()
}

/// Rung, unless they want to be named alone.
pub(super) async fn called(bot: &Bot, person: &Person, account: &Account) -> anyhow::Result<Called> {
    let rings = is_rung(bot, person).await?;
    Ok(if rings { Called::Rung(account.clone()) } else { Called::Named(person.name.clone()) })
}

/// Said only where the failure was: who was told of none would wonder what was broken.
async fn recovered(
    bot: &Bot,
    place: &Place,
    root: ExecutionId,
    app: &AppName,
    first_at: i64,
) -> anyhow::Result<Option<Drawn>> {
    let store = bot.engine().store();
    if !store.is_told(&incident_subject(app, first_at), place).await? {
        return Ok(None);
    }
    let Some(incident) = store.find_incident(app, first_at).await? else { return Ok(None) };
    let root = store.load_execution(root).await?;
    let ended = incident.ended_at.unwrap_or(incident.first_at);
    let broken_for = clock::between(incident.first_at, ended);
    Ok(Some(Drawn::of(words::execution::build_recovered(app.as_str(), &head(&root), broken_for))))
}

/// The commit that an execution is about.
fn head(root: &Execution) -> Commit {
    let commits: Vec<Commit> = root
        .context
        .get("commits")
        .and_then(|it| serde_json::from_value(it.clone()).ok())
        .unwrap_or_default();
    commits.into_iter().next().unwrap_or(Commit {
        sha: String::new(),
        subject: "unknown".to_owned(),
        author: "somebody".to_owned(),
        email: String::new(),
    })
}
