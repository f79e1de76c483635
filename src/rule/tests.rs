use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::clock::from_millis;
use crate::expression::{DatastoreView, Entry};
use crate::id::{ActionRef, PackName};

/// 2026-11-21 10:00:00 UTC.
const NOW: i64 = 1_795_255_200_000;

fn criteria(written: Value) -> Criteria {
    let written: IndexMap<String, Value> = serde_json::from_value(written).expect("an object");
    Criteria::parse(&written)
}

fn rule(name: &str, written: Value) -> Rule {
    Rule {
        pack: PackName::new("demo"),
        name: name.to_owned(),
        description: String::new(),
        enabled: true,
        backstop: false,
        trigger: Listens { kind: "demo.event".to_owned(), parameters: Map::new() },
        criteria: criteria(written),
        action: ActionRef::new("core.noop"),
        parameters: Map::new(),
    }
}

fn outcome(written: Value, payload: &Value) -> Outcome {
    let plain = |key: &str, text: &str| (key.to_owned(), Entry::Plain(text.to_owned()));
    let datastore = DatastoreView::new([plain("system.limit", "5"), plain("system.name", "shop")].into());
    let event = Event {
        trigger: "demo.event",
        parameters: &Map::new(),
        payload,
        datastore: &datastore,
        now: from_millis(NOW),
    };
    consider(&rule("r", written), event)
}

/// Yes, no, or cannot say.
fn holds(operator: &str, value: Value, pattern: Value) -> Option<bool> {
    let written = json!({"trigger.x": {"type": operator, "pattern": pattern}});
    match outcome(written, &json!({"x": value, "y": 1})) {
        Outcome::Match => Some(true),
        Outcome::NoMatch(Reason::Differs { .. }) => Some(false),
        Outcome::NoMatch(_) => None,
    }
}

