//! What the program gives Discord: commands, and the address that invites it.

use std::process::Command;

use lockkeeper::chat::discord::commands;
use lockkeeper::content::{NativeCommand, NativeOption, ParameterKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::missed::house;
use crate::support::fake_discord::{ANN, FakeDiscord, GENERAL, GUILD, rules};

async fn run(config: std::path::PathBuf, more: &'static [&'static str]) -> (bool, String) {
    let running = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
        let output = command.args(more).arg("--config").arg(config).output().expect("it runs");
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8(said).expect("text"))
    });
    running.await.expect("told")
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_registered_once_and_again_only_if_they_change() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    let config = || house.path("config/lockkeeper.yaml");
    let register = &["discord", "register"];
    let (good, said) = run(config(), register).await;
    assert!(good, "{said}");
    assert_eq!(said, format!("21 commands are registered in server {GUILD}\n"));
    let expected = [
        "answer",
        "approve",
        "cancel",
        "deploy",
        "extend",
        "help",
        "history",
        "link",
        "lockkeeper",
        "notify",
        "pause",
        "plan",
        "promote",
        "reject",
        "rerun",
        "resume",
        "rollback",
        "status",
        "unlink",
        "where",
        "whoami",
    ];
    assert_eq!(fake.registered(GUILD).into_iter().collect::<Vec<_>>(), expected);
    let (_, said) = run(config(), register).await;
    assert_eq!(said, format!("21 commands were registered in server {GUILD} already\n"));
    assert_eq!(fake.calls("PUT applications"), 1);

    let alias =
        "name: greet\ndescription: Say hello.\naction_ref: core.echo\nformats: [\"greet {{message}}\"]\n";
    house.write("aliases/lockkeeper/greet.yaml", alias);
    let (good, said) = run(config(), register).await;
    assert!(good && said.starts_with("22 commands are registered"), "{said}");
    assert!(fake.registered("").is_empty());
    let (good, said) = run(config(), &["discord", "register", "--global"]).await;
    assert!(good && said == "22 commands are registered everywhere\n", "{said}");
    assert!(fake.registered("").contains("greet"));
    // Of other packs, too, where the name is free and one that Discord takes.
    house.write(
        "commands/mine/pack.yaml",
        "name: mine\ndescription: Mine.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n",
    );
    for name in ["polish", "deploy", "Shout"] {
        let alias = format!(
            "name: {name}\ndescription: Mine.\naction_ref: core.echo\nformats: [\"{name} loudly {{{{message}}}}\"]\n"
        );
        house.write(&format!("aliases/mine/{name}.yaml"), &alias);
    }
    let (good, said) = run(config(), register).await;
    assert!(
        good && said
            == format!("23 commands are registered in server {GUILD}; only /lockkeeper reaches Shout\n"),
        "{said}"
    );
    assert!(fake.registered(GUILD).contains("polish"));
    let bot = house.start().await;
    fake.until("the bot is connected", |it| it.lines() == 1).await;
    fake.command(ANN, GENERAL, "polish", json!({"message": "it"}));
    assert_eq!(fake.next_message(GENERAL).await.words(), "`polish loudly it`");
    fake.until("it was run", |it| it.messages(GENERAL).iter().any(|it| it.words().contains("core.echo")))
        .await;
    bot.stop().await;
    fake.skip_messages();
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_have_the_types_and_words_of_their_actions() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    let (good, said) = run(house.path("config/lockkeeper.yaml"), &["discord", "register", "--print"]).await;
    assert!(good, "{said}");
    let all: Vec<Value> = serde_json::from_str(&said).expect("JSON");
    let deploy = all.iter().find(|it| it["name"] == "deploy").expect("deploy");
    insta::assert_json_snapshot!(deploy, @r#"
    {
      "type": 1,
      "name": "deploy",
      "description": "Build, watch as a canary, ask, roll out.",
      "options": [
        {
          "type": 3,
          "name": "app",
          "description": "The app, as config/apps names it.",
          "required": true,
          "autocomplete": true
        },
        {
          "type": 3,
          "name": "version",
          "description": "A branch, tag, commit or pull request number; the newest commit without it.",
          "autocomplete": true
        },
        {
          "type": 3,
          "name": "stage",
          "description": "canary, or the environment to end in.",
          "autocomplete": true
        }
      ]
    }
    "#);
    assert!(all.iter().all(|it| it["description"].as_str().is_some_and(|it| it.chars().count() <= 100)));
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invitation_asks_for_what_the_bot_uses() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    let (_, said) = run(house.path("config/lockkeeper.yaml"), &["discord", "invite"]).await;
    // View channels, send messages, in threads too, create threads, embed links, attach files, add reactions, read
    // history: <https://docs.discord.com/developers/topics/permissions>.
    let bits = [10, 11, 38, 35, 14, 15, 6, 16].iter().fold(0_u64, |sum, bit| sum | 1 << bit);
    let expected = format!(
        "https://discord.com/oauth2/authorize?client_id=100000000000000999&scope=bot+applications.commands&permissions={bits}\n"
    );
    assert_eq!(said, expected);
    let nowhere = std::path::PathBuf::from("/nowhere");
    let (_, said) = run(nowhere.clone(), &["discord", "invite", "--application", "7"]).await;
    assert!(said.contains("client_id=7&"), "{said}");
    let (good, said) = run(nowhere, &["discord", "invite", "--application", "x"]).await;
    assert!(!good && said.contains("`x` is no id"), "{said}");
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_discord_itself() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    let app = format!(
        "app: shop\nrepository: {{url: /nowhere}}\nchannels: [discord/{GUILD}/{GENERAL}, discord/{GUILD}/7]\nenvironments: {{}}\n"
    );
    house.write("config/apps/shop.yaml", &app);
    let config = || house.path("config/lockkeeper.yaml");
    let doctor = async || {
        let running = config();
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
            let output = command.arg("doctor").arg("--config").arg(running).output().expect("it runs");
            String::from_utf8(output.stdout).expect("text")
        })
        .await
        .expect("told")
    };
    let told = doctor().await;
    for line in [
        "ok    discord token: Discord knows it",
        "ok    discord intent: messages come with their text",
        &format!("FAIL  discord commands in server {GUILD}: none"),
        &format!("ok    discord channel {GENERAL}: the bot sees it, and may do what it does"),
        "FAIL  discord channel 7: there is no such channel",
    ] {
        assert!(told.lines().any(|it| it == line), "{line}\n{told}");
    }
    fake.deny(GENERAL, 1 << 11 | 1 << 15);
    let told = doctor().await;
    let lacking = format!(
        "FAIL  discord channel {GENERAL}: the bot lacks Send Messages, Attach Files\n      → give it these"
    );
    assert!(told.contains(&lacking), "{told}");
    fake.withhold_content(true);
    let told = doctor().await;
    assert!(told.contains("      → turn MESSAGE CONTENT INTENT on"), "{told}");
    house.write("config/discord", "wrong-token");
    let told = doctor().await;
    assert!(
        told.contains("FAIL  discord token: refused with `401`\n      → put a valid bot token"),
        "{told}"
    );
    fake.finish().await;
}

