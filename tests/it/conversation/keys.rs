//! The datastore in workflows and in defaults of actions: one moment at a time, the same after a restart, and no secret of
//! it in anything that is stored or shown.

use std::fs;
use std::path::Path;
use std::time::Duration;

use lockkeeper::boot::{App, BootError, Options};
use lockkeeper::clock::SystemClock;
use lockkeeper::config;
use lockkeeper::datastore::{Key, Put, Scope};
use lockkeeper::id::Digest;
use lockkeeper::secret::Secret;
use lockkeeper::store::datastore::DatastoreError;

use crate::support::house::{Bot, House};

/// What stands nowhere else.
const HIDDEN: &str = "c0rrect/horse+battery=42";

/// Tells what it got by its digest, and then prints it.
const SHOW: &str = "#!/bin/sh
printf %s \"$LOCKKEEPER_PARAM_TOKEN\" | sha256sum | cut -d ' ' -f 1
echo \"$LOCKKEEPER_PARAM_REGION $LOCKKEEPER_PARAM_COLOR\"
printf '%s\\n' \"$LOCKKEEPER_PARAM_TOKEN\"
";

const SHOW_ACTION: &str = "name: show
runner_type: local-shell-cmd
description: Shows.
parameters:
  token: {type: string, secret: true, default: \"{{ st2kv.system.deploy.token | decrypt_kv }}\"}
  region: {type: string, default: \"{{ st2kv.system.region }}\"}
  color: {type: string, default: \"{{ st2kv.user.color }}{{ st2kv.user.absent }}\"}
  cmd: {immutable: true, default: ./show.sh}
";

fn house(workflow: &str) -> House {
    let house = House::new();
    house.workflow(workflow, "{name: {type: string, default: \"{{ st2kv.system.region }}\"}}");
    let show = SHOW_ACTION.replace("./show.sh", &house.path("show.sh").display().to_string());
    house.write("commands/trial/actions/show.yaml", &show);
    house.write("show.sh", SHOW);
    let path = house.path("show.sh");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    house.write("datastore.key", &format!("{}\n", "5c".repeat(32)));
    let key = house.path("datastore.key");
    house.also("config/lockkeeper.yaml", &format!("datastore: {{key: 'file:{}'}}\n", key.display()));
    house
}

async fn set(bot: &Bot, scope: Scope, name: &str, value: &str, secret: bool) {
    let key = Key::new(scope, name).unwrap();
    let put = Put { key, value: Secret::new(value), secret, ttl: None };
    bot.engine.keys().put(put, "ann", bot.engine.clock().now()).await.unwrap();
}

async fn fill(bot: &Bot) {
    set(bot, Scope::System, "deploy.token", HIDDEN, true).await;
    set(bot, Scope::System, "region", "eu-1", false).await;
    set(bot, Scope::User("ann".into()), "color", "red", false).await;
    set(bot, Scope::User("bea".into()), "color", "blue", false).await;
}

/// Every file of the data folder, logs and database and what the database writes ahead.
fn everything(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything(&path));
        } else if path.is_file() {
            all.extend(fs::read(&path).unwrap_or_default());
        }
    }
    all
}

fn assert_hidden(house: &House) {
    let all = everything(&house.path("data"));
    let holds = |text: &str| all.windows(text.len()).any(|it| it == text.as_bytes());
    assert!(holds("eu-1"), "it is looked where it would be");
    assert!(!holds(HIDDEN));
}

async fn output(bot: &Bot) -> serde_json::Value {
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    root.result.unwrap()["output"].clone()
}

const READING: &str = "
version: 1.0
input: [name]
vars: [{which: deploy.token}]
tasks:
  given:
    action: trial.show
    input:
      token: <% st2kv('system.' + ctx().which, decrypt => true) %>
      region: \"{{ st2kv('system.region') }}\"
      color: <% st2kv('color') %>
    next: [{when: <% succeeded() %>, publish: [{given: <% result().stdout %>}, {sealed: <% st2kv('system.deploy.token') %>}], do: defaults}]
  defaults:
    action: trial.show
    next: [{when: <% succeeded() %>, publish: [{defaults: <% result().stdout %>}, {bare: '{{ ctx().sealed | decrypt_kv }}'}], do: command}]
  command:
    action: core.local
    input: {cmd: 'printf %s \"$GIVEN\" | sha256sum', env: {GIVEN: <% ctx().bare %>}}
    next: [{when: <% succeeded() %>, publish: [{command: <% result().stdout %>}]}]
