//! Arguments, environment, results and output of local programs.

use std::fs;

use lockkeeper::content::{Argument, Part};
use lockkeeper::runner::End;
use lockkeeper::secret::{Masker, Secret};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::bench::Bench;

#[tokio::test]
async fn a_command_gives_the_result_that_stackstorm_gives() {
    let bench = Bench::new();
    let outcome = bench.sh("echo out; echo err >&2; exit 7").await;
    assert_eq!(outcome.end, End::Failed);
    assert_eq!(
        outcome.result,
        json!({"failed": true, "succeeded": false, "return_code": 7, "stdout": "out", "stderr": "err"})
    );
    let outcome = bench.sh(r#"echo '{"a": [1]}'"#).await;
    assert_eq!(outcome.end, End::Succeeded);
    assert_eq!(outcome.result["stdout"], json!({"a": [1]}));
    assert_eq!(outcome.output.head, "{\"a\": [1]}\n");
}

#[tokio::test]
async fn a_scripts_arguments_are_formed_as_stackstorm_forms_them() {
    let bench = Bench::new();
    bench.script("args.sh", "#!/bin/sh\nfor it in \"$@\"; do printf '<%s>' \"$it\"; done\n");
    let parameters = json!({
        "cwd": {"of_runner": true},
        "second": {"kind": "array", "position": 1},
        "first": {"kind": "boolean", "position": 0},
        "zero": {"kind": "integer", "position": 2},
        "object": {"kind": "object", "position": 3},
        "name": {"kind": "string"}, "flag": {"kind": "boolean"}, "off": {"kind": "boolean"},
        "empty": {"kind": "string"}, "none": {"kind": "string"}, "list": {"kind": "array"},
    });
    let values = json!({
        "cwd": "/tmp", "second": ["a", 1], "first": true, "zero": 0, "object": {"k": "v"}, "name": "x y", "flag": true,
        "off": false, "empty": "", "none": null, "list": ["p", 2],
    });
    let outcome = bench.run(bench.request("local-shell-script", "args.sh", parameters, values)).await;
    assert_eq!(outcome.result["stdout"], r#"<1><a,1><><{"k":"v"}><--name=x y><--flag><--list=['p', 2]>"#);
}

/// Everybody on the machine can read the arguments of a process. A command has its parameters as variables, too.
#[tokio::test]
async fn a_commands_secret_parameter_is_a_variable_and_no_argument() {
    let bench = Bench::new();
    let secret = "correct-horse";
    let parameters = json!({
        "cmd": {"of_runner": true}, "token": {"kind": "string"}, "region": {"kind": "string"},
    });
    let cmd =
        "tr '\\0' ' ' < /proc/$$/cmdline; printf %s \"$LOCKKEEPER_PARAM_TOKEN\" | wc -c; echo \"[$1][$2]\"";
    let values = json!({"cmd": cmd, "token": secret, "region": "eu"});
    let mut request = bench.request("local-shell-cmd", "", parameters, values);
    request.output.masker = Masker::new([&Secret::new(secret)]);
    let outcome = bench.run(request).await;
    let said = outcome.result["stdout"].as_str().unwrap();
    assert!(!said.contains("--token") && !said.contains("********"), "{said}");
    assert!(
        said.contains("--region=eu") && said.contains(&format!("{}\n[][--region=eu]", secret.len())),
        "{said}"
    );
}

/// Whatever text chat sends, the program receives these very bytes as one argument.
#[test]
fn hostile_text_arrives_as_one_argument_unchanged() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = Bench::new();
    bench.script("bytes.sh", "#!/bin/sh\nprintf '%s\\0' \"$#\" \"$@\" | od -An -v -tx1 | tr -d ' \\n'\n");
    let hostile = prop_oneof![
        "[ -~\\n\\t\\r]{0,40}",
        "[^\\x00]{0,20}",
        prop::sample::select(vec![
            "$(touch /tmp/pwned)",
            "`id`",
            "; rm -rf /",
            "--help",
            "-",
            "'",
            "\"",
            "\\",
            "a\nb",
            "*",
            "{{ x }}",
            "%n",
            "!!",
        ])
        .prop_map(str::to_owned),
    ];
    let mut cases =
        TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() });
    cases
        .run(&hostile, |text| {
            let mut expected = format!("2\0{text}\0--named={text}\0").into_bytes();
            if text.is_empty() {
                expected = b"1\0\0".to_vec();
            }
            let expected = hex::encode(expected);
            let parameters = json!({"first": {"kind": "string", "position": 0}, "named": {"kind": "string"}});
            let values = json!({"first": text, "named": text});
            let script = bench.request("local-shell-script", "bytes.sh", parameters.clone(), values);
            let outcome = runtime.block_on(bench.run(script));
            prop_assert_eq!(&outcome.output.head, &expected);

            let values = json!({"first": text, "named": text, "cmd": ""});
            let mut command = bench.request("local-shell-cmd", "", parameters, values);
            command.parameters["cmd"] =
                Value::from(bench.path("pack/actions/bytes.sh").display().to_string() + " \"$@\"");
            command = with_runner_parameter(command, "cmd");
            let outcome = runtime.block_on(bench.run(command));
            prop_assert_eq!(&outcome.output.head, &expected);
            Ok(())
        })
        .unwrap();
}

fn with_runner_parameter(
    mut request: lockkeeper::runner::Request,
    name: &str,
) -> lockkeeper::runner::Request {
    let mut action = (*request.action).clone();
    action.parameters.insert(name.to_owned(), serde_json::from_value(json!({"of_runner": true})).unwrap());
    request.action = action.into();
    request
}

