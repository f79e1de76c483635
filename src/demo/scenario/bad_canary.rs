use anyhow::ensure;

use crate::demo::stage::{Stage, says_all};
use crate::gate::Decision;

/// A tenth of all requests.
const ERROR_RATE: f64 = 0.10;

pub(super) async fn play(stage: Stage) -> anyhow::Result<()> {
    let before = stage.agreed("app").await?;
    stage.world.commit_with_errors(2, ERROR_RATE).await?;
    stage.player.say("ann", "!deploy shop");
    stage.hosts_run("canary", &[Some(2)]).await?;
    let card = stage.titled("of shop: the canary failed").await?;
    says_all(&card.card, &["verdict fail"])?;
    stage.hosts_run("canary", &[Some(1)]).await?;
    ensure!(stage.agreed("canary").await? == before, "the canary went back to something else");

    let from = stage.player.messages().len();
    stage.player.say("bea", "!approve 1");
    stage.message(from, |_| true).await?;
    ensure!(stage.agreed("app").await? == before, "production changed");
    let gates = stage.end().await?.gates(1).await?;
    let granted = gates.iter().any(|it| matches!(it.gate.decision, Some(Decision::Granted(_))));
    ensure!(!granted, "a failed canary was approved");
    Ok(())
}
