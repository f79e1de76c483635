use crate::content::{Action, SourceFile, Workflow};
use crate::yaml::Node;

use super::Loader;

impl Loader<'_> {
    /// Reads the definition of an `orquesta` action; `None` if it cannot be conducted.
    pub(super) fn workflow(&mut self, action: &Action, file: &SourceFile) -> Option<()> {
        // One definition may serve several actions; its own faults are told once.
        let node: Node = self.read(file)?;
        let definition = node.to_json();
        let workflow = Workflow { definition, file: file.path.clone() };
        self.catalogue.workflows.insert(action.reference.clone(), workflow);
        Some(())
    }
}