output:
  - given: <% ctx().given %>
  - defaults: <% ctx().defaults %>
  - command: <% ctx().command %>
  - bare: <% ctx().bare %>
  - none: <% st2kv('system.absent', default => 'nothing') %>
  - name: <% ctx().name %>
";

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_reads_keys_and_no_secret_is_stored_or_shown() {
    let house = house(READING);
    let bot = house.start().await;
    fill(&bot).await;
    let card = bot.ask("ann", "!go", |text| text.contains("done") || text.contains("failed")).await;
    let output = output(&bot).await;
    assert!(card.contains("done") && !card.contains(HIDDEN), "{card}\n{output:#}");
    let digest = Digest::of(HIDDEN.as_bytes()).to_string();
    let digest = digest.trim_start_matches("sha256:");
    let shown = format!("{digest}\neu-1 red\n********");
    assert_eq!(output["given"], shown);
    assert_eq!(output["defaults"], shown);
    let command = output["command"].as_str().unwrap();
    assert!(command.starts_with(digest), "{command}");
    assert_eq!(output["bare"], "********");
    assert_eq!((output["none"].as_str(), output["name"].as_str()), (Some("nothing"), Some("eu-1")));
    assert_hidden(&house);
    bot.stop().await;
    assert_hidden(&house);
}

/// In StackStorm's dialect, where a command may be put together.
const COMMANDING: &str = "
version: 1.0
tasks:
  one:
    action: core.local
    input:
      cmd: printf %s '<% st2kv('system.deploy.token', decrypt => true) %>' | sha256sum; tr -d '\\000' < /proc/$$/cmdline
    next: [{when: <% succeeded() %>, publish: [{said: <% result().stdout %>}]}]
output: [{said: <% ctx().said %>}]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_command_with_a_secret_in_it_is_no_argument_of_a_process() {
    let house = house(ABSENT);
    house.write(
        "packs/old/pack.yaml",
        "name: old\ndescription: Old.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n",
    );
    house.write(
        "packs/old/actions/go.yaml",
        "name: go\nrunner_type: orquesta\ndescription: Goes.\nentry_point: workflows/go.yaml\n",
    );
    house.write("packs/old/actions/workflows/go.yaml", COMMANDING);
    house.write(
        "packs/old/aliases/go.yaml",
        "name: old\naction_ref: old.go\ndescription: Old.\nformats: [old]\n",
    );
    let bot = house.start().await;
    fill(&bot).await;
    bot.ask("ann", "!old", |text| text.contains("done") || text.contains("failed")).await;
    let output = output(&bot).await;
    let said = output["said"].as_str().unwrap_or_else(|| panic!("{output:#}"));
    let digest = Digest::of(HIDDEN.as_bytes()).to_string();
    assert!(said.starts_with(digest.trim_start_matches("sha256:")), "it ran with the secret: {said}");
    assert!(said.contains("LOCKKEEPER_COMMAND") && !said.contains("printf"), "as a variable: {said}");
    assert_hidden(&house);
    bot.stop().await;
}

const ABSENT: &str = "
version: 1.0
tasks:
  one:
    action: core.noop
    next: [{when: <% succeeded() %>, publish: [{it: <% st2kv('system.absent') %>}]}]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_there_is_named() {
    let house = house(ABSENT);
    let bot = house.start().await;
    fill(&bot).await;
    let card = bot.ask("ann", "!go", |text| text.contains("failed")).await;
    assert!(card.contains("The key \"system.absent\" does not exist in the StackStorm datastore."), "{card}");
    bot.stop().await;
}

