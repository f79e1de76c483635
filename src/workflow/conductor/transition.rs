use serde_json::{Map, Value};

use crate::expression::HostValues;

use super::super::spec::{Edge, RESERVED, TransitionSpec};
use super::Conductor;
use super::evaluate::truthy;
use super::log::Place;
use super::report::Ended;
use super::sequence::Barrier;
use super::staging::Staged;

impl Conductor {
    /// Decides the transitions of a visit that just ended and stages what follows. Gives the engine commands among
    /// the targets, with their routes.
    pub(super) fn follow_transitions(&mut self, ended: &Ended, host: &HostValues) -> Vec<(u32, u32)> {
        let spec = self.spec.clone();
        let entry = self.sequence.get(ended.visit);
        let edges = &spec.graph.get(entry.node).outbound;
        if edges.is_empty() {
            self.sequence.get_mut(ended.visit).terminal = true;
        }
        let mut commands = Vec::new();
        let mut staged_tasks = Vec::new();
        let mut fails = false;
        for (index, edge) in edges.iter().enumerate() {
            let Some(key) = self.follow(ended, index, edge, host) else { continue };
            let target = spec.graph.get(edge.target).name.as_str();
            let Some(staged) = self.staging.get(key) else { continue };
            if RESERVED.contains(&target) {
                commands.push((edge.target, staged.route));
                fails |= target == "fail";
            } else if staged.ready {
                staged_tasks.push(key);
            }
        }
        self.sequence.get_mut(ended.visit).fired.resize(edges.len(), None);
        // What stands beside `fail` still runs: a clean-up before the workflow fails.
        if fails {
            for key in staged_tasks {
                self.staging.change(key, |staged| staged.run_on_fail = true);
            }
        }
        commands
    }

    /// Decides one transition. Gives the key of the staged target if it fired and could be published.
    fn follow(&mut self, ended: &Ended, index: usize, edge: &Edge, host: &HostValues) -> Option<u64> {
        let entry = self.sequence.get(ended.visit);
        let (route, lineage) = (entry.route, entry.lineage);
        let place = Place { task: Some(ended.name), route: Some(route), transition: Some(&edge.id) };
        let fired = match edge.criterion.as_deref().map(Value::from) {
            None => Ok(true),
            Some(criterion) => self
                .evaluate(&criterion, &ended.context, Some(ended.task(route)), None, host)
                .map(|value| truthy(&value)),
        };
        let fired = match fired {
            Ok(fired) => fired,
            Err(fault) => {
                self.log.error(fault.to_string(), place);
                self.fail(host);
                return None;
            }
        };
        self.sequence.set_fired(ended.visit, index, fired);
        if !fired {
            return None;
        }
        let spec = self.spec.clone();
        let transition = &spec.tasks.get(ended.name)?.next[edge.entry];
        let (published, faults) = self.publish(ended, route, transition, host);
        if !faults.is_empty() {
            for fault in faults {
                self.log.error(fault, place);
            }
            self.fail(host);
            return None;
        }
        let seen_next = if published.is_empty() {
            lineage
        } else {
            let (list, context) = self.contexts.publish(lineage, published);
            self.sequence.get_mut(ended.visit).published = Some((edge.id.clone(), context));
            list
        };
        Some(self.stage_target(ended.visit, edge, seen_next))
    }

    /// Evaluates `publish` entry by entry, each seen by those after it; faults do not stop the others.
    fn publish(
        &self,
        ended: &Ended,
        route: u32,
        transition: &TransitionSpec,
        host: &HostValues,
    ) -> (Map<String, Value>, Vec<String>) {
        let mut published = Map::new();
        let mut faults = Vec::new();
        let mut rolling = None;
        for (name, value) in &transition.publish {
            let context = rolling.as_ref().unwrap_or(&*ended.context);
            match self.evaluate(value, context, Some(ended.task(route)), None, host) {
                Ok(value) => {
                    if transition.publish.len() > 1 {
                        let seen: &mut Map<_, _> = rolling.get_or_insert_with(|| (*ended.context).clone());
                        seen.insert(name.clone(), value.clone());
                    }
                    published.insert(name.clone(), value);
                }
                Err(fault) => faults.push(fault.to_string()),
            }
        }
        (published, faults)
    }

    fn stage_target(&mut self, visit: u32, edge: &Edge, lineage: u32) -> u64 {
        let route = self.sequence.get(visit).route;
        let target_route = self.route_of(edge, route);
        let key = match self.staging.find(edge.target, target_route) {
            Some(key) => {
                let base = self.staging.get(key).map_or(lineage, |staged| staged.lineage);
                let joined = self.contexts.join(base, lineage);
                self.staging.change(key, |staged| {
                    staged.lineage = joined;
                    staged.items = None;
                    staged.completed = false;
                    staged.prev.insert(edge.backref.clone(), visit);
                });
                key
            }
            None => {
                let mut staged = Staged { ready: false, ..Staged::new(edge.target, target_route, lineage) };
                staged.prev.insert(edge.backref.clone(), visit);
                self.staging.add(staged)
            }
        };
        // The arrivals are counted on the route of the one that arrives.
        let ready = self.barrier(edge.target, route) == Barrier::Satisfied;
        self.staging.change(key, |staged| staged.ready = ready);
        key
    }

    /// The route a target runs on: one of its own when several transitions lead to it outside a join and a cycle.
    fn route_of(&mut self, edge: &Edge, route: u32) -> u32 {
        if !self.spec.graph.get(edge.target).split {
            return route;
        }
        let Some(steps) = self.routes.get(route as usize).filter(|steps| !steps.contains(&edge.backref))
        else {
            return route;
        };
        let mut steps = steps.clone();
        steps.push(edge.backref.clone());
        self.routes.push(steps);
        (self.routes.len() - 1) as u32
    }
}
