//! Links of accounts and the codes that make them: said once, one person an account.

use std::time::Duration;

use lockkeeper::clock::{after, from_millis};
use lockkeeper::id::{Account, Digest, LinkId, Place, Platform};
use lockkeeper::identity::{CODE_LIFE, Link, Offer, TRIES_MAX, TRIES_WITHIN};
use lockkeeper::message::notify::Wants;
use lockkeeper::store::notify::Whose;
use lockkeeper::store::{Change, StoreError};

use super::{NOW, commit, open};

fn account(platform: Platform, user: &str) -> Account {
    Account { platform, workspace: "W1".into(), user: user.into() }
}

fn place(platform: Platform) -> Place {
    Place { platform, workspace: "W1".into(), channel: "D1".into(), thread: None }
}

fn offer(id: u128) -> Offer {
    Offer {
        id: LinkId::from_number(id),
        person: "ann".into(),
        account: account(Platform::Slack, "U1"),
        place: place(Platform::Slack),
        expires_at: after(NOW, CODE_LIFE),
        ended_at: None,
    }
}

fn link(id: u128, person: &str) -> Link {
    Link {
        id: LinkId::from_number(id),
        person: person.into(),
        listed: account(Platform::Slack, "U1"),
        account: account(Platform::Discord, "7"),
        listed_place: place(Platform::Slack),
        account_place: place(Platform::Discord),
        since: NOW,
        ended_at: None,
    }
}

#[tokio::test]
async fn a_code_is_said_once_and_before_it_is_old() {
    let (_dir, store) = open().await;
    let digests = [1_u8, 2].map(|it| Digest::of(&[it]));
    let give = |number: usize| Change::Offer(Box::new(offer(number as u128)), digests[number].clone());
    commit(&store, vec![give(0)]).await.unwrap();
    assert_eq!(store.find_offer(&digests[0]).await.unwrap(), Some(offer(0)));
    assert_eq!(store.find_offer(&digests[1]).await.unwrap(), None);
    // Another one ends it.
    commit(&store, vec![give(1)]).await.unwrap();
    assert_eq!(store.find_offer(&digests[0]).await.unwrap().unwrap().ended_at, Some(NOW));
    let first = commit(&store, vec![Change::EndOffer(LinkId::from_number(0))]).await;
    assert!(matches!(first, Err(StoreError::Changed { .. })), "{first:?}");

    let said = || vec![Change::EndOffer(LinkId::from_number(1))];
    let late = store.commit(said(), after(NOW, CODE_LIFE)).await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    commit(&store, said()).await.unwrap();
    let again = commit(&store, said()).await;
    assert!(matches!(again, Err(StoreError::Changed { .. })), "{again:?}");
}

#[tokio::test]
async fn an_account_is_one_person_and_an_ended_link_is_remembered() {
    let (_dir, store) = open().await;
    commit(&store, vec![Change::Link(Box::new(link(1, "ann")))]).await.unwrap();
    assert!(commit(&store, vec![Change::Link(Box::new(link(2, "bea")))]).await.is_err());
    assert_eq!(store.links().await.unwrap(), [link(1, "ann")]);
    commit(&store, vec![Change::Unlink(LinkId::from_number(1))]).await.unwrap();
    commit(&store, vec![Change::Link(Box::new(link(2, "ann")))]).await.unwrap();
    let links = store.links().await.unwrap();
    assert_eq!(links, [Link { ended_at: Some(NOW), ..link(1, "ann") }, link(2, "ann")]);
}

#[tokio::test]
async fn wrong_codes_are_counted_by_account_and_for_a_while() {
    let (_dir, store) = open().await;
    let (one, other) = (account(Platform::Discord, "7"), account(Platform::Discord, "8"));
    for _ in 0..TRIES_MAX {
        assert_eq!(store.code_wait(&one, NOW).await.unwrap(), None);
        commit(&store, vec![Change::WrongCode(Box::new(one.clone()))]).await.unwrap();
    }
    assert_eq!(store.code_wait(&one, NOW).await.unwrap(), Some(TRIES_WITHIN));
    assert_eq!(store.code_wait(&other, NOW).await.unwrap(), None);
    let over = after(NOW, TRIES_WITHIN);
    assert_eq!(store.code_wait(&one, over).await.unwrap(), None);
    store.commit(vec![Change::WrongCode(Box::new(one.clone()))], over).await.unwrap();
    assert_eq!(
        store.code_wait(&one, after(over, Duration::from_secs(1))).await.unwrap(),
        None,
        "counted anew"
    );
}

#[tokio::test]
async fn a_wish_stands_until_the_next_one() {
    let (_dir, store) = open().await;
    let channel = |thread: Option<&str>| {
        Whose::Channel(Place { thread: thread.map(Into::into), ..place(Platform::Slack) })
    };
    let ann = Whose::Person("ann".into());
    let wish = |whose: &Whose, wants| vec![Change::Notify(Box::new(whose.clone()), wants)];
    assert_eq!(store.wants(&ann).await.unwrap(), Wants::All);
    commit(&store, wish(&ann, Wants::Nothing)).await.unwrap();
    commit(&store, wish(&channel(None), Wants::Failures)).await.unwrap();
    assert_eq!(store.wants(&ann).await.unwrap(), Wants::Nothing);
    assert_eq!(store.wants(&channel(Some("1.2"))).await.unwrap(), Wants::Failures, "its threads too");
    store.commit(wish(&ann, Wants::All), from_millis(5)).await.unwrap();
    assert_eq!(store.wants(&ann).await.unwrap(), Wants::All);
}
