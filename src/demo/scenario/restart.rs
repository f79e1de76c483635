use anyhow::ensure;

use super::to_the_gate;
use crate::demo::stage::Stage;

pub(super) async fn play(mut stage: Stage) -> anyhow::Result<()> {
    let question = to_the_gate(&stage, 2).await?;
    stage.kill_bot().await?;
    ensure!(stage.world.versions("app").await == [Some(1); 3], "production changed with nobody there");
    stage.start_bot()?;
    stage.player.press("bea", &question.message, question.approve()?);
    stage.titled("of shop: done").await?;
    stage.hosts_run("app", &[Some(2); 3]).await?;
    let asked = stage
        .player
        .messages()
        .iter()
        .filter(|it| it.card.title.to_string().contains("shop to production"))
        .count();
    ensure!(asked == 1, "it was asked {asked} times");
    let gates = stage.end().await?.gates(question.number).await?;
    ensure!(gates.len() == 1, "{} gates for one release", gates.len());
    Ok(())
}
