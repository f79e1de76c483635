//! What makes Slack refuse us: as many sockets as it wants, and a token that does not count any more.

use std::sync::Arc;
use std::time::Duration;

use lockkeeper::chat::slack::{Hearing, Slack, SlackSettings, SlackTiming};
use lockkeeper::chat::{ChatAdapter, ChatError, Lost, Trouble};
use lockkeeper::clock::{Clock as _, SystemClock};
use lockkeeper::id::{MessageId, MessageRef};
use lockkeeper::message::{Card, Mark};
use tokio_util::sync::CancellationToken;

use super::{Talk, adapter, general};
use crate::support::Inbox;
use crate::support::cards::ann_of;
use crate::support::fake_slack::{ANN, APP_TOKEN, BOT_TOKEN, FakeSlack, GENERAL};
use crate::support::wire::Fault;

const FIRST: Duration = Duration::from_millis(200);

/// An adapter with pauses that can be told apart.
async fn unhurried() -> Talk {
    let (fake, inbox, stop) = (FakeSlack::start().await, Inbox::default(), CancellationToken::new());
    let timing = SlackTiming { pause_first: FIRST, pause_longest: FIRST * 100, ..SlackTiming::default() };
    let settings = SlackSettings {
        bot_token: BOT_TOKEN.into(),
        hearing: Hearing::Socket { app_token: APP_TOKEN.into(), connections: 1 },
        api_url: Some(fake.url()),
        timing,
    };
    let slack = Arc::new(Slack::new(settings, Arc::new(SystemClock)).expect("an adapter"));
    let listening = tokio::spawn({
        let (slack, intake, stop) = (slack.clone(), inbox.intake(), stop.clone());
        async move { slack.listen(intake, stop).await }
    });
    fake.until("the bot is connected", |it| it.sockets() == 1).await;
    Talk { fake, slack, inbox, stop, listening }
}

/// Each try waits longer than the one before, though every socket said hello, and there is one at a time.
#[tokio::test]
async fn one_socket_too_many_is_tried_again_ever_later_and_never_two_at_once() {
    let talk = unhurried().await;
    talk.fake.refuse_sockets(3);
    talk.fake.announce_disconnect("too_many_websockets");
    talk.fake.until("the old one is closed", |it| it.sockets() == 0).await;
    talk.fake.until("another stands", |it| it.sockets() == 1).await;

    let asked = talk.fake.called_at("apps.connections.open");
    assert_eq!(asked.len(), 5, "the first, three that were too many, and the last");
    let gaps: Vec<Duration> = asked.windows(2).skip(1).map(|it| it[1] - it[0]).collect();
    for (gap, least) in gaps.iter().zip([FIRST, FIRST * 2, FIRST * 4]) {
        assert!(least <= *gap, "{gaps:?}");
    }
    talk.fake.say(ANN, GENERAL, "!help");
    talk.inbox.next().await;
    talk.finish().await;
}

/// Each of these sockets says hello, and hears nobody.
#[tokio::test]
async fn sockets_that_are_turned_away_are_no_sign_of_life_and_told_of() {
    let talk = Talk::start().await;
    talk.fake.refuse_sockets(usize::MAX);
    talk.fake.announce_disconnect("too_many_websockets");
    talk.fake.until("it is deaf", |_| talk.slack.deaf_since().is_some()).await;
    talk.fake.until("and says why", |_| talk.slack.trouble() == Some(Trouble::TooManySockets)).await;
    talk.fake.refuse_sockets(0);
    talk.fake.until("another stands", |it| it.sockets() == 1).await;
    talk.fake.say(ANN, GENERAL, "!help");
    talk.inbox.next().await;
    assert_eq!((talk.slack.deaf_since(), talk.slack.trouble()), (None, None));
    talk.finish().await;
}

#[tokio::test]
async fn nothing_is_asked_any_more_with_a_token_that_was_revoked() {
    for code in ["token_revoked", "invalid_auth", "account_inactive", "token_expired", "not_authed"] {
        let talk = Talk::start().await;
        let posted = talk.slack.post(&general(), &Card::say("hi"), "n1").await.expect("posted");
        talk.fake.next_message(GENERAL).await;
        // A refusal of one call says nothing of the token.
        talk.fake.fail_next("chat.postMessage", Fault::Code("missing_scope".to_owned()));
        talk.slack.post(&general(), &Card::say("hi"), "n2").await.expect_err("refused");
        assert_eq!(talk.slack.trouble(), None);
        talk.slack.edit(&posted, &Card::say("ho")).await.expect("edited");
        talk.fake.next_edit(GENERAL).await;

        talk.fake.revoke(code);
        let is_refused = |it: Result<(), ChatError>| matches!(it, Err(ChatError::Refused { code: said, .. }) if said == code);
        assert!(is_refused(talk.slack.edit(&posted, &Card::say("ha")).await));
        let calls = talk.fake.called_at("").len();
        let lost = Lost { nonce: "n3", card: &Card::say("hi"), since: SystemClock.now() };
        assert!(is_refused(talk.slack.post(&general(), &Card::say("hi"), "n3").await.map(drop)));
        assert!(is_refused(talk.slack.react(&posted, Mark::Approve).await));
        assert!(is_refused(talk.slack.find(&general(), &lost).await.map(drop)));
        assert!(is_refused(talk.slack.standing(&ann_of(lockkeeper::id::Platform::Slack)).await.map(drop)));
        assert_eq!(talk.fake.called_at("").len(), calls, "Slack is left alone");
        assert_eq!(
            talk.slack.trouble(),
            Some(Trouble::Mute {
                code: code.to_owned(),
                fix: "put a valid token into the configuration".to_owned()
            })
        );
        // The other token counts still.
        talk.fake.say(ANN, GENERAL, "!help");
        talk.inbox.next().await;
        talk.finish().await;
    }
}

/// Whoever puts another token in starts the bot again; what was said of the old one is forgotten.
#[tokio::test]
async fn a_new_start_tries_its_token() {
    let fake = FakeSlack::start().await;
    let slack = adapter(&fake, APP_TOKEN);
    let nowhere = MessageRef { place: general(), message: MessageId::from("1.1") };
    assert_eq!(slack.edit(&nowhere, &Card::say("x")).await, Err(ChatError::Gone));
    fake.fail_next("chat.update", Fault::Code("token_revoked".to_owned()));
    slack.edit(&nowhere, &Card::say("x")).await.expect_err("refused");
    let again = adapter(&fake, APP_TOKEN);
    assert_eq!(again.edit(&nowhere, &Card::say("x")).await, Err(ChatError::Gone));
    fake.finish().await;
}
