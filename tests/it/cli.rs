//! The binary itself, as people and programs start it.

mod card;
mod check;
mod key;
mod pack;
mod refusal;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn lockkeeper(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
    command.args(arguments).stdin(Stdio::null()).env_remove("LOCKKEEPER_LOG");
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Asks a command that answers JSON with JSON.
fn batch(arguments: &[&str], input: &Value) -> Value {
    let mut child =
        lockkeeper(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let text = input.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("all is read");
    assert_eq!(output.status.code(), Some(0));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn corpus(name: &str) -> Value {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "shared", "stackstorm", "conformance", name].iter().collect();
    serde_json::from_slice(&fs::read(path).expect("the corpus")).expect("JSON")
}

/// A folder with a configuration in which the user of this process is ann.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("config");
        fs::create_dir_all(config.join("apps")).expect("a folder");
        let write = |name: &str, text: &str| fs::write(config.join(name), text).expect("written");
        write("lockkeeper.yaml", "data: ../data\nhttp: {listen: \"127.0.0.1:0\"}\n");
        let user =
            String::from_utf8(Command::new("id").arg("-un").output().expect("id").stdout).expect("text");
        write("people.yaml", &format!("people:\n  ann: {{terminal: [{}]}}\n", user.trim()));
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn config(&self) -> String {
        self.path().join("config/lockkeeper.yaml").display().to_string()
    }

    /// Asks the running bot.
    fn ask(&self, arguments: &[&str]) -> Output {
        let config = self.config();
        let mut all = arguments.to_vec();
        all.extend(["--config", &config]);
        lockkeeper(&all).output().expect("it ends")
    }

    fn serve(&self) -> Bot {
        let child = lockkeeper(&["serve", "--config", &self.config()])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut bot = Bot { child, log: mpsc::channel().1 };
        let stderr = bot.child.stderr.take().expect("piped");
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        bot.log = log;
        bot.logged("ready");
        bot
    }
}

/// A bot that runs until it is told to end, or this goes.
struct Bot {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Bot {
    /// Waits for a line of the log.
    fn logged(&self, word: &str) {
        let until = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if line.contains(word) {
                return;
            }
            seen.push(line);
        }
        panic!("`{word}` was not logged, but\n{}", seen.join("\n"));
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
    }

    /// Stops it as a supervisor does.
    fn stops(self) -> Option<i32> {
        self.signal("-TERM");
        self.ends()
    }

    /// The code that it ends with.
    fn ends(mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            assert!(Instant::now() < until, "it did not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn alias_cases_are_answered_in_order_and_form() {
    let cases = corpus("alias_cases.json");
    let all = cases.as_array().or_else(|| cases["cases"].as_array()).expect("a list").clone();
    let questions: Vec<Value> =
        all.iter().take(200).map(|it| json!({"format": it["format"], "message": it["message"]})).collect();
    let answers = batch(&["alias", "parse", "--batch"], &json!(questions));
    let answers = answers.as_array().expect("a list");
    assert_eq!(answers.len(), questions.len());
    assert!(answers.iter().all(|it| it["params"].is_object() || it["error"].is_string()));
    let deploy = json!([{"format": "deploy {{app}} to {{env=staging}}", "message": "deploy shop to"},
                        {"format": "deploy {{app}}", "message": "deploy shop force=yes"}, {"format": "", "message": ""}]);
    let answers = batch(&["alias", "parse", "--batch"], &deploy);
    assert_eq!(answers[1], json!({"params": {"app": "shop", "force": "yes"}}));
}

#[test]
fn hostile_messages_are_answered() {
    let long = "a=".repeat(20_000);
    let quotes = "\"' ".repeat(12_000);
    let spaces = " ".repeat(40_000);
    let formats = ["{{a}} {{b}} {{c}}", "(.*)(.*)(.*)x", "deploy {{app}} to {{env=x}}", "(a+)+$"];
    let mut questions = Vec::new();
    for format in formats {
        for text in [&long, &quotes, &spaces] {
            questions.push(json!({"format": format, "message": format!("deploy {text}")}));
        }
    }
    let started = Instant::now();
    let answers = batch(&["alias", "parse", "--batch"], &json!(questions));
    assert_eq!(answers.as_array().map(Vec::len), Some(questions.len()));
    // What grows with a power of the length takes hours.
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

#[test]
fn expressions_are_answered_with_a_value_or_an_error() {
    let questions = json!([
        {"expr": "<% ctx(a) + 1 %>", "context": {"a": 1}},
        {"expr": "plain", "context": {}},
        {"expr": "<% result() %>", "context": {}},
        {"expr": "{{ ctx('a') }} and {{ ctx().b }}", "context": {"a": "x", "b": 2}},
        {"expr": "<% task_status(t) %>", "context": {"__state": {
            "tasks": {"t__r0": 0}, "sequence": [{"id": "t", "route": 0, "status": "failed"}], "routes": [[]]}}},
    ]);
    let answers = batch(&["expression", "eval", "--batch"], &questions);
    assert_eq!(answers[0], json!({"value": 2}));
    assert_eq!(answers[1], json!({"value": "plain"}));
    assert!(answers[2]["error"].is_string() && answers[2].get("value").is_none());
    assert_eq!(answers[3], json!({"value": "x and 2"}));
    assert_eq!(answers[4], json!({"value": "failed"}));
}

const WORKFLOW: &str = "version: 1.0
input: [name]
tasks:
  greet:
    action: core.echo message=<% ctx(name) %>
    next:
      - when: <% succeeded() %>
        publish: [said: <% result() %>]
        do: leave
  leave: {action: core.noop}
output: [said: <% ctx(said) %>]
";

#[test]
fn a_workflow_is_inspected_and_rehearsed() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let good = file("good.yaml", WORKFLOW);
    let output = lockkeeper(&["workflow", "inspect", &good]).output().expect("it ends");
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).expect("JSON"), json!({}));
    let bad = file("bad.yaml", &WORKFLOW.replace("do: leave", "do: nowhere"));
    let output = lockkeeper(&["workflow", "inspect", &bad]).output().expect("it ends");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["semantics"][0]["spec_path"], "tasks.greet.next[0].do");

    let case = file("case.json", r#"{"inputs": {"name": "bea"}, "results": {"greet": [{"result": "hi"}]}}"#);
    let output = lockkeeper(&["workflow", "rehearse", &good, "--case", &case]).output().expect("it ends");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let tasks = json!([["greet", "succeeded"], ["leave", "succeeded"]]);
    assert_eq!(told, json!({"status": "succeeded", "output": {"said": "hi"}, "errors": [], "tasks": tasks}));

    let twice =
        file("twice.yaml", "version: 1.0\ntasks:\n  a: {action: core.noop}\n  a: {action: core.noop}\n");
    let output = lockkeeper(&["workflow", "inspect", &twice]).output().expect("it ends");
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
    assert!(stderr(&output).contains("twice"), "{}", stderr(&output));
}

#[test]
fn check_says_where_and_ends_with_one() {
    let place = Place::new();
    let folder = place.path().display().to_string();
    let good = lockkeeper(&["check", &folder]).output().expect("it ends");
    assert_eq!(good.status.code(), Some(0), "{}{}", stdout(&good), stderr(&good));
    assert!(stdout(&good).ends_with("0 errors and 0 warnings\n"), "{}", stdout(&good));

    fs::create_dir_all(place.path().join("commands")).expect("a folder");
    fs::write(place.path().join("commands/restart.yaml"), "say: restart {{app}}\nrum: [echo]\n")
        .expect("written");
    fs::write(place.path().join("config/people.yaml"), "people:\n  ann: {terminals: [x]}\n")
        .expect("written");
    fs::write(place.path().join("config/lockkeeper.yaml"), "data: ../data\nlisten: 3\n").expect("written");
    let bad = lockkeeper(&["check", "."]).current_dir(place.path()).output().expect("it ends");
    assert_eq!(bad.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&bad));
}

