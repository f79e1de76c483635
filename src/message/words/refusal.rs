//! Why something was not done, said to the person who asked.

use super::{echo, length, list, measure};
use crate::{
    gate::{Decision, Freeze, Part, Refusal},
    id::{EnvironmentName, HostName, PackName, PersonName},
    identity::{Denied, DeniedWhy, Standing},
    message::card::{Card, Text},
    secret::SecretError,
};

/// Somebody else started this.
pub fn not_yours(action: &str, asker: &str) -> Card {
    let asker = if asker.is_empty() { "whoever started it" } else { asker };
    Card::refuse(format!("{action} belongs to no app, so {asker} stops it, or somebody who may run it."))
}

/// A right that the person does not have.
pub fn denied(it: &Denied) -> Card {
    let who = match &it.who_could {
        Some(groups) if groups.is_empty() => {
            " Nobody may: the list in the app's settings is empty.".to_owned()
        }
        Some(groups) => format!(" Members of {} may.", list(groups)),
        None => String::new(),
    };
    Card::refuse(match &it.why {
        DeniedWhy::Standing(standing) => {
            Text::plain(format!("I take no orders from {}.", standing_text(*standing)))
        }
        DeniedWhy::UnknownAccount => Text::plain("I do not know this account. Ask for it to be added to ")
            .code("config/people.yaml")
            .and("; ")
            .code("!whoami")
            .and(" shows the ids."),
        DeniedWhy::NotInAnyGroup { person } | DeniedWhy::Nobody { person } => {
            Text::plain(format!("{person} may not {} {}.{who}", it.right, it.subject))
        }
    })
}

pub(super) fn standing_text(it: Standing) -> &'static str {
    match it {
        Standing::Member => "this account",
        Standing::Guest => "guests",
        Standing::External => "people of other organisations",
        Standing::Bot => "bots",
        Standing::Webhook => "webhooks",
        Standing::Deactivated => "deactivated accounts",
        Standing::Unresolved => "an account that the platform could not tell me about; try again",
    }
}

/// An answer at a gate that changes nothing.
pub fn refused(it: &Refusal, number: i64) -> Card {
    Card::refuse(match it {
        Refusal::NotAMember { standing } => {
            Text::plain(format!("I take no votes from {}.", standing_text(*standing)))
        }
        Refusal::UnknownAccount => Text::plain("I do not know this account, so it has no vote; ")
            .code("!whoami")
            .and(" shows its ids."),
        Refusal::RequesterMayNotApprove { part } => {
            Text::plain(format!("{} Somebody else has to look at it.", four_eyes(*part)))
        }
        Refusal::NotInAnyGroup { needed } => Text::plain(format!("You are in none of {}.", list(needed))),
        Refusal::WrongLeave { needed } => Text::plain(format!("That takes the right to {needed} here.")),
        Refusal::AlreadyDecided { decision } => {
            Text::plain(format!("#{number} is decided: {}.", decided(decision)))
        }
        Refusal::AlreadyCounted => Text::plain("Your answer counts already."),
        Refusal::NothingToWithdraw => Text::plain("There is no approval of yours to take back."),
        Refusal::OldSeal => Text::plain(format!(
            "That message is out of date: what it covered has changed. The newest message about #{number} takes votes."
        )),
        Refusal::Frozen { why } => {
            Text::plain(format!("#{number} takes no approvals for now: {}.", freezes(why)))
        }
        Refusal::VerdictFail => {
            Text::plain("The canary failed, so nobody can approve this. Deploy a better commit.")
        }
        Refusal::VerdictForbidden { verdict } => Text::plain(format!(
            "The verdict is {}, and the policy lets only a pass through.",
            verdict.as_str()
        )),
        Refusal::ReasonNeeded { verdict } => {
            Text::plain(format!("The verdict is {}. Say why with ", measure::verdict(*verdict)))
                .code(format!("!approve {number} <why>"))
                .and(", or measure longer with ")
                .code(format!("!extend {number} 10m"))
                .and(".")
        }
        Refusal::SealPrefixNeeded => {
            Text::plain("The message could not show everything. Read the whole plan, then ")
                .code(format!("!approve {number} <first 8 digits of the seal>"))
                .and(".")
        }
        Refusal::SealPrefixMismatch => {
            Text::plain("Those are not the first digits of the seal that is open now.")
        }
        Refusal::ReactionsOff => {
            Text::plain("Reactions are no votes here; use ").code(format!("!approve {number}")).and(".")
        }
        Refusal::Late { deadline } => {
            Text::plain(format!("Too late: the time to answer ended at {deadline}. "))
                .and("Ask again with ")
                .code(format!("!promote {number}"))
                .and(".")
        }
        Refusal::NotYetExpired { deadline } => Text::plain(format!("It is open until {deadline}.")),
        Refusal::TooLong { latest } => Text::plain(format!("A gate stays open until {latest} at most.")),
        Refusal::Approved => {
            Text::plain(format!("Somebody has approved #{number}, so a push does not take its place."))
        }
        Refusal::SameSeal => Text::plain("Nothing has changed since it was asked."),
    })
}

