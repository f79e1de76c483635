//! What those learn who may not read: nothing, by whatever way they ask.

use lockkeeper::chat::Accepted;
use lockkeeper::chat::terminal::Shown;
use lockkeeper::engine::Asked;
use lockkeeper::id::{Account, MessageId, Place, UserId};
use lockkeeper::identity::Standing;
use lockkeeper::message::{Delivery, Incoming, Mark, Said};
use tempfile::TempDir;

use crate::support::chat::{Chat, Person::*, Platform, Seen};
use crate::support::house::{Bot, PATIENCE};
use crate::support::shop::{self, short_watch};
use crate::support::talk::{Talk, each_chat, each_platform};

/// What there is to release, where, by which commands and how far it is.
const SECRETS: [&str; 9] =
    ["shop", "canary", "production", "web-", "#1", "!deploy", "!approve", "!status", "no gate"];

/// Words that no command has, and half of one.
const UNKNOWN: [&str; 2] = ["deplyo shop", "deploy"];

/// How each command can be given, with names that there are and names that there are not.
fn phrases(alias: &str) -> &'static [&'static str] {
    match alias {
        "answer" => &["answer 1234 yes"],
        "approve" => &["approve", "approve 1", "approve 77", "approve shop"],
        "cancel" => &["cancel 1", "cancel 77"],
        "deploy" => &["deploy nothing", "deploy shop nowhere", "deploy shop canary"],
        "extend" => &["extend 1 10m", "extend 1 never", "extend 77 10m"],
        "help" => &["help", "help deploy"],
        "history" => &["history nothing", "history shop"],
        "link" => &["link", "link K7QF-3MZX-9TRA"],
        "notify" => &["notify", "notify nothing"],
        "pause" => &["pause 1", "pause 77"],
        "plan" => &["plan nothing", "plan shop canary"],
        "promote" => &["promote 1", "promote nothing", "promote 77"],
        "reject" => &["reject", "reject 1", "reject 77 why"],
        "rerun" => &["rerun 1", "rerun 77", "rerun 1 tasks=a"],
        "resume" => &["resume 1", "resume 77"],
        "rollback" => &["rollback nothing", "rollback shop in nowhere", "rollback shop"],
        "status" => &["status", "status nothing"],
        "unlink" => &["unlink"],
        "where" => &["where", "where nothing"],
        "whoami" => &["whoami"],
        new => panic!("`{new}` is a new command: say here how a stranger could give it"),
    }
}

/// Everything that can be said to the bot.
fn everything(bot: &Bot) -> Vec<&'static str> {
    let live = bot.engine.live();
    let aliases = live.catalogue.aliases.iter().flat_map(|it| phrases(&it.name).iter().copied());
    aliases.chain(UNKNOWN).collect()
}

fn says_nothing(what: &str, words: &str) {
    for secret in SECRETS {
        assert!(!words.contains(secret), "`{what}` tells of `{secret}`:\n{words}");
    }
}

/// Who may do nothing: an account that nobody lists, and accounts of people whom we know which the platform calls
/// something less than a member.
const STRANGERS: [(&str, Standing); 7] = [
    ("zed", Standing::Member),
    ("zoe", Standing::Guest),
    ("bea", Standing::Guest),
    ("cid", Standing::External),
    ("dora", Standing::Bot),
    ("emil", Standing::Webhook),
    ("ann", Standing::Deactivated),
];

