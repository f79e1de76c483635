use serde_json::json;

use super::*;
use crate::expression::Entry;

fn spec(value: Value) -> Arc<ChainSpec> {
    Arc::new(ChainSpec::parse(&value).unwrap())
}

/// Plays a chain whose tasks end like this; gives what each was given, and how all ended.
fn play(value: Value, inputs: Value, ends: &[(&str, Status, Value)]) -> (Vec<Value>, Status, Value) {
    let inputs = inputs.as_object().cloned().unwrap_or_default();
    let entries = [("system.key".to_owned(), Entry::Plain("kept".to_owned()))];
    let host = HostValues { datastore: DatastoreView::new(entries.into()), ..HostValues::default() };
    let mut chain = Chain::new(spec(value), inputs, Map::new(), true);
    let mut given = Vec::new();
    let mut ends = ends.iter();
    let mut next = vec![Event::StatusRequested(Status::Running), Event::NextRequested];
    loop {
        assert!(!next.is_empty(), "it neither goes on nor ends");
        let effects: Vec<_> = next.drain(..).flat_map(|it| chain.apply(it, &host).unwrap()).collect();
        for effect in effects {
            match effect {
                Effect::Start(it) => {
                    let (task, status, result) = ends.next().expect("a task more than scripted");
                    assert_eq!(it.task, *task);
                    given.push(it.input);
                    next.push(Event::ActionChanged {
                        task: it.task,
                        route: 0,
                        item: None,
                        status: *status,
                        result: result.clone(),
                    });
                    next.push(Event::NextRequested);
                }
                Effect::Completed { status, output, .. } => {
                    assert!(ends.next().is_none(), "a task less than scripted");
                    assert!(chain.apply(Event::NextRequested, &host).unwrap().is_empty());
                    return (given, status, output.unwrap());
                }
            }
        }
    }
}

#[test]
fn templates_read_parameters_results_variables_and_the_datastore() {
    let chain = json!({
        "vars": {"place": "{{ where }}!", "key": "{{ st2kv.system.key }}"},
        "default": "b",
        "chain": [
            {"name": "a", "ref": "x.a", "params": {
                "text": "{{ b.n }}{{ place }}{{ got }}{{ __results.b.n }}{{ key }}",
                "typed": 3, "deep": {"list": ["{{ b.o }}", true]}, "again": "{{ text }}",
            }},
            {"name": "b", "ref": "x.b", "publish": {"got": "{{ b.n + 1 }}"}, "on-success": "a"},
        ],
    });
    let ends = [
        ("b", Status::Succeeded, json!({"n": 1, "o": {"k": [1, "x"]}})),
        ("a", Status::Succeeded, json!({})),
    ];
    let (given, status, result) = play(chain, json!({"where": "here"}), &ends);
    assert_eq!(
        given[1],
        json!({
            "text": "1here!21kept", "typed": 3, "deep": {"list": ["{'k': [1, 'x']}", true]}, "again": "1here!21kept",
        })
    );
    assert_eq!((status, &result["published"]), (Status::Succeeded, &json!({"got": "2"})));
    assert_eq!(result["tasks"][1]["id"], "a");
}

#[test]
fn the_way_on_is_that_of_the_end_and_the_last_end_is_the_chains() {
    let chain = json!({"chain": [
        {"name": "a", "ref": "x.a", "on-success": "b", "on-failure": "c"},
        {"name": "b", "ref": "x.b"},
        {"name": "c", "ref": "x.c", "on-success": "b"},
    ]});
    let (failed, well) = (Status::Failed, Status::Succeeded);
    for (ends, expected) in [
        (vec![("a", well), ("b", well)], well),
        (vec![("a", well), ("b", failed)], failed),
        (vec![("a", failed), ("c", well), ("b", well)], well),
        (vec![("a", Status::Timeout), ("c", failed)], failed),
        (vec![("a", Status::Abandoned), ("c", Status::Timeout)], Status::Timeout),
        (vec![("a", Status::Canceled)], Status::Canceled),
    ] {
        let ends: Vec<_> = ends.into_iter().map(|(task, status)| (task, status, Value::Null)).collect();
        assert_eq!(play(chain.clone(), json!({}), &ends).1, expected, "{ends:?}");
    }
}

