use anyhow::ensure;

use super::to_the_gate;
use crate::demo::stage::{Stage, says_all};
use crate::gate::Decision;

pub(super) async fn play(stage: Stage) -> anyhow::Result<()> {
    let before = stage.agreed("app").await?;
    let question = to_the_gate(&stage, 2).await?;
    stage.player.say("bea", &format!("!reject {} not before the sale", question.number));
    let answered = stage.titled("rejected by bea").await?;
    ensure!(answered.message == question.message, "the answer does not stand where it was asked");
    says_all(&answered.card, &["not before the sale"])?;
    stage.hosts_run("canary", &[Some(1)]).await?;
    ensure!(stage.agreed("app").await? == before, "production changed");

    let from = stage.player.messages().len();
    stage.player.press("cid", &question.message, question.approve()?);
    stage.message(from, |card| card.to_string().contains("decided")).await?;
    ensure!(stage.agreed("app").await? == before, "a vote after the decision changed production");
    let gates = stage.end().await?.gates(question.number).await?;
    let rejected = matches!(&gates[0].gate.decision, Some(Decision::Rejected { .. }));
    ensure!(gates.len() == 1 && rejected, "the database says {:?}", gates[0].gate.decision);
    Ok(())
}
