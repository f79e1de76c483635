//! Python actions of StackStorm's packs, as their authors write them.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use lockkeeper::id::AttemptId;
use lockkeeper::runner::{End, Outcome, Output, PythonDeps, Question, Request};
use lockkeeper::secret::{Masker, Secret};
use serde_json::{Value, json};

use super::bench::{Bench, PATIENCE, eventually, lives, pid_in};

const BASE: &str = "from st2common.runners.base_action import Action\n\n\n";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A request for an action whose class has these lines.
fn acting(bench: &Bench, class: &str, values: Value) -> Request {
    write(&bench.path("pack/actions/act.py"), &format!("{BASE}{class}"));
    bench.request("python-script", "act.py", json!({}), values)
}

async fn act(bench: &Bench, class: &str, values: Value) -> Outcome {
    bench.run(acting(bench, class, values)).await
}

/// A class that only runs this.
fn running(body: &str) -> String {
    let lines: Vec<String> = body.lines().map(|it| format!("        {it}\n")).collect();
    format!("class Act(Action):\n    def run(self, **given):\n{}", lines.concat())
}

#[tokio::test]
async fn an_action_gets_parameters_and_configuration_and_returns_data_beside_what_it_prints() {
    let bench = Bench::new();
    let class = running(
        "print('hello', given['name'])\n\
         self.logger.info('counted to %s', given['count'])\n\
         self.logger.debug('too much')\n\
         return {'name': given['name'], 'given': sorted(given), 'host': self.config['host'], 'user': self.action_service.get_user_info()['username']}",
    );
    let mut request =
        acting(&bench, &class, json!({"name": "wörld", "count": 3, "none": null, "log_level": "INFO"}));
    let mut action = (*request.action).clone();
    action
        .parameters
        .insert("log_level".to_owned(), serde_json::from_value(json!({"of_runner": true})).unwrap());
    request.action = action.into();
    request.pack_config.insert("host".to_owned(), "example.org".into());
    let outcome = bench.run(request).await;
    assert_eq!(outcome.end, End::Succeeded, "{outcome:?}");
    assert_eq!(
        outcome.result,
        json!({
            "stdout": "hello wörld\n",
            "stderr": "actions.python.Act: INFO     counted to 3\n",
            "exit_code": 0,
            "result": {"name": "wörld", "given": ["count", "name", "none"], "host": "example.org", "user": "ann"},
        })
    );
}

#[tokio::test]
async fn how_an_action_ends_is_what_stackstorm_makes_of_it() {
    let bench = Bench::new();
    for (body, end, code, result) in [
        ("return (True, [1, (2, 3)])", End::Succeeded, 0, json!([1, [2, 3]])),
        ("return (False, 'no such host')", End::Failed, 0, json!("no such host")),
        ("return None", End::Succeeded, 0, Value::Null),
        ("return (1, 2, 3)", End::Succeeded, 0, json!([1, 2, 3])),
        ("return [True, 'a list is data']", End::Succeeded, 0, json!([true, "a list is data"])),
        ("return ('yes', 'no status')", End::Failed, 220, json!("None")),
        ("raise KeyError('gone')", End::Failed, 1, json!("None")),
        ("import sys; sys.exit(3)", End::Failed, 3, json!("None")),
        ("import os; os._exit(0)", End::Succeeded, 0, json!("None")),
        ("return {'at': {1, }, 'n': float('nan')}", End::Succeeded, 0, json!("{'at': {1}, 'n': nan}")),
        ("return (True, {1: 'a'})", End::Succeeded, 0, json!("{1: 'a'}")),
        (
            "return {'n': float('nan'), 'big': 2 ** 64 - 1}",
            End::Succeeded,
            0,
            json!({"n": null, "big": u64::MAX}),
        ),
        ("return 2 ** 64", End::Succeeded, 0, json!("18446744073709551616")),
        ("return 'a\\0b'", End::Succeeded, 0, json!("a\u{fffd}b")),
        (
            "import datetime, uuid\nreturn {'at': datetime.datetime(2020, 1, 2, 3), 'id': uuid.UUID(int=1)}",
            End::Succeeded,
            0,
            json!({"at": "2020-01-02T03:00:00", "id": "00000000-0000-0000-0000-000000000001"}),
        ),
    ] {
        let outcome = act(&bench, &running(body), json!({})).await;
        assert_eq!((outcome.end, &outcome.result["exit_code"]), (end, &json!(code)), "{body}: {outcome:?}");
        assert_eq!(outcome.result["result"], result, "{body}");
        let traceback = outcome.result["stderr"].as_str().unwrap().contains("KeyError: 'gone'");
        assert_eq!(traceback, body.starts_with("raise"), "{outcome:?}");
    }
}

