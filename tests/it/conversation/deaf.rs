//! What happens while nobody listens: messages are removed, marks are put and taken away. It is put right at the next
//! start, and when the line stands again.

use jiff::Timestamp;
use lockkeeper::demo::Terms;
use lockkeeper::message::Mark;

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
    assert_eq!(talk.world().versions("app").await, [Some(2); 3]);
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
    let store = talk.bot().engine.store().clone();
    until("all letters are on their way", async || {
        let waiting = store.waiting_letters::<serde_json::Value>(Timestamp::MAX, 9).await;
        waiting.expect("letters").is_empty().then_some(())
    })
    .await;
    let questions = talk.chat().shown().iter().filter(|it| it.words.contains("May #1")).count();
    assert_eq!(questions, 0, "{}", talk.chat().history());

    talk.chat().cut();
    let third = talk.sees("May #1 shop to production?").await;
    assert!(!third.words.contains("approved\nbea"), "{third}");
    talk.reacts(Bea, &third, Mark::Reject);
    talk.becomes(&third, "#1 shop to production: rejected by bea").await;
    talk.becomes(&card, "Release #1 of shop: rejected").await;
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
}
