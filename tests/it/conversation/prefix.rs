//! Another prefix than the usual one: every command in every answer is spelled as it can be said.

use std::path::Path;

use crate::support::chat::{Chat, Person::*};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_chat};

each_chat!(every_command_is_spelled_with_the_configured_prefix, Talk::release(short_watch()));

async fn every_command_is_spelled_with_the_configured_prefix(talk: &mut Talk<impl Chat>) {
    talk.configures("prefix: \"lk \"\n").await;
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "lk deplyo shop");
    talk.sees("Did you mean `lk deploy ").await;
    talk.says(Zed, "lk status");
    talk.sees_alone(Zed, "`lk whoami` shows the ids").await;
    talk.says(Zed, "lk whoami");
    talk.sees_alone(Zed, "say `lk link` to me").await;
    talk.says(Ann, "lk notify");
    talk.hears(Ann, "`lk notify ").await;
    talk.says(Ann, "lk where shop");
    talk.sees("What runs where").await;
    talk.says(Ann, "lk rollback shop");
    talk.hears(Ann, "`lk ").await;
    talk.says(Ann, "lk deploy shop canary");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    assert!(question.words.contains("`lk approve 1`"), "{question}");
    talk.says(Bea, "lk approve 1");
    talk.hears(Bea, "approved").await;
    talk.becomes(&question, "#1 shop to production: approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;

    let commands = commands();
    for it in talk.shown() {
        let usual = commands.iter().find(|name| it.words.contains(&format!("!{name}")));
        assert_eq!(usual, None, "is spelled with the usual prefix in\n{it}");
    }
}

/// The names of our own commands.
fn commands() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("aliases/lockkeeper");
    let files = std::fs::read_dir(folder).expect("our aliases").map(|it| it.expect("a file").path());
    files.map(|it| it.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}
