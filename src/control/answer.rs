//! One request to its end.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use uuid::Uuid;

use super::{
    Served, Stale,
    desk::{self, Caller, Desk},
    door::{CALLS_OF_ONE_MAX, Door},
    key::Keys,
    peer, tail,
    wire::{ActionRow, ExecutionRow, KeyRequest, REQUEST_MAX, Reply, Request},
};
use crate::{
    bot::{Bot, LineOrder},
    clock,
    engine::rule_of,
    id::{Account, ActionRef, ExecutionId, MessageId, Place},
    identity::Standing,
    message::{Card, Delivery, Incoming, Said, words},
    store::execution::Execution,
};

/// How long a caller may take to say what they want.
const ASK: Duration = Duration::from_secs(10);
/// How long an answer may take before the caller is told that it comes later.
const ANSWER: Duration = Duration::from_secs(30);
/// Between two looks whether something has ended.
const LOOK: Duration = Duration::from_millis(100);
/// How long the last edit of a card is waited for after its execution ended.
const LAST_EDIT: Duration = Duration::from_secs(2);
/// Most executions listed.
const MOST: u32 = 1_000;

/// The way back to the caller.
pub(super) struct Line(OwnedWriteHalf);

impl Line {
    pub(super) async fn tell(&mut self, reply: &Reply) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        Ok(self.0.write_all(&line).await?)
    }

    async fn refuse(&mut self, card: Card) -> anyhow::Result<()> {
        self.tell(&Reply::Refused { card }).await
    }
}

/// Answers one caller. Whatever goes wrong on the way is logged; the caller sees the line end.
pub(super) async fn answer(served: &Served, door: &Door, stream: UnixStream) {
    if let Err(error) = converse(served, door, stream).await {
        tracing::warn!(error = format!("{error:#}"), "a call from the command line was not answered");
    }
}

async fn converse(served: &Served, door: &Door, stream: UnixStream) -> anyhow::Result<()> {
    let (bot, desk) = (&served.bot, served.desk.as_deref());
    let account = peer::account(&stream).await?;
    let is_operator = peer::is_operator(&stream)?;
    let (mut read, write) = stream.into_split();
    let mut line = Line(write);
    let Some(_inside) = door.enter(&account.user).await else {
        line.refuse(words::line::too_many_calls(CALLS_OF_ONE_MAX)).await?;
        return line.tell(&Reply::Done).await;
    };
    let request = match timeout(ASK, request(&mut read)).await? {
        Ok(request) => request,
        Err(error) => {
            line.refuse(words::line::not_understood(&error.to_string())).await?;
            return line.tell(&Reply::Done).await;
        }
    };
    // Everybody may hear whom they are taken for; nothing else is for those we do not know, but for whoever runs the bot.
    let is_open = request == Request::Hello || (is_operator && matches!(request, Request::Keys(_)));
    if !is_open && bot.engine().live().settings.people.find(&account).is_none() {
        line.refuse(words::line::stranger(account.user.as_str())).await?;
        return line.tell(&Reply::Done).await;
    }
    let desk_call = desk.map(Desk::open);
    let place = desk_call.as_ref().map_or_else(desk::place, |it| it.place.clone());
    let by = delivery(account, place);
    let mut asking = Asking { bot, by, is_operator, call: desk_call, line, stale: &served.stale };
    let mut end = [0];
    tokio::select! {
        done = asking.serve(request) => if let Err(error) = done {
            let why = format!("{error:#}");
            tracing::warn!(why, "a call from the command line was not answered in full");
            asking.line.refuse(words::line::went_wrong(&why)).await?;
        },
        // Nobody reads on: the caller left. What was asked for goes on.
        _ = read.read(&mut end) => return Ok(()),
    }
    asking.line.tell(&Reply::Done).await
}

async fn request(read: &mut OwnedReadHalf) -> anyhow::Result<Request> {
    let mut line = Vec::new();
    BufReader::new(read).take(REQUEST_MAX).read_until(b'\n', &mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}

/// Who asks, in the words of chat.
fn delivery(account: Account, place: Place) -> Delivery {
    let id = Uuid::now_v7().to_string();
    Delivery {
        key: format!("terminal:call:{id}"),
        display: account.user.to_string(),
        account,
        standing: Standing::Member,
        place,
        at: None,
        incoming: Incoming::Said(Said {
            text: String::new(),
            addressed: true,
            direct: false,
            message: MessageId::new(id),
        }),
    }
}

struct Asking<'b> {
    bot: &'b Bot,
    by: Delivery,
    is_operator: bool,
    call: Option<Caller<'b>>,
    line: Line,
    stale: &'b Stale,
}

