use std::collections::BTreeMap;

use crate::alias::{ActionAlias, Format, filled};
use crate::content::{Catalogue, Diagnostic, Performer, Sensor, Severity, runner_kind};
use crate::id::ActionRef;
use crate::rule::Listens;
use crate::yaml::{Dialect, Fault, Place, suggest};

use super::Loader;

/// The pack of the bot's own commands.
const OURS: &str = "lockkeeper";

/// Why nothing fires a trigger, and what to do about it.
fn idle(trigger: &Listens, catalogue: &Catalogue) -> Option<(String, &'static str)> {
    let kind = &trigger.kind;
    match (kind.strip_prefix("core.st2."), trigger.hook()) {
        (Some("webhook"), Some("")) | (Some("webhook"), None) => {
            let message = "the webhook has no `url`, so nobody can post to it".to_owned();
            Some((message, "name one, as in `parameters: {url: deployed}`"))
        }
        (Some("webhook"), Some("github")) => {
            let message =
                "/webhooks/github is where apps hear of pushes; this rule hears /v1/webhooks/github"
                    .to_owned();
            Some((message, "let the sender post there, or name another `url`"))
        }
        (Some("webhook"), Some(_)) => None,
        (Some("IntervalTimer" | "CronTimer" | "DateTimer"), _) => None,
        (Some("generic.actiontrigger" | "generic.inquiry"), _) => None,
        (Some("sensor.process_spawn" | "sensor.process_exit"), _) => None,
        (
            Some(
                "key_value_pair.create"
                | "key_value_pair.update"
                | "key_value_pair.value_change"
                | "key_value_pair.delete",
            ),
            _,
        ) => None,
        (Some("generic.notifytrigger"), _) => {
            let message = format!(
                "nothing fires `{kind}`: what was asked for in chat is answered there without a rule"
            );
            Some((message, "listen to `core.st2.generic.actiontrigger`, or say `enabled: false`"))
        }
        (Some(_), _) => {
            let message =
                format!("nothing fires `{kind}` in this version, so this rule never starts anything");
            Some((message, "`enabled: false` says that it is off"))
        }
        (None, _) => unsensed(kind, catalogue),
    }
}

/// Why no sensor fires a trigger of a pack.
fn unsensed(kind: &str, catalogue: &Catalogue) -> Option<(String, &'static str)> {
    let fires = |it: &&Sensor| it.triggers.iter().any(|it| it == kind);
    let sensors: Vec<&Sensor> = catalogue.sensors.iter().filter(fires).collect();
    if sensors.iter().any(|it| it.enabled) {
        return None;
    }
    if let Some(off) = sensors.first() {
        let message = format!("the sensor `{}`, which fires `{kind}`, is disabled", off.reference());
        return Some((message, "say `enabled: true` in its file"));
    }
    // A sensor may fire what another file declares.
    if catalogue.triggers.contains_key(kind) && catalogue.sensors.iter().any(|it| it.enabled) {
        return None;
    }
    let message = format!("no sensor here declares `{kind}`, so only who posts to /webhooks/st2 fires it");
    Some((
        message,
        "install the pack of its sensor, post {\"trigger\": …, \"payload\": …} there, or say `enabled: false`",
    ))
}

/// Where an alias's formats stand.
pub(super) fn formats_key(alias: &ActionAlias) -> String {
    format!("formats of {}.{}", alias.pack, alias.name)
}

impl Loader<'_> {
    /// What shows only when all files are read.
    pub(super) fn cross_checks(&mut self) {
        self.workflows_reach_actions();
        self.chains_reach_actions();
        self.aliases_reach_actions();
        self.own_words_stay(OURS);
        self.aliases_differ();
        self.rules_reach_actions();
        self.rules_fire();
        self.policies_reach_actions();
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

    /// Rules that wait for what never happens here. One that is off says so itself.
    fn rules_fire(&mut self) {
        let on = self.catalogue.rules.iter().filter(|it| it.enabled);
        let told = on.filter_map(|it| {
            Some((format!("trigger of {}.{}", it.pack, it.name), idle(&it.trigger, &self.catalogue)?))
        });
        for (key, (message, hint)) in told.collect::<Vec<_>>() {
            self.warn_at(&key, message, hint);
        }
    }

    pub(super) fn warn_at(&mut self, key: &str, message: String, hint: &str) {
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
    pub(super) fn missing_action(
        &mut self,
        place: Option<(String, Place)>,
        who: &str,
        target: &ActionRef,
    ) -> Dialect {
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
