//! The rehearsal's world under a bot in this process.

use std::path::Path;

use lockkeeper::chat::terminal::Shown;
use lockkeeper::demo::{Program, Terms, World};
use lockkeeper::message::{Button, ButtonAct};

use super::house::{Bot, House, PATIENCE};
use super::roster::Roster;
use super::trial::{SLOWER, until};

/// Hosts on version 1, and no bot yet.
pub async fn world(dir: &Path, terms: &Terms) -> World {
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let terms = Terms { slower: SLOWER, ..terms.clone() };
    let mut world = World::create(&dir.join("world"), program, &terms).await.expect("a world");
    world.start_supervisor().await.expect("hosts");
    world
}

/// Hosts on version 1 and a bot beside them. A short watch, as the tests are about what follows it.
pub async fn open(dir: &Path) -> (World, Bot) {
    open_on(dir, &short_watch()).await
}

pub async fn open_on(dir: &Path, terms: &Terms) -> (World, Bot) {
    open_with(dir, terms, &[]).await
}

/// The same with other settings of the app: pairs of a text in its file and what stands there instead.
pub async fn open_with(dir: &Path, terms: &Terms, edits: &[(&str, &str)]) -> (World, Bot) {
    let world = world(dir, terms).await;
    for (from, to) in edits {
        edit(&world, "config/apps/shop.yaml", from, to);
    }
    let bot = House::start_at(&world.config()).await;
    (world, bot)
}

/// The same where each push goes as far as its gate ([`push`]).
pub async fn open_pushed(dir: &Path, terms: &Terms) -> (World, Bot) {
    let world = world(dir, terms).await;
    take_pushes(&world);
    let bot = House::start_at(&world.config()).await;
    (world, bot)
}

/// Makes each push a release, up to its gate, for a bot that is not started yet.
pub fn take_pushes(world: &World) {
    edit(world, "config/apps/shop.yaml", "canary:\n", "canary:\n  automatic: true\n");
    let config = std::fs::read_to_string(world.config()).expect("a configuration");
    let hooks = format!("{config}webhooks: {{github: {{secret: \"file:hook\"}}}}\n");
    std::fs::write(world.config(), hooks).expect("a configuration");
    std::fs::write(world.dir().join("config/hook"), SECRET).expect("a secret");
}

const SECRET: &str = "a webhook's secret";

/// Commits this version and tells the bot that it was pushed.
pub async fn push(world: &World, bot: &Bot, version: u32) {
    let commit = world.commit_good(version).await.expect("a commit");
    let body = serde_json::json!({
        "ref": "refs/heads/main", "before": "0".repeat(40), "after": commit, "deleted": false, "forced": false,
        "repository": {
            "full_name": "acme/shop", "ssh_url": null,
            "clone_url": format!("file://{}", world.repository().path().display()),
        },
        "pusher": { "name": "dora" }, "sender": { "login": "dora" }, "commits": [],
    })
    .to_string();
    let signature = crate::webhook::world::signature(SECRET, body.as_bytes());
    let request = crate::webhook::world::request(bot, commit.as_str(), "push");
    let answer = request.header("x-hub-signature-256", signature).body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), reqwest::StatusCode::ACCEPTED);
}

/// The same in a chat that does as the roster says.
pub async fn open_behind(dir: &Path, terms: &Terms, roster: &Roster) -> (World, Bot) {
    let (world, bot) = open_on(dir, terms).await;
    bot.stop().await;
    let bot = House::start_behind(&world.config(), roster).await;
    (world, bot)
}

/// A watch as short as it may be, for tests about what follows it.
pub fn short_watch() -> Terms {
    Terms { interval: "200ms".to_owned(), duration: "1s".to_owned(), ..Terms::default() }
}

/// Puts one text in another's place in a file of the world.
pub fn edit(world: &World, file: &str, from: &str, to: &str) {
    let path = world.dir().join(file);
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(text.contains(from), "{file} has no `{from}`:\n{text}");
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text.replace(from, to)).expect("a file");
    std::fs::rename(draft, path).expect("a file");
}

/// Waits until nothing is left to do.
pub async fn all_ended(bot: &Bot) {
    until("everything has ended", async || {
        bot.engine.store().open_executions().await.ok()?.is_empty().then_some(())
    })
    .await;
}

/// From now on every request to this host fails; it goes on running the same artifact.
pub fn go_bad(world: &World, host: &str) {
    let shop = format!("hosts/{host}/shop");
    edit(world, &format!("{shop}/current/shop.json"), "\"error_rate\": 0.0", "\"error_rate\": 1.0");
    std::fs::write(world.dir().join(shop).join("restart"), "").expect("a file");
}

/// A question from the first version to the second, waiting for an answer.
pub async fn ask(world: &World, bot: &Bot) -> Shown {
    world.commit_good(2).await.expect("a commit");
    bot.player.say("ann", "!deploy shop canary");
    question(bot, 1).await
}

/// The message of the `number`th seal.
pub async fn question(bot: &Bot, number: usize) -> Shown {
    let find = |all: &[Shown]| {
        let gates = all.iter().filter(|it| it.card.title.to_string().starts_with("May #"));
        gates.rev().find(|it| it.card.footer.to_string().contains(&format!("message {number} "))).cloned()
    };
    match bot.player.wait_for(PATIENCE, find).await {
        Ok(shown) => shown,
        Err(error) => panic!("{error}"),
    }
}

/// The button with this label.
pub fn button(shown: &Shown, label: &str) -> ButtonAct {
    let named = |it: &&Button| it.label == label;
    shown.card.buttons.iter().find(named).expect("the button").act.clone()
}

/// Commits what `edit` did to the shop's files.
pub fn commit_edited(world: &World, edit: impl FnOnce(&Path)) {
    let path = world.repository().path();
    edit(path);
    for args in [&["add", "--all"][..], &["commit", "--quiet", "--message", "Edit by hand"]] {
        let mut git = std::process::Command::new("git");
        git.current_dir(path).args([
            "-c",
            "user.name=Dora",
            "-c",
            "user.email=dora@shop.example",
            "-c",
            "commit.gpgsign=false",
        ]);
        let output = git.args(args).output().expect("git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
