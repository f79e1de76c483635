//! Going back: where to, and why not.

use super::list;
use crate::{
    id::HostName,
    message::card::{Card, Text},
};

/// Nothing good is known to go back to.
pub fn nothing_before(app: &str, environment: &str) -> Card {
    Card::refuse(
        Text::plain(format!("I know no good release of {app} in {environment} to go back to. Ask for one: "))
            .code(format!("!deploy {app}@VERSION"))
            .and("."),
    )
}

/// Every host runs the last good artifact. `further` is the number of the good release before it, if that has one.
pub fn nothing_to_leave(app: &str, environment: &str, runs: &str, further: Option<i64>) -> Card {
    let order = match further {
        Some(number) => format!("!promote {number}"),
        None => format!("!deploy {app}@VERSION"),
    };
    Card::say(
        Text::plain(format!(
            "Every host of {app} in {environment} runs {runs} already, the last good release; nothing was changed. \
             Going further back needs an approval: "
        ))
        .code(order)
        .and("."),
    )
}

/// The good artifact is not at hand: it ran before us, or somebody removed it.
pub fn no_artifact(app: &str, digest: &str) -> Card {
    Card::refuse(
        Text::plain(format!(
            "I do not have the artifact sha256:{digest} that {app} would go back to, so nothing was changed. Ask for one \
             that can be built: "
        ))
        .code(format!("!deploy {app}@VERSION"))
        .and("."),
    )
}

/// Every canary host runs what production last ran well.
pub fn canary_is_back(app: &str, environment: &str, runs: &str) -> Card {
    Card::say(format!(
        "The canary of {app} in {environment} runs {runs} already, the last good release; nothing was changed."
    ))
}

/// There is no canary to take back.
pub fn no_canary(app: &str, environment: &str) -> Card {
    Card::refuse(
        Text::plain(format!("{app} has no canary hosts in {environment}; the canary role in config/environments.yaml names them. All of production goes back with "))
            .code(format!("!rollback {app}"))
            .and("."),
    )
}

/// A rollback's number names no artifact of its own.
pub fn not_to_promote(number: i64) -> Card {
    Card::refuse(
        Text::plain(format!(
            "#{number} was a rollback and has no artifact of its own. Name the release that you want: "
        ))
        .code("!promote NUMBER")
        .and("; ")
        .code("!history APP")
        .and(" lists them."),
    )
}

/// A release as people call it: by number and commit, or by the first digits of its digest.
pub fn named(release: Option<(i64, &str)>, digest: &str) -> String {
    match release {
        Some((number, commit)) => format!("#{number} {commit}"),
        None => format!("sha256:{digest}"),
    }
}

/// Canary hosts that run an artifact which was not approved, and those that may.
pub fn left_on_canary(app: &str, runs: &[HostName], may_run: &[HostName]) -> Option<String> {
    let verb = if runs.len() == 1 { "still runs" } else { "still run" };
    let all: Vec<String> = [(runs, verb), (may_run, "may still run")]
        .into_iter()
        .filter(|(hosts, _)| !hosts.is_empty())
        .map(|(hosts, verb)| format!("{} {verb} this artifact, which was not approved.", list(hosts)))
        .collect();
    let order = format!("`!rollback {app} in canary` takes the canary back.");
    (!all.is_empty()).then(|| format!("{} {order}", all.join(" ")))
}