#[tokio::test]
async fn modules_are_found_where_packs_keep_them() {
    let bench = Bench::new();
    write(&bench.path("pack/actions/lib/__init__.py"), "");
    write(&bench.path("pack/actions/lib/deep.py"), "WORD = 'deep'\n");
    write(&bench.path("pack/lib/shared.py"), "WORD = 'shared'\n");
    write(&bench.path("pack/actions/beside.py"), "WORD = 'beside'\n");
    // An action of this name must not be taken for the library's.
    write(&bench.path("pack/actions/json.py"), "raise ImportError('the wrong one')\n");
    let text = "import json\nfrom lib.deep import WORD as one\nimport deep\nimport shared\nimport beside\n\
                from st2actions.runners.pythonrunner import Action\n\n\n\
                class Helper(object):\n    pass\n\n\n\
                class Base(Action):\n    pass\n\n\n\
                class Whatever(object):\n    def run(self):\n        raise ValueError('not this one')\n\n\n\
                class Zebra(Base):\n    def __init__(self, config):\n        super(Zebra, self).__init__(config)\n\n\
                \x20   def run(self):\n        return [one, deep.WORD, shared.WORD, beside.WORD, json.dumps({}), self.action_service is not None]\n";
    write(&bench.path("pack/actions/act.py"), text);
    let outcome = bench.run(bench.request("python-script", "act.py", json!({}), json!({}))).await;
    assert_eq!(
        outcome.result["result"],
        json!(["deep", "deep", "shared", "beside", "{}", true]),
        "{outcome:?}"
    );
    assert!(!bench.path("pack/actions/__pycache__").exists(), "nothing is written into the pack");
}

