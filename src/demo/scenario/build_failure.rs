use anyhow::ensure;

use crate::demo::stage::{Stage, says_all};
use crate::message::{Block, Card, Span};

/// Whether somebody's bell rings.
fn rings(card: &Card, user: &str) -> bool {
    card.blocks.iter().any(|block| match block {
        Block::Text(text) => {
            text.0.iter().any(|it| matches!(it, Span::Mention(account) if account.user.as_str() == user))
        }
        Block::Lines(_) | Block::Fields(_) | Block::Code(_) | Block::Chart { .. } => false,
    })
}

pub(super) async fn play(stage: Stage) -> anyhow::Result<()> {
    let before = stage.agreed("app").await?;
    stage.world.break_next_build(2).await?;
    stage.player.say("ann", "!deploy shop");
    let told = stage.titled("shop: cibuild failed").await?;
    ensure!(rings(&told.card, "dora"), "the author is not mentioned:\n{}", told.card);
    says_all(&told.card, &["error: the shop does not build: 1 fault in checkout", "Nothing was deployed"])?;
    stage.titled("of shop: failed").await?;
    ensure!(
        stage.agreed("app").await? == before && stage.agreed("canary").await? == before,
        "a host changed"
    );
    let asked = stage.player.messages().iter().any(|it| it.card.title.to_string().starts_with("May #"));
    ensure!(!asked, "somebody was asked about a build that failed");

    stage.world.commit_good(3).await?;
    stage.player.say("ann", "!deploy shop");
    stage.titled("shop: builds again").await?;
    stage.end().await.map(|_| ())
}
