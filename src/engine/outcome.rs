//! What the end of certain actions means beyond its workflow: an artifact stands, a build is broken, or whole again.

use serde_json::Value;

use super::{Engine, settle::End};
use crate::{
    id::{AppName, Digest, ReleaseId},
    status::Status,
    store::{Change, execution::Execution, incident::Build},
};

/// Digits would make each failure another one: times, counts, addresses.
fn normalised(log: &str) -> String {
    const KEPT: usize = 2_000;
    let skip = log.chars().count().saturating_sub(KEPT);
    log.chars().skip(skip).map(|it| if it.is_ascii_digit() { '0' } else { it }).collect()
}

impl Engine {
    /// Changes that commit with the end of `execution`. `leaf` is the visit whose end brought this about.
    pub(super) fn at_end(&self, execution: &Execution, end: &End, leaf: (&Execution, &End)) -> Vec<Change> {
        match execution.action.as_str() {
            "package.build" => artifact(execution, end).into_iter().collect(),
            "ci.build" => self.build(execution, end, leaf).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn build(&self, execution: &Execution, end: &End, leaf: (&Execution, &End)) -> Option<Change> {
        let app = AppName::new(execution.context.get("app")?.as_str()?);
        let failed = match end.status {
            Status::Succeeded => None,
            Status::Failed | Status::Timeout => Some(leaf.0.id),
            // Nobody broke anything.
            Status::Canceled
            | Status::Canceling
            | Status::Abandoned
            | Status::Unknown
            | Status::Requested
            | Status::Scheduled
            | Status::Delayed
            | Status::Running
            | Status::Pending
            | Status::Pausing
            | Status::Paused
            | Status::Resuming => return None,
        };
        Some(Change::Build(Box::new(Build {
            places: self.live().channels(&app).to_vec(),
            app,
            root: execution.root,
            failed,
            print: failed.map(|_| print(leaf)),
        })))
    }
}

fn artifact(execution: &Execution, end: &End) -> Option<Change> {
    if end.status != Status::Succeeded {
        return None;
    }
    let release = ReleaseId::parse(execution.context.get("release")?.as_str()?).ok()?;
    let digest = Digest::parse(end.result.get("digest")?.as_str()?).ok()?;
    Some(Change::Artifact(release, digest))
}

/// The same failure has the same print: the same step with the same end of its log.
fn print(leaf: (&Execution, &End)) -> String {
    let task = leaf.0.visit.as_ref().map_or("", |it| it.task.as_str());
    let text = |name: &str| leaf.1.result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let log = normalised(&format!("{}{}{}", text("stdout"), text("stderr"), text("error")));
    Digest::of(format!("{task}\n{log}").as_bytes()).short().to_owned()
}
