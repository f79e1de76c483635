//! The card of an execution: one message, edited in place from request to end.

use std::time::Duration;

use super::{
    count,
    failure::{self, Failure, Fault},
    length, list, measure,
    output::{self, Aside, Output},
};
use crate::{
    id::{Account, Digest, ExecutionId, HostName, PersonName},
    message::card::{Button, ButtonAct, ButtonStyle, Card, Confirm, Text, Tone},
    rollout::Judgement,
    status::Status,
};

/// One commit that a release brings.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Commit {
    pub sha: String,
    pub subject: String,
    pub author: String,
    pub email: String,
}

/// A step as the card shows it.
#[derive(Clone, Debug)]
pub struct Step {
    pub label: String,
    pub status: Status,
    pub took: Option<Duration>,
    /// What came out, or what it is at.
    pub detail: Option<String>,
}

/// Hosts, by what they were confirmed to run.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    pub new: Vec<HostName>,
    pub old: Vec<HostName>,
    pub unknown: Vec<HostName>,
}

/// What is waited for: people, of whom a gate comes before a question, or other releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waits {
    Approval,
    Answer,
    Turn,
}

impl Waits {
    pub fn as_str(self) -> &'static str {
        match self {
            Waits::Approval => "waiting for approval",
            Waits::Answer => "waiting for an answer",
            Waits::Turn => "waiting for its turn",
        }
    }
}