#[test]
fn every_operator_says_what_stackstorms_says() {
    let (yes, no, fails) = (Some(true), Some(false), None);
    for (operator, value, pattern, wanted) in [
        ("equals", json!(1), json!("1"), no),
        ("eq", json!(1), json!(1.0), yes),
        ("EQ", json!(true), json!(1), yes),
        ("equals", json!([1, {"a": 2.0}]), json!([true, {"a": 2}]), yes),
        ("equals", json!({"a": 1}), json!({"a": 1, "b": 2}), no),
        ("equals", json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0), no),
        ("nequals", json!("a"), json!("b"), yes),
        ("neq", json!(1), json!(1), no),
        ("nequals", json!(1), Value::Null, yes),
        ("ieq", json!("Abc"), json!("aBC"), yes),
        ("iequals", json!(1), json!("1"), fails),
        ("contains", json!("haystack"), json!("st"), yes),
        ("contains", json!(["a", 1]), json!(1.0), yes),
        ("contains", json!({"a": 1}), json!("a"), yes),
        ("contains", json!("12"), json!(1), fails),
        ("contains", json!(12), json!(1), fails),
        ("contains", Value::Null, json!("a"), fails),
        ("icontains", json!("HayStack"), json!("YST"), yes),
        ("ncontains", json!("haystack"), json!("needle"), yes),
        ("ncontains", json!(["a"]), json!("a"), no),
        ("incontains", json!("HayStack"), json!("yst"), no),
        ("startswith", json!("haystack"), json!("hay"), yes),
        ("startswith", json!("haystack"), json!("Hay"), no),
        ("istartswith", json!("haystack"), json!("Hay"), yes),
        ("endswith", json!("haystack"), json!("stack"), yes),
        ("iendswith", json!("haystack"), json!("STACK"), yes),
        ("endswith", json!(["k"]), json!("k"), fails),
        ("lt", json!(1), json!(2.5), yes),
        ("lessthan", json!("a"), json!("b"), yes),
        ("lt", json!([1, 2]), json!([1, 3]), yes),
        ("lt", json!(1), json!("2"), fails),
        ("gt", json!(3), json!(2), yes),
        ("greaterthan", json!(2), json!(2), no),
        ("gt", json!(true), json!(0.5), yes),
        ("gt", Value::Null, json!(0), fails),
        ("matchwildcard", json!("web-1.example"), json!("web-?.*"), yes),
        ("matchwildcard", json!("Web"), json!("web"), no),
        ("matchwildcard", json!("web"), json!("we"), no),
        ("matchwildcard", json!("a\nb"), json!("a*"), yes),
        ("matchwildcard", json!("v2"), json!("v[!013-9]"), yes),
        ("matchwildcard", json!("v["), json!("v["), yes),
        ("matchwildcard", json!("v]"), json!("v[]]"), yes),
        ("matchregex", json!("abc\ndef"), json!("abc.def"), yes),
        ("matchregex", json!("xabc"), json!("abc"), no),
        ("matchregex", json!("ab"), json!("x|a"), yes),
        ("regex", json!("xabc"), json!("abc"), yes),
        ("regex", json!("abc\ndef"), json!("abc.def"), no),
        ("regex", json!("ABC"), json!("abc"), no),
        ("iregex", json!("xABC"), json!("abc"), yes),
        ("regex", json!(7), json!("7"), fails),
        ("timediff_lt", json!("2026-11-21T09:59:30Z"), json!(60), yes),
        ("td_lt", json!("2026-11-21 09:58:00"), json!(60), no),
        ("td_gt", json!("2026-11-21T09:58:00.500+00:00"), json!(60), yes),
        ("timediff_gt", json!("2026-11-20"), json!(86_400), yes),
        ("td_gt", json!("Sat, 21 Nov 2026 10:00:00 +0100"), json!(3_599), yes),
        ("td_gt", json!("yesterday"), json!(60), fails),
        ("td_gt", json!("2026-11-20"), json!("60"), fails),
        ("exists", json!(0), Value::Null, yes),
        ("exists", Value::Null, json!("x"), no),
        ("nexists", Value::Null, Value::Null, yes),
        ("in", json!("a"), json!(["a", "b"]), yes),
        ("inside", json!("ell"), json!("hello"), yes),
        ("nin", json!("c"), json!(["a", "b"]), yes),
        ("ninside", json!(1), json!("abc"), fails),
        // Without a pattern.
        ("eq", Value::Null, Value::Null, no),
        ("contains", json!([null]), Value::Null, no),
        ("ncontains", json!([]), Value::Null, no),
        ("nin", json!(1), Value::Null, no),
        ("lt", json!(1), Value::Null, no),
    ] {
        assert_eq!(holds(operator, value.clone(), pattern.clone()), wanted, "{value} {operator} {pattern}");
    }
}

fn matches(written: Value, payload: Value) -> bool {
    outcome(written, &payload) == Outcome::Match
}

#[test]
fn keys_are_paths_into_the_event() {
    let payload = json!({
        "headers": {"X-Foo": "1"}, "list": [{"n": 1}, {"n": 2}],
        "body": {"a b": "x"},
    });
    for (key, pattern) in [
        ("trigger.headers['X-Foo']", json!("1")),
        ("trigger.list[1].n", json!(2)),
        // Of several the first.
        ("trigger.list[*].n", json!(1)),
        ("trigger..n", json!(1)),
        ("trigger.body['a b']", json!("x")),
        ("trigger.list[0].n#2", json!(1)),
        ("system.limit", json!("5")),
    ] {
        assert!(matches(json!({key: {"type": "eq", "pattern": pattern}}), payload.clone()), "{key}");
    }
    assert!(matches(json!({"trigger.absent.deeper": {"type": "nexists"}}), payload.clone()));
    // Without the root it leads nowhere.
    assert!(matches(json!({"list": {"type": "nexists"}}), payload));
}

#[test]
fn all_criteria_have_to_hold_and_two_may_be_about_one_field() {
    let written = json!({
        "trigger.n#1": {"type": "gt", "pattern": 1}, "trigger.n#2": {"type": "lt", "pattern": 5},
    });
    assert!(matches(written.clone(), json!({"n": 3})));
    assert!(!matches(written.clone(), json!({"n": 5})));
    assert!(!matches(written, json!({"n": 1})));
}

