//! Two accounts that prove to be one person.

use std::sync::LazyLock;

use lockkeeper::demo::Terms;
use lockkeeper::identity::TRIES_MAX;
use regex::Regex;
use serde_json::json;

use crate::support::both::{Both, On::*};
use crate::support::chat::{Chat, Person::*};
use crate::support::fake_slack::{FakeSlack, GENERAL, TEAM};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_chat, reads};
use crate::support::trial::until;

/// Bea and Dora are known on both, Ann and Cid in Slack.
const PEOPLE: &str = "
people:
  ann: {slack: [<slack ann>], groups: [developers]}
  bea: {slack: [<slack bea>], discord: [<discord bea>], groups: [sre]}
  cid: {slack: [<slack cid>], groups: [sre]}
  dora: {slack: [<slack dora>], discord: [<discord dora>], groups: [developers, sre]}
";

/// The code in what was said.
fn code(words: &str) -> String {
    static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new("!link ([0-9A-Z-]{14})").unwrap());
    CODE.captures(words).unwrap_or_else(|| panic!("no code in {words}"))[1].to_owned()
}

/// Codes, accounts and times stand for themselves.
fn plain(words: &str) -> String {
    static VARIABLE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let rules = [
            ("!link [0-9A-Z-]{14}", "!link <code>"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "<then>"),
            ("slack/T0HOME/U0(\\w+)", "<slack $1>"),
            ("discord/100000000000000001/1000000000000000(\\d+)", "<discord $1>"),
        ];
        rules.map(|(pattern, word)| (Regex::new(pattern).unwrap(), word)).into()
    });
    VARIABLE.iter().fold(words.to_owned(), |words, (rule, word)| rule.replace_all(&words, *word).into_owned())
}

macro_rules! says {
    ($words:expr, @$expected:literal) => { insta::assert_snapshot!(plain(&$words), @$expected) };
}

