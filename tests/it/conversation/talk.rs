//! Every addressed message gets exactly one answer.

use jiff::Timestamp;
use lockkeeper::id::{Place, Platform};
use lockkeeper::store::Change;
use lockkeeper::store::outbox::{Priority, Wanted};

use crate::support::PATIENCE;
use crate::support::chat::{Chat, Person::*, SlackChat};
use crate::support::fake_slack::{GENERAL, MEMBERS};
use crate::support::house::House;
use crate::support::talk::{Talk, each_chat, reads};
use crate::support::wire::Fault;

each_chat!(everybody_gets_one_answer, Talk::empty());

async fn everybody_gets_one_answer(talk: &mut Talk<impl Chat>) {
    talk.says(Ann, "!deplyo shop");
    let answer = talk.sees("understand").await;
    reads!(answer, @"I did not understand that; nothing was run. Did you mean `!deploy APP[@VERSION] [to] [STAGE]`? `!help` lists what you may run.");
    assert_eq!(talk.bot().engine.store().recent_executions(10).await.unwrap().len(), 0);

    talk.says(Ann, "!deploy");
    reads!(talk.sees("missing").await, @"Something is missing: `app`, a text (The app, as config/apps names it). Nothing was run. For example: `!deploy APP`");

    talk.says(Ann, "!deploy shop@");
    reads!(talk.sees("missing").await, @"Something is missing: `version`, a text (A branch, tag, commit or pull request number; the newest commit without it). Nothing was run. For example: `!deploy shop@VERSION`");

    talk.says(Ann, "!deploy shopp canary");
    reads!(talk.sees("no app").await, @"I know no app `shopp`. There is no app yet.");

    talk.says(Zed, "!status");
    let answer = talk.sees_alone(Zed, "account").await;
    reads!(answer, @"I do not know this account. Ask for it to be added to `config/people.yaml`; `!whoami` shows the ids.");

    talk.says(Ann, "!whoami");
    let answer = talk.sees_alone(Ann, "You are ann").await;
    assert!(answer.words.starts_with("You are ann, in developers.\naccount\n`"), "{answer}");
}

/// Slack takes the message, but its answer is lost: what was said is looked for before it is said again.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_slack_took_in_silence_is_not_given_twice() {
    let mut talk: Talk<SlackChat> = Talk::empty().await;
    talk.chat().0.fail_next("chat.postMessage", Fault::AnswerLost);
    talk.says(Ann, "!deploy shopp");
    let answer = talk.sees("no app").await;
    talk.becomes_edited(&answer).await;
    talk.end().await;
}

/// Slack limits how many people may be looked up in a minute, and most of what is said is not for the bot: nor does it keep
/// that, or take the same for news when it comes again.
#[tokio::test(flavor = "multi_thread")]
async fn who_talks_to_others_is_not_looked_up_and_not_kept() {
    let mut talk: Talk<SlackChat> = Talk::empty().await;
    let slack = talk.chat().0.clone();
    let bea = Bea.account(&MEMBERS);
    slack.duplicate_next_event();
    let said = slack.say(bea, GENERAL, "the build looks odd again");
    slack.react(bea, GENERAL, &said, "white_check_mark", true);
    slack.until("all are stored", |it| it.acknowledged() == 3).await;
    let store = talk.bot().engine.store().clone();
    let handled = async {
        while !store.waiting_deliveries(Timestamp::MAX, 1).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, handled).await.expect("both are handled");
    assert_eq!(slack.calls("users.info"), 0);
    let kept = store.latest_deliveries("chat", 10).await.expect("deliveries");
    let kept: Vec<String> = kept.into_iter().map(|(_, it)| it.to_string()).collect();
    assert!(kept.len() == 2 && !kept.concat().contains("build looks odd"), "{kept:#?}");
    assert!(kept.concat().contains(&said), "where it was said is known: {kept:#?}");

    // Fetched, as after a while in which nobody listened, it is known as well.
    slack.drop_sockets();
    slack.until("the channel is read", |it| 1 <= it.calls("conversations.history")).await;
    talk.says(Ann, "!whoami");
    talk.sees_alone(Ann, "You are ann").await;
    assert_eq!((talk.bot().bot.keys_reused(), slack.calls("users.info")), (0, 1));
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_nobody_can_read_keeps_no_other_waiting() {
    let house = House::new();
    let bot = house.start().await;
    bot.ask("ann", "!help", |text| text.contains("!deploy")).await;
    let place = Place {
        platform: Platform::Terminal,
        workspace: "terminal".into(),
        channel: "main".into(),
        thread: None,
    };
    let body = serde_json::json!({"of a later version": 1});
    let strange = Wanted { subject: "a".to_owned(), place, body, priority: Priority::Now };
    bot.engine.commit(vec![Change::Want(Box::new(strange))]).await.unwrap();
    for number in 0..3 {
        bot.ask("ann", &format!("!deploy shop{number}"), |text| text.contains(&format!("shop{number}")))
            .await;
    }
    bot.stop().await;
}
