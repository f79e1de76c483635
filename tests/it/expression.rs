//! Expressions against what StackStorm's own code answered, and against texts that mean harm.

use std::time::{Duration, Instant};

use lockkeeper::expression::template::{Undefined, render};
use lockkeeper::expression::{
    Compat, HostValues, Scope, check, evaluate, evaluate_batch, unknown, variables,
};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Map, Value, json};

fn recorded(file: &str) -> Vec<Value> {
    let path = format!("{}/../shared/stackstorm/conformance/{file}", env!("CARGO_MANIFEST_DIR"));
    // The recordings are not part of the repository.
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    serde_json::from_str(&text).unwrap()
}

/// Equal where `1` and `1.0` are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn one(expr: &str, context: Value) -> Value {
    evaluate_batch(json!([{ "expr": expr, "context": context }]))[0].clone()
}

/// Replays a recording; at most `missed` answers may differ.
fn replay(file: &str, missed: usize) {
    let cases = recorded(file);
    let mut passed = 0;
    for case in &cases {
        let got = one(case["text"].as_str().unwrap(), case["data"].clone());
        let good = match (case.get("value"), case.get("error")) {
            (Some(wanted), _) => got.get("value").is_some_and(|it| same(it, wanted)),
            (None, Some(_)) => got.get("error").is_some(),
            (None, None) => true,
        };
        passed += usize::from(good);
        if !good {
            println!("  {}: {got}, wanted {} {}", case["text"], case["value"], case["error"]);
        }
    }
    println!("{file} passed {passed}/{}", cases.len());
    assert!(cases.len() - passed <= missed);
}

/// The one that differs draws a random number.
#[test]
fn workflows_answer_as_recorded_from_orquesta() {
    replay("expr_cases.json", 1);
}

#[test]
fn traps_answer_as_recorded_from_orquesta() {
    replay("expr_probe_cases.json", 0);
}

#[test]
fn inspection_finds_the_recorded_faults_and_variables() {
    for case in recorded("inspection_cases.json") {
        for fault in case["errors"]["expressions"].as_array().into_iter().flatten() {
            let found = check(fault["expression"].as_str().unwrap());
            assert!(found.iter().any(|it| it.message == fault["message"]), "{fault} {found:?}");
        }
        for fault in case["errors"]["context"].as_array().into_iter().flatten() {
            let name = fault["message"].as_str().unwrap().split('"').nth(1).unwrap();
            let found = variables(fault["expression"].as_str().unwrap());
            assert!(found.iter().any(|it| it.name == name), "{fault} {found:?}");
        }
    }
}

#[test]
fn strict_never_runs_what_a_value_says() {
    let context: Map<String, Value> =
        [("said".to_owned(), json!("<% 1 + 1 %> {{ 1 + 1 }}"))].into_iter().collect();
    let host = HostValues::default();
    let scope = Scope { context: &context, task: None, item: None, state: None, host: &host };
    for text in ["<% ctx().said %>", "{{ ctx().said }}", "{% if true %}{{ ctx().said }}{% endif %}"] {
        assert_eq!(evaluate(&json!(text), &scope, Compat::Strict).unwrap(), json!("<% 1 + 1 %> {{ 1 + 1 }}"));
    }
    assert_eq!(
        evaluate(&json!("x <% ctx().said %>"), &scope, Compat::Strict).unwrap(),
        json!("x <% 1 + 1 %> {{ 1 + 1 }}")
    );
}

#[test]
fn keys_and_nested_values_are_evaluated() {
    let context: Map<String, Value> = [("k".to_owned(), json!("name"))].into_iter().collect();
    let host = HostValues::default();
    let scope = Scope { context: &context, task: None, item: None, state: None, host: &host };
    let value = json!({ "<% ctx().k %>": ["{{ ctx().k }}", { "n": "<% 1 + 1 %>" }, true] });
    let wanted = json!({ "name": ["name", { "n": 2 }, true] });
    assert_eq!(evaluate(&value, &scope, Compat::Strict).unwrap(), wanted);
}

