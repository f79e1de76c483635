use anyhow::ensure;

use super::to_the_gate;
use crate::demo::stage::{Stage, has_chart, says_all};
use crate::gate::Decision;

pub(super) async fn play(stage: Stage) -> anyhow::Result<()> {
    let question = to_the_gate(&stage, 2).await?;
    let canary = stage.agreed("canary").await?;
    says_all(
        &question.shown.card,
        &[
            canary.digest.as_str(),
            "web-1, web-2 and web-3",
            "ann",
            "sre",
            "errors",
            "latency",
            "curl",
            "Time left",
        ],
    )?;
    ensure!(has_chart(&question.shown.card), "the question has no chart");

    let refused = stage.ask("ann", "!approve", "may not approve").await?;
    ensure!(refused.whisper_to.is_some_and(|it| it.as_str() == "ann"), "the refusal is for ann alone");
    ensure!(stage.world.versions("app").await == [Some(1); 3], "a refused vote changed production");

    stage.player.say("bea", "!approve");
    let done = stage.titled("of shop: done").await?;
    says_all(&done.card, &["new: web-1, web-2 and web-3", "old: none", "unknown: none"])?;
    ensure!(stage.agreed("app").await? == canary, "production runs another artifact than the canary");
    let fleet = stage.world.fleet().await?;
    ensure!(fleet.hosts.iter().all(|it| it.in_pool), "a host stayed out of the pool: {fleet:?}");
    ensure!(fleet.errors == 0, "users saw {} errors in {} requests", fleet.errors, fleet.requests);

    let gates = stage.end().await?.gates(question.number).await?;
    ensure!(gates.len() == 1, "{} gates for one release", gates.len());
    let granted = matches!(&gates[0].gate.decision, Some(Decision::Granted(_)));
    ensure!(granted, "the database holds no grant: {:?}", gates[0].gate.decision);
    ensure!(gates[0].gate.facts.artifact == canary.digest, "the gate is about another artifact");
    Ok(())
}