#[tokio::test]
async fn what_an_action_is_given_stands_in_no_place_that_others_read() {
    let bench = Bench::new();
    let body = "import os, subprocess, sys\n\
                own = open('/proc/self/cmdline').read() + open('/proc/self/environ').read()\n\
                child = subprocess.run(['cat'], stdout=subprocess.PIPE).stdout.decode()\n\
                line = os.readlink('/proc/self/fd/%d' % self.action_service.datastore_service._wire._line.fileno())\n\
                inherited = subprocess.run(['ls', '-l', '/proc/self/fd'], stdout=subprocess.PIPE, close_fds=False).stdout.decode()\n\
                return [given['word'] in own, self.config['word'] in own, sys.stdin.read(), child, line.startswith('socket:'), line in inherited, sys.argv[1:], 'elsewhere' in os.environ['PYTHONPATH']]";
    let mut request = acting(&bench, &running(body), json!({"word": "swordfish"}));
    request.pack_config.insert("word".to_owned(), "correct horse".into());
    request.parameters.insert("env".to_owned(), json!({"PYTHONPATH": "/tmp/elsewhere"}));
    let outcome = bench.run(request).await;
    assert_eq!(
        outcome.result["result"],
        json!([false, false, "", "", true, false, [], false]),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_action_that_takes_too_long_ends_with_all_that_it_started() {
    let bench = Bench::new();
    let body = "import signal, subprocess, time\n\
                signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
                child = subprocess.Popen(['sleep', '1000'])\n\
                open('pid', 'w').write('%d\\n' % child.pid)\n\
                print('begun')\n\
                time.sleep(1000)";
    let mut request = acting(&bench, &running(body), json!({}));
    request.timeout = Duration::from_secs(6);
    let (outcome, pid) = tokio::join!(bench.run(request), async { pid_in(&bench.path("work/pid")).await });
    assert_eq!(outcome.end, End::Timeout);
    let error = "Action failed to complete in 6 seconds";
    assert_eq!(
        outcome.result,
        json!({"stdout": "begun\n", "stderr": "", "exit_code": -9, "result": "None", "error": error})
    );
    eventually("its child is gone", || !lives(pid)).await;
}

#[tokio::test]
async fn a_secret_is_covered_in_the_result_and_in_what_is_printed() {
    let bench = Bench::new();
    let secret = Secret::new("hunter2hunter2");
    let body = "import sys\nprint(self.config['key'])\nsys.stderr.write(self.config['key'])\nreturn {'key': self.config['key'], 'n': 1}";
    let mut request = acting(&bench, &running(body), json!({}));
    request.pack_config.insert("key".to_owned(), secret.expose().into());
    request.output.masker = Masker::new([&secret]);
    let log = request.output.log.clone();
    let outcome = bench.run(request).await;
    assert_eq!(outcome.result["result"], json!({"key": "********", "n": 1}));
    let everything = format!("{outcome:?}{}", fs::read_to_string(log).unwrap());
    assert!(!everything.contains("hunter2"), "{everything}");
}

#[tokio::test]
async fn what_is_missing_is_said_with_what_to_do() {
    let bench = Bench::new();
    let stderr = |it: &Outcome| it.result["stderr"].as_str().unwrap_or_default().to_owned();
    let missing = act(&bench, &running("return self.config['token']"), json!({})).await;
    assert!(
        stderr(&missing).contains("has no key \"token\". Put it into config/packs/test.yaml"),
        "{missing:?}"
    );
    let module = act(&bench, "import no_such_module\n", json!({})).await;
    assert!(stderr(&module).contains("name that package in the pack's requirements.txt"), "{module:?}");
    let ours = act(&bench, "from st2common.persistence import action\n", json!({})).await;
    assert!(stderr(&ours).contains("that Lockkeeper does not offer to packs"), "{ours:?}");
    let empty = act(&bench, "x = 1\n", json!({})).await;
    assert!(stderr(&empty).contains("has no class with a run() method"), "{empty:?}");
    let gone = bench.run(bench.request("python-script", "gone.py", json!({}), json!({}))).await;
    assert_eq!(gone.error(), Some("the pack has no file actions/gone.py"));
    let flood = act(&bench, &running("return 'x' * (5 << 20)"), json!({})).await;
    assert_eq!((flood.end, flood.error()), (End::Failed, Some("it said more than 4 MiB at once")));

    let python = PythonDeps { interpreter: "no-such-python".to_owned(), ..PythonDeps::default() };
    let bench = Bench::with_python(python);
    let outcome = act(&bench, &running("return 1"), json!({})).await;
    let error = outcome.error().unwrap();
    assert!(error.starts_with("there is no Python: `no-such-python`: "), "{error}");
    assert!(error.contains("apt install python3") && error.contains("python: {interpreter:"), "{error}");
    assert_eq!(bench.sh("echo others go on").await.end, End::Succeeded);
}

#[tokio::test]
async fn an_action_asks_the_datastore_over_its_own_line() {
    let entries: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    let answer = Arc::clone(&entries);
    let datastore: lockkeeper::runner::Datastore = Arc::new(move |question| {
        let mut all = answer.lock().unwrap();
        let value = match question {
            Question::Get { name, decrypt: false, .. } => Ok(json!(all.get(&name))),
            Question::Get { .. } => Err("there is no key to decrypt with".to_owned()),
            Question::Set { name, value, ttl, .. } => {
                all.insert(name, format!("{value}/{ttl:?}"));
                Ok(Value::Null)
            }
            Question::Delete { name, .. } => Ok(json!(all.remove(&name).is_some())),
            Question::List { prefix, .. } => Ok(all
                .iter()
                .filter(|(name, _)| name.starts_with(&prefix))
                .map(
                    |(name, value)| json!({"name": name, "value": value, "scope": "system", "secret": false}),
                )
                .collect()),
        };
        Box::pin(async move { value })
    });
    let bench = Bench::with_python(PythonDeps { datastore, ..PythonDeps::default() });
    let body = "it = self.action_service\n\
                it.set_value('a', 1)\n\
                it.set_value('b', 'two', ttl=60, local=False)\n\
                got = [it.get_value('a'), it.get_value('b', local=False), it.get_value('gone')]\n\
                names = [one.name for one in it.list_values(local=False)]\n\
                local = [(one.name, one.value) for one in it.list_values()]\n\
                gone = [it.delete_value('a'), it.delete_value('a')]\n\
                try:\n    it.get_value('b', scope='user')\nexcept ValueError as error:\n    scope = str(error)\n\
                try:\n    it.get_value('b', decrypt=True)\nexcept RuntimeError as error:\n    refused = str(error)\n\
                return [got, names, local, gone, scope, refused]";
    let outcome = act(&bench, &running(body), json!({})).await;
    assert_eq!(
        outcome.result["result"],
        json!([
            ["1/None", "two/Some(60)", null],
            ["b", "test.Act:a"],
            [["test.Act:a", "1/None"]],
            [true, false],
            "Scope user is unsupported.",
            "there is no key to decrypt with",
        ]),
        "{outcome:?}"
    );
    assert_eq!(entries.lock().unwrap().len(), 1);

    let without = Bench::new();
    let outcome = act(&without, &running("return self.action_service.get_value('a')"), json!({})).await;
    assert_eq!(outcome.end, End::Failed);
    assert!(outcome.result["stderr"].as_str().unwrap().contains("has no datastore"), "{outcome:?}");
}

#[tokio::test]
async fn dataclasses_and_pickle_find_the_module_of_an_action() {
    let bench = Bench::new();
    let text = "from __future__ import annotations\nimport dataclasses, pickle\n\n\
                from st2common.runners.base_action import Action\n\n\n\
                @dataclasses.dataclass\nclass Point:\n    x: int\n\n\n\
                class Act(Action):\n    def run(self):\n        return pickle.loads(pickle.dumps(Point(3))).x\n";
    write(&bench.path("pack/actions/act.py"), text);
    let outcome = bench.run(bench.request("python-script", "act.py", json!({}), json!({}))).await;
    assert_eq!(outcome.result["result"], 3, "{outcome:?}");
}

/// Whoever comes first writes our own modules down.
#[tokio::test(flavor = "multi_thread")]
async fn first_attempts_at_once_take_nothing_from_each_other() {
    let bench = Bench::new();
    let all = (0..6).map(|_| {
        let request = acting(&bench, &running("return 1"), json!({}));
        let attempt = AttemptId::generate();
        let log = request.output.log.with_extension(attempt.to_string());
        let output = Output { log, ..request.output };
        bench.run(Request { attempt, output, ..request })
    });
    for outcome in futures_util::future::join_all(all).await {
        assert_eq!(outcome.end, End::Succeeded, "{outcome:?}");
    }
}

/// The smallest wheel there is, so that nothing has to be fetched.
fn wheel(folder: &Path) -> String {
    let make = "import sys, zipfile\n\
                with zipfile.ZipFile(sys.argv[1], 'w') as it:\n\
                \x20   it.writestr('tiny_thing.py', 'WORD = \"from the wheel\"')\n\
                \x20   it.writestr('tiny_thing-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny-thing\\nVersion: 1.0\\n')\n\
                \x20   it.writestr('tiny_thing-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
                \x20   it.writestr('tiny_thing-1.0.dist-info/RECORD', '')\n";
    let path = folder.join("tiny_thing-1.0-py3-none-any.whl");
    let made = std::process::Command::new("python3").arg("-c").arg(make).arg(&path).status().unwrap();
    assert!(made.success());
    format!("tiny-thing @ file://{}\n", path.display())
}

#[tokio::test]
async fn packages_of_a_pack_are_installed_once_into_a_virtualenv_of_its_own() {
    let bench = Bench::new();
    write(&bench.path("pack/requirements.txt"), &wheel(&bench.path("work")));
    let class = format!(
        "import tiny_thing\n\n\n{}",
        running("import os, sys\nreturn [tiny_thing.WORD, sys.prefix, os.environ['PATH'].split(':')[0]]")
    );
    // On a busy machine a virtualenv takes longer than an attempt may.
    let attempt = || Request { timeout: PATIENCE, ..acting(&bench, &class, json!({})) };
    let (one, other) = tokio::join!(bench.run(attempt()), bench.run(attempt()));
    assert_eq!((one.end, other.end), (End::Succeeded, End::Succeeded), "{one:?}\n{other:?}");
    let result = &one.result["result"];
    let prefix = result[1].as_str().unwrap();
    assert_eq!((&result[0], &result[2]), (&json!("from the wheel"), &json!(format!("{prefix}/bin"))));
    let shelf = fs::canonicalize(bench.path("data/virtualenvs")).unwrap();
    assert_eq!(Path::new(prefix).parent().map(|it| fs::canonicalize(it).unwrap()), Some(shelf.clone()));
    let folders = fs::read_dir(&shelf).unwrap().filter(|it| it.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(folders, 1, "one for both");
    let log = fs::read_to_string(Path::new(prefix).with_extension("log")).unwrap();
    assert_eq!(log.matches("Successfully installed").count(), 1, "{log}");
}

#[tokio::test]
async fn packages_that_cannot_be_had_are_said_in_the_words_of_who_looked() {
    let bench = Bench::new();
    write(
        &bench.path("pack/requirements.txt"),
        "tiny-thing @ file:///nowhere/tiny_thing-1.0-py3-none-any.whl\n",
    );
    let outcome = act(&bench, &running("return 1"), json!({})).await;
    assert_eq!(outcome.end, End::Failed);
    let error = outcome.error().unwrap();
    let begin = "the virtualenv of pack `test` is not there: what the pack needs cannot be installed: ";
    assert!(error.starts_with(begin) && error.contains("/nowhere/tiny_thing"), "{error}");
    let runner = bench.runners.get("python-script").unwrap();
    assert!(runner.make_ready(&bench.path("pack")).await.is_err(), "said at the start too");

    // Mended, it is tried again.
    write(&bench.path("pack/requirements.txt"), &wheel(&bench.path("work")));
    runner.make_ready(&bench.path("pack")).await.unwrap();
    let outcome = act(&bench, &running("import tiny_thing\nreturn tiny_thing.WORD"), json!({})).await;
    assert_eq!(outcome.result["result"], "from the wheel", "{outcome:?}");
}
