//! One attempt: bind the parameters, ask the guard, commit the attempt's start, run it, settle.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    content::{Action, Bound, Configured},
    id::ActionRef,
    library,
    message::words,
    runner::{self, Outcome},
    secret::Secret,
    status::Status,
    store::{
        Change, StoreError,
        attempt::{self, Attempt, Beginning},
        execution::Execution,
    },
};

use super::{
    Engine,
    bundle::Bundle,
    guard::{Leave, Refused},
    policy::Retry,
    settle::End,
    truth,
};

/// How long an attempt may take when neither its action nor its runner says.
const TIMEOUT: Duration = Duration::from_secs(600);
/// What a runner gets beyond the timeout to end its processes and report.
const GRACE: Duration = Duration::from_secs(15);
/// Tries of an idempotent action whose connection breaks.
const TRIES_WHEN_LOST: u32 = 3;
/// Between two of them: a network that comes back does so within moments, or not soon.
const LOST_PAUSE: Duration = Duration::from_secs(1);
/// Runners that execute files of the action's pack.
const EXECUTES: [&str; 4] = ["argv", "local-shell-script", "python-script", "remote-shell-script"];
/// Between two signs of life of a running attempt.
const HEARTBEAT: Duration = Duration::from_secs(5);

impl Engine {
    /// Performs an execution whose action has an effect outside.
    pub(super) async fn perform(&self, execution: Execution) {
        if let Ok((end, also)) = self.try_perform(&execution).await {
            self.settle(&execution, end, also).await;
        }
    }

    async fn try_perform(&self, execution: &Execution) -> Result<(End, Vec<Change>), Postponed> {
        let mut execution = execution.clone();
        let _slot = match self.slot(&mut execution).await? {
            Ok(slot) => slot,
            Err(end) => return Ok((end, Vec::new())),
        };
        let (action, given) = (execution.action.clone(), execution.parameters.clone());
        self.attempt(&execution, &action, given).await
    }

    /// One attempt of `action` on behalf of an execution: how it ended, and the change that records it.
    pub(super) async fn attempt(
        &self,
        execution: &Execution,
        action: &ActionRef,
        given: Map<String, Value>,
    ) -> Result<(End, Vec<Change>), Postponed> {
        let Ok(bundle) = self.bundle(execution).await else {
            return Ok((End::failed("the content this execution was started with is gone"), Vec::new()));
        };
        let Some(action) = bundle.action(action).cloned() else {
            return Ok((End::failed(format!("action `{action}` does not exist")), Vec::new()));
        };
        let bound = match self.bound(execution, &action, given).await? {
            Ok(bound) => bound,
            Err(why) => return Ok((End::failed(why), Vec::new())),
        };
        let leave = match self.guarded(execution, &action, &bound.values).await? {
            Ok(leave) => leave,
            Err(refusal) => return Ok((End::failed(refusal.to_string()), Vec::new())),
        };
        let Some(runner) = self.0.parts.runners.get(action.runner.as_str()) else {
            return Ok((End::failed(format!("there is no runner `{}`", action.runner)), Vec::new()));
        };
        let secrets = match self.secrets_for(&leave) {
            Ok(secrets) => secrets,
            Err(missing) => return Ok((End::failed(missing.to_string()), Vec::new())),
        };
        let timeout = timeout_of(&action, &bound.values);
        let configured = match self.pack_config(execution, &bundle, &action).await? {
            Ok(configured) => configured,
            Err(missing) => return Ok((End::failed(missing.to_string()), Vec::new())),
        };
        let given = Given { bound, secrets, configured, timeout };
        let mut execution = execution.clone();
        let mut tries = 1;
        loop {
            if let Some(altered) = self.altered(&bundle, &action).await {
                return Ok((End::failed(altered), Vec::new()));
            }
            let attempt = match self.begin_attempt(&execution, &leave, timeout).await? {
                Ok(attempt) => attempt,
                Err(refused) => return Ok((refused, Vec::new())),
            };
            let request = self.request(&execution, &action, &bundle, &attempt, &given).await;
            let end = match request {
                Ok(request) => {
                    end_of(self.supervise(&execution, &attempt, runner.clone(), request, timeout).await)
                }
                Err(error) => End::failed(format!("the attempt could not be prepared: {error}")),
            };
            match self.retry(&mut execution, &action, &attempt, &end).await? {
                Retry::None => {}
                Retry::Now => continue,
                Retry::Canceled => return Ok((End::canceled(), Vec::new())),
            }
            let again = end.status == Status::Unknown && action.idempotent && tries < TRIES_WHEN_LOST;
            if !again || !self.try_again(&mut execution, &attempt, &end).await? {
                return Ok((
                    end.clone(),
                    vec![Change::EndAttempt(Box::new(attempt), end.status, end.result)],
                ));
            }
            tries += 1;
        }
    }

