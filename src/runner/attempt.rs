//! One attempt on its way: what all runners need of it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::outcome::{End, Outcome, OutputSummary};
use super::process::{self, ATTEMPT_VARIABLE, Brand, Capture, Cookie, Ended, How, Log, Spec, Watch};
use super::request::Request;
use super::runners::Deps;

/// Variables of our own environment that processes may have. Everything else, secrets above all, stays here.
const INHERITED: &[&str] =
    &["PATH", "HOME", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "SHELL", "TMPDIR", "SSH_AUTH_SOCK"];

/// What of an environment every process may see: for [`Deps::environment`].
pub fn clean_environment(variables: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut kept: BTreeMap<String, String> = variables
        .into_iter()
        .filter(|(name, _)| INHERITED.contains(&name.as_str()) || name.starts_with("LC_"))
        .collect();
    kept.entry("PATH".to_owned()).or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
    kept
}

/// An attempt that has begun.
pub(super) struct Attempt {
    pub(super) request: Request,
    pub(super) cancel: CancellationToken,
    pub(super) deps: Arc<Deps>,
    pub(super) deadline: Instant,
    log: Arc<Log>,
    _cookie: Cookie,
}

/// Why an act did not succeed.
#[derive(Debug)]
pub(super) enum Stop {
    Failed(Value),
    Timeout(Value),
    /// The connection broke on the way.
    Lost(Value),
    Canceled,
}

impl Stop {
    /// A failure whose result is only an error text.
    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(fields([("error", error.to_string().into())]))
    }
}

/// An object of these fields, in this order.
pub(super) fn fields<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

impl Attempt {
    /// Begins: opens the log. On a fault the outcome says which file.
    pub(super) async fn begin(
        request: Request,
        cancel: CancellationToken,
        deps: &Arc<Deps>,
    ) -> Result<Self, Outcome> {
        let log = Log::create(&request.output).await.map_err(|error| {
            Outcome::failed(format!("cannot open the log {}: {error}", request.output.log.display()))
        })?;
        Ok(Self {
            cancel,
            deps: Arc::clone(deps),
            deadline: Instant::now() + request.timeout,
            log: Arc::new(log),
            _cookie: Cookie::new(request.attempt),
            request,
        })
    }

    /// Runs a process under this attempt: its deadline, its cancellation, its log.
    pub(super) async fn run(&self, spec: Spec) -> Ended {
        let capture = || Capture::new(Arc::clone(&self.log), &self.request.output);
        process::run(
            spec,
            Watch {
                cancel: &self.cancel,
                deadline: self.deadline,
                grace: self.deps.grace,
                on_spawn: self.request.on_spawn.as_ref(),
                brand: Brand::of(self.request.attempt),
                stdout: capture(),
                stderr: capture(),
            },
        )
        .await
    }

    /// Runs something that is no process under this attempt's deadline and cancellation.
    pub(super) async fn within<T>(&self, act: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            done = act => done,
            () = self.cancel.cancelled() => Err(Stop::Canceled),
            () = tokio::time::sleep_until(self.deadline) => {
                Err(Stop::Timeout(fields([("error", self.late().into())])))
            }
        }
    }

    /// Ends the attempt with what an act gave.
    pub(super) async fn finish(self, done: Result<Value, Stop>) -> Outcome {
        let (end, result) = match done {
            Ok(result) => (End::Succeeded, result),
            Err(Stop::Failed(result)) => (End::Failed, with_flags(result)),
            Err(Stop::Timeout(result)) => (End::Timeout, with_flags(result)),
            Err(Stop::Lost(result)) => (End::Unknown, with_flags(result)),
            Err(Stop::Canceled) => (End::Canceled, with_flags(fields([]))),
        };
        self.close(end, result).await
    }

    /// Ends the attempt; masks the result once more, because parsing JSON may have undone an escape.
    pub(super) async fn close(self, end: End, result: Value) -> Outcome {
        let (head, tail, bytes, truncated) = self.log.close().await;
        let result = self.request.output.masker.mask_json(result);
        Outcome { end, result, output: OutputSummary { head, tail, bytes, truncated } }
    }

    /// StackStorm's text for an attempt that took too long.
    pub(super) fn late(&self) -> String {
        format!("Action failed to complete in {} seconds", self.request.timeout.as_secs())
    }

    /// What an interrupted process means for the attempt; `None` if it ran to its own end.
    pub(super) fn interruption(&self, how: &How, what: &str) -> Option<Stop> {
        match how {
            How::Exited(_) => None,
            How::Canceled => Some(Stop::Canceled),
            How::TimedOut => Some(Stop::Timeout(fields([("error", self.late().into())]))),
            How::Lost(error) => Some(Stop::failed(format_args!("cannot run {what}: {error}"))),
        }
    }

    /// The environment of a process on this machine: the clean base, the request's, the `env` parameter's, secrets,
    /// and ours, which nobody overrides.
    pub(super) fn environment(&self) -> Result<BTreeMap<String, String>, Stop> {
        let mut all = self.deps.environment.clone();
        all.extend(self.variables()?);
        Ok(all)
    }

    /// The part of the environment that belongs to the attempt, for this machine and for others.
    pub(super) fn variables(&self) -> Result<BTreeMap<String, String>, Stop> {
        let request = &self.request;
        let mut all = request.env.clone();
        if let Some(Value::Object(given)) = request.parameters.get("env") {
            for (name, value) in given {
                all.insert(name.clone(), super::shell::text_of(value));
            }
        }
        all.extend(request.secrets.iter().map(|(name, it)| (name.clone(), it.expose().to_owned())));
        let ours = [
            ("ST2_ACTION_PACK_NAME", request.action.pack.to_string()),
            ("ST2_ACTION_EXECUTION_ID", request.execution.to_string()),
            ("LOCKKEEPER_EXECUTION", request.execution.to_string()),
            (ATTEMPT_VARIABLE, request.attempt.to_string()),
            ("LOCKKEEPER_IDEMPOTENCY_KEY", request.idempotency_key.clone()),
        ];
        all.extend(ours.map(|(name, value)| (name.to_owned(), value)));
        for (name, value) in &all {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Stop::failed(format_args!(
                    "`{name}` cannot be the name of an environment variable"
                )));
            }
            if value.contains('\0') {
                return Err(Stop::failed(format_args!("environment variable `{name}` holds a NUL byte")));
            }
        }
        Ok(all)
    }

    /// A text parameter, absent if it is null or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.request.parameters.get(name).and_then(Value::as_str).filter(|it| !it.is_empty())
    }

    /// A text parameter that the act cannot do without.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Stop> {
        self.text(name).ok_or_else(|| Stop::failed(format_args!("parameter `{name}` is missing")))
    }

    /// The working folder that the `cwd` parameter names, or this execution's own.
    pub(super) fn cwd(&self) -> PathBuf {
        self.text("cwd").map_or_else(|| self.request.work_dir.clone(), |it| self.request.work_dir.join(it))
    }
}

/// The shape that StackStorm's results of failed attempts have.
fn with_flags(result: Value) -> Value {
    let Value::Object(rest) = result else { return result };
    let mut all = Map::new();
    all.insert("failed".to_owned(), true.into());
    all.insert("succeeded".to_owned(), false.into());
    all.extend(rest);
    all.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_own_secrets_are_not_inherited() {
        let all = [("SLACK_TOKEN", "x"), ("HOME", "/root"), ("LC_ALL", "C"), ("LD_PRELOAD", "y")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let names: Vec<String> = clean_environment(all).into_keys().collect();
        assert_eq!(names, ["HOME", "LC_ALL", "PATH"]);
    }
}