fn four_eyes(part: Part) -> &'static str {
    match part {
        Part::Requester => "You asked for this release, so you may not approve it.",
        Part::Pusher => "You pushed this release's commits, so you may not approve it.",
        Part::Author => "You wrote commits of this release, so you may not approve it.",
        Part::Rerunner => "You ran this release again, so you may not approve it.",
        Part::Editor => "You changed this release's parameters, so you may not approve it.",
    }
}

/// An action changes hosts, and nobody can tell which.
pub fn names_no_host() -> String {
    "it changes hosts, but no `host` or `hosts` says which, so nobody could approve it; name them and start it again"
        .to_owned()
}

/// An environment's secret is not where its reference says.
pub fn secret_missing(name: &str, environment: &EnvironmentName, why: &SecretError) -> String {
    format!(
        "the secret `{name}` of {environment} is not to be had: {why}; nothing was started, set it and start again"
    )
}

/// A value of a pack's configuration is not where it says.
pub fn pack_value_missing(pack: &PackName, key: &str, why: &dyn std::fmt::Display) -> String {
    format!(
        "`{key}` in config/packs/{pack}.yaml is not to be had: {why}; nothing was started, set it and start again"
    )
}

/// A template of a configuration found nothing.
pub fn renders_empty(template: &str) -> String {
    format!("`{template}` gives nothing; `lockkeeper key list` shows the keys that are there")
}

/// The tag `changes` names no environment that we know.
pub fn changes_unknown_environment(name: &EnvironmentName) -> String {
    format!(
        "it changes `{name}`, which is no environment; write one of config/environments.yaml in `changes`, or `hosts`"
    )
}

/// A protected environment in which a grant could cover nothing.
pub fn environment_without_hosts(name: &EnvironmentName) -> String {
    format!("it changes all of {name}, which is protected and has no hosts that an approval could cover")
}

/// A protected host or environment, and an execution that nobody approved.
pub fn no_grant(action: &str, host: &HostName, environment: &EnvironmentName) -> String {
    format!(
        "{action} on {host} needs an approval: {environment} is protected, and this execution has no grant; only a \
         release that people approved may run it, as a task of its workflow"
    )
}

/// An approval that counted when it was given and does not when the rollout is to begin.
pub fn lost_vote(person: &PersonName, standing: Option<Standing>) -> String {
    let why = standing.map_or(String::new(), |it| format!(" (I take none from {})", standing_text(it)));
    format!("the vote of {person} no longer counts{why}")
}

/// The policy wants other environments to have run this artifact before.
pub fn not_taken(number: i64, environment: &EnvironmentName, unmet: &[EnvironmentName]) -> String {
    let first = unmet.first().map_or("", EnvironmentName::as_str);
    format!(
        "{environment} takes only what {} ran before, and this artifact did not; `!promote {number} to {first}`, then \
         `!promote {number} to {environment}`",
        list(unmet)
    )
}

/// How a gate was answered.
pub fn decided(it: &Decision) -> String {
    match it {
        Decision::Granted(_) => "approved".to_owned(),
        Decision::Rejected { by, reason: Some(reason), .. } => format!("rejected by {by} ({reason})"),
        Decision::Rejected { by, reason: None, .. } => format!("rejected by {by}"),
        Decision::Expired { .. } => "nobody answered in time".to_owned(),
        Decision::Superseded { .. } => "another release took its place".to_owned(),
        Decision::Canceled { by, .. } => format!("stopped by {by}"),
        Decision::Failed { .. } => "the canary failed".to_owned(),
    }
}

/// Why a gate is frozen.
pub fn freezes(why: &[Freeze]) -> String {
    let texts: Vec<String> = why
        .iter()
        .map(|it| match it {
            Freeze::Alarm { name } => format!("{name} by now (`!extend` measures it anew)"),
            Freeze::Worsened { from, to } => {
                format!("the canary went from {} to {}", from.as_str(), to.as_str())
            }
            Freeze::Period { name } => format!("freeze {name}"),
            Freeze::Gone { what } => format!("{what} any more"),
        })
        .collect();
    list(&texts)
}

/// The command was understood, but it came too late to run by itself.
pub fn stale(late: std::time::Duration, text: &str) -> Card {
    Card::refuse(
        Text::plain(format!(
            "I was away and read this {} late, so I did not run it. Say it again if you still want it: ",
            length(late)
        ))
        .code(echo(text)),
    )
}
