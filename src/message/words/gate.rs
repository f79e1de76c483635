//! The question at a gate: one new message per seal, with everything that the answer covers.

use std::time::Duration;

use super::{
    count, echo,
    execution::{Commit, short},
    label, length, list, list_all, measure,
};
use crate::{
    gate::{Decision, Reason, ReasonError},
    id::{Account, Digest, GateId, HostName, Seal},
    message::card::{Block, Button, ButtonAct, ButtonStyle, Card, Confirm, Form, Text, Tone},
    rollout::Judgement,
};

/// How the gate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Open {
        left: Duration,
    },
    Frozen {
        why: String,
    },
    /// The verdict is fail: no approval is possible.
    Held,
    Granted {
        by: Vec<String>,
        at: String,
    },
    Rejected {
        by: String,
        reason: Option<String>,
    },
    Expired,
    /// What took its place: the number, and whether that goes back.
    Superseded {
        by: Option<(i64, bool)>,
    },
    Canceled {
        by: String,
    },
    Failed,
    /// Its facts changed; a newer message asks.
    Replaced,
}

/// What the message shows.
#[derive(Clone, Debug)]
pub struct View {
    pub gate: GateId,
    pub seal: Seal,
    /// Counts this gate's seals from 1.
    pub seal_number: u32,
    pub number: i64,
    pub app: String,
    pub environment: String,
    pub artifact: Digest,
    pub replaces: Option<Digest>,
    pub commits: Vec<Commit>,
    pub hosts: Vec<HostName>,
    pub batch_size: u32,
    pub requester: String,
    /// Who asked for it again.
    pub again_by: Vec<String>,
    /// Nobody knows which commits it brings, so four eyes bar the authors of all.
    pub range_unknown: bool,
    /// `1 of sre`: nobody is left who could fill these places, so this gate cannot open.
    pub nobody_can: Vec<String>,
    /// `1 of sre (bea, cid)`, one per slot.
    pub quorum: Vec<String>,
    pub approved: Vec<String>,
    pub missing: Vec<String>,
    /// Authors that nobody linked to a person: four eyes cannot see through these.
    pub unlinked: Vec<String>,
    pub judgement: Option<Judgement>,
    pub chart: Option<Block>,
    /// A reason must be typed, and why.
    pub reason_needed: bool,
    /// Marks under the message count.
    pub marks: bool,
    pub standing: Standing,
    /// Somebody asked to measure longer: until there are so many looks.
    pub looks_wanted: Option<u32>,
    /// Why votes on the message before are void.
    pub voided: Vec<String>,
    /// Lines that prove what runs where.
    pub proofs: Vec<String>,
}

/// Why a question is asked again after a longer measurement.
pub const MEASURED_LONGER: &str = "the canary was measured longer";

/// Draws the gate's message.
pub fn card(view: &View) -> Card {
    let mut card = Card::titled(tone(&view.standing), title(view));
    if !view.voided.is_empty() {
        card = card.text(format!("Asked again, earlier votes are void: {}.", view.voided.join("; ")));
    }
    card = card.fields(fields(view)).lines(view.commits.iter().map(commit).collect());
    if let Some(judgement) = &view.judgement {
        card = card.text(Text::default().bold(format!("Canary: {}", measure::verdict(judgement.verdict))));
        card = card.lines(measure::lines(judgement).into_iter().map(Text::plain).collect());
        card = card.text(format!(
            "{} of {}, false alarms at most {:.0} % over the whole watch",
            count(judgement.looks as usize, "look"),
            judgement.looks_planned,
            judgement.false_alarm_rate * 100.0
        ));
    } else {
        card = card.text("No canary was watched for this release.");
    }
    card.blocks.extend(view.chart.clone());
    if !view.proofs.is_empty() {
        card = card.code(view.proofs.join("\n"));
    }
    if let (Standing::Open { .. }, false) = (&view.standing, view.nobody_can.is_empty()) {
        card = card.text(
            Text::default()
                .bold("Nobody is left who could approve this: ")
                .and(format!(
                    "it needs {}, and all of them had a hand in it. Add people in ",
                    list(&view.nobody_can)
                ))
                .code("config/people.yaml")
                .and(", or let somebody else ask."),
        );
    }
    if let (Standing::Open { .. }, Some(looks)) = (&view.standing, view.looks_wanted) {
        card = card.text(format!(
            "The canary is being measured until look {looks}; then this is asked again, and votes given here are void."
        ));
    }
    card = card.text(what_now(view));
    if let Standing::Open { .. } = view.standing {
        card.buttons =
            if view.reason_needed { vec![reject(view)] } else { vec![approve(view), reject(view)] };
    }
    card.footer =
        Text::plain(format!("seal {} · message {} of this gate", view.seal.short(), view.seal_number));
    card.if_cut = Text::plain("Not everything fits here. Read all of it with ")
        .code(format!("lockkeeper executions show {}", view.number))
        .and(" and answer with ")
        .code(format!("!approve {} <first 8 digits of the seal>", view.number))
        .and(format!(". This is message {} of this gate.", view.seal_number));
    card
}