/// Ann is one in both.
async fn linked(both: &mut Both) {
    both.says(Ann, Slack, "link");
    let code = code(&both.reads(Ann, Slack, "Say this to me").await);
    both.says(Ann, Discord, &format!("link {code}"));
    both.reads(Ann, Discord, "from now on").await;
    both.reads(Ann, Slack, "Your accounts are linked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_makes_two_accounts_one_person_and_both_are_told() {
    let mut both = Both::empty(PEOPLE).await;
    both.says(Ann, Discord, "whoami");
    says!(both.reads(Ann, Discord, "do not know you").await, @"
    I do not know you; an administrator can add this account to config/people.yaml. If I know another of yours, say `!link` to me from there.
    account
    `<discord 11>`
    ");
    both.says(Ann, Discord, "link");
    says!(both.reads(Ann, Discord, "people.yaml").await, @"Only an account that `config/people.yaml` lists is given a code, and this one is not. Say `!link` from the one that is, and then the code from here.");

    both.says(Ann, Slack, "link");
    let given = both.reads(Ann, Slack, "Say this to me").await;
    says!(given, @"
    Say this to me in a direct message from your other account, within 10 min: `!link <code>`
    Whoever says it is ann from then on, with all that ann may do. Give it to nobody.
    ");
    both.says(Ann, Discord, &format!("!link {}", code(&given).to_lowercase()));
    says!(both.reads(Ann, Discord, "from now on").await, @"This account is ann from now on, together with `<slack ANN>`. `!whoami` shows it, `!unlink` ends it.");
    says!(both.reads(Ann, Slack, "Your accounts are linked").await, @"
    ✅ Your accounts are linked
    `<discord 11>` (called ann) said your code: it is you from now on, with all that you may do.
    Was that not you? Say `!unlink` at once, and tell an administrator.
    ");

    both.says(Ann, Discord, "whoami");
    says!(both.reads(Ann, Discord, "You are ann").await, @"
    You are ann, in developers.
    account
    `<discord 11>` linked since <then>
    also you
    `<slack ANN>`
    ");
    both.says(Ann, Slack, "whoami");
    says!(both.reads(Ann, Slack, "You are ann").await, @"
    You are ann, in developers.
    account
    `<slack ANN>`
    also you
    `<discord 11>` linked since <then>
    ");
    let acts = both.bot().engine.store().recent_acts(10).await.unwrap();
    let acts: Vec<String> = acts
        .into_iter()
        .rev()
        .map(|(_, actor, act, subject)| plain(&format!("{actor}: {act} {subject}")))
        .collect();
    assert_eq!(acts, ["ann: link code <slack ANN>", "ann: link <discord 11>"]);

    // It is said once, and stands nowhere any more.
    let gone = |it: &FakeSlack| {
        it.messages("D0ANN")
            .iter()
            .any(|it| it.words().starts_with("This code can be said no more. `!link` gives another."))
    };
    both.slack.until("the code is gone", gone).await;
    both.says(Zed, Discord, &format!("link {}", code(&given)));
    says!(both.reads(Zed, Discord, "That code").await, @"That code is wrong, was said already or is older than 10 min. Ask for another with `!link` from the account that I know.");
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_outlives_a_restart_and_ends_when_either_says_so() {
    let mut both = Both::empty(PEOPLE).await;
    linked(&mut both).await;
    both.restarts().await;
    both.says(Ann, Discord, "whoami");
    both.reads(Ann, Discord, "You are ann").await;

    both.says(Ann, Discord, "link");
    both.reads(Ann, Discord, "Only an account that").await;
    both.says(Ann, Discord, "unlink");
    says!(both.reads(Ann, Discord, "no more").await, @"`<discord 11>` is ann no more; `<slack ANN>` still is. It was ended from `<discord 11>`. `!link` links them again.");
    both.reads(Ann, Slack, "no more").await;
    both.says(Ann, Discord, "whoami");
    both.reads(Ann, Discord, "do not know you").await;
    both.says(Ann, Slack, "unlink");
    says!(both.reads(Ann, Slack, "No account is linked").await, @"No account is linked to this one. `!whoami` shows yours; those of `config/people.yaml` only an administrator can take away.");

    // Again, and from the other side.
    linked(&mut both).await;
    both.says(Ann, Slack, "unlink discord");
    both.reads(Ann, Slack, "no more").await;
    both.reads(Ann, Discord, "no more").await;
    both.says(Ann, Discord, "status");
    both.reads(Ann, Discord, "I do not know this account").await;
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_code_voids_the_one_before_and_a_restart_voids_none() {
    let mut both = Both::empty(PEOPLE).await;
    both.says(Ann, Slack, "link");
    let first = code(&both.reads(Ann, Slack, "Say this to me").await);
    both.says(Ann, Slack, "link");
    let second = code(&both.reads(Ann, Slack, "Say this to me").await);
    both.says(Ann, Discord, &format!("link {first}"));
    both.reads(Ann, Discord, "That code is wrong").await;
    // What was given before a restart can be said after it: the store knows its digest.
    both.restarts().await;
    both.says(Ann, Discord, &format!("link {second}"));
    both.reads(Ann, Discord, "from now on").await;
    both.reads(Ann, Slack, "Your accounts are linked").await;
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_reaches_somebody_else_is_void_and_seen() {
    let mut both = Both::empty(PEOPLE).await;
    for (who, on, refusal) in [
        (Bea, Discord, "This account is bea"),
        (Bea, Slack, "This account is bea"),
        (Zed, Slack, "was given on slack too"),
    ] {
        both.says(Ann, Slack, "link");
        let stolen = code(&both.reads(Ann, Slack, "Say this to me").await);
        both.says(who, on, &format!("link {stolen}"));
        both.reads(who, on, refusal).await;
        both.reads(Ann, Slack, "it is not yours").await;
        both.says(Ann, Discord, &format!("link {stolen}"));
        both.reads(Ann, Discord, "That code is wrong").await;
    }
    // Who is no full member becomes nobody.
    both.discord.set_member(Both::user(Zed, Discord), json!({"pending": true}));
    both.says(Ann, Slack, "link");
    let stolen = code(&both.reads(Ann, Slack, "Say this to me").await);
    both.says(Zed, Discord, &format!("link {stolen}"));
    says!(both.reads(Zed, Discord, "I link no accounts of").await, @"I link no accounts of guests.");
    says!(both.reads(Ann, Slack, "it is not yours").await, @"
    ❌ Your code is void
    `<discord 15>` (called zed) said your code, and it is not yours. Nothing was linked. Ask for another with `!link`.
    ");
    for (at, facts) in [
        json!({"team_id": TEAM, "is_restricted": true}),
        json!({"team_id": TEAM, "is_ultra_restricted": true}),
        json!({"team_id": TEAM, "is_bot": true}),
        json!({"team_id": "T0AWAY"}),
    ]
    .into_iter()
    .enumerate()
    {
        let (user, direct) = (format!("U0OTHER{at}"), format!("D0OTHER{at}"));
        both.slack.set_user(&user, facts);
        both.says(Dora, Discord, "link");
        let stolen = code(&both.reads(Dora, Discord, "Say this to me").await);
        both.slack.say(&user, &direct, &format!("link {stolen}"));
        both.reads_in(Slack, &direct, "I link no accounts of").await;
        both.reads(Dora, Discord, "it is not yours").await;
    }
    assert!(both.bot().engine.store().links().await.unwrap().is_empty());
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_others_could_read_is_void() {
    let mut both = Both::empty(PEOPLE).await;
    both.says_to_all(Ann, Slack, "!link");
    says!(both.sees_alone(Ann, Slack, "eyes only").await, @"A code is for your eyes only. Say `!link` to me in a direct message, in Slack or Discord.");
    both.says(Ann, Slack, "link");
    let given = code(&both.reads(Ann, Slack, "Say this to me").await);
    // In the same chat it links nothing, and is not lost.
    both.says(Ann, Slack, &format!("link {given}"));
    both.reads(Ann, Slack, "This is the account that was given the code").await;
    both.says_to_all(Ann, Discord, &format!("!link {given}"));
    says!(both.reads(Ann, Discord, "Others could read").await, @"Others could read that code, so it is void and nothing was linked. Ask for another with `!link`, and say that one to me in a direct message.");
    says!(both.reads(Ann, Slack, "Your code is void").await, @"
    ❌ Your code is void
    `<discord 11>` (called ann) said your code where others could read it. Nothing was linked. Ask for another with `!link`.
    ");
    both.says(Zed, Discord, &format!("link {given}"));
    both.reads(Zed, Discord, "That code is wrong").await;
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_guesses_on() {
    let mut both = Both::empty(PEOPLE).await;
    both.says(Ann, Slack, "link");
    let given = code(&both.reads(Ann, Slack, "Say this to me").await);
    for _ in 0..TRIES_MAX {
        both.says(Zed, Discord, "link 0000-0000-0000");
        both.reads(Zed, Discord, "That code is wrong").await;
    }
    both.restarts().await;
    both.says(Zed, Discord, &format!("link {given}"));
    let refusal = both.reads(Zed, Discord, "too many").await;
    assert!(refusal.contains("I look at none of yours for"), "{refusal}");
    // Somebody else's guesses keep nobody from theirs.
    both.says(Ann, Discord, &format!("link {given}"));
    both.reads(Ann, Discord, "from now on").await;
    both.reads(Ann, Slack, "Your accounts are linked").await;
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_has_the_last_word() {
    let mut both = Both::empty(PEOPLE).await;
    linked(&mut both).await;
    both.knows(&PEOPLE.replace("discord: [<discord bea>]", "discord: [<discord bea>, <discord ann>]"));
    until("the file is read", async || {
        let bea = both.bot().live.now().settings.people.by_name(&"bea".into())?.accounts.len();
        (bea == 3).then_some(())
    })
    .await;
    both.says(Ann, Discord, "whoami");
    both.reads(Ann, Discord, "You are bea").await;
    both.says(Ann, Slack, "whoami");
    let alone = both.reads(Ann, Slack, "You are ann").await;
    assert!(!alone.contains("also you"), "{alone}");
    both.end().await;
}

/// Who was sent away in Slack is gone in Discord too.
#[tokio::test(flavor = "multi_thread")]
async fn a_linked_account_is_worth_no_more_than_the_listed_one() {
    let mut both = Both::empty(PEOPLE).await;
    linked(&mut both).await;
    both.says(Ann, Discord, "notify me");
    both.reads(Ann, Discord, "I ring you").await;
    both.slack.set_user(Both::user(Ann, Slack), json!({"deleted": true}));
    both.restarts().await;
    both.says(Ann, Discord, "notify me");
    both.reads(Ann, Discord, "I take no orders from deactivated accounts").await;
    both.end().await;
}

/// Four eyes and one vote, over two platforms.
#[tokio::test(flavor = "multi_thread")]
async fn linked_accounts_are_one_requester_and_one_vote() {
    let terms = Terms { approvals: 2, ..short_watch() };
    let people = PEOPLE.replace("groups: [developers]", "groups: [developers, sre]");
    let mut both = Both::release(&people.replace("discord: [<discord bea>], ", ""), &terms).await;
    both.world().commit_good(2).await.unwrap();
    both.says_to_all(Ann, Slack, "!deploy shop");
    both.sees("May #1 shop").await;
    linked(&mut both).await;
    both.says(Ann, Discord, "approve 1");
    both.reads(Ann, Discord, "You asked for this release").await;
    // Nor as nobody.
    both.says(Ann, Discord, "unlink");
    both.reads(Ann, Discord, "no more").await;
    both.reads(Ann, Slack, "is ann no more").await;
    both.says(Ann, Discord, "approve 1");
    both.reads(Ann, Discord, "I do not know this account").await;

    both.says(Bea, Slack, "approve 1");
    both.reads(Bea, Slack, "still needs 1 of sre").await;
    both.says(Bea, Slack, "link");
    let code = code(&both.reads(Bea, Slack, "Say this to me").await);
    both.says(Bea, Discord, &format!("link {code}"));
    both.reads(Bea, Discord, "from now on").await;
    both.reads(Bea, Slack, "Your accounts are linked").await;
    both.says(Bea, Discord, "approve 1");
    both.reads(Bea, Discord, "Your answer counts already").await;
    both.says(Cid, Slack, "approve 1");
    both.reads(Cid, Slack, "#1: approved").await;
    both.sees("✅ Release #1 of shop: done").await;
    both.sees(": Release #1 of shop: done.").await;
    both.end().await;
}

/// An answer from an account that is somebody else's by the time of the decision is no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_vote_from_an_account_that_was_unlinked_since_counts_no_more() {
    let terms = Terms { approvals: 2, ..short_watch() };
    let people = PEOPLE.replace(
        "ann: {slack: [<slack ann>], groups: [developers]}",
        "ann: {slack: [<slack ann>], groups: [sre]}",
    );
    let mut both = Both::release(&people, &terms).await;
    both.world().commit_good(2).await.unwrap();
    both.says_to_all(Dora, Slack, "!deploy shop");
    both.sees("May #1 shop").await;
    linked(&mut both).await;
    both.says(Ann, Discord, "approve 1");
    both.reads(Ann, Discord, "still needs 1 of sre").await;
    let shows = |it: &FakeSlack, part: &str| {
        it.messages(GENERAL).iter().any(|it| it.words().replace('*', "").contains(part))
    };
    both.slack.until("the question shows her answer", |it| shows(it, "approved\nann")).await;
    both.says(Ann, Discord, "unlink");
    both.reads(Ann, Discord, "no more").await;
    both.reads(Ann, Slack, "is ann no more").await;
    both.slack.until("the question shows none", |it| !shows(it, "approved\nann")).await;
    both.says(Bea, Discord, "approve 1");
    both.reads(Bea, Discord, "still needs 1 of sre").await;
    // From an account of hers it is one again.
    both.says(Ann, Slack, "approve 1");
    both.reads(Ann, Slack, "#1: approved").await;
    both.sees("✅ Release #1 of shop: done").await;
    both.sees(": Release #1 of shop: done.").await;
    both.end().await;
}

/// She answered in Discord, and is sent away in Slack before the rollout begins.
#[tokio::test(flavor = "multi_thread")]
async fn a_vote_from_a_linked_account_is_lost_with_the_listed_one() {
    let terms = Terms { approvals: 2, ..short_watch() };
    let people = PEOPLE.replace(
        "ann: {slack: [<slack ann>], groups: [developers]}",
        "ann: {slack: [<slack ann>], groups: [sre]}",
    );
    let mut both = Both::release(&people, &terms).await;
    both.world().commit_good(2).await.unwrap();
    both.says_to_all(Dora, Slack, "!deploy shop");
    both.sees("May #1 shop").await;
    linked(&mut both).await;
    both.says(Ann, Discord, "approve 1");
    both.reads(Ann, Discord, "still needs 1 of sre").await;
    both.slack.set_user(Both::user(Ann, Slack), json!({"deleted": true}));
    // What Slack said of her before is believed for a minute, and by no other process.
    both.restarts().await;
    both.says(Bea, Discord, "approve 1");
    both.reads(Bea, Discord, "#1: approved").await;
    let card = both.sees("the vote of ann no longer counts").await;
    assert!(card.contains("deactivated accounts") && card.contains("1 of sre missing"), "{card}");
    assert_eq!(both.world().versions("app").await, [Some(1); 3]);
    both.leave().await;
}

each_chat!(in_a_channel_there_are_no_codes, Talk::empty());

async fn in_a_channel_there_are_no_codes(talk: &mut Talk<impl Chat>) {
    talk.says(Ann, "!link");
    reads!(talk.sees_alone(Ann, "eyes only").await, @"A code is for your eyes only. Say `!link` to me in a direct message, in Slack or Discord.");
    talk.says(Ann, "!link discord");
    reads!(talk.sees_alone(Ann, "is no code").await, @"`discord` is no code. Say `!link` from the account that I know; it is given one, like `K7QF-3MZX-9TRA`. Say that one from your other account.");
    talk.says(Ann, "!link 0000-0000-0000");
    reads!(talk.sees_alone(Ann, "That code").await, @"That code is wrong, was said already or is older than <time>. Ask for another with `!link` from the account that I know.");
    talk.says(Zed, "!link");
    reads!(talk.sees_alone(Zed, "people.yaml").await, @"Only an account that `config/people.yaml` lists is given a code, and this one is not. Say `!link` from the one that is, and then the code from here.");
    talk.says(Ann, "!unlink");
    reads!(talk.sees_alone(Ann, "No account is linked").await, @"No account is linked to this one. `!whoami` shows yours; those of `config/people.yaml` only an administrator can take away.");
}
