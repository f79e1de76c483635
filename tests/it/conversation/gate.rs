//! Answers at a gate: by whom, by which way, and what voids them.

use lockkeeper::engine::Asked;
use lockkeeper::message::Mark;

use crate::support::house::House;
use crate::support::shop::{ask, button, open, question};

#[tokio::test(flavor = "multi_thread")]
async fn a_button_from_before_a_restart_still_votes() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    let shown = ask(&world, &bot).await;
    bot.stop().await;

    let bot = House::start_at(&world.config()).await;
    bot.player.press("bea", &shown.message, &button(&shown, "Approve"));
    bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;
    assert_eq!(world.versions("app").await, [Some(2), Some(2), Some(2)]);
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_votes_and_a_rejection_takes_the_canary_back() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    let shown = ask(&world, &bot).await;
    bot.player.react("cid", &shown.message, Mark::Reject, true);
    bot.shows(0, |text| text.contains("rejected by cid")).await;
    let card = bot.shows(0, |text| text.contains("Release #1 of shop: rejected")).await;
    assert!(card.contains("✔ canary-1"), "{card}");
    assert_eq!(world.versions("canary").await, [Some(1)]);
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_host_voids_the_question_and_asks_again_for_all_of_them() {
    let dir = tempfile::TempDir::new().unwrap();
    let (mut world, bot) = open(dir.path()).await;
    let first = ask(&world, &bot).await;
    world.add_host("web-4").await.unwrap();
    let second = question(&bot, 2).await;
    let text = second.card.to_string();
    assert!(text.contains("hosts 3 -> 4: +web-4"), "{text}");

    let before = bot.player.messages().len();
    bot.player.press("bea", &first.message, &button(&first, "Approve"));
    let refusal = bot.shows(before, |text| text.contains("out of date")).await;
    assert!(refusal.contains("#1"), "{refusal}");
    // What is said below the first message is about the first message, too.
    for text in ["!approve", "!approve 1"] {
        let before = bot.player.messages().len();
        bot.player.say_below("bea", &first.message, text);
        bot.shows(before, |text| text.contains("out of date")).await;
    }
    bot.player.press("bea", &second.message, &button(&second, "Approve"));
    let card = bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;
    assert!(card.contains("new: web-1, web-2, web-3 and web-4"), "{card}");
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_the_thread_of_the_newest_message_counts() {
    let dir = tempfile::TempDir::new().unwrap();
    let (mut world, bot) = open(dir.path()).await;
    ask(&world, &bot).await;
    world.add_host("web-4").await.unwrap();
    let second = question(&bot, 2).await;
    bot.player.say_below("bea", &second.message, "approve");
    bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_answers_at_once_make_one_decision_and_one_permission() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    let shown = ask(&world, &bot).await;
    for at in 0..50 {
        let (who, label) = if at % 2 == 0 { ("bea", "Approve") } else { ("cid", "Reject") };
        bot.player.press(who, &shown.message, &button(&shown, label));
    }
    bot.shows(0, |text| {
        text.contains("Release #1 of shop: done") || text.contains("Release #1 of shop: rejected")
    })
    .await;
    let gates = bot.engine.store().gates_of::<Asked>(1).await.unwrap();
    assert_eq!(gates.len(), 1);
    let decision = gates[0].body.gate.decision.as_ref().unwrap();
    let approvals = gates[0].body.gate.votes.len();
    assert_eq!(approvals, 1, "{decision:?}");
    bot.stop().await;
    world.end().await.unwrap();
}
