//! The rehearsal's world under a bot in this process.

use std::path::Path;

use lockkeeper::chat::terminal::Shown;
use lockkeeper::demo::{Program, Terms, World};
use lockkeeper::message::{Button, ButtonAct};

use super::house::{Bot, House, PATIENCE};

/// Hosts on version 1 and a bot beside them. A short watch, as the tests are about what follows it.
pub async fn open(dir: &Path) -> (World, Bot) {
    let terms = Terms { interval: "200ms".to_owned(), duration: "1s".to_owned(), ..Terms::default() };
    open_on(dir, &terms).await
}

pub async fn open_on(dir: &Path, terms: &Terms) -> (World, Bot) {
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let mut world = World::create(&dir.join("world"), program, terms).await.expect("a world");
    world.start_supervisor().await.expect("hosts");
    let bot = House::start_at(&world.config()).await;
    (world, bot)
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