fn tone(standing: &Standing) -> Tone {
    match standing {
        Standing::Open { .. } => Tone::Waiting,
        Standing::Granted { .. } => Tone::Good,
        Standing::Frozen { .. } | Standing::Held | Standing::Rejected { .. } | Standing::Failed => Tone::Bad,
        Standing::Expired | Standing::Superseded { .. } | Standing::Canceled { .. } | Standing::Replaced => {
            Tone::Neutral
        }
    }
}

fn title(view: &View) -> String {
    let what = format!("#{} {} to {}", view.number, view.app, view.environment);
    match &view.standing {
        Standing::Open { .. } => format!("May {what}?"),
        Standing::Frozen { .. } => format!("{what}: frozen"),
        Standing::Held => format!("{what}: cannot be approved"),
        Standing::Granted { by, .. } => format!("{what}: approved by {}", list(by)),
        Standing::Rejected { by, .. } => format!("{what}: rejected by {by}"),
        Standing::Expired => format!("{what}: nobody answered in time"),
        Standing::Superseded { by } => format!("{what}: {}", label::superseded(*by)),
        Standing::Canceled { by } => format!("{what}: stopped by {by}"),
        Standing::Failed => format!("{what}: the canary failed"),
        Standing::Replaced => format!("{what}: asked again below"),
    }
}

fn fields(view: &View) -> Vec<(&'static str, Text)> {
    let from =
        view.replaces.as_ref().map_or("nothing known".to_owned(), |it| format!("sha256:{}", it.short()));
    let artifact = Text::default().code(format!("sha256:{}", view.artifact)).and(format!(", now {from}"));
    let hosts = format!("{} ({} at a time)", list_all(&view.hosts), view.batch_size);
    let mut fields = vec![
        ("artifact", artifact),
        ("hosts", Text::plain(hosts)),
        ("asked by", Text::plain(asked_by(view))),
        ("may approve", Text::plain(view.quorum.join(" and "))),
    ];
    if !view.approved.is_empty() {
        fields.push(("approved", Text::plain(list(&view.approved))));
    }
    if !view.missing.is_empty() && !view.approved.is_empty() {
        fields.push(("missing", Text::plain(list(&view.missing))));
    }
    if view.range_unknown {
        let text = "unknown, as I do not know what runs there now; authors of any commit may not approve";
        fields.push(("what is new", Text::plain(text)));
    }
    if !view.unlinked.is_empty() {
        fields.push(("authors unknown to me", Text::plain(list(&view.unlinked))));
    }
    fields
}

fn asked_by(view: &View) -> String {
    match view.again_by.as_slice() {
        [] => view.requester.clone(),
        again => format!("{}, again by {}", view.requester, list(again)),
    }
}

fn commit(it: &Commit) -> Text {
    Text::default().code(short(&it.sha)).and(format!(" {} ({})", it.subject, it.author))
}

