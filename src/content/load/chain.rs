use crate::content::{Action, Chained, Diagnostic, Severity, SourceFile};
use crate::id::ActionRef;
use crate::workflow::ChainSpec;
use crate::yaml::{Dialect, Fault, Place};

use super::Loader;

impl Loader<'_> {
    /// Reads the definition of an `action-chain` action; `None` if it cannot be run.
    pub(super) fn chain(&mut self, action: &Action, file: &SourceFile) -> Option<()> {
        let node = file.read(&mut self.diagnostics)?;
        match ChainSpec::parse(&node.to_json()) {
            Ok(spec) => {
                let chained = Chained { spec, file: file.path.clone() };
                self.catalogue.chains.insert(action.reference.clone(), chained);
                self.workflow_nodes.insert(action.reference.clone(), node);
                Some(())
            }
            Err(faults) => {
                for (path, message) in faults {
                    let place = if path.is_empty() { node.place } else { node.find(&path) };
                    self.fault(file, Fault::new(place, message));
                }
                None
            }
        }
    }

    /// Every action that a chain names must be there. A chain of ours that names another is taken out; one of a foreign
    /// pack fails at that task, as in StackStorm.
    pub(super) fn chains_reach_actions(&mut self) {
        let references: Vec<ActionRef> = self.catalogue.chains.keys().cloned().collect();
        for reference in references {
            let Some(chained) = self.catalogue.chains.get(&reference).cloned() else { continue };
            let dialect = self.files.get(chained.file.as_str()).map_or(Dialect::Strict, |it| it.dialect);
            let node = self.workflow_nodes.get(&reference).cloned();
            let mut faults = Vec::new();
            for (index, (_, action)) in chained.spec.task_actions().enumerate() {
                let target = ActionRef::new(action);
                if !self.catalogue.actions.contains_key(&target) {
                    let place =
                        node.as_ref().map_or(Place::START, |it| it.find(&format!("chain[{index}].ref")));
                    let fault = Fault::new(place, format!("there is no action `{target}`"));
                    faults.push(self.with_near_action(fault, &target));
                }
            }
            let severity = match dialect {
                Dialect::Strict => Severity::Error,
                Dialect::StackStorm => Severity::Warning,
            };
            if severity == Severity::Error && !faults.is_empty() {
                self.catalogue.chains.shift_remove(&reference);
                self.catalogue.actions.shift_remove(&reference);
            }
            for fault in faults {
                self.diagnostics.push(Diagnostic { severity, ..Diagnostic::of(&chained.file, fault) });
            }
        }
    }
}