#[test]
fn what_cannot_be_rendered_ends_the_chain_and_says_what() {
    let task = |more: Value| {
        let mut node = json!({"name": "a", "ref": "x.a", "on-failure": "b"});
        node.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        json!({"chain": [node, {"name": "b", "ref": "x.b"}]})
    };
    let mut vars = task(json!({}));
    vars["vars"] = json!({"v": "{{ gone }}"});
    for (chain, ends, what) in [
        (vars, vec![], "the variable `v`"),
        (task(json!({"parameters": {"p": "{{ gone }}"}})), vec![], "parameter `p` of task \"a\""),
        (
            task(json!({"publish": {"o": "{{ a.gone }}"}})),
            vec![("a", Status::Succeeded, json!({}))],
            "`o`, which task \"a\" publishes",
        ),
    ] {
        let (_, status, result) = play(chain, json!({}), &ends);
        assert_eq!(status, Status::Failed);
        let error = result["error"].as_str().unwrap();
        assert!(error.starts_with(what) && error.contains("gone"), "{error}");
    }
}

#[test]
fn a_question_holds_a_chain_and_a_cancel_ends_it() {
    let chain =
        json!({"chain": [{"name": "a", "ref": "x.a", "on-success": "b"}, {"name": "b", "ref": "x.b"}]});
    let host = HostValues::default();
    let begun = || {
        let mut chain = Chain::new(spec(chain.clone()), Map::new(), Map::new(), false);
        chain.apply(Event::StatusRequested(Status::Running), &host).unwrap();
        assert!(matches!(chain.apply(Event::NextRequested, &host).unwrap()[..], [Effect::Start(_)]));
        chain
    };
    let changed = |status| Event::ActionChanged {
        task: "a".to_owned(),
        route: 0,
        item: None,
        status,
        result: Value::Null,
    };
    let mut held = begun();
    held.apply(changed(Status::Pending), &host).unwrap();
    assert_eq!(held.status(), Status::Paused);
    assert!(held.apply(Event::NextRequested, &host).unwrap().is_empty());
    // Also if nobody answered in time, and so nobody said that it goes on.
    held.apply(changed(Status::Succeeded), &host).unwrap();
    assert!(matches!(held.apply(Event::NextRequested, &host).unwrap()[..], [Effect::Start(_)]));

    let mut canceled = begun();
    canceled.apply(Event::StatusRequested(Status::Canceling), &host).unwrap();
    assert!(canceled.apply(Event::NextRequested, &host).unwrap().is_empty());
    canceled.apply(changed(Status::Canceled), &host).unwrap();
    let ended = canceled.apply(Event::NextRequested, &host).unwrap();
    assert!(matches!(&ended[..], [Effect::Completed { status: Status::Canceled, .. }]), "{ended:?}");
    assert!(canceled.apply(changed(Status::Succeeded), &host).is_err(), "it is over");
}

#[test]
fn what_is_wrong_with_a_chain_is_told_with_its_place() {
    let faults = |value: Value| ChainSpec::parse(&value).unwrap_err();
    let chain = json!({"default": "x", "chain": [
        {"name": "a", "ref": "x.a", "on-success": "gone", "on_failure": "a"},
        {"name": "a", "params": {"p": 1}, "parameters": {"p": 1}},
    ]});
    let told: Vec<String> = faults(chain).into_iter().map(|(path, what)| format!("{path}: {what}")).collect();
    assert_eq!(
        told,
        [
            "chain[0].on_failure: unknown key `on_failure`",
            "chain[1]: `ref` is missing",
            "chain[1].params: `params` is the old name of `parameters`: write one of them",
            "chain[0].on-success: there is no task `gone`",
            "default: there is no task `x`",
        ]
    );
    assert_eq!(faults(json!({"chain": []}))[0].0, "chain");
}
