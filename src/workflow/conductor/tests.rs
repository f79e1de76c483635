//! One test a shape: sequence, split, join, cycle, items, retry, pause, cancel, inquiry, rerun, commands, faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::expression::{Compat, HostValues};
use crate::workflow::{Conductor, Dispatch, Effect, Event, IllegalEvent, RerunTask, Spec, Status};

struct Play {
    conductor: Conductor,
    /// Dispatched and not reported.
    open: Vec<Dispatch>,
    completed: Option<(Status, Option<Value>)>,
}

impl Play {
    fn start(spec: Value) -> Self {
        let spec = Spec::parse(&spec).expect("a workflow");
        let conductor = Conductor::new(Arc::new(spec), Map::new(), Map::new(), Compat::Strict);
        let mut play = Self { conductor, open: Vec::new(), completed: None };
        play.ask(Status::Running);
        play
    }

    fn apply(&mut self, event: Event) -> Result<(), IllegalEvent> {
        let host = HostValues::default();
        self.conductor.apply(event, &host)?;
        for effect in self.conductor.apply(Event::NextRequested, &host)? {
            match effect {
                Effect::Start(dispatch) => self.open.push(dispatch),
                Effect::Completed { status, output, .. } => {
                    assert!(self.completed.is_none(), "a workflow is over once");
                    self.completed = Some((status, output));
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, status: Status) {
        self.apply(Event::StatusRequested(status)).expect("a request that fits");
    }

    /// Reports the oldest open action of a task.
    fn report(&mut self, task: &str, status: Status, result: Value) {
        let place = self.open.iter().position(|open| open.task == task);
        let open = self.open.remove(place.unwrap_or_else(|| panic!("{task} is not open")));
        if status == Status::Pending {
            self.open.push(open.clone());
        }
        let Dispatch { task, route, item, .. } = open;
        self.apply(Event::ActionChanged { task, route, item, status, result }).expect("a report that fits");
    }

    fn succeed(&mut self, task: &str) {
        self.report(task, Status::Succeeded, Value::Null);
    }

    fn open(&self) -> Vec<String> {
        let name = |open: &Dispatch| match open.item {
            Some(item) => format!("{}.{item}", open.task),
            None => open.task.clone(),
        };
        self.open.iter().map(name).collect()
    }

    fn runs(&self) -> Vec<(String, u32, Status)> {
        self.conductor.tasks().map(|run| (run.task.to_owned(), run.route, run.status)).collect()
    }

    fn status(&self) -> Status {
        self.conductor.status()
    }
}

fn task(next: Value) -> Value {
    json!({ "action": "core.noop", "next": next })
}

#[test]
fn a_sequence_passes_what_it_publishes() {
    let mut play = Play::start(json!({
        "input": [{ "name": "lock" }],
        "output": [{ "said": "<% ctx().said %>" }],
        "tasks": {
            "one": { "action": "core.echo", "input": { "m": "<% ctx().name %>" },
                     "next": [{ "when": "<% succeeded() %>", "publish": "said=<% result() %>", "do": "two" }] },
            "two": { "action": "core.echo m=<% ctx().said %>" },
        },
    }));
    assert_eq!(play.open[0].input, json!({ "m": "lock" }));
    play.report("one", Status::Succeeded, json!("keeper"));
    assert_eq!(
        (&play.open[0].action, &play.open[0].input),
        (&Some("core.echo".to_owned()), &json!({ "m": "keeper" }))
    );
    play.succeed("two");
    assert_eq!(play.completed, Some((Status::Succeeded, Some(json!({ "said": "keeper" })))));
}

#[test]
fn a_split_runs_once_for_every_arrival_on_a_route_of_its_own() {
    let mut play = Play::start(json!({ "tasks": {
        "a": task(json!([{ "do": "both" }])),
        "b": task(json!([{ "do": "both" }])),
        "both": task(json!([{ "do": "after" }])),
        "after": { "action": "core.noop" },
    }}));
    for name in ["a", "b", "both", "both", "after", "after"] {
        play.succeed(name);
    }
    let routes = |task: &str| -> Vec<u32> {
        play.runs().into_iter().filter(|run| run.0 == task).map(|run| run.1).collect()
    };
    assert_eq!((routes("both"), routes("after")), (vec![1, 2], vec![1, 2]));
    assert_eq!(play.status(), Status::Succeeded);
}

#[test]
fn a_join_waits_for_all_and_sees_what_each_published() {
    let mut play = Play::start(json!({ "tasks": {
        "a": task(json!([{ "publish": [{ "x": 1 }], "do": "meet" }])),
        "b": task(json!([{ "publish": [{ "x": 2, }, { "y": 3 }], "do": "meet" }])),
        "meet": { "action": "core.echo", "join": "all", "input": { "x": "<% ctx().x %>", "y": "<% ctx().y %>" } },
    }}));
    play.succeed("b");
    assert_eq!(play.open(), ["a"]);
    play.succeed("a");
    assert_eq!(play.open[0].input, json!({ "x": 1, "y": 3 }));
    play.succeed("meet");
    assert_eq!(play.status(), Status::Succeeded);
}

#[test]
fn a_join_that_can_no_longer_be_reached_fails_the_workflow() {
    let mut play = Play::start(json!({ "tasks": {
        "a": task(json!([{ "when": "<% succeeded() %>", "do": "meet" }])),
        "b": task(json!([{ "when": "<% failed() %>", "do": "meet" }])),
        "meet": { "action": "core.noop", "join": "all" },
    }}));
    play.succeed("a");
    play.succeed("b");
    assert_eq!(play.completed.map(|(status, _)| status), Some(Status::Failed));
    assert!(play.conductor.errors()[0].message.starts_with("UnreachableJoinError: "));
}

#[test]
fn a_cycle_makes_a_visit_each_time_round() {
    let mut play = Play::start(json!({
        "vars": [{ "n": 0 }],
        "tasks": {
            "lead": task(json!([{ "do": "turn" }])),
            "turn": task(json!([{ "when": "<% ctx().n < 2 %>", "publish": [{ "n": "<% ctx().n + 1 %>" }], "do": "turn" }])),
        },
    }));
    play.succeed("lead");
    for _ in 0..3 {
        play.succeed("turn");
    }
    assert_eq!(play.conductor.tasks().filter(|run| run.task == "turn").count(), 3);
    assert_eq!(play.status(), Status::Succeeded);
}

#[test]
fn items_run_within_their_limit_and_their_results_keep_their_order() {
    let mut play = Play::start(json!({
        "output": [{ "all": "<% ctx().all %>" }],
        "tasks": { "each": {
            "action": "core.echo", "with": { "items": "n in <% list(7, 8, 9) %>", "concurrency": 2 },
            "input": { "n": "<% item(n) %>" },
            "next": [{ "publish": [{ "all": "<% result() %>" }] }],
        }},
    }));
    assert_eq!(play.open(), ["each.0", "each.1"]);
    play.open.reverse();
    play.report("each", Status::Succeeded, json!("second"));
    assert_eq!(play.open(), ["each.0", "each.2"]);
    assert_eq!(play.open[1].input, json!({ "n": 9 }));
    play.report("each", Status::Succeeded, json!("first"));
    play.report("each", Status::Succeeded, json!("third"));
    assert_eq!(
        play.completed,
        Some((Status::Succeeded, Some(json!({ "all": ["first", "second", "third"] }))))
    );
}

#[test]
fn an_empty_list_is_over_at_once() {
    let play = Play::start(json!({ "output": [{ "all": "<% ctx().all %>" }], "tasks": { "each": {
        "action": "core.noop", "with": "<% list() %>", "next": [{ "publish": [{ "all": "<% result() %>" }] }],
    }}}));
    assert_eq!(play.completed, Some((Status::Succeeded, Some(json!({ "all": [] })))));
}

#[test]
fn a_failure_is_tried_again_and_each_attempt_has_its_number() {
    let mut play =
        Play::start(json!({ "tasks": { "a": { "action": "x.y", "retry": { "count": 2, "delay": 5 } } } }));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push((play.open[0].visit, play.open[0].attempt, play.open[0].delay_seconds));
        play.report("a", Status::Failed, Value::Null);
    }
    assert_eq!(seen, [(0, 0, 0), (0, 1, 5), (0, 2, 5)]);
    assert_eq!(play.completed.map(|(status, _)| status), Some(Status::Failed));
}

#[test]
fn a_pause_lets_work_end_and_hands_nothing_out_until_resumed() {
    let mut play =
        Play::start(json!({ "tasks": { "a": task(json!([{ "do": "b" }])), "b": { "action": "x.y" } } }));
    play.ask(Status::Pausing);
    play.succeed("a");
    assert_eq!((play.status(), play.open()), (Status::Paused, Vec::<String>::new()));
    play.ask(Status::Resuming);
    assert_eq!(play.open(), ["b"]);
}

#[test]
fn a_cancel_waits_for_what_runs_and_then_ends_the_workflow() {
    let mut play =
        Play::start(json!({ "tasks": { "a": task(json!([{ "do": "b" }])), "b": { "action": "x.y" } } }));
    play.ask(Status::Canceling);
    assert_eq!((play.status(), play.completed.is_some()), (Status::Canceling, false));
    play.succeed("a");
    assert_eq!(play.completed, Some((Status::Canceled, None)));
}

#[test]
fn an_inquiry_holds_the_workflow_until_it_is_answered() {
    let mut play = Play::start(json!({ "tasks": {
        "ask": task(json!([{ "when": "<% result().response.ok %>", "do": "go" }])),
        "go": { "action": "x.y" },
    }}));
    play.report("ask", Status::Pending, json!({ "schema": {} }));
    assert_eq!(play.status(), Status::Paused);
    assert_eq!(play.conductor.waiting_for_answer().collect::<Vec<_>>(), [("ask", 0, None)]);
    play.ask(Status::Resuming);
    play.report("ask", Status::Succeeded, json!({ "response": { "ok": true } }));
    assert_eq!(play.open(), ["go"]);
}

#[test]
fn a_rerun_repeats_only_the_items_that_failed() {
    let mut play = Play::start(json!({ "output": [{ "all": "<% ctx().all %>" }], "tasks": { "each": {
        "action": "core.noop", "with": "<% list(1, 2) %>",
        "next": [{ "when": "<% succeeded() %>", "publish": [{ "all": "<% result() %>" }] }],
    }}}));
    play.report("each", Status::Failed, Value::Null);
    play.report("each", Status::Succeeded, json!("kept"));
    assert_eq!(play.completed.take().map(|(status, _)| status), Some(Status::Failed));
    let first = play.conductor.tasks().count();
    play.apply(Event::RerunRequested { tasks: Vec::new() }).expect("a completed workflow");
    assert_eq!((play.open(), play.open[0].visit), (vec!["each.0".to_owned()], first));
    play.report("each", Status::Succeeded, json!("now"));
    assert_eq!(play.completed, Some((Status::Succeeded, Some(json!({ "all": ["now", "kept"] })))));
    assert!(
        play.conductor.errors().iter().all(|error| error.task_id.is_none()),
        "the failure of the item is forgotten"
    );
}

#[test]
fn a_rerun_of_a_running_workflow_or_an_unknown_task_is_refused() {
    let mut play = Play::start(json!({ "tasks": { "a": { "action": "x.y" } } }));
    let named = |task: &str| Event::RerunRequested {
        tasks: vec![RerunTask { task: task.to_owned(), route: 0, reset_items: false }],
    };
    assert_eq!(play.apply(named("a")), Err(IllegalEvent::NotCompleted));
    play.succeed("a");
    assert_eq!(play.apply(named("z")), Err(IllegalEvent::NotRerunnable(vec!["z|0".to_owned()])));
}

#[test]
fn what_stands_beside_fail_still_runs() {
    let mut play = Play::start(json!({ "tasks": {
        "a": task(json!([{ "when": "<% failed() %>", "do": ["clean", "fail"] }])),
        "clean": { "action": "x.y" },
    }}));
    play.report("a", Status::Failed, Value::Null);
    assert_eq!(
        (play.status(), play.open(), play.completed.is_some()),
        (Status::Failed, vec!["clean".to_owned()], false)
    );
    play.succeed("clean");
    assert_eq!(play.completed.map(|(status, _)| status), Some(Status::Failed));
}

#[test]
fn an_unconditional_transition_remedies_a_failure_but_continue_does_not() {
    for (next, expected) in
        [(json!([{ "do": "noop" }]), Status::Succeeded), (json!([{ "do": "continue" }]), Status::Failed)]
    {
        let mut play = Play::start(json!({ "tasks": { "a": task(next) } }));
        play.report("a", Status::Failed, Value::Null);
        assert_eq!(play.status(), expected);
    }
}

#[test]
fn an_expression_that_fails_fails_the_workflow_and_is_named() {
    let play = Play::start(
        json!({ "tasks": { "a": { "action": "x.y", "input": { "m": "<% ctx().nowhere %>" } } } }),
    );
    assert_eq!((play.status(), play.open()), (Status::Failed, Vec::<String>::new()));
    let error = &play.conductor.errors()[0];
    assert_eq!((error.task_id.as_deref(), error.route), (Some("a"), Some(0)));
    assert!(error.message.starts_with("YaqlEvaluationException: "), "{}", error.message);
}

#[test]
fn a_report_that_does_not_fit_changes_nothing() {
    let mut play =
        Play::start(json!({ "tasks": { "a": task(json!([{ "do": "b" }])), "b": { "action": "x.y" } } }));
    let report = |task: &str, item| Event::ActionChanged {
        task: task.to_owned(),
        route: 0,
        item,
        status: Status::Succeeded,
        result: Value::Null,
    };
    let before = play.conductor.orquesta_state();
    assert_eq!(play.apply(report("z", None)), Err(IllegalEvent::UnknownTask("z".to_owned())));
    assert_eq!(play.apply(report("b", None)), Err(IllegalEvent::NotStarted("b".to_owned())));
    assert_eq!(
        play.apply(report("a", Some(0))),
        Err(IllegalEvent::UnknownItem { task: "a".to_owned(), item: 0 })
    );
    assert_eq!(play.conductor.orquesta_state(), before);
    play.succeed("a");
    assert_eq!(play.apply(report("a", None)), Err(IllegalEvent::NotStarted("a".to_owned())));
}

#[test]
fn a_snapshot_in_the_middle_of_items_goes_on_where_it_was() {
    let mut play = Play::start(json!({ "tasks": { "each": {
        "action": "core.noop", "with": { "items": "<% list(1, 2, 3) %>", "concurrency": 1 },
    }}}));
    play.succeed("each");
    let stored = serde_json::to_string(&play.conductor).expect("a snapshot");
    let mut again: Conductor = serde_json::from_str(&stored).expect("the same form");
    assert_eq!(again.orquesta_state(), play.conductor.orquesta_state());
    std::mem::swap(&mut again, &mut play.conductor);
    play.succeed("each");
    play.succeed("each");
    assert_eq!(play.status(), Status::Succeeded);
}

/// A workflow without a cycle: task `n` leads to some of the tasks behind it, on success or in any case.
fn dag() -> impl Strategy<Value = Value> {
    let edges = proptest::collection::vec((0..9usize, 0..9usize, any::<bool>(), any::<bool>()), 1..16);
    edges.prop_map(|edges| {
        let mut next: BTreeMap<usize, Vec<Value>> = (0..9).map(|task| (task, Vec::new())).collect();
        let mut inbound: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (from, to, always, _) in edges.iter().filter(|(from, to, _, _)| from < to) {
            let when = if *always { "<% completed() %>" } else { "<% succeeded() %>" };
            next.entry(*from).or_default().push(json!({ "when": when, "do": format!("t{to}") }));
            inbound.entry(*to).or_default().insert(*from);
        }
        let joined: BTreeSet<usize> = edges.iter().filter(|edge| edge.3).map(|edge| edge.1).collect();
        let tasks: Map<String, Value> = next
            .into_iter()
            .map(|(name, next)| {
                let mut task = json!({ "action": "x.y", "next": next });
                if joined.contains(&name) && inbound.contains_key(&name) {
                    task["join"] = json!("all");
                }
                (format!("t{name}"), task)
            })
            .collect();
        json!({ "tasks": tasks })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_completion_ends_and_starts_nothing_twice(
        spec in dag(), picks in proptest::collection::vec((any::<usize>(), 0..6u8), 400),
    ) {
        // Joins over nested forks are refused beforehand.
        prop_assume!(Spec::parse(&spec).is_ok());
        let mut play = Play::start(spec);
        let mut started = BTreeSet::new();
        let mut known = 0;
        for (pick, luck) in picks {
            for open in &play.open {
                if open.visit >= known {
                    prop_assert!(started.insert((open.visit, open.attempt, open.item)));
                }
            }
            known = play.conductor.tasks().map(|run| run.visit + 1).max().unwrap_or(0);
            if play.open.is_empty() {
                break;
            }
            let chosen = pick % play.open.len();
            let task = play.open[chosen].task.clone();
            play.open.swap(0, chosen);
            play.report(&task, if luck == 0 { Status::Failed } else { Status::Succeeded }, Value::Null);
        }
        prop_assert!(play.open.is_empty());
        prop_assert!(play.status().is_completed(), "{}", play.status());
        prop_assert!(play.completed.is_some());
        prop_assert_eq!(started.len(), play.conductor.tasks().count());
    }
}