#[test]
fn one_unreadable_settings_file_hides_nothing() {
    let place = Place::new();
    let config = place.path().join("config");
    fs::write(config.join("apps/shop.yaml"), b"app: shop\n# d\xe9j\xe0 vu\n").expect("written");
    fs::create_dir(config.join("apps/blog.yaml")).expect("a folder");
    fs::write(config.join("environments.yaml"), "environmints: {}\n").expect("written");
    let bad = lockkeeper(&["check", "."]).current_dir(place.path()).output().expect("it ends");
    assert_eq!(bad.status.code(), Some(1));
    let shown = stdout(&bad);
    for told in [
        "config/apps/shop.yaml:2:4: error: not UTF-8 text: byte 0xE9 begins no character\n  hint: save the file",
        "config/apps/blog.yaml:1:1: error: cannot read it: it is not a file\n  hint: make it a file",
        "config/environments.yaml:1:1: error: unknown key `environmints`",
        "3 errors and 0 warnings",
    ] {
        assert!(shown.contains(told), "{told} is not in\n{shown}");
    }
    assert_eq!(stderr(&bad), "");
}

/// At no moment is neither of them there: a bot that looked just then would know nobody.
fn exchange(one: &Path, other: &Path) {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).expect("exchanged");
}

#[test]
fn a_running_bot_keeps_the_last_good_policy_of_a_file_it_cannot_read() {
    let place = Place::new();
    let bot = place.serve();
    let people = place.path().join("config/people.yaml");
    let good = fs::read(&people).expect("people");
    let aside = place.path().join("aside");
    fs::write(&aside, [good.as_slice(), b"# \xff\n"].concat()).expect("written");
    fs::rename(&aside, &people).expect("in its place");
    bot.logged("begins no character; the last good version stays in force");
    assert!(stdout(&place.ask(&["run", "whoami"])).contains("You are ann"));

    fs::create_dir(&aside).expect("a folder");
    exchange(&aside, &people);
    bot.logged("it is not a file; the last good version stays in force");
    assert!(stdout(&place.ask(&["run", "whoami"])).contains("You are ann"));

    // At a start there is nothing to keep: nobody is known.
    drop(bot);
    let _bot = place.serve();
    let who = place.ask(&["run", "whoami"]);
    assert!(!stdout(&who).contains("You are ann"), "{}", stdout(&who));
}