#[test]
fn patterns_are_filled_in_and_keep_their_types() {
    for (pattern, value) in [
        ("{{ trigger.want }}", json!(7)),
        ("{{trigger.list}}", json!([1, "a"])),
        ("n-{{ trigger.want }}", json!("n-7")),
        ("{{ system.name }}", json!("shop")),
        ("{{ st2kv.system.name }}-{{ trigger.want }}", json!("shop-7")),
        ("{% if trigger.want == 7 %}seven{% endif %}", json!("seven")),
        // As there: what is JSON as a whole has its type.
        ("1{{ trigger.want }}", json!(17)),
        ("7", json!("7")),
    ] {
        let payload = json!({"want": 7, "list": [1, "a"], "x": value});
        let written = json!({"trigger.x": {"type": "eq", "pattern": pattern}});
        assert_eq!(outcome(written, &payload), Outcome::Match, "{pattern}");
    }
    let written = json!({"trigger.x": {"type": "eq", "pattern": "{{ trigger.absent }}"}});
    let outcome = outcome(written, &json!({"x": ""}));
    assert!(
        matches!(&outcome, Outcome::NoMatch(Reason::Failed { why, .. }) if why.contains("ndefined")),
        "{outcome:?}"
    );
}

#[test]
fn search_asks_items_of_a_list_under_four_conditions() {
    let patterns = json!({
        "item.a": {"type": "eq", "pattern": 1}, "item.b": {"type": "gt", "pattern": 5},
    });
    let search = |condition: &str, list: Value| {
        let written =
            json!({"trigger.l": {"type": "search", "condition": condition, "pattern": patterns.clone()}});
        matches(written, json!({"l": list}))
    };
    let (both, first, second, none) =
        (json!({"a": 1, "b": 9}), json!({"a": 1, "b": 1}), json!({"a": 2, "b": 9}), json!({"a": 2, "b": 1}));
    for (list, all, any, all2any, any2any) in [
        (json!([both, both]), true, true, true, true),
        (json!([both, none]), false, true, false, true),
        (json!([first, second]), false, false, true, true),
        (json!([none, second]), false, false, false, true),
        (json!([none]), false, false, false, false),
        (json!([]), true, false, true, false),
        (both.clone(), true, true, true, true),
    ] {
        let found = ["all", "any", "all2any", "any2any"].map(|it| search(it, list.clone()));
        assert_eq!(found, [all, any, all2any, any2any], "{list}");
    }
    assert!(!search("some", json!([both])) && !search("any", json!("text")) && !search("any", Value::Null));
}

#[test]
fn what_can_never_hold_is_told_and_never_holds() {
    let mistakes = |written: Value| {
        let criteria = criteria(written);
        criteria.mistakes().iter().map(|(_, it)| it.to_string()).collect::<Vec<_>>()
    };
    for (written, why) in [
        (json!({"trigger.x": {"pattern": 1}}), "`trigger.x` says no `type`, so it never holds"),
        (json!({"trigger.x": 1}), "`trigger.x` says no `type`, so it never holds"),
        (json!({"trigger.x": {"type": "equls"}}), "there is no operator `equls`"),
        (
            json!({"trigger.[x": {"type": "eq"}}),
            "`trigger.[x` is no path into an event: Parse error in JSONPath: trigger.[x",
        ),
        (json!({"#": {"type": "eq", "pattern": "("}}), "a"),
        (
            json!({"trigger.x": {"type": "search", "condition": "some", "pattern": {}}}),
            "`search` has no condition `some`; there are all, any, all2any and any2any",
        ),
        (
            json!({"trigger.x": {"type": "search", "condition": "any", "pattern": "x"}}),
            "the pattern of `search` is criteria on `item.…`, and a text is none",
        ),
        (
            json!({"trigger.x": {"type": "search", "condition": "any", "pattern": {"item.y": {"type": "like"}}}}),
            "there is no operator `like`",
        ),
    ] {
        if why != "a" {
            assert_eq!(mistakes(written.clone()), [why]);
        }
        assert!(!matches(written, json!({"x": 1})));
    }
    let look_around = json!({"trigger.x": {"type": "regex", "pattern": "^(?!master).*$"}});
    assert!(
        mistakes(look_around.clone())[0]
            .starts_with("`^(?!master).*$` is no pattern that can be matched in bounded time")
    );
    assert!(!matches(look_around, json!({"x": "main"})));
    assert_eq!(mistakes(json!({"trigger.x": {"type": "regex", "pattern": "({{ trigger.y }}"}})), [""; 0]);
    assert_eq!(Mistake::UnknownOperator("equls".to_owned()).near(), Some("equals"));
}

