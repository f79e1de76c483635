use anyhow::{bail, ensure};

use super::{Question, to_the_gate};
use crate::demo::stage::{Stage, says_all};

/// How often the bot is asked whether it has seen the new host.
const LOOKS: u32 = 40;

pub(super) async fn play(mut stage: Stage) -> anyhow::Result<()> {
    let first = to_the_gate(&stage, 2).await?;
    stage.ask("bea", &format!("!approve {}", first.number), "still needs").await?;
    stage.world.add_host("web-4").await?;
    until_the_bot_knows(&stage).await?;
    stage.player.press("cid", &first.message, first.approve()?);
    let asked_again = |card: &crate::message::Card| card.to_string().contains("Asked again");
    let second = Question::of(stage.message(0, asked_again).await?)?;
    says_all(&second.shown.card, &["web-4", "earlier votes are void"])?;
    ensure!(second.message != first.message, "an edit rings nobody's bell: it has to be a new message");
    ensure!(stage.world.versions("app").await == [Some(1); 4], "void votes changed production");
    stage.titled("asked again below").await?;

    for voter in ["bea", "cid"] {
        stage.player.press(voter, &second.message, second.approve()?);
    }
    stage.titled("of shop: done").await?;
    stage.hosts_run("app", &[Some(2); 4]).await?;
    stage.end().await.map(|_| ())
}

/// `!plan` tells which hosts the live settings have.
async fn until_the_bot_knows(stage: &Stage) -> anyhow::Result<()> {
    for _ in 0..LOOKS {
        let from = stage.player.messages().len();
        stage.player.say("ann", "!plan shop");
        let plan = stage.message(from, |card| card.to_string().contains("dry run")).await?;
        if plan.card.to_string().contains("web-4") {
            return Ok(());
        }
    }
    bail!("the bot does not see the new host")
}
