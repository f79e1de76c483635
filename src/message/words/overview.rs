//! Tables of what is going on: `!status`, `!where`, `!history`, `!plan`.

use std::time::Duration;

use super::{count, length, list};
use crate::{
    id::HostName,
    message::card::{Card, Text, Tone},
};

/// What a host was last confirmed to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    /// A release by number and the first digits of its commit.
    Release(i64, String),
    /// What no release of ours brought, by the first digits of its digest.
    Artifact(String),
    /// It was asked and did not say, or what it said cannot be relied on.
    Unknown,
    /// It was never confirmed.
    NotRecorded,
}

/// One host in `!where`.
#[derive(Clone, Debug)]
pub struct Whereabouts {
    pub app: String,
    pub environment: String,
    pub host: String,
    pub runs: Runs,
    /// The inventory has it.
    pub listed: bool,
    pub since: Option<String>,
    pub by: Option<String>,
}

/// A release in a list to choose from.
pub fn choice(number: i64, app: &str, what: &str) -> String {
    format!("#{number} {app} {what}")
}

/// What runs where.
pub fn whereabouts(rows: &[Whereabouts]) -> Card {
    if rows.is_empty() {
        return Card::say(
            "There is no app with hosts yet. Apps stand in config/apps, hosts in config/environments.yaml.",
        );
    }
    let mut table = vec![["app", "environment", "host", "version", "since", "by"].map(str::to_owned)];
    table.extend(rows.iter().map(|it| {
        let version = match &it.runs {
            Runs::Release(number, commit) => format!("#{number} {commit}"),
            Runs::Artifact(digest) => format!("sha256:{digest}"),
            Runs::Unknown => "unknown".to_owned(),
            Runs::NotRecorded => "not recorded".to_owned(),
        };
        let host = if it.listed { it.host.clone() } else { format!("{} (no longer listed)", it.host) };
        let or_none = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
        [it.app.clone(), it.environment.clone(), host, version, or_none(&it.since), or_none(&it.by)]
    }));
    Card::titled(Tone::Neutral, "What runs where").code(columns(&table))
}

/// One line of `!history`.
#[derive(Clone, Debug)]
pub struct Past {
    pub number: i64,
    /// As [`step`] says it.
    pub what: String,
    pub commit: String,
    pub by: String,
    pub at: String,
    pub outcome: String,
}

/// What a root of a release did, and where to.
pub fn step(action: &str, environment: &str) -> String {
    match action {
        "release.promote" => format!("promoted to {environment}"),
        "release.rollback" => format!("rollback of {environment}"),
        "release.canary_back" => "rollback of the canary".to_owned(),
        _ => format!("deployed to {environment}"),
    }
}

/// The last releases of an app, with all that was done with them.
pub fn history(app: &str, rows: &[Past]) -> Card {
    if rows.is_empty() {
        return Card::say(
            Text::plain(format!("{app} has no releases yet. Start with ")).code(format!("!deploy {app}")),
        );
    }
    let table: Vec<[String; 6]> = rows
        .iter()
        .map(|it| {
            let number = format!("#{}", it.number);
            [number, it.commit.clone(), it.what.clone(), it.at.clone(), it.by.clone(), it.outcome.clone()]
        })
        .collect();
    Card::titled(Tone::Neutral, format!("Releases of {app}")).code(columns(&table))
}

/// What is going on now: one line each.
pub fn status(going: &[String], open_gates: &[String]) -> Card {
    if going.is_empty() && open_gates.is_empty() {
        return Card::say("Nothing is going on.");
    }
    let mut card = Card::titled(Tone::Neutral, format!("{} at work", count(going.len(), "execution")));
    card = card.lines(going.iter().map(|it| Text::plain(it.as_str())).collect());
    if !open_gates.is_empty() {
        card = card.text(format!("Waiting for an answer: {}.", list(open_gates)));
    }
    card
}

/// What a deploy would do.
#[derive(Clone, Debug)]
pub struct Plan {
    pub app: String,
    pub environment: String,
    pub commit: String,
    pub short: String,
    pub reference: String,
    pub brings: Text,
    /// The first digits of what all target hosts say they run.
    pub runs: Option<String>,
    /// Who has to approve; `None` where nobody has to.
    pub approval: Option<Vec<String>>,
    pub url: String,
    pub setup: String,
    pub build: String,
    pub canary: Option<Watched>,
    pub hosts: Vec<HostName>,
    pub batch_size: u32,
}

/// The canary of such a plan.
#[derive(Clone, Debug)]
pub struct Watched {
    pub hosts: Vec<HostName>,
    /// Hosts that it is compared with.
    pub baseline: usize,
    pub length: Duration,
}

/// A dry run: what would happen, host by host.
pub fn plan(it: &Plan) -> Card {
    let approval = it.approval.as_ref().map_or("not needed".to_owned(), |slots| list(slots));
    let runs = it.runs.as_ref().map_or("unknown".to_owned(), |it| format!("sha256:{it}"));
    let facts = vec![
        ("commit", Text::plain(format!("{} ({})", it.commit, it.reference))),
        ("brings", Text::plain(it.brings.to_string())),
        ("runs now", Text::plain(runs)),
        ("approval", Text::plain(approval)),
    ];
    let steps = steps(it);
    Card::titled(Tone::Neutral, format!("Plan: {} to {}", it.app, it.environment))
        .fields(facts)
        .lines(steps.iter().enumerate().map(|(at, it)| Text::plain(format!("{}. {it}", at + 1))).collect())
        .text("This was a dry run; nothing was changed.")
}

fn steps(it: &Plan) -> Vec<String> {
    let mut steps = vec![
        format!("clone {} at {}", it.url, it.short),
        format!("run {}, then {}", it.setup, it.build),
        "pack the checkout into one archive, named by its SHA-256".to_owned(),
    ];
    if let Some(canary) = &it.canary {
        steps.push(format!("install it on {}", list(&canary.hosts)));
        let (baseline, length) = (count(canary.baseline, "host"), length(canary.length));
        steps.push(format!("watch it against {baseline} for {length}"));
    }
    if it.approval.is_some() {
        steps.push("ask, and wait for the approval".to_owned());
    }
    steps.push(format!("install it on {}, {} at a time", list(&it.hosts), it.batch_size));
    steps.push("ask every host what it runs".to_owned());
    steps
}

/// An execution that is under way: what it is, where it stands, how long already.
pub fn going(title: &str, state: &str, took: Duration) -> String {
    format!("{title}: {state}, {}", length(took))
}

/// A gate that waits.
pub fn open_gate(number: i64, app: &str, environment: &str) -> String {
    format!("#{number} {app} to {environment}")
}

/// Columns as wide as their widest cell, two blanks apart.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
