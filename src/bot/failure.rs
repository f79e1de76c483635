//! Why an execution failed, in a line: what began it, where, and what its log ends with.

use serde_json::Value;

use crate::{
    message::words::{
        failure::{self, Failure, Fault},
        output,
    },
    status::Status,
    store::execution::Execution,
};

/// Lines of a log that a card shows.
pub(super) const LINES: usize = 15;
/// What orquesta's log says of a task whose action failed: the action itself says more.
const OF_ACTION: &str = "Execution failed. See result for details.";

/// What an execution failed of: the visit that began it, and what its workflows say themselves.
pub(super) fn causes(tree: &[Execution], top: &Execution) -> (Option<Failure>, Option<Fault>) {
    if top.status == Status::Succeeded {
        return (None, None);
    }
    let leaf = cause(tree).map(of);
    // What names no task is its output, which often lacks what a failed task did not publish.
    let fault = fault(tree).filter(|it| leaf.is_none() || it.task.is_some());
    (leaf, fault)
}

/// The visit that a failure began with.
pub(super) fn cause(tree: &[Execution]) -> Option<&Execution> {
    tree.iter().find(|it| is_cause(it))
}

/// The visit that a failure began with: it failed itself, not because of something below it.
fn is_cause(it: &Execution) -> bool {
    let says_itself = matches!(it.runner.as_str(), "orquesta" | "action-chain" | "gate" | "confirm");
    let has_error = it.result.as_ref().is_some_and(|it| it.get("error").is_some());
    let by_itself = matches!(it.runner.as_str(), "gate" | "orquesta" | "action-chain");
    is_failed(it) && !super::view::gave_way(it) && (!says_itself || (by_itself && has_error))
}

/// It failed, and not because something else came first.
pub(super) fn is_failed_itself(it: &Execution) -> bool {
    is_failed(it) && !super::view::gave_way(it)
}

fn is_failed(it: &Execution) -> bool {
    matches!(it.status, Status::Failed | Status::Timeout | Status::Abandoned | Status::Unknown)
}

/// The first thing that the deepest workflow could not work out.
fn fault(tree: &[Execution]) -> Option<Fault> {
    let workflows = tree.iter().filter(|it| it.runner == "orquesta" && is_failed(it));
    let faults = workflows.filter_map(|it| {
        let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut errors = it.result.as_ref()?.get("errors")?.as_array()?.iter();
        let entry = errors.find(|entry| text(entry, "message").is_some_and(|it| it != OF_ACTION))?;
        let fault = Fault {
            workflow: it.action.to_string(),
            task: text(entry, "task_id"),
            message: text(entry, "message")?,
        };
        Some((it.depth, fault))
    });
    faults.max_by_key(|(depth, _)| *depth).map(|(_, fault)| fault)
}

/// What failed, and the end of its output.
pub(super) fn of(it: &Execution) -> Failure {
    let failed = it.result.as_ref().map(failed_hosts).unwrap_or_default();
    let error = if failed.is_empty() {
        reason(it.result.as_ref(), it.status)
    } else {
        let each = failed.iter().map(|(host, it)| (host.as_str(), reason(Some(*it), Status::Failed)));
        failure::of_hosts(&each.collect::<Vec<_>>())
    };
    let results = failed.iter().map(|(_, it)| *it).chain(it.result.as_ref().filter(|_| failed.is_empty()));
    let log = results.map(log).find(|it| !it.is_empty()).unwrap_or_default();
    Failure { step: step(it), error, log, unseen: it.status == Status::Unknown }
}

/// The task's name, or the action's.
pub(super) fn step(it: &Execution) -> String {
    it.visit.as_ref().map_or_else(|| it.action.to_string(), |visit| visit.task.to_string())
}

fn reason(result: Option<&Value>, status: Status) -> String {
    let number = |name: &str| result.and_then(|it| it.get(name)).and_then(Value::as_i64);
    let error = result.and_then(|it| it.get("error")).and_then(Value::as_str).filter(|it| !it.is_empty());
    let code = number("return_code").or_else(|| number("exit_code").filter(|it| *it != 0));
    match (error, code, number("status_code")) {
        (Some(error), ..) => error.to_owned(),
        (None, Some(code), _) => failure::exit_code(code),
        (None, None, Some(code)) => failure::answered(code),
        (None, None, None) => failure::ended_as(status),
    }
}

/// The last lines of what was printed, or of an answer's body.
fn log(result: &Value) -> String {
    let text = |name: &str| match result.get(name) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    };
    // A Python action that says itself that it failed says why in its result.
    let said = text("result");
    let said = if said == "None" { String::new() } else { said };
    let all = [text("stdout"), text("stderr"), text("body"), said].join("\n");
    let lines: Vec<&str> = all.lines().filter(|it| !it.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// The hosts that failed, where a result has one entry a host.
fn failed_hosts(result: &Value) -> Vec<(&String, &Value)> {
    let hosts = result.as_object().filter(|_| output::is_by_host(result));
    let failed = |it: &Value| it.get("failed").and_then(Value::as_bool) == Some(true);
    hosts.into_iter().flatten().filter(|(_, it)| failed(it)).collect()
}