#[test]
fn help_shows_examples() {
    for (command, example) in [
        ("register", "lockkeeper discord register --guild 1234567890"),
        ("invite", "lockkeeper discord invite --application 1234567890"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_lockkeeper"))
            .args(["discord", command, "--help"])
            .output()
            .expect("it runs");
        let help = String::from_utf8(output.stdout).expect("text");
        assert!(help.contains(example), "{help}");
    }
}

fn option() -> impl Strategy<Value = NativeOption> {
    let kind = prop_oneof![
        Just(ParameterKind::String),
        Just(ParameterKind::Integer),
        Just(ParameterKind::Number),
        Just(ParameterKind::Boolean),
        Just(ParameterKind::Array),
        Just(ParameterKind::Null),
    ];
    let choice = prop_oneof![".{0,3}", "é{90,120}", "[0-9]{1,25}", Just("1e999".to_owned())];
    let choices = prop_oneof![9 => prop::collection::vec(choice.clone(), 0..3), 1 => prop::collection::vec(choice, 20..30)];
    let name = prop_oneof![9 => "[a-z_]{1,32}", 1 => ".{0,40}"];
    (name, ".{0,150}", kind, any::<bool>(), choices, any::<bool>()).prop_map(
        |(name, description, kind, required, choices, completes)| NativeOption {
            name,
            description,
            kind,
            required,
            choices,
            completes,
        },
    )
}

fn options() -> impl Strategy<Value = Vec<NativeOption>> {
    prop_oneof![9 => prop::collection::vec(option(), 0..5), 1 => prop::collection::vec(option(), 20..28)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn discord_takes_whatever_aliases_there_are(
        all in prop::collection::vec(
            (prop_oneof![9 => "[a-z_-]{1,33}", 1 => ".{0,40}"], ".{0,150}", options()),
            0..8,
        ),
        copies in prop_oneof![4 => Just(1_usize), 1 => Just(30)],
    ) {
        let copy = |number: usize| {
            let named = move |name: &str| if number == 0 { name.to_owned() } else { format!("{name}{number}") };
            all.iter().map(move |(name, description, options)| NativeCommand {
                name: named(name),
                description: description.clone(),
                options: options.clone(),
            })
        };
        let all: Vec<NativeCommand> = (0..copies).flat_map(copy).collect();
        let drawn = commands(&all);
        prop_assert_eq!(rules::commands(&json!(drawn)), None);
        prop_assert_eq!(drawn.last().map(|it| &it["name"]), Some(&json!("lockkeeper")));
    }
}
