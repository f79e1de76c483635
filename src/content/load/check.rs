use std::collections::BTreeMap;

use crate::content::{Diagnostic, Performer, Severity, runner_kind};
use crate::id::ActionRef;
use crate::yaml::{Dialect, Fault, Place, suggest};

use super::Loader;

impl Loader<'_> {
    /// What shows only when all files are read.
    pub(super) fn cross_checks(&mut self) {
        self.workflows_reach_actions();
        self.aliases_reach_actions();
        self.rules_reach_actions();
        self.actions_can_run();
        self.verifiers_exist();
    }

    /// Of our own packs the alias is taken out; a foreign one waits for its action, as in StackStorm.
    fn aliases_reach_actions(&mut self) {
        let mut kept = Vec::new();
        for alias in std::mem::take(&mut self.catalogue.aliases) {
            let target = ActionRef::new(alias.action_ref.as_str());
            if self.catalogue.actions.contains_key(&target) {
                kept.push(alias);
                continue;
            }
            let key = format!("alias of {}.{}", alias.pack, alias.name);
            let place = self.places.get(&key).cloned();
            if self.missing_action(place, &format!("alias `{}`", alias.name), &target) == Dialect::StackStorm
            {
                kept.push(alias);
            }
        }
        self.catalogue.aliases = kept;
    }

    fn rules_reach_actions(&mut self) {
        let mut kept = Vec::new();
        for rule in std::mem::take(&mut self.catalogue.rules) {
            if self.catalogue.actions.contains_key(&rule.action) {
                kept.push(rule);
                continue;
            }
            let place = self.places.get(&format!("rule {}.{}", rule.pack, rule.name)).cloned();
            if self.missing_action(place, &format!("rule `{}`", rule.name), &rule.action)
                == Dialect::StackStorm
            {
                kept.push(rule);
            }
        }
        self.catalogue.rules = kept;
    }

    /// Tells of a reference to nothing, and in whose dialect it stands.
    fn missing_action(&mut self, place: Option<(String, Place)>, who: &str, target: &ActionRef) -> Dialect {
        let (path, place) = place.unwrap_or_else(|| (String::new(), Place::START));
        let dialect = self.files.get(path.as_str()).map_or(Dialect::Strict, |it| it.dialect);
        let fault = Fault::new(place, format!("{who} runs `{target}`, which does not exist"));
        let severity = match dialect {
            Dialect::Strict => Severity::Error,
            Dialect::StackStorm => Severity::Warning,
        };
        let fault = self.with_near_action(fault, target);
        self.diagnostics.push(Diagnostic { severity, ..Diagnostic::of(path, fault) });
        dialect
    }

    /// Adds what may have been meant: a like name in the same pack, or the same name in another.
    pub(super) fn with_near_action(&self, fault: Fault, target: &ActionRef) -> Fault {
        let (pack, name) = target.as_str().split_once('.').unwrap_or(("", target.as_str()));
        let all = || self.catalogue.actions.values();
        let beside = all().filter(|it| it.pack.as_str() == pack).map(|it| it.name.as_str());
        let near = suggest(name, beside).map(|name| format!("{pack}.{name}"));
        match near.or_else(|| all().find(|it| it.name == name).map(|it| it.reference.to_string())) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault,
        }
    }

    /// One line per pack and runner: a pack of Python actions would fill the screen.
    fn actions_can_run(&mut self) {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for action in self.catalogue.actions.values() {
            if runner_kind(&action.runner).is_some_and(|it| it.performer == Performer::Nobody) {
                let folder = self.catalogue.packs.get(&action.pack).map(|it| it.folder.clone());
                let key = (folder.unwrap_or_default(), action.runner.to_string());
                *counts.entry(key).or_default() += 1;
            }
        }
        for ((folder, runner), count) in counts {
            let message = match count {
                1 => format!(
                    "1 action uses runner `{runner}`, which is not performed here; it is listed, not run"
                ),
                many => format!(
                    "{many} actions use runner `{runner}`, which is not performed here; they are listed, not run"
                ),
            };
            self.diagnostics.push(Diagnostic::warning(format!("{folder}/pack.yaml"), Place::START, message));
        }
    }

    fn verifiers_exist(&mut self) {
        let missing: Vec<_> = self
            .catalogue
            .actions
            .values()
            .filter_map(|it| Some((it.reference.clone(), it.verify.clone()?)))
            .filter(|(_, verify)| !self.catalogue.actions.contains_key(verify))
            .collect();
        for (action, verify) in missing {
            let place = self.places.get(&format!("action {action}")).cloned();
            self.missing_action(place, &format!("the `verify` of action `{action}`"), &verify);
            self.catalogue.actions.shift_remove(&action);
        }
    }
}
