use serde_json::Value;

use crate::content::{Action, Diagnostic, Severity, SourceFile, Workflow};
use crate::id::ActionRef;
use crate::workflow::{Finding, Spec, inspect, unknown_names};
use crate::yaml::{Dialect, Fault, Node};

use super::Loader;

/// What the engine puts into a workflow's context beside its inputs, as st2 does.
const GIVEN: [&str; 2] = ["st2", "parent"];

impl Loader<'_> {
    /// Reads the definition of an `orquesta` action; `None` if it cannot be conducted. One definition may serve several
    /// actions.
    pub(super) fn workflow(&mut self, action: &Action, file: &SourceFile) -> Option<()> {
        let node = file.read(&mut self.diagnostics)?;
        let definition = node.to_json();
        let found = inspect(&definition, &GIVEN.map(str::to_owned));
        let blocking = found.syntax.iter().chain(&found.semantics);
        blocking.for_each(|it| self.finding(file, &node, it, Severity::Error));
        // An expression that fails only where it is met is a foreign pack's own business.
        let severity = match file.dialect {
            Dialect::Strict => Severity::Error,
            Dialect::StackStorm => Severity::Warning,
        };
        found.expressions.iter().chain(&found.context).for_each(|it| self.finding(file, &node, it, severity));
        let mut fine = found.expressions.is_empty() && found.context.is_empty();
        fine |= severity != Severity::Error;
        for (finding, runs_there) in unknown_names(&definition) {
            // What runs there and not here must not be met in the middle of a run.
            let severity = if runs_there { Severity::Error } else { severity };
            fine &= severity != Severity::Error;
            self.finding(file, &node, &finding, severity);
        }
        if !fine {
            return None;
        }
        let spec = Spec::parse(&definition).ok()?;
        self.catalogue
            .workflows
            .insert(action.reference.clone(), Workflow { definition, spec, file: file.path.clone() });
        self.workflow_nodes.insert(action.reference.clone(), node);
        Some(())
    }

    fn finding(&mut self, file: &SourceFile, node: &Node, finding: &Finding, severity: Severity) {
        let place = finding.spec_path.as_deref().map_or(node.place, |path| node.find(path));
        let fault = Fault::new(place, finding.message.clone());
        self.diagnostics.push(Diagnostic { severity, ..Diagnostic::of(&file.path, fault) });
    }

    /// Every action that a workflow names must be there and must take what it is given. A workflow of ours that
    /// breaks this is taken out.
    pub(super) fn workflows_reach_actions(&mut self) {
        let references: Vec<ActionRef> = self.catalogue.workflows.keys().cloned().collect();
        for reference in references {
            let Some(workflow) = self.catalogue.workflows.get(&reference).cloned() else { continue };
            let dialect = self.files.get(workflow.file.as_str()).map_or(Dialect::Strict, |it| it.dialect);
            let node = self.workflow_nodes.get(&reference).cloned();
            let at = |path: String| node.as_ref().map_or(crate::yaml::Place::START, |it| it.find(&path));
            let mut faults = Vec::new();
            for (task, action) in workflow.spec.task_actions() {
                let Some(action) = action.filter(|it| !it.contains("<%") && !it.contains("{{")) else {
                    continue;
                };
                let target = ActionRef::new(action.split_whitespace().next().unwrap_or(action));
                let path = format!("tasks.{task}");
                let Some(found) = self.catalogue.actions.get(&target) else {
                    let fault =
                        Fault::new(at(format!("{path}.action")), format!("there is no action `{target}`"));
                    faults.push(self.with_near_action(fault, &target));
                    continue;
                };
                let written = &workflow.definition["tasks"][task];
                if let Some(message) = spliced(found, written) {
                    faults.push(Fault::new(at(path.clone()), format!("task `{task}`: {message}")));
                }
                // Parameters on the action's own line replace the input.
                if written["action"].as_str().is_some_and(|it| it.contains('=')) {
                    continue;
                }
                let input = &written["input"];
                let wrong = input_faults(found, input);
                faults.extend(wrong.into_iter().map(|(name, message)| {
                    Fault::new(at(format!("{path}.input.{name}")), format!("task `{task}`: {message}"))
                }));
            }
            let severity = match dialect {
                Dialect::Strict => Severity::Error,
                Dialect::StackStorm => Severity::Warning,
            };
            if severity == Severity::Error && !faults.is_empty() {
                self.catalogue.workflows.shift_remove(&reference);
                self.catalogue.actions.shift_remove(&reference);
            }
            for fault in faults {
                self.diagnostics.push(Diagnostic { severity, ..Diagnostic::of(&workflow.file, fault) });
            }
        }
    }
}

/// A shell command that an expression is part of: what it gives would be read as code (`ARCHITECTURE.md`, what never
/// happens).
fn spliced(action: &Action, written: &Value) -> Option<String> {
    let is_command = action.runner.as_str().ends_with("-shell-cmd");
    let inline = written["action"].as_str().and_then(|it| it.split_once("cmd=")).map(|(_, rest)| rest);
    let text = inline.or_else(|| written["input"]["cmd"].as_str())?;
    (is_command && (text.contains("<%") || text.contains("{{"))).then(|| {
        "an expression in `cmd` would become code of the shell; give it as `env: {NAME: <% … %>}` and write \"$NAME\""
            .to_owned()
    })
}

/// Parameters that an action does not know, may not be given, or misses; each by name.
fn input_faults(action: &Action, input: &Value) -> Vec<(String, String)> {
    let given = match input {
        Value::Null => None,
        Value::Object(map) => Some(map),
        // An expression that gives the whole input.
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return Vec::new(),
    };
    let mut faults = Vec::new();
    for name in given.into_iter().flat_map(|it| it.keys()) {
        match action.parameters.get(name) {
            None => faults
                .push((name.clone(), format!("action `{}` has no parameter `{name}`", action.reference))),
            Some(parameter) if parameter.immutable => {
                faults.push((
                    name.clone(),
                    format!("parameter `{name}` of action `{}` is fixed", action.reference),
                ));
            }
            Some(_) => {}
        }
    }
    for (name, parameter) in &action.parameters {
        let there = given.is_some_and(|it| it.contains_key(name)) || parameter.default.is_some();
        if parameter.required && !there {
            faults.push((String::new(), format!("action `{}` needs parameter `{name}`", action.reference)));
        }
    }
    faults
}