const HELD: &str = "
version: 1.0
input: [name]
tasks:
  first:
    action: core.noop
    next: [{when: <% succeeded() %>, publish: [{token: \"<% st2kv('system.deploy.token', decrypt => true) %>\"}, {region: <% st2kv('system.region') %>}], do: ask}]
  ask:
    action: core.ask
    input: {route: x}
    next: [{when: <% succeeded() %>, do: last}]
  last:
    action: trial.show token=<% ctx().token %> region=<% ctx().region %>
    next: [{when: <% succeeded() %>, publish: [{shown: <% result().stdout %>}]}]
output:
  - shown: <% ctx().shown %>
  - region: <% st2kv('system.region') %>
  - name: <% ctx().name %>
";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_workflow_goes_by_what_it_read_before() {
    let house = house(HELD);
    let bot = house.start().await;
    fill(&bot).await;
    let question = bot.ask("ann", "!go", |text| text.contains("!answer ")).await;
    let asked = question.split("!answer ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    set(&bot, Scope::System, "region", "eu-2", false).await;
    set(&bot, Scope::System, "deploy.token", "another-one-altogether", true).await;
    assert_hidden(&house);
    bot.stop().await;
    let bot = house.start().await;
    let ended = |text: &str| text.contains("done") || text.contains("failed");
    bot.ask("ann", &format!("!answer {asked} yes"), ended).await;
    let output = output(&bot).await;
    let digest = Digest::of(HIDDEN.as_bytes()).to_string();
    let digest = digest.trim_start_matches("sha256:");
    assert_eq!(output["shown"], format!("{digest}\neu-1 red\n********"), "{output:#}");
    assert_eq!((output["region"].as_str(), output["name"].as_str()), (Some("eu-2"), Some("eu-1")));
    assert_hidden(&house);
    bot.stop().await;
}

async fn answered(bot: &Bot, question: &str) -> serde_json::Value {
    let asked = question.split("!answer ").nth(1).unwrap().split(' ').next().unwrap();
    let ended = |text: &str| text.contains("done") || text.contains("failed");
    bot.ask("ann", &format!("!answer {asked} yes"), ended).await;
    output(bot).await
}

const MENDABLE: &str = "
version: 1.0
input: [name]
tasks:
  first:
    action: core.noop
    next: [{when: <% succeeded() %>, publish: [{token: \"<% st2kv('system.deploy.token', decrypt => true) %>\"}], do: check}]
  check:
    action: core.local cmd='test -e HERE/mended'
    next: [{when: <% succeeded() %>, do: ask}]
  ask:
    action: core.ask
    input: {route: x}
    next: [{when: <% succeeded() %>, do: last}]
  last:
    action: trial.show token=<% ctx().token %>
    next: [{when: <% succeeded() %>, publish: [{shown: <% result().stdout %>}]}]
output: [{shown: <% ctx().shown %>}]
";

/// What the first run read is what the second one goes by, and what a restart finds of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rerun_of_what_opened_a_secret_goes_on_after_a_restart() {
    let house = house(ABSENT);
    let here = house.path("").display().to_string();
    house.workflow(&MENDABLE.replace("HERE", here.trim_end_matches('/')), "{name: {type: string}}");
    let bot = house.start().await;
    fill(&bot).await;
    bot.ask("ann", "!go", |text| text.contains("failed")).await;
    let id = bot.engine.store().recent_executions(1).await.unwrap().remove(0).id.to_string();
    house.write("mended", "");
    let question = bot.ask("ann", &format!("!rerun {id}"), |text| text.contains("!answer ")).await;
    bot.stop().await;
    assert_hidden(&house);
    let bot = house.start().await;
    let output = answered(&bot, &question).await;
    let digest = Digest::of(HIDDEN.as_bytes()).to_string();
    assert_eq!(output["shown"], format!("{}\neu-1 red\n********", digest.trim_start_matches("sha256:")));
    assert_hidden(&house);
    bot.stop().await;
}

const PARENT: &str = "
version: 1.0
tasks:
  below:
    action: trial.below
    input: {auth: \"Bearer <% st2kv('system.deploy.token', decrypt => true) %>\"}
    next: [{when: <% succeeded() %>, publish: [{got: <% result().output %>}]}]
output: [{got: <% ctx().got %>}, {region: <% st2kv('system.region') %>}]
";

const BELOW: &str = "
version: 1.0
input: [auth]
vars: [{piece: \"<% ctx().auth.split(' ')[1] %>\"}]
tasks:
  show:
    action: trial.show token=<% ctx().piece %>
    next: [{when: <% succeeded() %>, publish: [{shown: <% result().stdout %>}]}]
output: [{shown: <% ctx().shown %>}, {piece: <% ctx().piece %>}, {auth: <% ctx().auth %>}]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_what_a_workflow_was_handed_is_no_less_a_secret() {
    let house = house(PARENT);
    house.write(
        "commands/trial/actions/below.yaml",
        "name: below\nrunner_type: orquesta\ndescription: Below.\nentry_point: workflows/below.yaml\nparameters: {auth: {type: string}}\n",
    );
    house.write("commands/trial/actions/workflows/below.yaml", BELOW);
    let bot = house.start().await;
    fill(&bot).await;
    bot.ask("ann", "!go", |text| text.contains("done") || text.contains("failed")).await;
    let got = output(&bot).await["got"].clone();
    let digest = Digest::of(HIDDEN.as_bytes()).to_string();
    assert_eq!(
        got["shown"],
        format!("{}\neu-1 red\n********", digest.trim_start_matches("sha256:")),
        "{got}"
    );
    assert_eq!((got["piece"].as_str(), got["auth"].as_str()), (Some("********"), Some("Bearer ********")));
    assert_hidden(&house);
    bot.stop().await;
    assert_hidden(&house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_another_key_opens_waits_for_it_and_keeps_nobody_else_waiting() {
    let house = house(HELD);
    let bot = house.start().await;
    fill(&bot).await;
    let question = bot.ask("ann", "!go", |text| text.contains("!answer ")).await;
    let asked = question.split("!answer ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    // As the bot advises who wants another key.
    let key = Key::system("deploy.token").unwrap();
    bot.engine.keys().remove(&key, "ann", bot.engine.clock().now()).await.unwrap();
    bot.stop().await;
    house.write("datastore.key", &format!("{}\n", "77".repeat(32)));
    let bot = house.start().await;
    let refused = bot.ask("ann", &format!("!answer {asked} yes"), |text| text.contains("key")).await;
    assert!(refused.contains("it was sealed with the key"), "{refused}");
    bot.ask("ann", "!help", |text| text.contains("!go")).await;
    bot.stop().await;
    house.write("datastore.key", &format!("{}\n", "5c".repeat(32)));
    let bot = house.start().await;
    let output = answered(&bot, &question).await;
    let digest = Digest::of(HIDDEN.as_bytes()).to_string();
    assert_eq!(output["shown"], format!("{}\neu-1 red\n********", digest.trim_start_matches("sha256:")));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_with_another_key_does_not_start_and_loses_nothing() {
    let house = house(READING);
    let bot = house.start().await;
    fill(&bot).await;
    bot.stop().await;
    house.write("datastore.key", &format!("{}\n", "77".repeat(32)));
    let open = async || {
        let config = config::load(&house.path("config/lockkeeper.yaml")).unwrap();
        App::open(Options { config, clock: std::sync::Arc::new(SystemClock), adapters: Vec::new() })
            .await
            .err()
    };
    let refused = open().await;
    let wrong = |it: &Option<BootError>| {
        matches!(it, Some(BootError::Datastore(DatastoreError::WrongKey { secrets: 1, .. })))
    };
    assert!(wrong(&refused), "{refused:?}");
    house.write("datastore.key", "no key at all\n");
    let refused = open().await.unwrap().to_string();
    assert!(refused.contains("openssl rand -base64 32") && !refused.contains("no key at all"), "{refused}");
    house.write("datastore.key", &format!("{}\n", "5c".repeat(32)));
    let bot = house.start().await;
    let key = Key::system("deploy.token").unwrap();
    let keys = bot.engine.keys();
    let pair = keys.find(&key, bot.engine.clock().now()).await.unwrap().unwrap();
    assert_eq!(keys.reveal(&pair).unwrap().expose(), HIDDEN);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_while_a_workflow_runs_is_absent_from_then_on() {
    let house = house(ABSENT);
    let bot = house.start().await;
    let now = bot.engine.clock().now();
    let key = Key::system("absent").unwrap();
    let brief = Put {
        key: key.clone(),
        value: Secret::new("x"),
        secret: false,
        ttl: Some(Duration::from_secs(3600)),
    };
    bot.engine.keys().put(brief.clone(), "ann", now).await.unwrap();
    bot.ask("ann", "!go", |text| text.contains("done")).await;
    let long_ago = lockkeeper::clock::before(now, Duration::from_secs(3601));
    bot.engine.keys().put(brief, "ann", long_ago).await.unwrap();
    let card = bot.ask("ann", "!go", |text| text.contains("failed")).await;
    assert!(card.contains("system.absent"), "{card}");
    bot.stop().await;
}