#[tokio::test]
async fn the_shorthands_run_needs_no_shell_and_lies_beside_its_file() {
    let bench = Bench::new();
    super::bench::write_script(&bench.path("pack/restart.sh"), "#!/bin/sh\nprintf '%s|' \"$@\"; pwd\n");
    let mut request = bench.request("argv", "", json!({"app": {"kind": "string"}}), json!({"app": "a; id"}));
    let mut action = (*request.action).clone();
    action.argv = vec![
        Argument(vec![Part::Literal("./restart.sh".to_owned())]),
        Argument(vec![Part::Literal("--app=".to_owned()), Part::Value("app".to_owned())]),
    ];
    request.action = action.into();
    let outcome = bench.run(request).await;
    let folder = fs::canonicalize(bench.path("pack")).unwrap();
    assert_eq!(outcome.result["stdout"], format!("--app=a; id|{}", folder.display()));
}

#[tokio::test]
async fn processes_see_a_clean_environment_and_who_they_are() {
    let bench = Bench::new();
    let mut request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": "env"}));
    request
        .parameters
        .insert("env".to_owned(), json!({"MINE": "x y", "LOCKKEEPER_ATTEMPT": "forged", "N": 3}));
    request.secrets.insert("TOKEN".to_owned(), Secret::new("correct horse battery"));
    let attempt = request.attempt;
    let outcome = bench.run(request).await;
    let lines: Vec<&str> = outcome.result["stdout"].as_str().unwrap().lines().collect();
    for expected in ["MINE=x y", "N=3", "TOKEN=correct horse battery", "LOCKKEEPER_IDEMPOTENCY_KEY=key-1"] {
        assert!(lines.contains(&expected), "{expected} is missing in {lines:?}");
    }
    assert!(lines.contains(&format!("LOCKKEEPER_ATTEMPT={attempt}").as_str()));
    assert!(!lines.iter().any(|it| it.starts_with("CARGO")), "ours leaked: {lines:?}");
}

#[tokio::test]
async fn a_secret_is_in_no_file_and_no_result_however_it_is_printed() {
    let bench = Bench::new();
    let secret = Secret::new("s3cr3t-\"value\"-of-mine");
    let command = "printf %s \"$TOKEN\"; printf %s \"$TOKEN\" | base64; printf 'half %.9s' \"$TOKEN\"; sleep 0.1; \
                   printf '%s\\n' \"${TOKEN#?????????}\"; printf '\\163%s' \"${TOKEN#?}\" >&2";
    let mut request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    request.secrets.insert("TOKEN".to_owned(), secret.clone());
    request.output.masker = Masker::new([&secret]);
    let log = request.output.log.clone();
    let outcome = bench.run(request).await;
    assert_eq!(outcome.end, End::Succeeded, "{outcome:?}");
    let everything = format!("{outcome:?} {}", fs::read_to_string(log).unwrap());
    for form in [secret.expose(), "s3cr3t-", "czNjcjN0", "value"] {
        assert!(!everything.contains(form), "{form} is in {everything}");
    }
    assert!(everything.contains("half ********"));
}

#[tokio::test]
async fn a_secret_that_json_unescapes_is_masked_in_the_value_too() {
    let bench = Bench::new();
    let secret = Secret::new("hunter2hunter2");
    let command = r#"printf '{"a": "\\u0068unter2hunter2"}'"#;
    let mut request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    request.output.masker = Masker::new([&secret]);
    assert_eq!(bench.run(request).await.result["stdout"], json!({"a": "********"}));
}

#[tokio::test]
async fn a_flood_without_line_ends_keeps_memory_and_disk_bounded() {
    let bench = Bench::new();
    let command = "head -c 200000000 /dev/zero | tr '\\0' x; printf END";
    let mut request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    request.output.limits.log = 1 << 20;
    let log = request.output.log.clone();
    let before = resident_peak();
    let outcome = bench.run(request).await;
    assert_eq!(outcome.end, End::Succeeded);
    assert_eq!(outcome.output.bytes, 200_000_003);
    assert!(outcome.output.truncated);
    assert_eq!(outcome.output.head.len(), 16 << 10);
    assert_eq!(outcome.output.tail.len(), 64 << 10);
    assert!(outcome.output.tail.ends_with("xEND"));
    assert!(outcome.result["stdout"].as_str().unwrap().len() < 100 << 10);
    assert!(fs::metadata(log).unwrap().len() < (1 << 20) + 100);
    let grown = resident_peak() - before;
    assert!(grown < 48 << 10, "memory grew by {grown} KiB");
}

/// The most memory this process ever had, in KiB.
fn resident_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn bytes_that_are_no_text_become_text() {
    let bench = Bench::new();
    let outcome = bench.sh(r"printf 'a\377\000b'").await;
    assert_eq!(outcome.result["stdout"], "a\u{fffd}\u{fffd}b");
}

#[tokio::test]
async fn a_missing_script_and_a_path_that_leads_out_are_said() {
    let bench = Bench::new();
    let missing = bench.run(bench.request("local-shell-script", "gone.sh", json!({}), json!({}))).await;
    assert!(missing.error().unwrap().contains("actions/gone.sh"), "{missing:?}");
    let outside = bench.run(bench.request("local-shell-script", "../../etc/x", json!({}), json!({}))).await;
    assert!(outside.error().unwrap().contains("not a path below"), "{outside:?}");
}