impl Asking<'_> {
    async fn serve(&mut self, request: Request) -> anyhow::Result<()> {
        match request {
            Request::Hello => self.hello().await,
            Request::Say { text, wait } => self.say(text, wait).await,
            Request::Executions { most } => self.executions(most).await,
            Request::Execution { id } => self.execution(&id).await,
            Request::Tail { id, follow } => self.tail(&id, follow).await,
            Request::Cancel { id } => self.order(LineOrder::Cancel { id }, false).await,
            Request::Pause { id } => self.order(LineOrder::Pause { id }, false).await,
            Request::Resume { id } => self.order(LineOrder::Resume { id }, false).await,
            Request::Rerun { id, tasks, no_reset, wait } => {
                self.order(LineOrder::Rerun { id, tasks, no_reset }, wait).await
            }
            Request::Vote { number, approve, seal, reason } => {
                self.order(LineOrder::Vote { number, approve, seal, reason }, false).await
            }
            Request::Actions => self.actions().await,
            Request::Action { reference } => self.action(&reference).await,
            Request::RunAction { reference, parameters, wait } => {
                self.order(LineOrder::RunAction { action: reference, parameters }, wait).await
            }
            Request::Keys(request) => self.keys(request).await,
        }
    }

    async fn keys(&mut self, request: KeyRequest) -> anyhow::Result<()> {
        let engine = self.bot.engine();
        let (asker, writers) = (self.bot.asker(&self.by, self.is_operator), self.bot.writers());
        let keys = Keys { keys: engine.keys(), asker: &asker, writers, now: engine.clock().now() };
        for reply in keys.answer(request).await {
            self.line.tell(&reply).await?;
        }
        Ok(())
    }

    async fn hello(&mut self) -> anyhow::Result<()> {
        let live = self.bot.engine().live();
        let person = live.settings.people.find(&self.by.account).map(|it| it.name.to_string());
        let reply = Reply::Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            user: self.by.account.user.to_string(),
            person,
            stale: (self.stale)(),
        };
        self.line.tell(&reply).await
    }

    /// Through the inbox, as everything that is said; the answer comes through the outbox.
    async fn say(&mut self, text: String, wait: bool) -> anyhow::Result<()> {
        if self.call.is_none() {
            return self.line.refuse(words::line::say_it_there()).await;
        }
        if let Incoming::Said(said) = &mut self.by.incoming {
            said.text = text;
        }
        if let Err(error) = self.bot.intake().accept(self.by.clone()).await {
            tracing::warn!(%error, "a command could not be recorded");
            return self.line.refuse(words::line::not_recorded(&error.why)).await;
        }
        if timeout(ANSWER, self.show_next()).await.is_err() {
            return self.line.refuse(words::line::no_answer(ANSWER)).await;
        }
        let origin = format!("{}:0", self.by.key);
        match self.bot.engine().store().find_execution_of(&origin).await? {
            Some(started) => self.started(started.id, wait).await,
            None => Ok(()),
        }
    }

    async fn show_next(&mut self) -> anyhow::Result<()> {
        let Some(call) = &mut self.call else { return Ok(()) };
        match call.shown.recv().await {
            Some(it) => self.line.tell(&Reply::Card { message: Some(it.message), card: it.card }).await,
            None => Ok(()),
        }
    }

    /// Follows what was started, card by card, until it has ended.
    async fn started(&mut self, id: ExecutionId, wait: bool) -> anyhow::Result<()> {
        loop {
            let now = self.bot.engine().store().load_execution(id).await?;
            if !wait || now.ended_at.is_some() {
                if wait {
                    let last = self.bot.execution_card(id).await?;
                    self.last_edit(&last).await?;
                }
                return self.line.tell(&Reply::Ended { id, status: now.status }).await;
            }
            tokio::select! {
                shown = self.show_next(), if self.call.is_some() => shown?,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Shows what is posted until the card looks as it should in the end.
    async fn last_edit(&mut self, last: &Card) -> anyhow::Result<()> {
        let Some(call) = &mut self.call else { return Ok(()) };
        let until = tokio::time::Instant::now() + LAST_EDIT;
        while let Ok(Some(it)) = tokio::time::timeout_at(until, call.shown.recv()).await {
            let is_last = it.card == *last;
            self.line.tell(&Reply::Card { message: Some(it.message), card: it.card }).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    async fn order(&mut self, order: LineOrder, wait: bool) -> anyhow::Result<()> {
        let answer = self.bot.order(&self.by, order).await?;
        match (answer.started, answer.card) {
            (Some(id), _) => self.started(id, wait).await,
            (None, Some(card)) if answer.refused => self.line.refuse(card).await,
            (None, Some(card)) => self.line.tell(&Reply::Card { message: None, card }).await,
            (None, None) => Ok(()),
        }
    }

    /// True for people we know; others are told.
    async fn may_read(&mut self) -> anyhow::Result<bool> {
        match self.bot.may_read(&self.by) {
            Ok(()) => Ok(true),
            Err(card) => self.line.refuse(card).await.map(|()| false),
        }
    }

    async fn find(&mut self, id: &str) -> anyhow::Result<Option<Execution>> {
        if !self.may_read().await? {
            return Ok(None);
        }
        let found = self.bot.find_execution(id).await?;
        if found.is_none() {
            self.line.refuse(words::line::unknown_execution(id)).await?;
        }
        Ok(found)
    }

    async fn executions(&mut self, most: u32) -> anyhow::Result<()> {
        if !self.may_read().await? {
            return Ok(());
        }
        let recent = self.bot.engine().store().recent_executions(i64::from(most.min(MOST))).await?;
        let rows = recent.iter().map(|it| self.row(it)).collect();
        self.line.tell(&Reply::Executions(rows)).await
    }

    async fn execution(&mut self, id: &str) -> anyhow::Result<()> {
        let Some(found) = self.find(id).await? else { return Ok(()) };
        let card = self.bot.execution_card(found.root).await?;
        self.line.tell(&Reply::Card { message: None, card }).await?;
        let root = self.bot.engine().store().load_execution(found.root).await?;
        if let Some(card) = self.bot.open_question(&root).await? {
            self.line.tell(&Reply::Card { message: None, card }).await?;
        }
        let tree = self.bot.engine().store().tree(found.root, i64::MAX, i64::from(MOST)).await?;
        let rows = tree.iter().map(|it| self.row(it)).collect();
        self.line.tell(&Reply::Visits(rows)).await
    }

    async fn tail(&mut self, id: &str, follow: bool) -> anyhow::Result<()> {
        match self.find(id).await? {
            Some(found) => tail::tail(self.bot, &found, follow, &mut self.line).await,
            None => Ok(()),
        }
    }

    async fn actions(&mut self) -> anyhow::Result<()> {
        if !self.may_read().await? {
            return Ok(());
        }
        let live = self.bot.engine().live();
        let rows = live.catalogue.actions.values().map(|it| ActionRow {
            reference: it.reference.clone(),
            runner: it.runner.to_string(),
            description: it.description.clone(),
        });
        self.line.tell(&Reply::Actions(rows.collect())).await
    }

    async fn action(&mut self, reference: &ActionRef) -> anyhow::Result<()> {
        if !self.may_read().await? {
            return Ok(());
        }
        let live = self.bot.engine().live();
        match live.catalogue.action(reference) {
            Some(action) => self.line.tell(&Reply::Action(serde_json::to_value(action)?)).await,
            None => self.line.refuse(words::line::unknown_action(reference.as_str())).await,
        }
    }

    fn row(&self, it: &Execution) -> ExecutionRow {
        let text = |name: &str| it.context.get(name).and_then(serde_json::Value::as_str);
        let number = it.context.get("number").and_then(serde_json::Value::as_i64);
        let name = match (&it.visit, number, text("app")) {
            (Some(visit), _, _) => visit.task.to_string(),
            (None, Some(number), Some(app)) => format!("#{number} {app}"),
            (None, None, Some(app)) => app.to_owned(),
            (None, _, None) => String::new(),
        };
        let end = it.ended_at.unwrap_or_else(|| self.bot.engine().clock().now());
        let took = clock::between(it.started_at.unwrap_or(it.created_at), end);
        ExecutionRow {
            id: it.id,
            name,
            action: it.action.clone(),
            status: it.status,
            by: text("requester").map_or_else(
                || rule_of(&it.context).map(words::label::rule).unwrap_or_default(),
                str::to_owned,
            ),
            created_at: it.created_at.to_string(),
            took: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
