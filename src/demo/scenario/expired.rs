use anyhow::ensure;

use super::to_the_gate;
use crate::demo::stage::Stage;
use crate::gate::Decision;

pub(super) async fn play(stage: Stage) -> anyhow::Result<()> {
    let before = stage.agreed("app").await?;
    let question = to_the_gate(&stage, 2).await?;
    let expired = stage.titled("nobody answered in time").await?;
    ensure!(expired.message == question.message, "the end does not stand where it was asked");
    ensure!(expired.card.buttons.is_empty(), "an expired question has buttons");

    let from = stage.player.messages().len();
    stage.player.say("bea", &format!("!approve {}", question.number));
    stage.message(from, |card| card.title.is_empty()).await?;
    ensure!(stage.agreed("app").await? == before, "a late vote changed production");
    let gates = stage.end().await?.gates(question.number).await?;
    let expired = matches!(&gates[0].gate.decision, Some(Decision::Expired { .. }));
    ensure!(gates.len() == 1 && expired, "the database says {:?}", gates[0].gate.decision);
    Ok(())
}
