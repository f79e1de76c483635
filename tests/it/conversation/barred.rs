//! A channel that the bot may not speak in while something has to be asked there.

use lockkeeper::chat::terminal::Shown;
use lockkeeper::engine::Asked;
use sqlx::{Connection as _, Executor as _};

use crate::support::chat::{PATIENCE, Person::*, Platform};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_platform};
use crate::support::trial::until;

each_platform!(a_question_that_may_not_be_asked_is_told_elsewhere_and_waits, Talk::release(short_watch()));

/// The channel is closed to the bot while the canary is watched. The release waits, the fallback channel is told once,
/// and the question stands as soon as it may.
async fn a_question_that_may_not_be_asked_is_told_elsewhere_and_waits(talk: &mut Talk<impl Platform>) {
    talk.ends().await;
    let config = talk.world().config();
    let settings = std::fs::read_to_string(&config).expect("a configuration");
    std::fs::write(&config, settings + "fallback_channel: terminal/main\n").expect("a configuration");
    talk.begins().await;
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    talk.chat().admit(false);
    let is_told = |it: &Shown| it.card.to_string().contains("I cannot speak in");
    let told = |all: &[Shown]| all.iter().any(is_told).then_some(());
    talk.bot().player.wait_for(PATIENCE, told).await.expect("it is told in the fallback channel");
    let store = talk.bot().engine.store().clone();
    let gates = store.open_gates::<Asked>().await.expect("gates");
    assert!(gates.len() == 1 && gates[0].decided_at.is_none(), "it waits");

    let file = format!("sqlite:{}", talk.world().dir().join("data/lockkeeper.db").display());
    let mut history = sqlx::sqlite::SqliteConnection::connect(&file).await.expect("a store");
    let a_minute_later = "UPDATE outbox SET due_at = 0 WHERE sent < wanted";
    until("it is tried again in vain", async || {
        history.execute(a_minute_later).await.ok()?;
        let tried = "SELECT COUNT(*) FROM outbox WHERE sent < wanted AND 2 <= tries";
        let tried: i64 = sqlx::query_scalar(tried).fetch_one(&mut history).await.ok()?;
        (0 < tried).then_some(())
    })
    .await;

    talk.chat().admit(true);
    until("the question stands", async || {
        history.execute(a_minute_later).await.ok()?;
        talk.chat().shown().iter().any(|it| it.words.contains("May #1 shop")).then_some(())
    })
    .await;
    let question = talk.sees("May #1 shop to production?").await;
    talk.presses(Bea, &question, "Approve");
    talk.becomes(&question, "#1 shop to production: approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
    let told = talk.bot().player.messages().iter().filter(|it| is_told(it)).count();
    assert_eq!(told, 1, "once");
}