/// Everything that the card shows.
#[derive(Clone, Debug)]
pub struct View {
    /// `Release #42 of shop`, or the action's name.
    pub title: String,
    pub status: Status,
    /// What it waits for, if it does.
    pub waits: Option<Waits>,
    /// Who has what it waits for, where that is another release.
    pub ahead: Option<String>,
    pub fields: Vec<(&'static str, Text)>,
    /// Hosts that run what they should, of how many.
    pub progress: Option<(usize, usize)>,
    /// What its alias says when it starts.
    pub ack: Option<String>,
    /// What stands beside that.
    pub aside: Aside,
    pub commits: Vec<Commit>,
    pub digest: Option<Digest>,
    pub steps: Vec<Step>,
    /// What a canary failed for.
    pub measured: Option<Judgement>,
    pub failure: Option<Failure>,
    /// What its workflow could not work out.
    pub fault: Option<Fault>,
    /// What it gave.
    pub output: Option<Output>,
    pub hosts: Option<Hosts>,
    /// Why it ended as it did, where no step failed: rejected by bea.
    pub ending: Option<String>,
    pub took: Duration,
    /// The short form of the execution's id, for `executions show`.
    pub short: String,
    /// What a person may do now: `!rollback shop`.
    pub next: Option<Text>,
    /// What a press of Stop ends; none once it ends anyway.
    pub stop: Option<ExecutionId>,
}

/// Draws it.
pub fn card(view: &View) -> Card {
    let mut card = Card::titled(tone(view), title(view));
    let mut fields = view.fields.clone();
    if let Some((done, of)) = view.progress {
        fields.push(("progress", Text::plain(progress(done, of))));
    }
    if let Some(digest) = &view.digest {
        fields.push(("artifact", Text::default().code(format!("sha256:{}", digest.short()))));
    }
    if !view.commits.is_empty() {
        fields.push(("brings", commits(&view.commits)));
    }
    card = card.fields(fields);
    if let Some(ack) = &view.ack {
        card = card.text(ack.as_str());
    }
    card = view.aside.show(card);
    if !view.steps.is_empty() {
        card = card.lines(view.steps.iter().map(step).collect());
    }
    if let Some(judgement) = &view.measured {
        card = card.lines(measure::lines(judgement).into_iter().map(Text::plain).collect());
    }
    if let Some(failure) = &view.failure {
        card = failure::show(card, failure);
    }
    if let Some(fault) = &view.fault {
        card = card.text(failure::fault(fault));
    }
    if let Some(output) = &view.output {
        card = output::show(card, output, &view.short);
    }
    if let Some(hosts) = &view.hosts {
        card = card.lines(partition(hosts));
    }
    if let Some(next) = &view.next {
        card = card.text(next.clone());
    }
    card.buttons = view.stop.map(|root| stop(root, &view.title)).into_iter().collect();
    card.footer = Text::plain(format!("{} · {}", length(view.took), view.short));
    card
}

fn stop(root: ExecutionId, title: &str) -> Button {
    Button {
        label: "Stop".to_owned(),
        style: ButtonStyle::Plain,
        act: ButtonAct::Stop { root },
        confirm: Some(Confirm {
            title: "Stop it?".to_owned(),
            text: format!(
                "{title}: what runs is ended, nothing new starts, and hosts stay as they are by then."
            ),
            yes: "Stop".to_owned(),
            no: "Back".to_owned(),
        }),
    }
}

/// `Release #42 of shop: done`.
pub fn title(view: &View) -> String {
    format!("{}: {}", view.title, headline(view))
}

/// `3/7 hosts`.
fn progress(done: usize, of: usize) -> String {
    format!("{done}/{}", count(of, "host"))
}

/// A template of an alias cannot be said; what it would have said it of follows.
pub fn reply_failed(alias: &str, template: &str, problem: &str) -> String {
    format!("(`{template}` of the alias {alias} cannot be rendered: {problem})")
}

/// What may be done after a rollout that stopped between two artifacts.
pub fn go_back(app: &str) -> Text {
    Text::plain("It stopped; nothing more is changed. ")
        .code(format!("!rollback {app}"))
        .and(" brings every reachable host back.")
}

/// The same after a way back that did not reach every host.
pub fn go_back_again(app: &str) -> Text {
    Text::plain("What could be reached is back. Mend the other hosts, then say ")
        .code(format!("!rollback {app}"))
        .and(" again.")
}

/// What may be done after a step that may have happened or not. `order` is what would start it again.
pub fn order_again(order: Option<&str>) -> Text {
    match order {
        Some(order) => Text::plain("Look at what it left, then start again with ").code(order).and("."),
        None => Text::plain("Look at what it left, then ask for it again."),
    }
}

fn tone(view: &View) -> Tone {
    match view.status {
        Status::Succeeded => Tone::Good,
        Status::Failed | Status::Timeout | Status::Abandoned | Status::Unknown => Tone::Bad,
        Status::Canceled | Status::Canceling => Tone::Neutral,
        Status::Requested
        | Status::Scheduled
        | Status::Delayed
        | Status::Running
        | Status::Pending
        | Status::Pausing
        | Status::Paused
        | Status::Resuming => match view.waits {
            Some(Waits::Approval | Waits::Answer) => Tone::Waiting,
            Some(Waits::Turn) | None => Tone::Working,
        },
    }
}

/// What it is at, in a few words, and who keeps it waiting.
pub fn state(view: &View) -> String {
    match (view.waits, &view.ahead) {
        (Some(Waits::Turn), Some(ahead)) => format!("{}: {ahead}", Waits::Turn.as_str()),
        (Some(waits), _) => waits.as_str().to_owned(),
        (None, _) => view.status.to_string(),
    }
}

fn headline(view: &View) -> String {
    if let Some(ending) = &view.ending {
        return ending.clone();
    }
    if let Some(waits) = view.waits {
        return waits.as_str().to_owned();
    }
    match view.status {
        Status::Succeeded => "done".to_owned(),
        Status::Timeout => "took too long".to_owned(),
        Status::Unknown => "how it ended was not seen".to_owned(),
        Status::Requested => "about to start".to_owned(),
        Status::Canceling => "stopping".to_owned(),
        Status::Canceled => "stopped".to_owned(),
        Status::Scheduled
        | Status::Delayed
        | Status::Running
        | Status::Pending
        | Status::Pausing
        | Status::Paused
        | Status::Resuming
        | Status::Failed
        | Status::Abandoned => view.status.to_string(),
    }
}

fn step(it: &Step) -> Text {
    let mut text = format!("{} {}", mark(it.status), it.label);
    if let Some(detail) = &it.detail {
        text.push_str(&format!(" · {detail}"));
    }
    if let (Some(took), true) = (it.took, it.status.is_ended()) {
        text.push_str(&format!(" · {}", length(took)));
    }
    Text::plain(text)
}

/// Hosts that the card has no line for.
pub fn other_hosts(number: usize) -> String {
    count(number, "other host")
}

/// Steps that the card has no line for.
pub fn other_steps(number: usize) -> String {
    count(number, "other step")
}

fn mark(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "✔",
        Status::Failed | Status::Timeout | Status::Abandoned => "✘",
        Status::Unknown => "?",
        Status::Canceled | Status::Canceling => "⊘",
        Status::Pending | Status::Paused | Status::Pausing => "✋",
        Status::Requested | Status::Scheduled | Status::Delayed => "·",
        Status::Running | Status::Resuming => "▸",
    }
}

