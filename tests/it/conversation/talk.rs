//! Every addressed message gets exactly one answer.

use crate::support::chat::{Chat, Person::*, SlackChat};
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
