//! What happens while nobody listens: messages are removed, marks are put and taken away. It is put right at the next
//! start, and when the line stands again.

use std::time::Duration;

use jiff::Timestamp;
use lockkeeper::clock::after;
use lockkeeper::demo::Terms;
use lockkeeper::engine::card_subject;
use lockkeeper::message::Mark;
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _};

use crate::support::chat::{Person::*, Platform, Seen};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_platform, reads};
use crate::support::trial::until;

fn asks(approvals: u32) -> Terms {
    Terms { approvals, ..short_watch() }
}

/// Ann's release up to its question: its card, and the question.
async fn asked(talk: &mut Talk<impl Platform>) -> (Seen, Seen) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    let card = talk.becomes(&card, "waiting for approval").await;
    (card, question)
}

/// Waits until no letter is left, also of those that are put off.
async fn all_sent(talk: &Talk<impl Platform>) {
    let store = talk.bot().engine.store().clone();
    until("all letters are sent", async || {
        let waiting = store.waiting_letters::<Value>(Timestamp::MAX, 9).await;
        waiting.expect("letters").is_empty().then_some(())
    })
    .await;
}

each_platform!(messages_that_were_removed_stand_again, Talk::release(asks(2)));

/// Card and question are removed while the bot is down. The next start posts both again; buttons of either question, and
/// what is said below the old one, are about the same seal.
async fn messages_that_were_removed_stand_again(talk: &mut Talk<impl Platform>) {
    let (card, old) = asked(talk).await;
    talk.replies(Zed, &old, "what is this?");
    talk.ends().await;
    talk.chat().remove(&card);
    talk.chat().remove(&old);

    talk.begins().await;
    let question = talk.sees("May #1 shop to production?").await;
    let card = talk.sees("Release #1 of shop").await;
    assert_eq!(question.labels(), old.labels(), "{question}");
    talk.replies(Bea, &old, "approve");
    reads!(talk.sees("#1 ").await, @"Counted. #1 still needs 1 of sre.");
    let counted = talk.becomes(&question, "approved\nbea").await;
    assert_eq!(counted.marks, 2, "ours stand below the new one");
    talk.presses(Cid, &old, "Approve");
    talk.becomes(&question, "#1 shop to production: approved by bea and cid").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
    assert_eq!(talk.world().versions("app").await, [Some(2); 3]);
}

each_platform!(a_question_whose_posting_was_not_recorded_stands_once, Talk::release(asks(1)));

