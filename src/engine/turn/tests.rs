//! Two that may take the canary: moments that no conversation can choose.

use serde_json::{Map, json};

use super::*;
use crate::{clock::TestClock, content::SourceFile, engine::tests::Trial, id::ExecutionId};

const PACK: &str =
    "name: release\ndescription: A trial.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n";
const TURN: &str = "name: turn\nrunner_type: turn\ndescription: Waits.\nparameters: {plan: {type: object}}\n";
const BACK: &str = "name: rollback\nrunner_type: local-shell-cmd\ndescription: Goes back.\nparameters: {plan: {type: object}}\n";
const CANARY: &str = "name: canary\nrunner_type: orquesta\ndescription: Goes on.\nentry_point: workflows/canary.yaml\n\
    parameters: {plan: {type: object}}\n";
/// Who had its turn goes on for as long as the test does.
const FLOW: &str = "version: 1.0\ninput: [plan]\ntasks:\n  turn:\n    action: release.turn\n    \
    input: {plan: <% ctx().plan %>}\n    next: [{when: <% succeeded() %>, do: hosts}]\n  hosts: {action: trial.act}\n";

fn plan(number: i64) -> Plan {
    let stage = |role: &str| {
        json!({
            "environment": "production", "role": role, "selector": "all", "hosts": [], "previous": null,
            "batch_size": 1, "on_fail": "roll_back",
        })
    };
    let plan = json!({
        "release": ReleaseId::generate(), "number": number, "app": "shop", "commit": "0".repeat(40),
        "reference": "main", "repository": { "url": "shop", "deploy_key": null, "token": null }, "checkout": "c",
        "scripts": { "setup": "", "build": "", "install": "", "timeout": 60, "env": {} },
        "package": { "include": [], "exclude": [] }, "service": { "dir": null },
        "canary": stage("canary"), "target": stage("app"), "watch": null,
    });
    serde_json::from_value(plan).unwrap()
}

/// What somebody asked for and what was pushed after it, both waiting for their turn while hosts go back.
struct Two {
    trial: Trial,
    person: Execution,
    push: Execution,
    /// What the first sees.
    behind: Vec<Seen>,
}

async fn two() -> Two {
    let file = |path: &str, text: &str| SourceFile::text(format!("commands/release/{path}"), text);
    let files = vec![
        file("pack.yaml", PACK),
        file("actions/turn.yaml", TURN),
        file("actions/rollback.yaml", BACK),
        file("actions/canary.yaml", CANARY),
        file("actions/workflows/canary.yaml", FLOW),
    ];
    // It moves less than a tick, so that nobody looks a second time by itself.
    let clock = TestClock::at(jiff::Timestamp::UNIX_EPOCH);
    let trial = Trial::with(false, files, clock.clone()).await;
    let begin = async |action: &str, number: i64, context: Value| {
        clock.advance(TICK / 4);
        let parameters = Map::from_iter([("plan".to_owned(), json!(plan(number)))]);
        let context = context.as_object().cloned().unwrap_or_default();
        trial.start_with(action, parameters, context).await
    };
    begin("release.rollback", 1, json!({})).await;
    trial.begun.acquire().await.unwrap().forget();
    let account = json!({ "platform": "terminal", "workspace": "terminal", "user": "ann" });
    let asker = json!({ "asker": { "person": "ann", "account": account } });
    let person = waiting(&trial, begin("release.canary", 2, asker)).await;
    let push = waiting(&trial, begin("release.canary", 3, json!({}))).await;
    let claim = trial.engine.claim_of(&person, &plan(2), At::Waiting).await.unwrap();
    let mut behind = trial.engine.claims(&plan(2), person.root).await.unwrap();
    behind.retain(|it| relation(&claim, &it.claim, trial.engine.now()) == Relation::Behind);
    assert_eq!(behind.iter().map(|it| it.claim.root).collect::<Vec<_>>(), [push.root]);
    Two { trial, person, push, behind }
}

/// The visit of this root that waits, once it has looked who else does.
async fn waiting(trial: &Trial, begun: impl Future<Output = ExecutionId>) -> Execution {
    let looked = trial.engine.0.turns.notified();
    tokio::pin!(looked);
    looked.as_mut().enable();
    let root = begun.await;
    looked.await;
    trial
        .until(async || {
            let children = trial.engine.store().children(root).await.unwrap();
            children
                .into_iter()
                .find(|it| it.action.as_str() == "release.turn" && it.status == Status::Running)
        })
        .await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Person,
    Push,
    Neither,
}

/// The push looked before the other was there, so it sees nobody, and may take the canary as well.
#[tokio::test]
async fn of_two_who_take_the_canary_one_has_it_whoever_comes_first() {
    for first in [First::Person, First::Push, First::Neither] {
        let Two { trial, person, push, behind } = two().await;
        let one = trial.engine.take(&person, behind);
        let other = trial.engine.take(&push, Vec::new());
        let (one, other) = match first {
            First::Person => {
                let one = one.await;
                (one, other.await)
            }
            First::Push => {
                let other = other.await;
                (one.await, other)
            }
            First::Neither => tokio::join!(one, other),
        };
        let took = [one, other].map(|it| match it.unwrap() {
            Look::Taken => true,
            Look::Wait(_) => false,
            Look::Lost(_) | Look::Over => panic!("{first:?}: neither ends"),
        });
        let expected = match first {
            First::Person => [true, false],
            First::Push => [false, true],
            First::Neither => [took[0], !took[0]],
        };
        assert_eq!(took, expected, "{first:?}");
        for (visit, took) in [person, push].into_iter().zip(took) {
            let status = trial.load(visit.id).await.status;
            assert_eq!(status, if took { Status::Succeeded } else { Status::Running }, "{first:?}");
            let begun = trial.engine.store().children(visit.root).await.unwrap();
            assert_eq!(begun.len(), if took { 2 } else { 1 }, "{first:?}: only who has it goes on");
        }
    }
}
