use anyhow::ensure;

use super::to_the_gate;
use crate::demo::stage::{Stage, says_all};

pub(super) async fn play(stage: Stage) -> anyhow::Result<()> {
    let before = stage.agreed("app").await?;
    let question = to_the_gate(&stage, 2).await?;
    stage.world.doom_host("web-2").await?;
    stage.player.say("bea", &format!("!approve {}", question.number));
    let card = stage.titled("of shop: failed").await?;
    says_all(&card.card, &["new: web-1", "old: web-3", "unknown: web-2", "!rollback shop"])?;
    ensure!(
        stage.world.versions("app").await == [Some(2), None, Some(1)],
        "the card does not tell the truth"
    );

    let from = stage.player.messages().len();
    stage.player.say("ann", "!rollback shop");
    stage.hosts_run("app", &[Some(1), None, Some(1)]).await?;
    ensure!(stage.world.host_version("web-1").await? == before, "web-1 went back to something else");
    stage.hosts_run("canary", &[Some(1)]).await?;
    let ended = |title: &str| title.starts_with("Rollback #") && !title.ends_with("running");
    let back = stage
        .message(from, |card| ended(&card.title.to_string()) && card.to_string().contains("unknown: web-2"));
    back.await?;
    stage.end().await.map(|_| ())
}