#[test]
fn check_shows_what_one_file_stands_for() {
    let place = Place::new();
    fs::create_dir_all(place.path().join("commands")).expect("a folder");
    let text = "say: restart {{app}}\nrun: [echo, \"{{app}}\"]\nwho: [deployers]\n";
    fs::write(place.path().join("commands/restart.yaml"), text).expect("written");
    let output = lockkeeper(&["check", "--expand", "."]).current_dir(place.path()).output().expect("it ends");
    let shown = stdout(&output);
    assert!(shown.contains("# commands/"), "{shown}");
    assert!(shown.contains("restart {{app}}") && shown.contains("runner_type"), "{shown}");
}

#[test]
fn a_running_bot_answers_the_command_line() {
    let place = Place::new();
    let bot = place.serve();
    let who = place.ask(&["run", "whoami"]);
    assert!(stdout(&who).contains("You are ann"), "{}{}", stdout(&who), stderr(&who));
    let unknown = place.ask(&["run", "!frobnicate"]);
    assert!(stdout(&unknown).contains("nothing was run"), "{}", stdout(&unknown));

    let ran = place.ask(&["action", "run", "core.local", "cmd=echo out loud; echo $((6*7))", "--wait"]);
    let shown = stdout(&ran);
    assert_eq!(ran.status.code(), Some(0), "{shown}{}", stderr(&ran));
    let id = shown.split_whitespace().find(|it| it.len() == 36).expect("an id").to_owned();
    assert!(shown.contains("succeeded"), "{shown}");
    let tail = stdout(&place.ask(&["executions", "tail", &id[24..]]));
    assert!(tail.contains("out loud\n42"), "{tail}");
    let list = stdout(&place.ask(&["executions", "list"]));
    assert!(list.contains(&id) && list.contains("core.local"), "{list}");
    let show = stdout(&place.ask(&["executions", "show", &id]));
    assert!(show.contains(&id) && show.contains("succeeded"), "{show}");

    let typed =
        place.ask(&["action", "run", "core.http", "url=http://127.0.0.1:9", "password=hunter2hunter2"]);
    assert_eq!(typed.status.code(), Some(1));
    let said = format!("{}{}", stdout(&typed), stderr(&typed));
    assert!(said.contains("password is a secret") || said.contains("`password` is a secret"), "{said}");
    let failed = place.ask(&["action", "run", "core.local", "cmd=exit 3", "--wait"]);
    assert_eq!(failed.status.code(), Some(1), "{}", stdout(&failed));
    let none = place.ask(&["approve", "42"]);
    assert!(stderr(&none).contains("#42 has no gate"), "{}{}", stdout(&none), stderr(&none));
    assert_eq!(none.status.code(), Some(1));
    let actions = stdout(&place.ask(&["action", "list"]));
    assert!(actions.contains("core.local"), "{actions}");
    assert_eq!(place.ask(&["action", "show", "core.nothing"]).status.code(), Some(1));
    drop(bot);
}