/// The bot is killed after the platform took its question and before it wrote that down, and so long ago that no platform
/// recognises a second posting by itself.
async fn a_question_whose_posting_was_not_recorded_stands_once(talk: &mut Talk<impl Platform>) {
    let (card, question) = asked(talk).await;
    all_sent(talk).await;
    talk.ends().await;
    let config = lockkeeper::config::load(&talk.world().config()).expect("a configuration");
    let file = format!("sqlite:{}", config.data.join("lockkeeper.db").display());
    let mut store = SqliteConnection::connect(&file).await.expect("the store");
    let forget = "UPDATE outbox SET message = NULL, sent = 0 WHERE subject LIKE 'gate:%'";
    let forgotten = store.execute(forget).await.expect("forgotten").rows_affected();
    assert_eq!(forgotten, 1);
    store.close().await.expect("closed");
    talk.chat().forget_nonces();

    talk.begins().await;
    all_sent(talk).await;
    let questions: Vec<String> =
        talk.chat().shown().into_iter().filter(|it| it.words.contains("May #1")).map(|it| it.id).collect();
    assert_eq!(questions, [question.id.as_str()], "{}", talk.chat().history());
    talk.presses(Bea, &question, "Approve");
    talk.becomes(&question, "#1 shop to production: approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
}

each_platform!(a_message_that_is_removed_again_is_let_go_until_the_next_look, Talk::release(asks(2)));

/// Somebody removes the question while the bot is there: the next edit finds it gone and posts it again, once. Removed
/// again, it stays away until the bot looks by itself.
async fn a_message_that_is_removed_again_is_let_go_until_the_next_look(talk: &mut Talk<impl Platform>) {
    let (card, first) = asked(talk).await;
    talk.chat().remove(&first);
    talk.says(Bea, "!approve 1");
    talk.sees("Counted. #1 still needs 1 of sre").await;
    let second = talk.sees("May #1 shop to production?").await;
    assert!(second.words.contains("approved\nbea"), "{second}");
    talk.chat().remove(&second);
    // An event that was on its way.
    talk.reacts(Bea, &second, Mark::Approve);
    talk.sees_alone(Bea, "Your answer counts already.").await;
    talk.unreacts(Bea, &second, Mark::Approve);
    talk.sees_alone(Bea, "Taken back. #1 still needs 2 of sre.").await;
    all_sent(talk).await;
    let questions = talk.chat().shown().iter().filter(|it| it.words.contains("May #1")).count();
    assert_eq!(questions, 0, "{}", talk.chat().history());

    talk.chat().cut();
    let third = talk.sees("May #1 shop to production?").await;
    assert!(!third.words.contains("approved\nbea"), "{third}");
    talk.reacts(Bea, &third, Mark::Reject);
    talk.becomes(&third, "#1 shop to production: rejected by bea").await;
    talk.becomes(&card, "Release #1 of shop: rejected").await;
    talk.sees("Release #1 of shop: rejected.").await;
}

each_platform!(what_waited_for_a_chat_is_said_when_it_is_back, Talk::release(asks(1)));

/// Ann's card was tried so often while the chat was away that the next try is an hour off.
async fn what_waited_for_a_chat_is_said_when_it_is_back(talk: &mut Talk<impl Platform>) {
    let (card, question) = asked(talk).await;
    all_sent(talk).await;
    let engine = talk.bot().engine.clone();
    let now = engine.clock().now();
    let root =
        engine.store().open_executions().await.expect("executions").into_iter().find(|it| it.depth == 0);
    let subject = card_subject(root.expect("a release").id);
    let letter = engine.store().letters_about::<Value>(&subject).await.expect("a letter").remove(0);
    let later = after(now, Duration::from_secs(3_600));
    engine.store().letter_put_off(letter.id, later, "it was away".to_owned()).await.expect("put off");
    talk.says(Bea, "!approve 1");
    talk.sees("#1: approved").await;
    talk.becomes(&question, "approved by bea").await;
    until("the release has ended", async || {
        engine.store().open_executions().await.ok()?.is_empty().then_some(())
    })
    .await;
    let stale = talk.chat().shown().into_iter().find(|it| it.id == card.id).expect("it stands");
    assert!(stale.words.contains("waiting for approval"), "{stale}");

    talk.chat().cut();
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
}

each_platform!(of_marks_that_nobody_told_of_only_those_count_that_stop, Talk::release(asks(2)));

/// While the bot is down Bea takes her mark back, and Cid and Zed put theirs: what stops counts, what approves is asked for
/// again. The next mark is put while the line is broken. A card that shows something else is put right on the way.
async fn of_marks_that_nobody_told_of_only_those_count_that_stop(talk: &mut Talk<impl Platform>) {
    let (card, question) = asked(talk).await;
    talk.reacts(Bea, &question, Mark::Approve);
    talk.sees_alone(Bea, "Counted. #1 still needs 1 of sre").await;
    talk.ends().await;
    talk.chat().mark_unheard(Bea, &question, Mark::Approve, false);
    for who in [Cid, Zed] {
        talk.chat().mark_unheard(who, &question, Mark::Approve, true);
    }
    talk.chat().garble(&card);

    talk.begins().await;
    talk.becomes(&card, "Release #1 of shop: waiting for approval").await;
    reads!(talk.sees_alone(Bea, "Taken back").await, @"Taken back. #1 still needs 2 of sre.");
    for who in [Cid, Zed] {
        let away = talk.sees_alone(who, "I was away").await;
        reads!(away, @"I was away when you put this mark, so it does not count. If you still mean it, press Approve, or say `!approve 1`.");
    }
    // Looked at again, nothing is new.
    talk.restarts().await;
    talk.says(Dora, "!whoami");
    talk.sees_alone(Dora, "You are dora").await;

    talk.chat().cut();
    talk.chat().mark_unheard(Bea, &question, Mark::Reject, true);
    talk.becomes(&question, "#1 shop to production: rejected by bea").await;
    talk.becomes(&card, "Release #1 of shop: rejected").await;
    talk.sees("Release #1 of shop: rejected.").await;
}