#[test]
fn a_template_of_one_expression_keeps_the_type() {
    let vars: Map<String, Value> = [("n".to_owned(), json!([1, 2]))].into_iter().collect();
    assert_eq!(render("{{ n }}", &vars, Undefined::Strict).unwrap(), json!([1, 2]));
    assert_eq!(render("n={{ n }}", &vars, Undefined::Strict).unwrap(), json!("n=[1, 2]"));
    assert_eq!(render("x{{ gone.away }}", &vars, Undefined::Lenient).unwrap(), json!("x"));
    assert!(render("x{{ gone }}", &vars, Undefined::Strict).is_err());
    assert_eq!(
        render("{{ none | use_none }}", &vars, Undefined::Strict).unwrap(),
        json!("%*****__%NONE%__*****%")
    );
}

#[test]
fn stackstorm_functions_answer_in_both_languages() {
    let cases = [
        ("version_compare('0.10.1', '0.10.0')", json!(1)),
        ("version_match('0.10.1', '>=0.9.0')", json!(true)),
        ("version_bump_minor('0.10.1')", json!("0.11.0")),
        ("version_strip_patch('0.10.1')", json!("0.10")),
        ("to_human_time_from_seconds(4654)", json!("1h17m34s")),
        ("regex_replace('abc', '(b)', '<\\\\1>')", json!("a<b>c")),
        ("regex_match('xabc', 'abc')", json!(false)),
        ("regex_substring('a1b22', '[0-9]+', 1)", json!("22")),
        ("basename('/a/b.txt')", json!("b.txt")),
        ("dirname('/a/b.txt')", json!("/a")),
        ("json_parse('{\"a\": [1]}')", json!({ "a": [1] })),
        ("yaml_parse('a: [1]')", json!({ "a": [1] })),
        ("to_json_string(ctx('d'))", json!("{\"a\": {\"b\": [1,2]}}")),
        ("to_yaml_string(ctx('d'))", json!("a:\n  b:\n  - 1\n  - 2\n")),
        ("jsonpath_query(ctx('d'), '$.a.b[*]')", json!([1, 2])),
        ("use_none(ctx('z'))", json!("%*****__%NONE%__*****%")),
        ("json_escape('a\"b')", json!("a\\\"b")),
    ];
    for (call, wanted) in cases {
        for text in [format!("<% {call} %>"), format!("{{{{ {call} }}}}")] {
            let context = json!({ "d": { "a": { "b": [1, 2] } }, "z": null });
            assert_eq!(one(&text, context), json!({ "value": wanted }), "{text}");
        }
    }
}