/// Each way in, for each kind of stranger, while a question waits for an answer.
#[tokio::test(flavor = "multi_thread")]
async fn no_way_in_tells_a_stranger_anything() {
    let dir = TempDir::new().expect("a folder");
    let (world, bot) = shop::open(dir.path()).await;
    let question = shop::ask(&world, &bot).await;
    // Its chart is the last that is said by itself.
    bot.shows(0, |text| text.starts_with("Laid beside")).await;
    let with_stop = |it: &Shown| it.card.buttons.iter().any(|it| it.label == "Stop");
    let card = bot.player.messages().into_iter().find(with_stop).expect("a card");
    let before = bot.player.messages().len();
    let routes: Vec<&str> = everything(&bot);
    for (user, standing) in STRANGERS {
        for text in &routes {
            ask(&bot, (user, standing), text, None, said(&format!("!{text}"))).await;
        }
        let message = || question.message.clone();
        for text in ["approve", "reject", "!approve", "!status"] {
            ask(&bot, (user, standing), text, Some(message().message), said(text)).await;
        }
        for (shown, label) in [(&question, "Approve"), (&question, "Reject"), (&card, "Stop")] {
            let act = shop::button(shown, label).encode();
            let pressed = Incoming::Pressed { message: shown.message.clone(), act, reason: None };
            ask(&bot, (user, standing), label, None, pressed).await;
        }
        let marked = Incoming::Reacted { message: message(), mark: Mark::Approve, added: true, at: None };
        ask(&bot, (user, standing), "✅", None, marked).await;
    }
    let all = bot.player.messages();
    assert_eq!(all.len() - before, STRANGERS.len() * (routes.len() + 8), "each gets one answer");
    let gate = &bot.engine.store().open_gates::<Asked>().await.expect("gates")[0];
    assert!(gate.body.gate.votes.is_empty() && gate.body.gate.decision.is_none());
    assert_eq!(bot.engine.store().recent_executions(9).await.expect("roots").len(), 1);
    bot.stop().await;
    world.end().await.expect("the world ends");
}

fn said(text: &str) -> Incoming {
    let message = MessageId::new(format!("m:{text}"));
    Incoming::Said(Said { text: text.to_owned(), addressed: false, direct: false, message })
}

/// Does it as this account, and reads the answer, which nobody else sees.
async fn ask(
    bot: &Bot,
    (user, standing): (&str, Standing),
    what: &str,
    thread: Option<MessageId>,
    incoming: Incoming,
) {
    let place: Place = bot.player.place().clone();
    let account =
        Account { platform: place.platform, workspace: place.workspace.clone(), user: UserId::new(user) };
    let before = bot.player.messages().len();
    let delivery = Delivery {
        key: format!("stranger:{before}"),
        account,
        standing,
        display: user.to_owned(),
        place: Place { thread, ..place },
        at: None,
        incoming,
    };
    assert_eq!(bot.bot.intake().accept(delivery).await, Ok(Accepted::New));
    let find = |all: &[Shown]| all.get(before).cloned();
    let answer = match bot.player.wait_for(PATIENCE, find).await {
        Ok(answer) => answer,
        Err(error) => panic!("no answer to `{what}` of {user}, {standing}: {error}"),
    };
    let words = answer.card.to_string();
    assert_eq!(answer.whisper_to, Some(UserId::new(user)), "`{what}` is answered for all: {words}");
    says_nothing(what, &words);
}

each_chat!(who_is_nobody_to_us_learns_nothing, Talk::release(short_watch()));

/// Zed is in the channel, and in no list.
async fn who_is_nobody_to_us_learns_nothing(talk: &mut Talk<impl Chat>) {
    for text in everything(talk.bot()) {
        talk.says(Zed, &format!("!{text}"));
        let answer: Seen = talk.sees_alone(Zed, "").await;
        says_nothing(text, &answer.words);
    }
}

each_platform!(a_guest_learns_nothing, Talk::release(short_watch()));

/// Bea is listed, and her account is a guest's now.
async fn a_guest_learns_nothing(talk: &mut Talk<impl Platform>) {
    talk.chat().demote(Bea);
    for text in ["deploy nothing", "approve", "promote 7", "deplyo shop", "status"] {
        talk.says(Bea, &format!("!{text}"));
        let answer = talk.sees_alone(Bea, "").await;
        says_nothing(text, &answer.words);
    }
}