    /// Gives up an attempt whose end nobody saw, for another that does no harm. False if it was canceled or changed
    /// meanwhile; if the bot stops, its next start does the same.
    async fn try_again(
        &self,
        execution: &mut Execution,
        attempt: &Attempt,
        end: &End,
    ) -> Result<bool, Postponed> {
        let cancel = self.cancel_token(execution.id);
        tokio::select! {
            () = self.clock().sleep_until(crate::clock::after(self.now(), LOST_PAUSE)) => {}
            () = cancel.cancelled() => return Ok(false),
            () = self.0.stop.cancelled() => return Err(Postponed),
        }
        let Ok(now) = self.store().load_execution(execution.id).await else { return Ok(false) };
        *execution = now;
        Ok(self.give_up_try(attempt, Status::Abandoned, end).await)
    }

    /// Records that an attempt ended, and that it is not its execution's end.
    pub(super) async fn give_up_try(&self, attempt: &Attempt, status: Status, end: &End) -> bool {
        let given_up = Change::EndAttempt(Box::new(attempt.clone()), status, end.result.clone());
        match self.commit(vec![given_up]).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(execution = %attempt.execution, %error, "an attempt is not followed by another");
                false
            }
        }
    }

    /// What the guard says; while the store is away it says nothing, and nothing starts.
    async fn guarded(
        &self,
        execution: &Execution,
        action: &Action,
        parameters: &Map<String, Value>,
    ) -> Result<Result<Leave, Refused>, Postponed> {
        loop {
            match self.guard(execution, action, parameters).await {
                Err(Refused::Store(error)) => {
                    tracing::error!(execution = %execution.id, %error, "the guard cannot be asked; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(HEARTBEAT / 10) => {}
                        () = self.0.stop.cancelled() => return Err(Postponed),
                    }
                }
                answer => return Ok(answer),
            }
        }
    }

    /// The start row commits before the effect. While the database is away nothing starts; if the permission or the
    /// root has ended meanwhile, or was canceled, nothing ever will.
    async fn begin_attempt(
        &self,
        execution: &Execution,
        leave: &Leave,
        timeout: Duration,
    ) -> Result<Result<Attempt, End>, Postponed> {
        let beginning = Beginning {
            execution: execution.id,
            host: leave.host.clone(),
            guarded: leave.guarded,
            clearances: leave.clearances.clone(),
            timeout: timeout + GRACE,
            now: self.now(),
        };
        let mut wait = HEARTBEAT / 10;
        loop {
            let (beginning, now) = (beginning.clone(), self.now());
            let (id, version) = (execution.id, execution.version);
            // Its root waits for this very visit, whatever else may not begin any more.
            let root = truth::awaited(execution).is_none().then_some(execution.root);
            let begun = self.store().write(move |tx| {
                Box::pin(async move {
                    if let Some(root) = root
                        && !crate::store::execution::goes_on(tx, root).await?
                    {
                        return Ok(None);
                    }
                    crate::store::execution::advance(tx, id, version, Status::Running, now).await?;
                    attempt::begin(tx, &beginning).await.map(Some)
                })
            });
            match begun.await {
                Ok(Some(attempt)) => return Ok(Ok(attempt)),
                Ok(None) => return Ok(Err(End::canceled())),
                Err(StoreError::CalledOff { why }) => return Ok(Err(End::failed(why))),
                Err(StoreError::Changed { what }) => {
                    tracing::info!(execution = %execution.id, what, "not started: it was changed meanwhile");
                    return Err(Postponed);
                }
                Err(error) => {
                    tracing::error!(execution = %execution.id, %error, "an attempt could not be recorded, so it does not start yet");
                    tokio::select! {
                        () = tokio::time::sleep(wait) => wait = (wait * 2).min(HEARTBEAT),
                        () = self.0.stop.cancelled() => return Err(Postponed),
                    }
                }
            }
        }
    }

    async fn request(
        &self,
        execution: &Execution,
        action: &Arc<Action>,
        bundle: &Bundle,
        attempt: &Attempt,
        given: &Given,
    ) -> std::io::Result<runner::Request> {
        let work_dir = self.work_dir(execution);
        let logs = self.data().join("logs");
        tokio::fs::create_dir_all(&work_dir).await?;
        tokio::fs::create_dir_all(&logs).await?;
        let (engine, id, fence) = (self.clone(), attempt.id, attempt.fence);
        let on_spawn: runner::OnSpawn = Arc::new(move |mark| {
            let engine = engine.clone();
            Box::pin(async move {
                let process = json!({ "pid": mark.pid, "start_time": mark.start_time });
                if let Err(error) = engine.store().beat(id, fence, Some(process), engine.now()).await {
                    tracing::warn!(attempt = %id, %error, "a process could not be recorded");
                }
            })
        });
        Ok(runner::Request {
            attempt: attempt.id,
            execution: execution.id,
            action: action.clone(),
            parameters: given.bound.values.clone(),
            content_dir: self.content_dir(bundle, action),
            work_dir,
            env: given.bound.env.clone(),
            pack_config: given.configured.values.clone(),
            user: execution.context.get("requester").and_then(Value::as_str).map(str::to_owned),
            secrets: given.secrets.clone(),
            timeout: given.timeout,
            output: runner::Output {
                log: logs.join(format!("{}.log", execution.id)),
                limits: runner::Limits::default(),
                masker: self.masker_for(&given.secrets).and(&given.configured.secrets),
            },
            idempotency_key: execution.id.to_string(),
            on_spawn: Some(on_spawn),
        })
    }

    /// Scratch space that all attempts below one root share.
    pub(super) fn work_dir(&self, execution: &Execution) -> PathBuf {
        self.data().join("work").join(execution.root.to_string())
    }

    /// What differs in a pack from what was pinned, in words, if this action runs files of it.
    async fn altered(&self, bundle: &Bundle, action: &Action) -> Option<String> {
        if !EXECUTES.contains(&action.runner.as_str()) {
            return None;
        }
        let (pack, folder) = (action.pack.clone(), self.content_dir(bundle, action));
        let Some(files) = bundle.pinned.files.get(&pack).cloned() else {
            return Some(words::fault::pack_altered(pack.as_str(), "nobody knows what it held"));
        };
        let altered = tokio::task::spawn_blocking(move || library::altered(&folder, &files)).await;
        match altered {
            Ok(None) => None,
            Ok(Some(altered)) => Some(words::fault::pack_altered(pack.as_str(), &altered.to_string())),
            Err(error) => Some(words::fault::pack_altered(pack.as_str(), &error.to_string())),
        }
    }

    fn content_dir(&self, bundle: &Bundle, action: &Action) -> PathBuf {
        let digest = bundle.pinned.packs.get(&action.pack).map_or("missing", |it| it.as_str());
        self.data().join("content").join(digest)
    }

    /// Runs it with signs of life, a hard end, and an ear for cancel.
    async fn supervise(
        &self,
        execution: &Execution,
        attempt: &Attempt,
        runner: Arc<dyn runner::Runner>,
        request: runner::Request,
        timeout: Duration,
    ) -> Outcome {
        let cancel = self.cancel_token(execution.id);
        let run = runner.run(request, cancel.clone());
        tokio::pin!(run);
        let hard_end = tokio::time::sleep(timeout + GRACE);
        tokio::pin!(hard_end);
        let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            tokio::select! {
                outcome = &mut run => return outcome,
                _ = beat.tick() => {
                    if let Err(error) = self.store().beat(attempt.id, attempt.fence, None, self.now()).await {
                        tracing::warn!(attempt = %attempt.id, %error, "no sign of life could be stored");
                    }
                }
                () = &mut hard_end => {
                    cancel.cancel();
                    return Outcome::failed(format!("the runner did not come back within {} s of its timeout", GRACE.as_secs()));
                }
            }
        }
    }
}

/// What every try of one visit is given.
struct Given {
    bound: Bound,
    secrets: BTreeMap<String, Secret>,
    configured: Configured,
    timeout: Duration,
}

/// Not now: the execution's row stays as it is, for the next start.
pub(super) struct Postponed;

fn timeout_of(action: &Action, parameters: &Map<String, Value>) -> Duration {
    let given = parameters.get("timeout").and_then(Value::as_u64).filter(|it| 0 < *it);
    given.map(Duration::from_secs).or(action.timeout).unwrap_or(TIMEOUT)
}

fn end_of(outcome: Outcome) -> End {
    let status = match outcome.end {
        runner::End::Succeeded => Status::Succeeded,
        runner::End::Failed => Status::Failed,
        runner::End::Timeout => Status::Timeout,
        runner::End::Canceled => Status::Canceled,
        runner::End::Abandoned => Status::Abandoned,
        runner::End::Unknown => Status::Unknown,
    };
    End { status, result: outcome.result }
}
