//! What a platform tells late: when it was said stands in it.

use crate::support::away::is_answered_late;
use crate::support::chat::{Person::*, Platform};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_platform, reads};

each_platform!(a_command_that_is_told_late_is_answered_late_or_asked_about, Talk::empty());

async fn a_command_that_is_told_late_is_answered_late_or_asked_about(talk: &mut Talk<impl Platform>) {
    talk.chat().lag(400);
    talk.says(Ann, "!cancel 7");
    let stale = talk.sees_alone(Ann, "I was away").await;
    talk.chat().lag(40);
    talk.says(Ann, "!whoami");
    let late = talk.sees_alone(Ann, "You are ann").await;
    is_answered_late(&stale.words, &late.words);
}

each_platform!(a_clock_that_is_ahead_of_the_platforms_makes_nobody_late, Talk::release(short_watch()));

/// Twenty seconds between the clocks are no line that is slow: a press counts, and no answer is late.
async fn a_clock_that_is_ahead_of_the_platforms_makes_nobody_late(talk: &mut Talk<impl Platform>) {
    talk.ends().await;
    talk.chat().skew(20);
    talk.begins().await;
    talk.world().commit_good(2).await.unwrap();
    // With the first answer, at the latest, the bot knows what the platform's clock says.
    talk.says(Ann, "!whoami");
    talk.sees_alone(Ann, "You are ann").await;
    talk.says(Ann, "!whoami");
    let told = talk.sees_alone(Ann, "You are ann").await;
    assert!(!told.words.contains("Late"), "{told}");
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    talk.presses(Bea, &question, "Approve");
    talk.becomes(&question, "#1 shop to production: approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
}

each_platform!(
    an_approval_said_before_the_question_was_asked_anew_does_not_count,
    Talk::release(short_watch())
);

/// Bea approves by name; before that is told, the question changes and is asked anew. The platform's clock says what she
/// had seen.
async fn an_approval_said_before_the_question_was_asked_anew_does_not_count(talk: &mut Talk<impl Platform>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let old = talk.sees("May #1 shop to production?").await;
    talk.chat().hold();
    talk.says(Bea, "!approve 1");
    talk.resets("expires_after: 30m", "expires_after: 40m").await;
    let question = talk.sees("earlier votes are void").await;
    talk.becomes(&old, "asked again below").await;
    talk.chat().release(1);
    talk.sees_alone(Bea, "That message is out of date").await;
    talk.says(Bea, "!approve 1");
    talk.hears(Bea, "approved").await;
    talk.becomes(&question, "#1 shop to production: approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
}

each_platform!(an_approval_that_failed_before_its_authors_eyes_does_not_count, Talk::release(short_watch()));

/// Bea's press is told long after the platform has shown her that it failed. Pressed again, it counts.
async fn an_approval_that_failed_before_its_authors_eyes_does_not_count(talk: &mut Talk<impl Platform>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    talk.chat().lag(20);
    talk.presses(Bea, &question, "Approve");
    let told = talk.sees_alone(Bea, "does not count").await;
    reads!(told, @"I heard of your press <time> late, after it had failed before your eyes, so it does not count. If you still mean it, press Approve again, or say `!approve 1`.");

    talk.chat().lag(0);
    talk.presses(Bea, &question, "Approve");
    talk.becomes(&question, "#1 shop to production: approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
}
