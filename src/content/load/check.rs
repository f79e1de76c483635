use std::collections::BTreeMap;

use crate::alias::{ActionAlias, Format, filled};
use crate::content::{Diagnostic, Performer, Severity, runner_kind};
use crate::id::ActionRef;
use crate::yaml::{Dialect, Fault, Place, suggest};

use super::Loader;

/// The pack of the bot's own commands.
const OURS: &str = "lockkeeper";

/// Where an alias's formats stand.
pub(super) fn formats_key(alias: &ActionAlias) -> String {
    format!("formats of {}.{}", alias.pack, alias.name)
}

impl Loader<'_> {
    /// What shows only when all files are read.
    pub(super) fn cross_checks(&mut self) {
        self.workflows_reach_actions();
        self.aliases_reach_actions();
        self.aliases_differ();
        self.rules_reach_actions();
        self.rules_fire();
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

    /// What would make commands ambiguous, or swallow those that nobody meant.
    fn aliases_differ(&mut self) {
        let mut told = Vec::new();
        let mut shapes: BTreeMap<String, Vec<(&ActionAlias, &str)>> = BTreeMap::new();
        for alias in self.catalogue.aliases.iter().filter(|it| it.enabled) {
            for pattern in alias.formats.iter().flat_map(|it| &it.representations) {
                if Format::compile(pattern).is_ok_and(|it| it.literals() == 0) {
                    let message = format!(
                        "format `{pattern}` matches whatever nothing else matches, so a misspelt command runs it too"
                    );
                    told.push((formats_key(alias), message, "begin it with a word of its own"));
                }
                // Names of parameters make no difference.
                let shape = filled(pattern, |_| "{{}}".to_owned()).trim().to_owned();
                shapes.entry(shape).or_default().push((alias, pattern));
            }
        }
        for same in shapes.values() {
            for (alias, pattern) in same {
                // What the bot brings itself is not what somebody would change.
                let other = same
                    .iter()
                    .map(|(it, _)| *it)
                    .find(|it| (&it.pack, &it.name) != (&alias.pack, &alias.name));
                if let Some(other) =
                    other.filter(|_| alias.pack != OURS || same.iter().all(|it| it.0.pack == OURS))
                {
                    let message = format!(
                        "format `{pattern}` matches what alias `{}.{}` matches, so nobody can say either",
                        other.pack, other.name
                    );
                    told.push((
                        formats_key(alias),
                        message,
                        "reword one of them, or say `enabled: false` of it",
                    ));
                }
            }
        }
        for (key, message, hint) in told {
            self.warn_at(&key, message, hint);
        }
    }

    /// No trigger of StackStorm fires here yet. A rule that is off says so itself.
    fn rules_fire(&mut self) {
        let on = self.catalogue.rules.iter().filter(|it| it.enabled);
        let told = on.map(|it| (format!("trigger of {}.{}", it.pack, it.name), it.trigger.clone()));
        for (key, trigger) in told.collect::<Vec<_>>() {
            let message =
                format!("nothing fires `{trigger}` in this version, so this rule never starts anything");
            let hint = "pushes to an app's branch are built without a rule; for all else, `enabled: false` says it is off";
            self.warn_at(&key, message, hint);
        }
    }

    fn warn_at(&mut self, key: &str, message: String, hint: &str) {
        let (path, place) = self.places.get(key).cloned().unwrap_or_else(|| (String::new(), Place::START));
        self.diagnostics.push(Diagnostic::warning(path, place, message).hint(hint));
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
