use serde_json::{Map, Value};

use crate::expression::HostValues;

use super::super::Status;
use super::Conductor;
use super::contexts::{self, ROOT};
use super::log::Place;
use super::staging::Staged;

impl Conductor {
    /// Renders inputs and variables into the initial context and stages the tasks that start the workflow.
    pub(super) fn begin(&mut self, host: &HostValues) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let mut faults = Vec::new();
        let mut context = self.parent.clone();
        let rendered = self.rendered_inputs(host, &mut faults);
        contexts::merge(&mut context, &rendered);
        let spec = self.spec.clone();
        let vars = self.rendered_in_order(&spec.vars, &context, host, &mut faults);
        contexts::merge(&mut context, &vars);

        if !faults.is_empty() {
            for fault in faults {
                self.log.error(fault, Place::default());
            }
            self.status = Status::Failed;
            return;
        }
        self.contexts.values.push(context);
        self.routes.push(Vec::new());
        for node in spec.graph.roots.iter().copied() {
            self.staging.add(Staged::new(node, 0, ROOT));
        }
    }

    /// The parent's context with the inputs in it, each seen by those after it.
    fn rendered_inputs(&self, host: &HostValues, faults: &mut Vec<String>) -> Map<String, Value> {
        let mut rolling = self.parent.clone();
        for (name, default) in &self.spec.input {
            let value = self.inputs.get(name).unwrap_or(default);
            match self.evaluate_outside(value, &rolling, host) {
                Ok(value) => {
                    rolling.insert(name.clone(), value);
                }
                Err(fault) => faults.push(fault.to_string()),
            }
        }
        rolling
    }

    /// Renders named entries one after another, each seen by those after it; faults do not stop the others.
    pub(super) fn rendered_in_order(
        &self,
        entries: &[(String, Value)],
        context: &Map<String, Value>,
        host: &HostValues,
        faults: &mut Vec<String>,
    ) -> Map<String, Value> {
        let mut rendered = Map::new();
        let mut rolling = context.clone();
        for (name, value) in entries {
            match self.evaluate_outside(value, &rolling, host) {
                Ok(value) => {
                    rolling.insert(name.clone(), value.clone());
                    rendered.insert(name.clone(), value);
                }
                Err(fault) => faults.push(fault.to_string()),
            }
        }
        rendered
    }
}