/// What orquesta 1.2 on Jinja2 3.1 and yaql 3.2 answered to the same.
#[test]
fn filters_take_what_jinjas_take_and_print_what_they_print() {
    let context = json!({
        "l": [3, 1, 2], "ll": [[1, 2], [3]], "s": "Hello World", "d": { "a": 1, "b": { "c": [1, 2] } },
        "ld": [{ "n": "x", "v": 1 }, { "n": "y", "v": 2 }, { "n": "z", "v": 1 }],
    });
    let cases = [
        ("{{ ctx().l|sort(reverse=true) }}", json!([3, 2, 1])),
        ("{{ ctx().ld|map(attribute='n')|list }}", json!(["x", "y", "z"])),
        ("{{ ctx().ld|rejectattr('v','equalto',1)|map(attribute='n')|join }}", json!("y")),
        (
            "{{ ctx().ld|groupby('v')|list }}",
            json!([[1, [{"n": "x", "v": 1}, {"n": "z", "v": 1}]], [2, [{"n": "y", "v": 2}]]]),
        ),
        ("{{ ctx().ld|sum(attribute='v') }}", json!(4)),
        ("{{ ctx().ll|sum(start=[]) }}", json!([1, 2, 3])),
        ("{{ ctx().s|truncate(5,true) }}", json!("He...")),
        ("{{ ctx().s|wordwrap(5) }}", json!("Hello\nWorld")),
        ("{{ ctx().d|urlencode }}", json!("a=1&b=%7B%27c%27%3A+%5B1%2C+2%5D%7D")),
        ("{{ ctx().ld|map(attribute='zz',default='q')|list }}", json!(["q", "q", "q"])),
        ("{{ ctx().d|pprint }}", json!("{'a': 1, 'b': {'c': [1, 2]}}")),
        ("{{ ctx().d|xmlattr }}", json!(" a=\"1\" b=\"{&#39;c&#39;: [1, 2]}\"")),
        ("{{ cycler(1,2).next() }}", json!(1)),
        ("{{ joiner(',')() }}", json!("")),
        ("{{ ctx().ld|map(attribute='n')|map('upper')|list }}", json!(["X", "Y", "Z"])),
        ("{{ ctx().ld|join(',',attribute='n') }}", json!("x,y,z")),
        ("{{ ctx().d|dictsort(true)|list }}", json!([["a", 1], ["b", {"c": [1, 2]}]])),
        ("{{ ctx().d|dictsort(by='key',reverse=true)|list }}", json!([["b", {"c": [1, 2]}], ["a", 1]])),
        ("{{ ['b','A']|sort(case_sensitive=true) }}", json!(["A", "b"])),
        ("{{ ctx().ld|sort(attribute='v')|map(attribute='n')|join }}", json!("xzy")),
        ("{{ ctx().ld|sort(attribute='v,n')|map(attribute='n')|join }}", json!("xzy")),
        ("{{ ctx().ld|unique(attribute='v')|map(attribute='n')|join }}", json!("xy")),
        ("{{ ctx().ld|min(attribute='v') }}", json!({"n": "x", "v": 1})),
        ("{{ ctx().ld|max(attribute='n') }}", json!({"n": "z", "v": 1})),
        ("{{ {'b':1,'a':2}|tojson }}", json!("{\"a\": 2, \"b\": 1}")),
        ("{{ 'ü'|tojson }}", json!("\"\\u00fc\"")),
        (r#"{{ "<&>'"|tojson }}"#, json!("\"\\u003c\\u0026\\u003e\\u0027\"")),
        ("{{ [1,2]|tojson(indent=2) }}", json!("[\n  1,\n  2\n]")),
        ("{{ '0x1A'|int(0,16) }}", json!(26)),
        ("{{ '11'|int(0,2) }}", json!(3)),
        ("{{ 'foo bar baz'|wordwrap(7) }}", json!("foo bar\nbaz")),
        ("x {{ (1,2) }} y", json!("x (1, 2) y")),
        ("x {{ (1,) }} y", json!("x (1,) y")),
        ("x {{ range(3) }} y", json!("x range(0, 3) y")),
    ];
    for (text, wanted) in cases {
        assert_eq!(one(text, context.clone()), json!({ "value": wanted }), "{text}");
    }
}

/// Names in the tables of the page that counts what packs really use.
#[test]
fn everything_that_packs_were_counted_to_use_is_known() {
    let path = format!("{}/../shared/stackstorm/expressions.md", env!("CARGO_MANIFEST_DIR"));
    let Ok(page) = std::fs::read_to_string(path) else { return };
    let rows = page.lines().filter_map(|it| it.strip_prefix("| ")?.split_once(" |"));
    // What a fixture of StackStorm's calls to see it fail.
    let functions = rows.map(|it| it.0).filter(|it| !matches!(*it, "function" | "foobar"));
    let functions: Vec<String> = functions.map(|it| format!("<% {it}() %>")).collect();
    let filters =
        page.lines().filter(|it| it.starts_with("- **")).flat_map(|it| it.split([':', ',']).skip(1));
    let filters =
        filters.filter_map(|it| it.split_whitespace().next()).map(|it| format!("{{{{ 1 | {it} }}}}"));
    let mut known = 0;
    for text in functions.into_iter().chain(filters) {
        assert_eq!(unknown(&text), [], "{text}");
        known += 1;
    }
    println!("names of expressions.md known {known}/{known}");
    assert!(known > 80, "{known}");
}

/// Generous for an unoptimised build under load; optimised, none takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn hostile_expressions_end_soon_with_an_answer() {
    let long = |part: &str, times: usize| part.repeat(times);
    let texts = [
        "<% 'x' * 1000000000 %>".to_owned(),
        "<% range(1000000000).sum() %>".to_owned(),
        "<% sequence().toList() %>".to_owned(),
        "<% def(f, f($) + f($)) -> f(1) %>".to_owned(),
        "<% range(60).aggregate($1 + $1, 'x') %>".to_owned(),
        "<% range(60).aggregate([$1, $1], 1) %>".to_owned(),
        "<% range(100000).aggregate([$1], 0) %>".to_owned(),
        "<% range(100000).orderBy(random()).first() %>".to_owned(),
        "<% pow(10, 1000000) %>".to_owned(),
        "<% ctx().loop %>".to_owned(),
        format!("<% {}1{} %>", long("(", 5000), long(")", 5000)),
        format!("<% {}1 %>", long("-", 5000)),
        format!("<% 1{} %>", long("+1", 5000)),
        "{{ 'x' * 1000000000 }}".to_owned(),
        "{{ ['a' * 1000] * 10000000 }}".to_owned(),
        "{{ '%999999999d' | format(1) }}".to_owned(),
        "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}".to_owned(),
        format!("{{% set a = 'x' %}}{}{{{{ a }}}}", long("{% set a = a ~ a %}", 60)),
        "{{ ctx().again }}".to_owned(),
        format!("{{{{ {}1{} }}}}", long("(", 3000), long(")", 3000)),
    ];
    for text in texts {
        let started = Instant::now();
        let context = json!({ "loop": "<% ctx().loop %><% ctx().loop %>", "again": "{{ ctx().again }}{{ ctx().again }}" });
        let answer = one(&text, context);
        assert!(answer.get("error").is_some(), "{text:.60}: {answer:.100}");
        assert!(started.elapsed() < PATIENCE, "{text:.60} took {:?}", started.elapsed());
    }
}

