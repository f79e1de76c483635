use serde_json::{Map, Value, json};

use super::Conductor;
use super::sequence::Visit;
use super::staging::{RetryState, Staged};

impl Conductor {
    /// The state as orquesta serializes it: contexts, routes, sequence, staged, status, tasks, reruns. For comparison
    /// and for people who know that form; a snapshot is made with serde.
    pub fn orquesta_state(&self) -> Value {
        let visits = self.sequence.visits();
        let tasks: Map<String, Value> = visits
            .iter()
            .enumerate()
            .map(|(index, visit)| {
                (format!("{}__r{}", self.spec.graph.get(visit.node).name, visit.route), json!(index))
            })
            .collect();
        let mut state = json!({
            "contexts": self.contexts.values,
            "routes": self.routes,
            "sequence": visits.iter().map(|visit| self.picture_of_visit(visit)).collect::<Vec<_>>(),
            "staged": self.staging.all().map(|staged| self.picture_of_staged(staged)).collect::<Vec<_>>(),
            "status": self.status,
            "tasks": tasks,
        });
        if !self.reruns.is_empty() {
            state["reruns"] = json!(self.reruns);
        }
        state
    }

    fn picture_of_visit(&self, visit: &Visit) -> Value {
        let node = self.spec.graph.get(visit.node);
        let next: Map<String, Value> = node
            .outbound
            .iter()
            .zip(&visit.fired)
            .filter_map(|(edge, fired)| fired.map(|fired| (edge.id.clone(), json!(fired))))
            .collect();
        let mut picture = json!({
            "id": node.name,
            "route": visit.route,
            "ctxs": { "in": self.contexts.indices(visit.lineage) },
            "prev": visit.prev,
            "next": next,
        });
        if let Some((transition, context)) = &visit.published {
            picture["ctxs"]["out"] = Value::Object(Map::from_iter([(transition.clone(), json!(context))]));
        }
        if let Some(status) = visit.status {
            picture["status"] = json!(status);
        }
        if visit.terminal {
            picture["term"] = json!(true);
        }
        if let Some(retry) = &visit.retry {
            picture["retry"] = picture_of_retry(retry);
        }
        picture
    }

    fn picture_of_staged(&self, staged: &Staged) -> Value {
        let mut picture = json!({
            "id": self.spec.graph.get(staged.node).name,
            "route": staged.route,
            "ctxs": { "in": self.contexts.indices(staged.lineage) },
            "prev": staged.prev,
            "ready": staged.ready,
        });
        if let Some(retry) = &staged.retry {
            picture["retry"] = picture_of_retry(retry);
        }
        if let Some(items) = &staged.items {
            picture["items"] = items.statuses().iter().map(|status| json!({ "status": status })).collect();
        }
        if staged.completed {
            picture["completed"] = json!(true);
        }
        if staged.run_on_fail {
            picture["run_on_fail"] = json!(true);
        }
        picture
    }
}

fn picture_of_retry(retry: &RetryState) -> Value {
    let mut picture = json!({ "when": retry.when, "count": retry.count, "tally": retry.tally });
    if let Some(delay) = &retry.delay {
        picture["delay"] = delay.clone();
    }
    picture
}
