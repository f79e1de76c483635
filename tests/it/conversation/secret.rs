//! An environment's secrets reach its attempts as variables, and nothing that is stored or shown.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use lockkeeper::id::Digest;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::house::{House, PATIENCE};

const VALUE: &str = "c4nary/secret+value=42%of";

/// Proves what it was given, waits to be looked at, and then prints it in every way.
const SHOW: &str = "#!/bin/sh
printf %s \"${DEPLOY_TOKEN-unset}\" | sha256sum | cut -d ' ' -f 1 >draft && mv draft proof
while [ ! -e go ]; do sleep 0.05; done
printf '%s\\n' \"$DEPLOY_TOKEN\"
printf %s \"$DEPLOY_TOKEN\" | base64
printf %s \"$DEPLOY_TOKEN\" | od -An -v -tx1 | tr -d ' \\n'; echo
printf %s \"$DEPLOY_TOKEN\" | sed 's/%/%25/g; s,/,%2F,g; s/+/%2B/g; s/=/%3D/g'; echo
printf '{\"token\": \"%s\"}\\n' \"$DEPLOY_TOKEN\" >&2
exit 3
";

const ENVIRONMENTS: &str = "
environments:
  staging: {protected: false, roles: {app: {hosts: [stage-1]}}, secrets: {DEPLOY_TOKEN: 'file:HERE/token'}}
  testing: {protected: false, roles: {app: {hosts: [test-1]}}}
  production:
    roles: {canary: {hosts: [canary-1], guarded: false}, app: {hosts: [web-1]}}
    secrets: {DEPLOY_TOKEN: 'file:HERE/token'}
hosts:
  stage-1: {connection: local, dir: HERE/stage-1}
  test-1: {connection: local, dir: HERE/test-1}
  canary-1: {connection: local, dir: HERE/canary-1}
  web-1: {connection: local, dir: HERE/web-1}
";

const WORKFLOW: &str = "
version: 1.0
input: [number]
tasks:
  show:
    action: trial.show
    input: {hosts: <% ctx().number %>, cwd: HERE/<% ctx().number %>}
";

/// Everything that the service logs.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn house() -> House {
    let house = House::new();
    let here = house.path("").display().to_string();
    house.write("config/environments.yaml", &ENVIRONMENTS.replace("HERE/", &here));
    house.write("token", &format!("{VALUE}\n"));
    house.workflow(&WORKFLOW.replace("HERE/", &here), "{number: {type: string}}");
    house.write(
        "commands/trial/actions/show.yaml",
        "name: show\nrunner_type: remote-shell-script\ndescription: Shows.\nentry_point: show.sh\n\
         parameters: {hosts: {type: string, required: true}}\n",
    );
    house.write("commands/trial/actions/show.sh", SHOW);
    house
}