#[test]
fn a_running_command_is_followed_and_stopped() {
    let place = Place::new();
    let _bot = place.serve();
    let ran = place.ask(&["action", "run", "core.local", "cmd=echo begun; sleep 600"]);
    let shown = stdout(&ran);
    let id = shown.split_whitespace().find(|it| it.len() == 36).expect("an id").to_owned();
    let config = place.config();
    let mut tail = lockkeeper(&["executions", "tail", &id, "--follow", "--config", &config])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(tail.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("begun") {
        line.clear();
        assert!(lines.read_line(&mut line).expect("readable") > 0, "it ended early");
    }
    let canceled = place.ask(&["executions", "cancel", &id]);
    assert!(stdout(&canceled).contains("Stopping"), "{}{}", stdout(&canceled), stderr(&canceled));
    // Following ends when the execution has.
    lines.read_to_string(&mut line).expect("readable");
    assert!(tail.wait().expect("a child").success());
    let list = stdout(&place.ask(&["executions", "list"]));
    assert!(list.contains("canceled"), "{list}");
}

#[test]
fn a_log_that_was_removed_is_said_to_be() {
    let place = Place::new();
    let config = fs::read_to_string(place.config()).expect("readable");
    fs::write(place.config(), format!("{config}keep: {{logs: 1ms}}\n")).expect("written");
    let bot = place.serve();
    let shown = stdout(&place.ask(&["action", "run", "core.local", "cmd=echo hello", "--wait"]));
    let id = shown.split_whitespace().find(|it| it.len() == 36).expect("an id").to_owned();
    assert!(stdout(&place.ask(&["executions", "tail", &id])).contains("hello"));
    let looked = stdout(&place.ask(&["doctor"]));
    assert!(looked.contains("1 log (6 B): go after 1 ms"), "{looked}");
    bot.signal("-TERM");
    assert_eq!(bot.ends(), Some(0));
    let bot = place.serve();
    bot.logged("swept");
    let tail = stdout(&place.ask(&["executions", "tail", &id]));
    assert!(tail.contains("The log was removed after 1 ms."), "{tail}");
    let show = stdout(&place.ask(&["executions", "show", &id]));
    assert!(show.contains("succeeded"), "{show}");
}

#[test]
fn somebody_unknown_reads_and_runs_nothing() {
    let place = Place::new();
    fs::write(place.path().join("config/people.yaml"), "people: {}\n").expect("written");
    let _bot = place.serve();
    for arguments in [&["executions", "list"][..], &["action", "list"], &["executions", "tail", "1"]] {
        let output = place.ask(arguments);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{arguments:?}");
        assert!(!stderr(&output).is_empty());
    }
    let marker = place.path().join("ran");
    let ran =
        place.ask(&["action", "run", "core.local", &format!("cmd=touch {}", marker.display()), "--wait"]);
    assert!(!stdout(&ran).contains("succeeded") && !marker.exists(), "{}", stdout(&ran));
}

#[test]
fn sigterm_drains_and_a_kill_is_survived() {
    let place = Place::new();
    let bot = place.serve();
    bot.signal("-TERM");
    assert_eq!(bot.ends(), Some(0));
    assert!(!place.path().join("data/control.sock").exists());

    let bot = place.serve();
    bot.signal("-KILL");
    assert_eq!(bot.ends(), None);
    assert!(place.path().join("data/control.sock").exists());
    let _bot = place.serve();
    assert!(stdout(&place.ask(&["run", "whoami"])).contains("You are ann"));
}

#[test]
fn a_second_bot_on_the_same_store_is_refused() {
    let place = Place::new();
    let bot = place.serve();
    let second = lockkeeper(&["serve", "--config", &place.config()]).output().expect("it ends");
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("another lockkeeper holds"), "{}", stderr(&second));
    let doctor = place.ask(&["doctor"]);
    assert!(stdout(&doctor).contains("runs on it"), "{}", stdout(&doctor));
    assert!(stdout(&place.ask(&["run", "whoami"])).contains("You are ann"));
    drop(bot);
}

#[test]
fn without_a_bot_the_command_line_says_how_to_start_one() {
    let place = Place::new();
    let output = place.ask(&["executions", "list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("lockkeeper serve --config"), "{}", stderr(&output));
}

#[test]
fn doctor_names_what_is_missing() {
    let place = Place::new();
    let good = place.ask(&["doctor"]);
    let shown = stdout(&good);
    assert!(shown.contains("warn  no chat is configured") && shown.contains("ok    git version"), "{shown}");
    let text = "data: ../data\ndiscord: {token: env:LOCKKEEPER_NOT_SET_ANYWHERE}\n";
    fs::write(place.config(), text).expect("written");
    let bad = place.ask(&["doctor"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(stdout(&bad).contains("FAIL  secret discord.token"), "{}", stdout(&bad));
}

#[test]
fn every_command_shows_an_example() {
    let commands = help_of(&[]);
    assert!(commands.len() >= 10, "{commands:?}");
    let mut open: Vec<Vec<String>> = commands.into_iter().map(|it| vec![it]).collect();
    while let Some(path) = open.pop() {
        open.extend(help_of(&path).into_iter().map(|it| [path.clone(), vec![it]].concat()));
    }
}

/// The commands below this one, whose help must show an example.
fn help_of(path: &[String]) -> Vec<String> {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let help = stdout(&lockkeeper(&arguments).output().expect("it ends"));
    assert!(help.contains("Example"), "{path:?}: {help}");
    let below = help.lines().skip_while(|it| *it != "Commands:").skip(1).take_while(|it| !it.is_empty());
    let names = below.filter(|it| it.starts_with("  ") && !it.starts_with("   "));
    names
        .filter_map(|it| it.split_whitespace().next())
        .filter(|it| *it != "help")
        .map(str::to_owned)
        .collect()
}
