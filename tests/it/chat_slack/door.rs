//! Slack posts to us, and something between us and Slack may be away.

use std::time::Duration;

use lockkeeper::chat::slack::Hearing;
use lockkeeper::chat::{ChatAdapter as _, Memory, Spot};
use lockkeeper::id::{ChannelId, MessageId};
use lockkeeper::secret::Secret;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{adapter_patient, adapter_with};
use crate::support::Inbox;
use crate::support::away::{ago, missed};
use crate::support::fake_slack::{ANN, FakeSlack, GENERAL};

/// Our own calls go well all the time, so nothing shows that Slack's did not.
#[tokio::test]
async fn what_a_proxy_that_was_away_did_not_bring_is_fetched() {
    let fake = FakeSlack::start().await;
    let inbox = Inbox::default();
    let spot = Spot { channel: ChannelId::from(GENERAL), last: None };
    inbox.remember(Memory { heard_at: Some(ago(60)), spots: vec![spot], ..Memory::default() });
    let slack = adapter_with(&fake, Hearing::Http { signing_secret: Secret::new("a secret") });
    let stop = CancellationToken::new();
    let listening = tokio::spawn({
        let (slack, intake, stop) = (slack.clone(), inbox.intake(), stop.clone());
        async move { slack.listen(intake, stop).await }
    });
    inbox.until("it is heard", |it| it.returned() == 1).await;
    fake.murmur(ANN, GENERAL, "!one", 0, json!({}));
    assert_eq!(missed(&inbox.next().await).0, "!one");
    inbox.until("marks are looked for as well", |it| it.returned() == 2).await;
    inbox.until("it looks again", |it| 2 <= it.duplicates()).await;
    assert_eq!(inbox.returned(), 2, "and finds nothing new");
    fake.murmur(ANN, GENERAL, "!two", 0, json!({}));
    assert_eq!(missed(&inbox.next().await).0, "!two");
    assert_eq!(slack.deaf_since(), None);
    stop.cancel();
    assert_eq!(listening.await.expect("it ends"), Ok(()));
    inbox.finish();
    fake.finish().await;
}

/// What is young may be on its way still: only later does a look take it for missed.
#[tokio::test]
async fn what_may_be_on_its_way_still_is_not_taken_for_missed() {
    let patience = Duration::from_secs(2);
    let (fake, inbox) = (FakeSlack::start().await, Inbox::default());
    let spot = Spot { channel: ChannelId::from(GENERAL), last: None };
    inbox.remember(Memory { heard_at: Some(ago(60)), spots: vec![spot], ..Memory::default() });
    let hearing = Hearing::Http { signing_secret: Secret::new("a secret") };
    let slack = adapter_patient(&fake, hearing, patience);
    let (stop, intake) = (CancellationToken::new(), inbox.intake());
    let stopping = stop.clone();
    let listening = tokio::spawn(async move { slack.listen(intake, stopping).await });
    inbox.until("it is heard", |it| it.returned() == 1).await;
    fake.murmur(ANN, GENERAL, "!one", 0, json!({}));
    let found = inbox.next().await;
    assert_eq!(missed(&found).0, "!one");
    assert!(missed(&found).2 <= ago(patience.as_secs()), "too young: {found:?}");
    stop.cancel();
    assert_eq!(listening.await.expect("it ends"), Ok(()));
    inbox.finish();
    fake.finish().await;
}

/// The last that we know of a quiet channel may be an hour old: what a look has read since, none reads again.
#[tokio::test]
async fn what_was_read_once_is_not_read_again() {
    let (fake, inbox) = (FakeSlack::start().await, Inbox::default());
    let known = fake.murmur(ANN, GENERAL, "!known", 3_000, json!({}));
    fake.murmur(ANN, GENERAL, "!missed", 2_900, json!({}));
    let spot = Spot { channel: ChannelId::from(GENERAL), last: Some(MessageId::from(known.as_str())) };
    inbox.remember(Memory { heard_at: Some(ago(3_000)), spots: vec![spot], ..Memory::default() });
    let slack = adapter_with(&fake, Hearing::Http { signing_secret: Secret::new("a secret") });
    let (stop, intake) = (CancellationToken::new(), inbox.intake());
    let stopping = stop.clone();
    let listening = tokio::spawn(async move { slack.listen(intake, stopping).await });
    let mut found = [inbox.next().await, inbox.next().await].map(|it| missed(&it).0.to_owned());
    found.sort_unstable();
    assert_eq!(found, ["!known", "!missed"]);
    fake.until("it looks again and again", |it| 4 <= it.calls("conversations.history")).await;
    assert_eq!(inbox.duplicates(), 0);
    stop.cancel();
    assert_eq!(listening.await.expect("it ends"), Ok(()));
    inbox.finish();
    fake.finish().await;
}
