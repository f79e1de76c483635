//! The card of a release over many hosts.

use jiff::Timestamp;
use lockkeeper::engine::card_subject;
use lockkeeper::id::{Digest, ExecutionId, Place, Platform};
use lockkeeper::status::Status;
use lockkeeper::store::Change;
use lockkeeper::store::execution::{Execution, Visit};
use lockkeeper::store::outbox::{Priority, Wanted};
use serde_json::{Map, Value, json};

use crate::support::house::House;

const HOSTS: u128 = 450;

/// Rows as the engine would have left them, in the order dispatched.
struct History {
    changes: Vec<Change>,
    next: u128,
}

impl History {
    fn add(&mut self, parent: Option<&Execution>, action: &str, parameters: Value) -> Execution {
        self.next += 1;
        let id = ExecutionId::from_number(self.next);
        let number = i64::try_from(self.next).unwrap();
        let at = Timestamp::from_millisecond(number).unwrap();
        let runner = match action {
            "release.confirm" => "confirm",
            "release.deploy" | "release.production" | "release.update_host" => "orquesta",
            _ => "native",
        };
        let object = |value: Value| value.as_object().cloned().unwrap_or_else(Map::new);
        let new = match parent {
            None => Execution::root(id, action.into(), runner, Digest::of(b""), at),
            Some(parent) => {
                let visit = Visit { parent: parent.id, task: action.into(), route: 0, item: Some(number) };
                parent.below(visit, action.into(), runner, at)
            }
        };
        let it = Execution {
            id,
            parameters: object(parameters),
            context: object(json!({ "app": "shop", "number": 7, "environment": "production" })),
            ..new
        };
        self.changes.push(Change::Start(Box::new(it.clone())));
        it
    }

    fn end(&mut self, it: &Execution, status: Status, result: Value) {
        self.changes.push(Change::End(it.id, status, result));
    }
}

/// Host number 9 fails; the others get the artifact before or after it.
fn rollout() -> (ExecutionId, Vec<Change>) {
    let mut history = History { changes: Vec::new(), next: 0 };
    let root = history.add(None, "release.deploy", json!({}));
    let production = history.add(Some(&root), "release.production", json!({}));
    let (mut new, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..HOSTS {
        let name = format!("web-{number:03}");
        let parameters = json!({ "host": { "name": name }, "digest": "d".repeat(64) });
        let host = history.add(Some(&production), "release.update_host", parameters);
        let well = number != 9;
        let (status, result) = if well {
            (Status::Succeeded, Value::Null)
        } else {
            (Status::Failed, json!({ "error": "the disk is full" }))
        };
        for step in ["release.upload", "release.install"] {
            let step = history.add(Some(&host), step, json!({}));
            history.end(&step, status, result.clone());
        }
        history.end(&host, status, Value::Null);
        if well { new.push(name) } else { unknown.push(name) }
    }
    let confirm = history.add(Some(&production), "release.confirm", json!({ "stage": "target" }));
    history.end(&confirm, Status::Failed, json!({ "new": new, "old": [], "unknown": unknown }));
    history.end(&production, Status::Failed, json!({}));
    history.end(&root, Status::Failed, json!({}));
    (root.id, history.changes)
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_hosts_there_are_the_card_says_what_they_run_and_why_it_stopped() {
    let house = House::new();
    let bot = house.start().await;
    let (root, mut changes) = rollout();
    let place = Place {
        platform: Platform::Terminal,
        workspace: "terminal".into(),
        channel: "main".into(),
        thread: None,
    };
    changes.push(Change::Want(Box::new(Wanted {
        subject: card_subject(root),
        place,
        body: json!({ "card": root }),
        priority: Priority::Now,
    })));
    bot.engine.commit(changes).await.unwrap();
    let card = bot.shows(0, |text| text.contains("Release #7 of shop: failed")).await;
    assert!(card.contains("new: web-000, web-001"), "{card}");
    assert!(card.contains("unknown: web-009"), "{card}");
    assert!(card.contains("release.upload failed: the disk is full"), "{card}");
    let line = |text: &str| card.lines().any(|it| it.trim() == text);
    assert!(line("✔ 420 other hosts") && line("✘ 1 other host"), "{card}");
    assert!(card.contains("✔ web-449") && !card.contains("✔ web-400 "), "{card}");
    bot.stop().await;
}