fn what_now(view: &View) -> Text {
    match &view.standing {
        Standing::Open { left } => {
            let effect = format!(
                "Approving replaces {} on {}, {} at a time: out of the pool, install, health of the new digest, back in. Time left: {}. ",
                view.app,
                count(view.hosts.len(), "host"),
                view.batch_size,
                length(*left)
            );
            if view.reason_needed {
                return Text::plain(effect)
                    .and("This verdict needs a reason: ")
                    .code(format!("!approve {} <why>", view.number))
                    .and(", or ")
                    .code(format!("!extend {} 10m", view.number))
                    .and(" to measure longer.");
            }
            let marks = if view.marks { ", ✅ or ⛔" } else { "" };
            Text::plain(effect)
                .and(format!("Answer with the buttons{marks}, "))
                .code(format!("!approve {}", view.number))
                .and(" or ")
                .code(format!("!reject {} <why>", view.number))
                .and(".")
        }
        Standing::Frozen { why } => Text::plain(format!("No approval counts for now: {why}.")),
        Standing::Held => {
            Text::plain("The verdict is fail, so nobody can approve. Deploy a better commit, or ")
                .code(format!("!cancel {}", view.number))
                .and(".")
        }
        Standing::Granted { at, .. } => {
            Text::plain(format!("Approved {at}; the rollout has its permission."))
        }
        Standing::Rejected { reason, .. } => {
            let why = reason.as_ref().map_or(String::new(), |it| format!(" Reason: {it}."));
            Text::plain(format!("{}{why}", unchanged(view)))
        }
        Standing::Expired => Text::plain(format!("{} Ask again with ", unchanged(view)))
            .code(format!("!promote {}", view.number))
            .and("."),
        Standing::Superseded { .. } | Standing::Canceled { .. } | Standing::Failed => {
            Text::plain(unchanged(view))
        }
        Standing::Replaced => {
            Text::plain("What it covered has changed; this message takes no votes any more.")
        }
    }
}

/// The canary is part of the environment, too: so hosts are named.
fn unchanged(view: &View) -> String {
    format!("Nothing was changed on {}.", list(&view.hosts))
}

fn approve(view: &View) -> Button {
    Button {
        label: "Approve".to_owned(),
        style: ButtonStyle::Good,
        act: ButtonAct::Approve { gate: view.gate, seal: view.seal.clone() },
        confirm: Some(Confirm {
            title: format!("Roll out #{}?", view.number),
            text: format!(
                "{} sha256:{} to {} in {}.",
                view.app,
                view.artifact.short(),
                count(view.hosts.len(), "host"),
                view.environment
            ),
            yes: "Approve".to_owned(),
            no: "Back".to_owned(),
        }),
    }
}

fn reject(view: &View) -> Button {
    Button {
        label: "Reject".to_owned(),
        style: ButtonStyle::Danger,
        act: ButtonAct::Reject { gate: view.gate, seal: view.seal.clone() },
        confirm: None,
    }
}

/// What is asked when somebody presses Reject.
pub fn reject_form() -> Form {
    Form {
        title: "Reject this release?".to_owned(),
        question: "Why?".to_owned(),
        hint: "Everybody sees it beside your name. One reject decides; nothing is rolled out.".to_owned(),
        yes: "Reject".to_owned(),
        no: "Back".to_owned(),
    }
}

/// What a form says beside its field when that holds no reason.
pub fn reason_wrong(error: ReasonError) -> String {
    match error {
        ReasonError::Empty => "Write at least one word.".to_owned(),
        ReasonError::TooLong => format!("Write at most {} characters.", Reason::CHARS_MAX),
    }
}

/// What was typed as a reason is none. `order`: the prefix and the command.
pub fn reason_refused(order: (&str, &str), number: i64, error: ReasonError) -> Card {
    let (prefix, act) = order;
    Card::refuse(
        Text::plain(format!("Nothing was counted. {} Say ", reason_wrong(error)))
            .code(format!("{prefix}{act} {number} <why>"))
            .and(" again."),
    )
}

/// What is asked back before a press counts could not be shown.
pub fn form_missing(prefix: &str, number: i64, approves: bool) -> Card {
    let (what, instead) = match approves {
        true => ("The question whether you are sure", format!("{prefix}approve {number}")),
        false => ("The form", format!("{prefix}reject {number} <why>")),
    };
    Card::refuse(
        Text::plain(format!("{what} did not open, so nothing was counted. Say "))
            .code(instead)
            .and(" instead."),
    )
}

