//! `remote-shell-cmd` and `remote-shell-script`: the same on several hosts at once.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Stop, fields};
use super::outcome::End;
use super::runners::Deps;
use super::shell::{Report, arguments, entry_path, parameter_variables, report};
use super::transport::{Errand, Host, Trouble};
use super::{Outcome, Request, Runner};

/// Hosts at a time, unless the action says fewer.
const AT_ONCE: usize = 16;

/// Runs a fixed command text.
pub(super) struct RemoteCommand {
    deps: Arc<Deps>,
}

/// Runs a script of the pack.
pub(super) struct RemoteScript {
    deps: Arc<Deps>,
}

impl RemoteCommand {
    pub(super) fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

impl RemoteScript {
    pub(super) fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[async_trait]
impl Runner for RemoteCommand {
    fn name(&self) -> &'static str {
        "remote-shell-cmd"
    }

    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome {
        let attempt = match Attempt::begin(request, cancel, &self.deps).await {
            Ok(attempt) => attempt,
            Err(outcome) => return outcome,
        };
        let command = attempt.needed("cmd").map(str::to_owned);
        everywhere(attempt, command).await
    }
}

#[async_trait]
impl Runner for RemoteScript {
    fn name(&self) -> &'static str {
        "remote-shell-script"
    }

    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome {
        let attempt = match Attempt::begin(request, cancel, &self.deps).await {
            Ok(attempt) => attempt,
            Err(outcome) => return outcome,
        };
        let text = match entry_path(&attempt) {
            Ok(path) => tokio::fs::read_to_string(&path).await.map_err(|error| {
                Stop::failed(format_args!("cannot read the script {}: {error}", path.display()))
            }),
            Err(stop) => Err(stop),
        };
        everywhere(attempt, text).await
    }
}

/// Runs the script on all hosts of the attempt; the result is `{host: {…}}`.
async fn everywhere(attempt: Attempt, script: Result<String, Stop>) -> Outcome {
    let prepared = script.and_then(|script| Ok((script, hosts(&attempt)?, attempt.variables()?)));
    let (script, hosts, variables) = match prepared {
        Ok(prepared) => prepared,
        Err(stop) => return attempt.finish(Err(stop)).await,
    };
    let request = &attempt.request;
    let mut all = parameter_variables(&request.action, &request.parameters);
    all.extend(variables);
    let errand = Errand {
        script: &script,
        args: arguments(&request.action, &request.parameters),
        variables: all,
        cwd: attempt.text("cwd"),
        temporary: attempt.text("dir").unwrap_or("/tmp"),
    };
    let at_once = match request.parameters.get("parallel") {
        Some(Value::Bool(false)) => 1,
        Some(_) | None => AT_ONCE,
    };
    let errands: Vec<_> = hosts.iter().map(|it| on_host(&attempt, it, &errand)).collect();
    let reports: Vec<(String, Report)> = stream::iter(errands).buffered(at_once).collect().await;
    let end = reports.iter().map(|(_, it)| it.end).max_by_key(|it| gravity(*it)).unwrap_or(End::Succeeded);
    let result: Map<String, Value> = reports.into_iter().map(|(name, it)| (name, it.result)).collect();
    attempt.close(end, result.into()).await
}

async fn on_host(attempt: &Attempt, host: &Host, errand: &Errand<'_>) -> (String, Report) {
    let report = match host.run(attempt, errand).await {
        Ok((ended, None)) => report(attempt, ended),
        Ok((ended, Some(trouble))) => {
            let mut report = report(attempt, ended);
            if let Value::Object(result) = &mut report.result {
                let lost = matches!(trouble, Trouble::Lost(_));
                result.insert("error".to_owned(), trouble.text().into());
                result.insert(String::from(if lost { "lost" } else { "unreachable" }), true.into());
                report.end = if lost { End::Unknown } else { report.end };
            }
            report
        }
        Err(Stop::Failed(result)) => Report { end: End::Failed, result: failed(result) },
        Err(Stop::Timeout(result)) => Report { end: End::Timeout, result: failed(result) },
        Err(Stop::Lost(result)) => Report { end: End::Unknown, result: failed(result) },
        Err(Stop::Canceled) => Report { end: End::Canceled, result: failed(fields([])) },
    };
    (host.name.to_string(), report)
}

fn failed(result: Value) -> Value {
    let mut all = Map::new();
    all.insert("failed".to_owned(), true.into());
    all.insert("succeeded".to_owned(), false.into());
    if let Value::Object(rest) = result {
        all.extend(rest);
    }
    all.into()
}

/// Which end of a host decides the whole.
fn gravity(end: End) -> u8 {
    match end {
        End::Succeeded => 0,
        End::Failed => 1,
        End::Abandoned => 2,
        End::Timeout => 3,
        End::Unknown => 4,
        End::Canceled => 5,
    }
}

/// The `hosts` parameter, a list or comma-separated text; every one must be known before any is touched.
fn hosts(attempt: &Attempt) -> Result<Vec<Host>, Stop> {
    let names: Vec<&str> = match attempt.request.parameters.get("hosts") {
        Some(Value::String(text)) => text.split(',').map(str::trim).filter(|it| !it.is_empty()).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    };
    if names.is_empty() {
        return Err(Stop::failed("parameter `hosts` names no host"));
    }
    names.into_iter().map(|it| Host::find(attempt, it)).collect()
}