fn decided(rules: &[Rule], payload: &Value) -> Vec<(String, bool)> {
    let event = Event {
        trigger: "demo.event",
        parameters: &Map::new(),
        payload,
        datastore: &DatastoreView::default(),
        now: from_millis(NOW),
    };
    let decided = decide(rules, event);
    decided.into_iter().map(|it| (it.rule.name.clone(), it.outcome == Outcome::Match)).collect()
}

#[test]
fn a_backstop_fires_only_if_no_other_does_and_what_is_off_never() {
    let one = json!({"trigger.n": {"type": "eq", "pattern": 1}});
    let backstop = Rule { backstop: true, ..rule("backstop", json!({})) };
    let off = Rule { enabled: false, ..rule("off", json!({})) };
    let other = Listens { kind: "demo.other".to_owned(), parameters: Map::new() };
    let deaf = Rule { trigger: other, ..rule("deaf", json!({})) };
    let picky = Rule { backstop: true, ..rule("picky", json!({"trigger.n": {"type": "eq", "pattern": 3}})) };
    let rules = [backstop, off, deaf, picky, rule("one", one)];
    let says = |n: u64, all: [(&str, bool); 3]| {
        let wanted: Vec<(String, bool)> = all.iter().map(|(name, it)| ((*name).to_owned(), *it)).collect();
        assert_eq!(decided(&rules, &json!({"n": n})), wanted);
    };
    says(1, [("one", true), ("backstop", false), ("picky", false)]);
    says(2, [("one", false), ("backstop", true), ("picky", false)]);
    says(3, [("one", false), ("backstop", true), ("picky", true)]);
}

#[test]
fn without_a_payload_only_rules_without_criteria_match() {
    let rules = [rule("any", json!({})), rule("some", json!({"trigger": {"type": "exists"}}))];
    for payload in [json!({}), Value::Null, json!([]), json!("")] {
        assert_eq!(decided(&rules, &payload), [("any".to_owned(), true), ("some".to_owned(), false)]);
    }
    assert!(decided(&rules, &json!({"n": 1})).iter().all(|it| it.1));
}

#[test]
fn a_webhook_is_the_same_with_and_without_slashes() {
    let rule = Listens::webhook("/github/merge/");
    let parameters = |url: &str| Map::from_iter([("url".to_owned(), json!(url))]);
    assert!(rule.hears("core.st2.webhook", &parameters("github/merge")));
    assert!(!rule.hears("core.st2.webhook", &parameters("github")));
    assert!(!rule.hears("core.st2.CronTimer", &parameters("github/merge")));
    let timer =
        Listens { kind: "t".to_owned(), parameters: json!({"a": 1, "b": null}).as_object().unwrap().clone() };
    assert!(timer.hears("t", json!({"a": 1}).as_object().unwrap()));
    assert!(!timer.hears("t", json!({"a": 2}).as_object().unwrap()));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "(",
            "[[",
            "(?i",
            "a{9999999}",
            "{{",
            "{{ trigger",
            "{% for x in trigger %}",
            "[!",
            "2026-13-99",
            "99999999999-01-01"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,3}|\\PC{0,4}", inner), 0..4)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_hostile_makes_it_panic(
        key in "trigger(\\.|\\[|\\]|\\*|'|:|-|[a-z0-9]|\\PC){0,12}",
        operator in prop::sample::select(operator::Operator::NAMES.to_vec()),
        condition in prop::sample::select(vec!["all", "any", "all2any", "any2any", ""]),
        pattern in any_value(),
        payload in any_value(),
    ) {
        let written = json!({
            key: {"type": operator, "pattern": pattern, "condition": condition},
            "trigger": {"type": operator, "pattern": pattern, "condition": condition},
        });
        drop(outcome(written, &payload));
        let inner = json!({"item": {"type": operator, "pattern": pattern}});
        drop(outcome(json!({"trigger": {"type": "search", "condition": condition, "pattern": inner}}), &payload));
    }
}
