//! How much is told unasked: by channel, and by person.

use crate::support::both::{Both, On::*};
use crate::support::chat::{Chat, Person::*};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_chat, reads};

each_chat!(a_channel_is_told_what_it_wants_and_always_asked, Talk::release(short_watch()));

async fn a_channel_is_told_what_it_wants_and_always_asked(talk: &mut Talk<impl Chat>) {
    talk.says(Ann, "!notify");
    reads!(talk.sees("I tell").await, @r"
    I tell all here: what pushes start, what fails, and that it is over.
    What you ask for is always answered, and questions at gates are always asked: this is the channel of shop.
    `!notify failures only` or `!notify nothing` changes it; `!notify me` is about you.
    ");
    talk.says(Zed, "!notify nothing");
    talk.sees_alone(Zed, "I do not know this account").await;
    talk.says(Ann, "!notify a bit");
    reads!(talk.sees_alone(Ann, "I know no").await, @"I know no `a bit`; nothing was changed. Say `!notify all`, `!notify failures only` or `!notify nothing`.");
    talk.says(Ann, "!notify nothing");
    reads!(talk.sees("From now on").await, @r"
    From now on I tell nothing here unasked.
    What you ask for is always answered, and questions at gates are always asked: this is the channel of shop.
    `!notify all` or `!notify failures only` changes it; `!notify me` is about you.
    ");

    // What somebody asked for is answered; that the build broke is not told beside it.
    talk.world().break_next_build(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    talk.becomes(&card, "Release #1 of shop: failed").await;

    talk.restarts().await;
    talk.says(Ann, "!notify failures only");
    reads!(talk.sees("From now on").await, @r"
    From now on I tell failures only here, and that they are over.
    What you ask for is always answered, and questions at gates are always asked: this is the channel of shop.
    `!notify all` or `!notify nothing` changes it; `!notify me` is about you.
    ");
    talk.says(Dora, "!notify me nothing");
    reads!(talk.sees_alone(Dora, "From now on").await, @r"
    From now on I name you without ringing you.
    `!notify me all` changes it.
    ");
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #2 of shop").await;
    talk.becomes(&card, "Release #2 of shop: failed").await;
    let told = talk.sees("cibuild failed").await;
    assert!(told.words.contains("dora: your commit"), "{told}");
    assert!(told.rings.is_empty(), "she is named, and not rung: {told}");

    // Nothing at all, but for the question.
    talk.says(Ann, "!notify nothing");
    talk.sees("From now on").await;
    talk.says(Dora, "!notify me all");
    reads!(talk.sees_alone(Dora, "From now on").await, @r"
    From now on I ring you where a commit of yours does not build, and where a question waits for your answer.
    `!notify me nothing` changes it.
    ");
    talk.world().commit_good(3).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #3 of shop").await;
    let question = talk.sees("May #3 shop to production?").await;
    talk.says(Bea, "!reject 3");
    talk.sees("#3: rejected by bea").await;
    talk.becomes(&question, "rejected by bea").await;
    talk.becomes(&card, "Release #3 of shop: rejected").await;
    talk.sees("Release #3 of shop: rejected.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_direct_message_it_is_about_who_speaks() {
    let mut both = Both::empty("people: {ann: {slack: [<slack ann>], discord: [<discord ann>]}}").await;
    both.says(Ann, Slack, "notify");
    insta::assert_snapshot!(both.reads(Ann, Slack, "I ring you").await, @r"
    I ring you where a commit of yours does not build, and where a question waits for your answer.
    `!notify me nothing` changes it.
    ");
    both.says(Ann, Discord, "notify nothing");
    insta::assert_snapshot!(both.reads(Ann, Discord, "without ringing").await, @r"
    From now on I name you without ringing you.
    `!notify me all` changes it.
    ");
    // One person, whatever they said it with.
    both.says(Ann, Slack, "notify me");
    both.reads(Ann, Slack, "I name you without ringing you").await;
    both.says_to_all(Ann, Slack, "!notify");
    insta::assert_snapshot!(both.sees("I tell all here").await, @r"
    I tell all here: what pushes start, what fails, and that it is over.
    What you ask for is always answered. No app names this channel, so nothing comes here by itself.
    `!notify failures only` or `!notify nothing` changes it; `!notify me` is about you.
    ");
    both.end().await;
}
