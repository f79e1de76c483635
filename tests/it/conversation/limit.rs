//! Platforms that want to be called less often: what is said comes later, in the right order, and whole; what is done
//! does not wait for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lockkeeper::chat::Call;
use lockkeeper::demo::Terms;
use lockkeeper::message::Mark;

use crate::support::chat::{Person::*, Platform, Seen, SlackChat};
use crate::support::shop::{all_ended, short_watch};
use crate::support::talk::{Talk, each_platform, reads};

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

each_platform!(a_crowd_is_answered_as_fast_as_the_platform_allows, Talk::empty());

/// The first answer is one too many; nothing is posted in its channel until the pause is over, and then no faster than the
/// platform takes it.
async fn a_crowd_is_answered_as_fast_as_the_platform_allows(talk: &mut Talk<impl Platform>) {
    talk.chat().strict_limits();
    talk.chat().limit_next(Call::Post, "2");
    let began = Instant::now();
    for number in 0..8 {
        talk.says(Ann, &format!("!deploy shop{number}"));
    }
    for number in 0..8 {
        talk.sees(&format!("I know no app `shop{number}`")).await;
    }
    assert!(Duration::from_secs(2) <= began.elapsed(), "nobody waited");
    assert_eq!(talk.chat().refused(), 0, "the pace is known, or told with each answer");
}

/// Slack does not say for a while who presses: the answer is kept, nobody asks meanwhile, and it counts then.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_until_its_author_may_be_looked_up() {
    let mut talk: Talk<SlackChat> = Talk::release(short_watch()).await;
    let (card, question) = asked(&mut talk).await;
    talk.chat().strict_limits();
    talk.chat().0.rate_limit_next("users.info", "4");
    talk.presses(Bea, &question, "Approve");
    let told = talk.sees_alone(Bea, "I heard you").await;
    reads!(told, @"I heard you. The platform tells me who you are in <time>; until then it is kept, and you need not repeat it.");
    talk.presses(Zed, &question, "Approve");
    talk.becomes(&question, "#1 shop to production: approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
    talk.skims("");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_burst_in_slack_goes_at_once_and_the_rest_one_a_second() {
    let mut talk: Talk<SlackChat> = Talk::empty().await;
    talk.chat().strict_limits();
    for number in 0..8 {
        talk.says(Ann, &format!("!deploy shop{number}"));
    }
    for number in 0..8 {
        talk.sees(&format!("I know no app `shop{number}`")).await;
    }
    let posts = talk.chat().0.called_at("chat.postMessage");
    let gaps: Vec<Duration> = posts.windows(2).map(|it| it[1] - it[0]).collect();
    assert!(gaps[..4].iter().any(|it| *it < Duration::from_millis(900)), "at once: {gaps:?}");
    assert!(Duration::from_millis(2_900) < posts[7] - posts[0], "three more: {gaps:?}");
    assert_eq!(talk.chat().refused(), 0);
    talk.end().await;
}

each_platform!(questions_go_before_progress_and_a_card_changes_once_a_second, Talk::release(asks(2)));

/// An edit is one too many while both the card and the question change: the question goes first, though the card is older.
async fn questions_go_before_progress_and_a_card_changes_once_a_second(talk: &mut Talk<impl Platform>) {
    let (card, question) = asked(talk).await;
    talk.chat().strict_limits();
    let before = talk.chat().edits().len();
    talk.chat().limit_next(Call::Edit, "3");
    talk.reacts(Bea, &question, Mark::Approve);
    talk.sees_alone(Bea, "Counted. #1 still needs 1 of sre.").await;
    talk.reacts(Cid, &question, Mark::Approve);
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
    talk.becomes(&question, "#1 shop to production: approved by bea and cid").await;

    let edits = talk.chat().edits();
    let late: Vec<&str> = edits[before..].iter().map(|(message, _)| message.as_str()).collect();
    assert_eq!(late[1], question.id, "after the refusal: {late:?}");
    assert!(late[2..].contains(&card.id.as_str()), "{late:?}");
    let mut last: BTreeMap<&str, Instant> = BTreeMap::new();
    for (message, at) in &edits {
        if let Some(before) = last.insert(message, *at) {
            let gap = *at - before;
            assert!(Duration::from_secs(1) <= gap, "two edits of {message} within {gap:?}");
        }
    }
    assert!(3 < edits.iter().filter(|(message, _)| *message == card.id).count(), "{edits:?}");
    assert_eq!(talk.chat().refused(), 0);
}

each_platform!(no_limit_makes_a_release_slower, Talk::release(asks(1)));

/// From the approval on nothing at all may be shown for an hour: every host has the new version all the same, and nobody
/// is told so.
async fn no_limit_makes_a_release_slower(talk: &mut Talk<impl Platform>) {
    let (card, question) = asked(talk).await;
    talk.chat().silence(Duration::from_secs(3_600));
    talk.reacts(Bea, &question, Mark::Approve);
    let (world, all) = (talk.world(), [Some(2); 3]);
    let done = async || (world.versions("app").await == all).then_some(());
    world.until(Duration::from_secs(60), done).await.expect("a release");
    all_ended(talk.bot()).await;
    assert_eq!(talk.becomes(&question, "May #1 shop to production?").await.edits, question.edits);
    assert_eq!(talk.becomes(&card, "waiting for approval").await.edits, card.edits);
}

each_platform!(marks_that_come_too_fast_are_put_later, Talk::release(asks(1)));

/// The first of our marks is one too many, and so is the second on a platform that takes four a second: both stand in the
/// end.
async fn marks_that_come_too_fast_are_put_later(talk: &mut Talk<impl Platform>) {
    talk.chat().strict_limits();
    talk.chat().limit_next(Call::React, "1");
    let (card, question) = asked(talk).await;
    talk.becomes_marked(&question, 2).await;
    talk.reacts(Bea, &question, Mark::Reject);
    talk.becomes(&card, "Release #1 of shop: rejected").await;
    talk.becomes(&question, "rejected by bea").await;
    talk.sees("@ann: Release #1 of shop: rejected").await;
    assert_eq!(talk.chat().refused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_comes_too_fast_is_shown_later() {
    let mut talk: Talk<SlackChat> = Talk::release(asks(1)).await;
    talk.chat().strict_limits();
    talk.chat().limit_next(Call::Upload, "1");
    let (card, question) = asked(&mut talk).await;
    assert_eq!(talk.file("1-").await.thread.as_ref(), Some(&question.id));
    talk.reacts(Bea, &question, Mark::Reject);
    talk.becomes(&card, "Release #1 of shop: rejected").await;
    talk.becomes(&question, "rejected by bea").await;
    talk.sees("@ann: Release #1 of shop: rejected").await;
    talk.end().await;
}
