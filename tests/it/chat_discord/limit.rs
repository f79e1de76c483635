//! Discord says with each answer how fast it may be asked; nothing is asked against it.

use std::time::Duration;

use lockkeeper::chat::{ChatAdapter, ChatError};
use lockkeeper::id::{MessageRef, Platform};
use lockkeeper::identity::Standing;
use lockkeeper::message::{Card, Mark};

use super::{Talk, general};
use crate::support::cards::ann_of;
use crate::support::fake_discord::GENERAL;

const ROUTE: &str = "POST channels";

/// How long to wait, as the adapter says.
fn pause<T: std::fmt::Debug>(answer: Result<T, ChatError>) -> Duration {
    match answer {
        Err(ChatError::RateLimited { retry_after }) => retry_after,
        other => panic!("it was no matter of pace: {other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_is_kept_to_the_millisecond_and_in_its_own_channel() {
    let talk = Talk::start().await;
    talk.fake.strict_limits();
    talk.fake.rate_limit_next(ROUTE, "1.25");
    let post = async || talk.discord.post(&general(), &Card::say("hi"), "n1").await;
    assert_eq!(pause(post().await), Duration::from_millis(1_250));
    let calls = talk.fake.calls(ROUTE);
    let left = pause(post().await);
    assert!(left < Duration::from_millis(1_250), "some of it is over: {left:?}");
    assert_eq!(talk.fake.calls(ROUTE), calls, "Discord was not asked");
    // Somebody else's business goes on.
    let standing = talk.discord.standing(&ann_of(Platform::Discord)).await;
    assert_eq!(standing, Ok((Standing::Member, "ann".to_owned())));
    talk.finish().await;
}

#[tokio::test]
async fn the_last_call_that_is_left_is_the_last_until_the_reset() {
    let talk = Talk::start().await;
    talk.fake.strict_limits();
    let mut posted = Vec::new();
    for number in 0..5 {
        let nonce = format!("n{number}");
        posted.push(talk.discord.post(&general(), &Card::say(nonce.as_str()), &nonce).await.expect("posted"));
        talk.fake.next_message(GENERAL).await;
    }
    let sixth = talk.discord.post(&general(), &Card::say("six"), "n6").await;
    let left = pause(sixth);
    assert!(Duration::from_secs(1) < left && left <= Duration::from_secs(5), "{left:?}");
    assert_eq!((talk.fake.calls(ROUTE), talk.fake.refused()), (5, 0), "Discord was not asked");
    talk.discord.edit(&posted[0], &Card::say("edited")).await.expect("edits are counted apart");
    talk.fake.next_edit(GENERAL).await;
    talk.finish().await;
}

#[tokio::test]
async fn the_limit_for_everything_holds_all_back_but_who_can_wait_gets_an_answer() {
    let talk = Talk::start().await;
    talk.fake.strict_limits();
    talk.fake.rate_limit_all(Duration::from_millis(1_500));
    let limited = pause(talk.discord.post(&general(), &Card::say("hi"), "n1").await);
    assert_eq!(limited, Duration::from_millis(1_500));
    let message = MessageRef { place: general(), message: "1".into() };
    assert!(pause(talk.discord.edit(&message, &Card::say("x")).await) <= limited);
    assert!(pause(talk.discord.react(&message, Mark::Approve).await) <= limited);
    let standing = talk.discord.standing(&ann_of(Platform::Discord)).await;
    assert_eq!(standing, Ok((Standing::Member, "ann".to_owned())), "asked when the pause was over");
    talk.discord.post(&general(), &Card::say("hi"), "n1").await.expect("posted");
    talk.fake.next_message(GENERAL).await;
    talk.finish().await;
}