/// `3 commits by ann and bea`, or the one commit's subject.
pub fn commits(commits: &[Commit]) -> Text {
    match commits {
        [one] => Text::default().code(short(&one.sha)).and(format!(" {} ({})", one.subject, one.author)),
        several => {
            let mut authors: Vec<&str> = several.iter().map(|it| it.author.as_str()).collect();
            authors.sort_unstable();
            authors.dedup();
            Text::plain(format!("{} by {}", count(several.len(), "commit"), list(&authors)))
        }
    }
}

/// The first digits of a commit.
pub fn short(sha: &str) -> &str {
    sha.get(..8).unwrap_or(sha)
}

/// Every host in exactly one line.
pub fn partition(hosts: &Hosts) -> Vec<Text> {
    let line = |name: &str, hosts: &[HostName]| Text::plain(format!("{name}: {}", list(hosts)));
    vec![line("new", &hosts.new), line("old", &hosts.old), line("unknown", &hosts.unknown)]
}

/// Whose bell a failing build rings.
#[derive(Clone, Debug)]
pub enum Whom {
    Author(Called),
    /// The author has no account that we know here: the people of the app's `fallback` groups who have one.
    Fallback(Vec<Called>),
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    Rung(Account),
    /// Without a bell, as they asked for.
    Named(PersonName),
}

impl Called {
    pub(super) fn in_text(self, text: Text) -> Text {
        match self {
            Called::Rung(account) => text.mention(account),
            Called::Named(name) => text.and(name.to_string()),
        }
    }
}

/// A build failed: who wrote it, which step, what the log ends with. Nothing was deployed.
pub fn build_failed(app: &str, commit: &Commit, whom: Whom, failure: &Failure, times: i64) -> Card {
    let subject = |text: Text| text.code(short(&commit.sha)).and(format!(" “{}”", commit.subject));
    let what = match whom {
        Whom::Author(author) => {
            subject(author.in_text(Text::default()).and(": your commit ")).and(" does not build.")
        }
        Whom::Fallback(people) if people.is_empty() => {
            subject(Text::plain(format!("{}: your commit ", commit.author))).and(" does not build.")
        }
        Whom::Fallback(people) => {
            let all = people.into_iter().enumerate().fold(Text::default(), |text, (at, it)| {
                it.in_text(if at == 0 { text } else { text.and(", ") })
            });
            subject(all.and(": the commit "))
                .and(format!(" by {} does not build; I know no account of theirs here.", commit.author))
        }
    };
    let mut card = Card::titled(Tone::Bad, format!("{app}: {} failed", failure.step)).text(what);
    card = card.text(failure.error.as_str());
    if !failure.log.is_empty() {
        card = card.code(failure.log.as_str());
    }
    let again =
        if times > 1 { format!(" The same failure for the {} time.", ordinal(times)) } else { String::new() };
    card.footer = Text::plain(format!("Nothing was deployed.{again}"));
    card
}

/// The same app builds again.
pub fn build_recovered(app: &str, commit: &Commit, broken_for: Duration) -> Card {
    let text = Text::default().code(short(&commit.sha)).and(format!(
        " “{}” by {} builds; it was broken for {}.",
        commit.subject,
        commit.author,
        length(broken_for)
    ));
    Card::titled(Tone::Good, format!("{app}: builds again")).text(text)
}

/// A push names a commit that its repository does not.
pub fn commit_gone(url: &str) -> String {
    format!("{url} does not have this commit (any more)")
}

/// A push that set nothing in motion although it should have; `tried`: how often, and for how long.
pub fn push_stopped(
    app: &str,
    sha: &str,
    pusher: &str,
    why: &str,
    tried: (i64, std::time::Duration),
) -> Card {
    let (times, span) = tried;
    let tried = if times > 1 {
        format!("It was tried {times} times in {}; nothing was changed. ", super::length(span))
    } else {
        String::new()
    };
    let text = Text::plain("The push of ")
        .code(short(sha))
        .and(format!(" by {pusher} was not built: {why}. {tried}"));
    let text = text.and("To try again: ").code(format!("!deploy {app}@{}", short(sha))).and(".");
    Card::titled(Tone::Bad, format!("{app}: a push was not built")).text(text)
}

fn ordinal(number: i64) -> String {
    let ending = match (number % 10, number % 100) {
        (1, it) if it != 11 => "st",
        (2, it) if it != 12 => "nd",
        (3, it) if it != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_happened_is_looked_at_before_it_is_ordered_again() {
        let again = |order| Card::say(order_again(order)).to_string().trim_end().to_owned();
        assert_eq!(
            again(Some("!deploy shop")),
            "Look at what it left, then start again with `!deploy shop`."
        );
        assert_eq!(again(None), "Look at what it left, then ask for it again.");
    }
}
