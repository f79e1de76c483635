use serde_json::{Map, Value};

use crate::expression::HostValues;

use super::super::Status;
use super::Conductor;
use super::log::Place;

impl Conductor {
    /// Renders the output of a completed workflow (`render_workflow_output` of orquesta). Entries that fail are left
    /// out and turn a success into a failure.
    pub fn render_output(&mut self, host: &HostValues) {
        self.begin(host);
        if !self.status.is_completed() || self.output.is_some() {
            return;
        }
        let spec = self.spec.clone();
        let context = self.final_context();
        let mut faults = Vec::new();
        let rendered = self.rendered_in_order(&spec.output, &context, host, &mut faults);
        if !rendered.is_empty() {
            self.output = Some(Value::Object(rendered));
        }
        if faults.is_empty() {
            return;
        }
        let final_status = self.status;
        for fault in faults {
            self.log.error(fault, Place::default());
        }
        if !matches!(final_status, Status::Timeout | Status::Abandoned | Status::Canceled) {
            self.fail(host);
        }
    }

    /// What the tasks saw that nothing came after.
    fn final_context(&mut self) -> Map<String, Value> {
        let lists: Vec<u32> =
            self.sequence.terminal().map(|visit| self.sequence.get(visit).lineage).collect();
        self.contexts.merged_lists(&lists)
    }
}
