//! The recorded answers of StackStorm's own parser.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use lockkeeper::alias::{
    ActionAlias, AliasFormat, Compat, Format, Index, Mode, Outcome, Parameters, ParseError, parse_batch,
};
use serde_json::{Value, json};

/// Beyond this a question is as good as not answered.
const PATIENCE: Duration = Duration::from_secs(120);

fn recorded_cases() -> Vec<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/stackstorm/conformance/alias_cases.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

/// The answer in the shape of the recording.
fn answer(case: &Value) -> Value {
    let Ok(format) = Format::compile(text(case, "format")) else { return json!({"error": "error"}) };
    let parse_error =
        |fault: ParseError| json!({"error": "ParseException", "error_message": fault.to_string()});
    let message = text(case, "message");
    if case["match_multiple"] == true {
        let all = |found: Vec<Parameters>| json!({ "expected_params": found });
        format.parse_all(message, Compat::Exact).map_or_else(parse_error, all)
    } else {
        let one = |found: Parameters| json!({ "expected_params": found });
        format.parse(message, Compat::Exact).map_or_else(parse_error, one)
    }
}

#[test]
fn every_recorded_alias_case_is_answered_as_stackstorm_did() {
    let cases = recorded_cases();
    let mut faults = Vec::new();
    for case in &cases {
        let answer = answer(case);
        // The text of `re.error` is Python's own business.
        let keys: &[&str] = if case["error"] == "error" {
            &["error"]
        } else {
            &["expected_params", "error", "error_message"]
        };
        if keys.iter().any(|key| answer[key] != case[key]) {
            faults.push(format!("{case}\n  answered {answer}"));
        }
    }
    println!("alias_cases {}/{}", cases.len() - faults.len(), cases.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_batch_answers_in_order_and_one_bad_item_spoils_nothing() {
    let answers = parse_batch(json!([
        {"format": "deploy {{app}}", "message": "deploy web x=1", "unknown": true},
        {"format": "deploy {{ a-b }}", "message": "deploy web"},
        {"format": "deploy {{app}}", "message": "restart web"},
        {"format": "( {{a}})?", "message": ""},
        {},
    ]));
    assert_eq!(answers[0], json!({"params": {"app": "web", "x": "1"}}));
    assert_eq!(answers[1]["error"], "invalid_format");
    assert_eq!(answers[2]["error"], "no_match");
    assert_eq!(answers[3]["error"], "no_value");
    assert_eq!(answers[4], json!({"params": {}}));
    assert_eq!(answers.as_array().map(Vec::len), Some(5));
}

#[test]
fn a_batch_of_hostile_texts_is_answered() {
    let size = 30_000;
    let messages = [
        format!("deploy web {}!", "a=b   ".repeat(size / 6)),
        "a={ ".repeat(size / 4),
        "a=\"b ".repeat(size / 5),
        "deploy x to ".repeat(size / 12),
        "a".repeat(size),
        " ".repeat(size),
    ];
    let formats = ["deploy {{app}}", "{{a}} {{b}} {{c=1}}", "deploy {{a}} to {{b}} x", "(a*)*b", "(x+x+)+y"];
    let pairs = formats.iter().flat_map(|format| messages.iter().map(move |message| (format, message)));
    let batch = pairs.map(|(format, message)| json!({"format": format, "message": message})).collect();
    let start = Instant::now();
    let answers = parse_batch(batch);
    let spent = start.elapsed();
    assert_eq!(answers.as_array().map(Vec::len), Some(formats.len() * messages.len()));
    // What grows with a power of the length takes hours.
    assert!(spent < PATIENCE, "took {spent:?}");
}

/// The quickest of several parses: what else the machine does only adds to it.
fn quickest(format: &Format, message: &str, compat: Compat) -> Duration {
    let once = || {
        let start = Instant::now();
        let _ = format.parse(message, compat);
        start.elapsed()
    };
    (0..7).map(|_| once()).min().unwrap_or_default()
}

#[test]
fn pairs_are_scanned_in_time_that_grows_with_the_length_alone() {
    let parts = ["a=b   ", "a={ ", "a=\"b ", "={\"' ", "x={{}} ", "a=\"\"b=''", "k =v ", "https://x/?a=b "];
    // A pattern that matches nothing: what remains is the scanner's time.
    let format = Format::compile("deploy").unwrap();
    for part in parts {
        for (compat, end) in [Compat::Exact, Compat::Mended].into_iter().flat_map(|it| [(it, ""), (it, "!")])
        {
            let long = |times: usize| format!("deploy web {}{end}", part.repeat(times));
            let (short, long) = (long(1_000), long(32_000));
            let (short, long) = (quickest(&format, &short, compat), quickest(&format, &long, compat));
            // Quadratic would be a thousand times, and this machine may be busy with something else.
            assert!(long < short * 300, "{part:?} {compat:?}: {long:?} after {short:?}");
        }
    }
}

#[test]
fn ten_thousand_aliases_are_found_as_quickly_as_a_hundred() {
    let quickest = |count: usize| {
        let alias = |number: usize| ActionAlias {
            name: format!("deploy_{number}"),
            formats: vec![AliasFormat::from_text(format!("deploy app{number} {{{{env}}}}"))],
            ..ActionAlias::default()
        };
        let (index, faults) = Index::build((0..count).map(alias).collect());
        assert!(faults.is_empty());
        (0..101)
            .map(|_| {
                let start = Instant::now();
                let found = index.find("deploy app51 production", Mode::Strict, Compat::Mended);
                assert!(matches!(found, Outcome::Matched(found) if found.alias.name == "deploy_51"));
                start.elapsed()
            })
            .min()
            .unwrap_or_default()
    };
    let (few, many) = (quickest(100), quickest(10_000));
    // Looking at each would be a hundred times.
    assert!(many <= few * 20, "{many:?} among 10,000, {few:?} among 100");
}
