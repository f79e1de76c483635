//! Answers at a gate: by whom, by which way, and what voids them.

use lockkeeper::demo::Terms;
use lockkeeper::engine::Asked;
use lockkeeper::message::Mark;

use crate::support::chat::{Chat, Person::*};
use crate::support::shop::{ask, button, open, short_watch};
use crate::support::talk::{Talk, each_chat, reads};

each_chat!(no_means_no_and_silence_nothing, Talk::release(short_watch()));

/// ⛔ and `!reject` end it and take the canary back, `!promote` asks again for what was built, and nobody's answer is
/// no answer.
async fn no_means_no_and_silence_nothing(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    talk.reacts(Cid, &question, Mark::Reject);
    let rejected = talk.becomes(&question, "rejected by cid").await;
    assert!(rejected.words.contains("\nNothing was changed on web-1, web-2 and web-3.\n"), "{rejected}");
    assert_eq!(rejected.labels(), [""; 0]);
    let ended = talk.becomes(&card, "Release #1 of shop: rejected").await;
    assert!(
        ended.to_string().contains("\n• ✔ canary-1 · to sha256:<hash> · <time>\n• ✔ confirm the way back"),
        "{ended}"
    );
    talk.sees("@ann: Release #1 of shop: rejected.").await;
    assert_eq!(talk.world().versions("canary").await, [Some(1)]);
    talk.presses(Bea, &question, "Approve");
    reads!(talk.sees_alone(Bea, "#1 is").await, @"#1 is decided: rejected by cid.");

    talk.says(Ann, "!promote 1");
    let card = talk.sees("Promotion #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    talk.says(Bea, "!reject shopp is shut");
    reads!(talk.sees_alone(Bea, "looks like").await, @"`shopp` looks like the app `shop` and is none, so nothing was counted. If it begins the reason, say `!reject 1 shopp is shut`; if the app is meant, `!reject shop`.");
    talk.says(Bea, "!reject #7b");
    reads!(talk.sees_alone(Bea, "looks like").await, @"`#7b` looks like a release's number and is none, so nothing was counted. If it begins the reason, say `!reject 1 #7b`.");
    let (long, told) = ("x".repeat(501), "Nothing was counted");
    talk.says(Bea, &format!("!reject 1 {long}"));
    reads!(talk.sees_alone(Bea, told).await, @"Nothing was counted. Write at most 500 characters. Say `!reject 1 <why>` again.");
    talk.says(Bea, &format!("!approve 1 {long}"));
    reads!(talk.sees_alone(Bea, told).await, @"Nothing was counted. Write at most 500 characters. Say `!approve 1 <why>` again.");
    talk.says(Bea, "!reject not before the sale");
    reads!(talk.sees("#1: ").await, @"#1: rejected by bea (not before the sale).");
    let rejected = talk.becomes(&question, "rejected by bea").await;
    assert!(
        rejected
            .words
            .contains("\nNothing was changed on web-1, web-2 and web-3. Reason: not before the sale.\n"),
        "{rejected}"
    );
    talk.becomes(&card, "Promotion #1 of shop: rejected").await;
    talk.sees("@ann: Promotion #1 of shop: rejected.").await;

    talk.resets("expires_after: 30m", "expires_after: 3s").await;
    talk.says(Ann, "!promote 1");
    let card = talk.sees("Promotion #1 of shop").await;
    let question = talk.sees("shop to production").await;
    let expired = talk.becomes(&question, "#1 shop to production: nobody answered in time").await;
    assert!(
        expired
            .words
            .contains("\nNothing was changed on web-1, web-2 and web-3. Ask again with `!promote 1`.\n"),
        "{expired}"
    );
    assert_eq!(expired.labels(), [""; 0]);
    talk.becomes(&card, "Promotion #1 of shop: nobody answered in time").await;
    talk.sees("@ann: Promotion #1 of shop: nobody answered in time.").await;
    talk.reacts(Bea, &question, Mark::Approve);
    reads!(talk.sees_alone(Bea, "#1 is").await, @"#1 is decided: nobody answered in time.");
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
}

each_chat!(what_was_asked_changes, Talk::release(Terms { approvals: 2, ..short_watch() }));

/// A host more voids the votes and rings again; the bot ends and starts, and its old message still takes them.
async fn what_was_asked_changes(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let first = talk.sees("May #1 shop to production?").await;
    talk.presses(Bea, &first, "Approve");
    talk.sees_alone(Bea, "Counted").await;

    talk.world_mut().add_host("web-4").await.unwrap();
    let second = talk.sees("Asked again").await;
    let words = second.to_string();
    let why = "hosts 3 -> 4: +web-4.";
    assert!(
        words.starts_with(&format!(
            "✋ May #1 shop to production?\nAsked again, earlier votes are void: {why}\n"
        )),
        "{words}"
    );
    assert!(words.contains("\nhosts\nweb-1, web-2, web-3 and web-4 (1 at a time)\n"), "{words}");
    assert!(words.ends_with("\nseal <hash> · message 2 of this gate\n[Approve] [Reject]"), "{words}");
    let replaced = talk.becomes(&first, "#1 shop to production: asked again below").await;
    assert!(
        replaced.words.contains("\nWhat it covered has changed; this message takes no votes any more.\n"),
        "{replaced}"
    );
    assert_eq!(replaced.labels(), [""; 0]);
    talk.presses(Cid, &first, "Approve");
    let refusal = talk.sees_alone(Cid, "out of date").await;
    reads!(refusal, @"That message is out of date: what it covered has changed. The newest message about #1 takes votes.");
    // What is said below the first message is about the first message, too.
    for text in ["approve", "!approve 1"] {
        talk.replies(Cid, &first, text);
        talk.sees_alone(Cid, "out of date").await;
    }

    talk.restarts().await;
    talk.presses(Cid, &second, "Approve");
    reads!(talk.sees_alone(Cid, "Counted").await, @"Counted. #1 still needs 1 of sre.");
    talk.replies(Bea, &second, "approve");
    talk.sees("#1: approved.").await;
    talk.becomes(&second, "#1 shop to production: approved by bea and cid").await;
    let done = talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
    assert!(done.words.contains("\n• new: web-1, web-2, web-3 and web-4\n"), "{done}");
    assert_eq!(talk.world().versions("app").await, [Some(2); 4]);
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
