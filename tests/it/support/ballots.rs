//! Many gates of one release, and a crowd that answers all at once: through the engine and its store.

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;
use jiff::Timestamp;
use lockkeeper::engine::{Asked, Engine, Voting};
use lockkeeper::gate::{Act, Ballot, Claim, Refusal, Shown, Via};
use lockkeeper::id::{Account, ExecutionId, GateId, Platform};
use lockkeeper::identity::{Actor, Standing, TERMINAL_WORKSPACE};
use lockkeeper::status::Status;
use lockkeeper::store::Change;
use lockkeeper::store::execution::Execution;
use lockkeeper::store::gate::GateRow;

/// Gates that are written in one commit.
const AT_ONCE: usize = 100;

/// The members of `sre` who vote, for the people's file: `v0`, `v1` and so on.
pub fn voters(count: usize) -> String {
    let voter = |at| format!("  v{at}: {{terminal: [v{at}], groups: [sre]}}\n");
    (0..count).map(voter).collect()
}

/// Copies of the one open gate, each with a waiting execution of its own.
pub async fn copies(engine: &Engine, count: usize) -> anyhow::Result<Vec<GateRow<Asked>>> {
    let open = engine.open_gates().await?;
    let first = open.first().context("no gate is open")?;
    let waiting = engine.store().load_execution(first.execution).await?;
    let rows: Vec<GateRow<Asked>> = (0..count).map(|_| copy(first)).collect();
    for some in rows.chunks(AT_ONCE) {
        let mut changes = Vec::new();
        for row in some {
            changes.push(Change::Start(Box::new(waiter(&waiting, row.execution, engine.clock().now()))));
            changes.push(Change::Advance(row.execution, 1, Status::Pending));
            let body = serde_json::to_value(&row.body)?;
            changes.push(Change::OpenGate(Box::new(row.with_body(body))));
        }
        engine.store().commit(changes, engine.clock().now()).await?;
    }
    Ok(rows)
}

fn copy(of: &GateRow<Asked>) -> GateRow<Asked> {
    let mut row = of.clone();
    row.id = GateId::generate();
    row.execution = ExecutionId::generate();
    row.version = 1;
    row.body.gate.id = row.id;
    row.body.gate.execution = row.execution;
    row
}

/// A root that waits for the answer: nothing follows its end.
fn waiter(of: &Execution, id: ExecutionId, created_at: Timestamp) -> Execution {
    Execution {
        parameters: of.parameters.clone(),
        context: of.context.clone(),
        ..Execution::root(id, of.action.clone(), &of.runner, of.content.clone(), created_at)
    }
}

/// Every voter answers at this gate at once, half of them no. Gives how many were told that they decided it.
async fn crowd(engine: &Engine, row: &GateRow<Asked>, voters: usize) -> anyhow::Result<usize> {
    let answers =
        join_all((0..voters).map(|at| engine.vote(row.id, ballot(engine, row, at), Shown::Whole))).await;
    let mut deciding = 0;
    for answer in answers {
        match answer? {
            Voting::Decided(_) => deciding += 1,
            Voting::Refused(Refusal::AlreadyDecided { .. }) | Voting::Counted { .. } => {}
            Voting::Refused(other) => anyhow::bail!("refused: {other}"),
        }
    }
    Ok(deciding)
}

fn ballot(engine: &Engine, row: &GateRow<Asked>, voter: usize) -> Ballot {
    let account = Account {
        platform: Platform::Terminal,
        workspace: TERMINAL_WORKSPACE.into(),
        user: format!("v{voter}").as_str().into(),
    };
    let act =
        if voter.is_multiple_of(2) { Act::Approve { reason: None } } else { Act::Reject { reason: None } };
    Ballot {
        actor: Actor::new(account, Standing::Member),
        act,
        via: Via::Button,
        claim: Claim::Message(row.seal.clone()),
        at: engine.clock().now(),
    }
}

/// `voters` answer at each gate at once, at `abreast` gates side by side; every gate has to end with exactly one
/// decision. Gives how many were granted.
///
/// # Errors
/// A gate that was decided twice, or not at all.
pub async fn answer_all(
    engine: &Engine,
    rows: &[GateRow<Asked>],
    voters: usize,
    abreast: usize,
) -> anyhow::Result<usize> {
    for some in rows.chunks(abreast) {
        for (row, deciding) in
            some.iter().zip(join_all(some.iter().map(|it| crowd(engine, it, voters))).await)
        {
            let deciding = deciding?;
            ensure!(deciding == 1, "{deciding} answers decided gate {}", row.id);
        }
    }
    let mut granted = 0;
    for row in rows {
        let now: GateRow<Asked> = engine.store().load_gate(row.id).await?;
        let decision = now.body.gate.decision.as_ref().context("a gate without a decision")?;
        ensure!(now.state == decision.as_str() && now.decided_at.is_some());
        granted += usize::from(now.body.gate.granted().is_some());
        let ended = engine.store().load_execution(row.execution).await?;
        ensure!(ended.ended_at.is_some(), "what waited for gate {} waits on", row.id);
    }
    Ok(granted)
}