const PIECES: [&str; 48] = [
    "ctx()",
    "ctx().l",
    "$",
    "$x",
    ".",
    "?.",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "=>",
    "->",
    "+",
    "-",
    "*",
    "/",
    "mod",
    "in",
    "not",
    "and",
    "or",
    "=~",
    "=",
    "<",
    "1",
    "2.5",
    "'a'",
    "`b`",
    "null",
    "true",
    "select(",
    "where(",
    "range(3)",
    "len(",
    "str(",
    "def(f,",
    "f(",
    "let(x=>",
    "orderBy(",
    "aggregate(",
    "toDict(",
    "join(",
    "split(",
    "first()",
    " ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_text_never_panics(text in any::<String>()) {
        for text in [format!("<% {text} %>"), format!("{{{{ {text} }}}}"), format!("{{% {text} %}}"), text] {
            one(&text, json!({ "a": 1 }));
            check(&text);
            variables(&text);
        }
    }

    #[test]
    fn random_tokens_never_panic(picks in proptest::collection::vec(0..PIECES.len(), 0..14)) {
        let text: String = picks.into_iter().map(|at| PIECES[at]).collect();
        one(&format!("<% {text} %>"), json!({ "l": [3, 1, { "a": "b" }] }));
        one(&format!("{{{{ {text} }}}}"), json!({ "l": [3, 1, { "a": "b" }] }));
    }
}