/// Approve was pressed, and we were told so late that the platform had said already that it failed.
pub fn pressed_late(prefix: &str, number: i64, by: Duration) -> Card {
    Card::refuse(
        Text::plain(format!(
            "I heard of your press {} late, after it had failed before your eyes, so it does not count. If you still mean \
             it, press Approve again, or say ",
            length(by)
        ))
        .code(format!("{prefix}approve {number}"))
        .and("."),
    )
}

/// A mark that approves was put while nobody listened.
pub fn approved_unheard(prefix: &str, number: i64) -> Card {
    Card::refuse(
        Text::plain("I was away when you put this mark, so it does not count. If you still mean it, press Approve, or say ")
            .code(format!("{prefix}approve {number}"))
            .and("."),
    )
}

/// Somebody's answer was counted, or taken back, and this much is still missing.
pub fn counted(number: i64, withdrawn: bool, missing: &[String]) -> Card {
    let what = if withdrawn { "Taken back." } else { "Counted." };
    if missing.is_empty() {
        return Card::say(what);
    }
    Card::say(format!("{what} #{number} still needs {}.", list(missing)))
}

/// An answer that decided, said to who typed it.
pub fn decided(number: i64, decision: &Decision) -> Card {
    Card::say(format!("#{number}: {}.", super::refusal::decided(decision)))
}

/// Words that may be a reason, or name a gate. `order`: the prefix and the command.
pub fn unclear(order: (&str, &str), word: &str, near: Option<&str>, said: &str, number: i64) -> Card {
    let (prefix, act) = order;
    let (word, said) = (echo(word), echo(said));
    let text = match near {
        Some(app) => Text::default().code(word).and(" looks like the app ").code(app),
        None => Text::default().code(word).and(" looks like a release's number"),
    };
    let text = text
        .and(" and is none, so nothing was counted. If it begins the reason, say ")
        .code(format!("{prefix}{act} {number} {said}"));
    Card::refuse(match near {
        Some(app) => text.and("; if the app is meant, ").code(format!("{prefix}{act} {app}")).and("."),
        None => text.and("."),
    })
}

/// There is nothing to answer.
pub fn none_of(app: &str) -> Card {
    Card::refuse(format!("No gate of {app} is open; nothing was decided."))
}

/// No gate of this release is open.
pub fn none(number: i64) -> Card {
    Card::refuse(format!("#{number} has no gate, so there is nothing to answer."))
}

/// Somebody asked to measure longer at an open gate.
pub fn measured_longer(number: i64, measured: Duration) -> Card {
    Card::say(format!(
        "Measuring #{number} for {} more. Then it is asked again with what was seen; votes so far are void then.",
        length(measured)
    ))
}

/// Somebody asked to measure longer where there is nothing to measure.
pub fn open_longer(number: i64, longer: Duration) -> Card {
    Card::say(format!(
        "#{number} stays open {} longer. There is no canary whose verdict could change by measuring.",
        length(longer)
    ))
}

/// Somebody asked to measure longer before the gate is open.
pub fn watched_longer(number: i64, measured: Duration) -> Card {
    Card::say(format!(
        "The canary of #{number} is watched for {} more; the question is asked after that.",
        length(measured)
    ))
}

/// Somebody asked to measure longer, and nothing waits.
pub fn nothing_to_extend(number: i64) -> Card {
    Card::refuse(
        Text::plain(format!("#{number} waits for nobody, and no canary of it is being watched. "))
            .code("!status")
            .and(" shows what is going on."),
    )
}

/// A gate waits and nobody has answered. `what`: the release's number, its app and where it is to go; `rung`: whose
/// answers would count.
pub fn reminder(what: (i64, &str, &str), missing: &[String], left: Duration, rung: Vec<Account>) -> Card {
    let (number, app, environment) = what;
    let title = format!("#{number} {app} still waits for {environment}");
    let needs = Text::plain(format!("It needs {}. Time left: {}.", list(missing), length(left)));
    let text = rung.into_iter().fold(needs, |text, account| text.and(" ").mention(account));
    Card::titled(Tone::Waiting, title).text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_without_anything_to_measure_says_so() {
        let card = open_longer(42, Duration::from_secs(600)).to_string();
        assert_eq!(
            card.trim_end(),
            "#42 stays open 10 min longer. There is no canary whose verdict could change by measuring."
        );
    }
}
