//! Slack posts to us, and something between us and Slack may be away.

use lockkeeper::chat::slack::Hearing;
use lockkeeper::chat::{ChatAdapter as _, Memory, Spot};
use lockkeeper::id::ChannelId;
use lockkeeper::secret::Secret;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::adapter_with;
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