/// Runs it on a host, and says what it was given; `look` is called while it runs.
async fn shown(house: &House, bot: &crate::support::house::Bot, host: &str, look: impl FnOnce()) -> String {
    let before = bot.player.messages().len();
    bot.player.say("ann", &format!("!go {host}"));
    let proof = house.path(&format!("{host}/proof"));
    let started = Instant::now();
    while !proof.exists() {
        assert!(started.elapsed() < PATIENCE, "nothing ran on {host}: {:?}", bot.player.messages().last());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    look();
    house.write(&format!("{host}/go"), "");
    let failed = format!("{host}: it ended with exit code 3");
    bot.shows(before, |text| text.contains(&failed)).await;
    fs::read_to_string(proof).unwrap().trim().to_owned()
}

/// The value as it may be written.
fn forms() -> Vec<String> {
    let base64 = base64::engine::general_purpose::STANDARD.encode(VALUE);
    let url = VALUE.replace('%', "%25").replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    vec![VALUE.to_owned(), base64.trim_end_matches('=').to_owned(), hex::encode(VALUE), url]
}

fn must_not_hold(what: &str, bytes: &[u8]) {
    for form in forms() {
        let found = bytes.windows(form.len()).any(|it| it == form.as_bytes());
        assert!(!found, "{what} holds the secret as {form}");
    }
}

fn files_below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[tokio::test]
async fn a_secret_reaches_its_environment_and_nothing_that_is_kept_or_shown() {
    let logged = Logged::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logged.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let house = house();
    let bot = house.start().await;

    let given = shown(&house, &bot, "stage-1", || {
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(line) = fs::read(process.path().join("cmdline")) else { continue };
            must_not_hold(&process.path().display().to_string(), &line);
        }
    })
    .await;
    assert_eq!(given, Digest::of(VALUE.as_bytes()).as_str(), "it was given the value");
    let unset = Digest::of(b"unset");
    assert_eq!(shown(&house, &bot, "test-1", || {}).await, unset.as_str(), "another environment");
    assert_eq!(shown(&house, &bot, "canary-1", || {}).await, unset.as_str(), "no grant");

    let chat: Vec<String> = bot.player.messages().iter().map(|it| format!("{:?}", it.card)).collect();
    assert!(chat.iter().any(|it| it.contains("********")), "what it printed is shown, covered");
    must_not_hold("the chat", chat.join("\n").as_bytes());
    bot.stop().await;
    must_not_hold("the log of the service", &logged.0.lock().unwrap());
    assert!(!logged.0.lock().unwrap().is_empty());
    let mut kept = Vec::new();
    files_below(&house.path("data"), &mut kept);
    let named = |end: &str| kept.iter().any(|it| it.display().to_string().ends_with(end));
    assert!(named("lockkeeper.db") && named(".log"), "{kept:?}");
    for path in kept {
        // SQLite takes its log away when the last reader is closed.
        match fs::read(&path) {
            Ok(bytes) => must_not_hold(&path.display().to_string(), &bytes),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", path.display()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_without_its_secret() {
    let house = house();
    fs::remove_file(house.path("token")).unwrap();
    let bot = house.start().await;
    let card = bot.ask("ann", "!go stage-1", |text| text.contains("failed")).await;
    assert!(
        card.contains("the secret `DEPLOY_TOKEN` of staging is not to be had: cannot read secret file"),
        "{card}"
    );
    assert!(!house.path("stage-1/proof").exists());
    // Set right, it is found without a restart.
    house.write("token", &format!("{VALUE}\n"));
    let given = shown(&house, &bot, "stage-1", || {}).await;
    assert_eq!(given, Digest::of(VALUE.as_bytes()).as_str());
    bot.stop().await;
}

const ASKING: &str = "
version: 1.0
tasks:
  ask:
    action: core.ask
    input:
      schema:
        type: object
        properties:
          name: {type: string, required: true, description: Whose?}
          token: {type: string, secret: true, description: What with?}
";

/// A question that wants a secret takes all but that.
#[tokio::test]
async fn a_secret_that_answers_a_question_is_covered_and_refused() {
    let logged = Logged::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logged.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let house = House::new();
    house.workflow(ASKING, "{}");
    let bot = house.start().await;
    let question = bot.ask("ann", "!go", |text| text.contains("asks")).await;
    assert!(question.contains("`token`  What with? (a secret, which nobody can type)"), "{question}");
    let id = question.split("!answer ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    for (order, says) in [
        (format!("!answer {id} {{\"name\": \"web\", \"token\": \"{VALUE}\"}}"), "`token` is a secret"),
        (format!("!answer {id} {{\"name\": \"web\", \"token\": \"{VALUE}\""), "`token` is a secret"),
        (format!("!answer {id} web token={VALUE}"), "`token` is a secret"),
        (format!("!answer 12 {VALUE}"), "takes a secret"),
        (format!("!anwser {id} {VALUE}"), "takes a secret"),
    ] {
        let answer = bot.ask("ann", &order, |text| text.contains("has been seen: change it")).await;
        assert!(answer.contains(says), "{order}: {answer}");
        must_not_hold("the answer", answer.as_bytes());
    }
    bot.ask("ann", &format!("!answer {id} web"), |text| text.contains("ann answered")).await;
    bot.shows(0, |text| text.contains("trial.go: done")).await;
    bot.stop().await;
    none_is_kept(&house, &logged);
}

fn none_is_kept(house: &House, logged: &Logged) {
    must_not_hold("the log of the service", &logged.0.lock().unwrap());
    let mut kept = Vec::new();
    files_below(&house.path("data"), &mut kept);
    assert!(kept.iter().any(|it| it.ends_with("lockkeeper.db")), "{kept:?}");
    for path in kept {
        // SQLite takes its log away when the last reader is closed.
        let Ok(bytes) = fs::read(&path) else { continue };
        must_not_hold(&path.display().to_string(), &bytes);
    }
}

/// Somebody types a secret: nothing runs, nothing of it is kept, and they hear what to do.
#[tokio::test]
async fn a_secret_that_somebody_types_is_refused_and_covered_before_it_is_stored() {
    let logged = Logged::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logged.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let house = House::new();
    house.workflow(
        "version: 1.0\ntasks: {one: {action: core.noop}}\n",
        "{number: {type: string, secret: true}}",
    );
    let bot = house.start().await;
    let quoted = format!("!go number=\"{}\\\"{VALUE}\"", "a word before");
    for order in [format!("!go {VALUE}"), format!("!go number={VALUE}"), quoted] {
        let answer = bot.ask("ann", &order, |text| text.contains("is a secret")).await;
        assert!(answer.contains("it has been seen: change it") && answer.contains("`secrets:`"), "{answer}");
    }
    assert!(bot.engine.store().recent_executions(10).await.unwrap().is_empty(), "nothing was started");
    // What nobody typed may stand there.
    bot.ask("ann", "!go", |text| text.contains("trial.go: done")).await;
    bot.stop().await;
    none_is_kept(&house, &logged);
}

/// Nobody can say what in a mistyped command was the secret: nothing of it is kept or said again.
#[tokio::test]
async fn a_secret_in_a_mistyped_command_is_covered_before_it_is_stored() {
    let logged = Logged::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logged.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let house = House::new();
    house.workflow("version: 1.0\ntasks: {one: {action: core.noop}}\n", "{name: {type: string}}");
    let action = "name: keep\nrunner_type: noop\ndescription: Keeps.\nparameters: {name: {type: string}, token: {type: string, secret: true}}\n";
    house.write("commands/trial/actions/keep.yaml", action);
    let formats = r#"["keep {{name}} {{token}}", "keep {{name}}", "hold {{token}} for {{name}}"]"#;
    house.write(
        "aliases/trial/keep.yaml",
        &format!("name: keep\naction_ref: trial.keep\ndescription: Keeps.\nformats: {formats}\n"),
    );
    let bot = house.start().await;
    let covered = |text: &str| text.contains("If there was a secret, it has been seen: change it");
    for order in [
        // Other capitals, a slip of the finger, words before it, a beginning.
        format!("!KEEP a {VALUE}"),
        format!("!kepe a {VALUE}"),
        format!("!please keep a {VALUE}"),
        format!("!{VALUE} keep a"),
        format!("!hold {VALUE}"),
        // What is left of it would be another command.
        format!("!keep token={VALUE}"),
    ] {
        let answer = bot.ask("ann", &order, covered).await;
        must_not_hold("the answer", answer.as_bytes());
    }
    let answer = bot.ask("ann", &format!("!KEEP a {VALUE}"), covered).await;
    assert!(answer.contains("Did you mean `!keep {{name}} {{token}}`"), "{answer}");
    // Without anything that could be one, it is as with every other command.
    bot.ask("ann", "!hold", |text| text.contains("missing")).await;
    bot.ask("ann", "!GO a", |text| text.contains("Did you mean `!go`") && !covered(text)).await;
    assert!(bot.engine.store().recent_executions(10).await.unwrap().is_empty(), "nothing was started");
    let chat: Vec<String> = bot.player.messages().iter().map(|it| it.card.to_string()).collect();
    must_not_hold("the chat", chat.join("\n").as_bytes());
    bot.stop().await;
    none_is_kept(&house, &logged);
}
