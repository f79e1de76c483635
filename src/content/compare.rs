//! What an upgrade of a pack changes for those who use it: actions with their parameters, what aliases listen to, rules.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::alias::ActionAlias;
use crate::id::PackName;
use crate::rule::Rule;

use super::{Action, Catalogue, Parameter};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangedKind {
    Action,
    Alias,
    Rule,
}

/// How it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Added,
    Removed,
    /// Never empty.
    Altered(Vec<Detail>),
}

/// One thing that is otherwise; what is not there is `None`. Not both are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// As ``parameter `channel` ``, `format`.
    pub what: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// One action, alias or rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: ChangedKind,
    pub name: String,
    pub change: Change,
}

/// What differs of a pack between two catalogues, in the order of kinds and names.
pub fn compare(pack: &PackName, old: &Catalogue, new: &Catalogue) -> Vec<Difference> {
    let actions = |it: &Catalogue| -> Vec<(String, Vec<Fact>)> {
        let own = it.actions.values().filter(|it| it.pack == *pack);
        own.map(|it| (it.name.clone(), of_action(it))).collect()
    };
    let aliases = |it: &Catalogue| -> Vec<(String, Vec<Fact>)> {
        let own = it.aliases.iter().filter(|it| it.pack == pack.as_str());
        own.map(|it| (it.name.clone(), of_alias(it))).collect()
    };
    let rules = |it: &Catalogue| -> Vec<(String, Vec<Fact>)> {
        let own = it.rules.iter().filter(|it| it.pack == *pack);
        own.map(|it| (it.name.clone(), of_rule(it))).collect()
    };
    let mut all = differences(ChangedKind::Action, actions(old), actions(new));
    all.extend(differences(ChangedKind::Alias, aliases(old), aliases(new)));
    all.extend(differences(ChangedKind::Rule, rules(old), rules(new)));
    all
}

/// Whether a version comes before another; `false` too where one of them is no number with dots.
pub fn is_older(version: &str, than: &str) -> bool {
    let numbers = |it: &str| -> Option<Vec<u64>> {
        it.trim_start_matches('v').split('.').map(|it| it.parse().ok()).collect()
    };
    match (numbers(version), numbers(than)) {
        (Some(version), Some(than)) => version < than,
        (None, _) | (_, None) => false,
    }
}

/// What a thing has, and its value.
type Fact = (String, String);

fn differences(
    kind: ChangedKind,
    old: Vec<(String, Vec<Fact>)>,
    new: Vec<(String, Vec<Fact>)>,
) -> Vec<Difference> {
    let names: BTreeSet<&String> = old.iter().chain(&new).map(|(name, _)| name).collect();
    let of = |all: &'_ [(String, Vec<Fact>)], name: &str| -> Option<Vec<Fact>> {
        all.iter().find(|it| it.0 == name).map(|it| it.1.clone())
    };
    let difference = |name: &String| {
        let change = match (of(&old, name), of(&new, name)) {
            (None, _) => Change::Added,
            (Some(_), None) => Change::Removed,
            (Some(old), Some(new)) => Change::Altered(details(&old, &new)),
        };
        (change != Change::Altered(Vec::new())).then(|| Difference { kind, name: name.clone(), change })
    };
    names.into_iter().filter_map(difference).collect()
}

fn details(old: &[Fact], new: &[Fact]) -> Vec<Detail> {
    let value = |all: &[Fact], what: &str| all.iter().find(|it| it.0 == what).map(|it| it.1.clone());
    let gone = old.iter().filter(|it| value(new, &it.0).is_none()).map(|(what, from)| Detail {
        what: what.clone(),
        from: Some(from.clone()),
        to: None,
    });
    let here = new.iter().filter_map(|(what, to)| {
        let from = value(old, what);
        let to = Some(to.clone());
        (from != to).then(|| Detail { what: what.clone(), from, to })
    });
    gone.chain(here).collect()
}

fn of_action(action: &Action) -> Vec<Fact> {
    let mut facts = vec![
        ("runner".to_owned(), action.runner.to_string()),
        ("enabled".to_owned(), action.enabled.to_string()),
        ("what it runs".to_owned(), action.content.short().to_owned()),
    ];
    facts.extend(action.entry_point.iter().map(|it| ("entry point".to_owned(), it.clone())));
    let own = action.parameters.iter().filter(|(_, it)| !it.of_runner || it.default.is_some());
    facts.extend(own.map(|(name, it)| (format!("parameter `{name}`"), signature(it))));
    facts
}

/// What a caller has to know of it: `string, required, default "x"`.
fn signature(it: &Parameter) -> String {
    let mut parts = vec![it.kind.map_or("any type", |it| it.as_str()).to_owned()];
    let flags = [(it.required, "required"), (it.immutable, "fixed"), (it.secret, "secret")];
    parts.extend(flags.into_iter().filter(|it| it.0).map(|it| it.1.to_owned()));
    match &it.default {
        // A secret's default is one.
        Some(_) if it.secret => parts.push("has a default".to_owned()),
        Some(default) => parts.push(format!("default {default}")),
        None => {}
    }
    if !it.choices.is_empty() {
        parts.push(format!("one of {}", Value::from(it.choices.clone())));
    }
    parts.extend(it.position.map(|at| format!("position {at}")));
    parts.join(", ")
}

fn of_alias(alias: &ActionAlias) -> Vec<Fact> {
    let formats = alias.formats.iter().flat_map(|it| &it.representations);
    let mut facts = vec![
        ("action".to_owned(), alias.action_ref.clone()),
        ("enabled".to_owned(), alias.enabled.to_string()),
    ];
    facts.extend(formats.map(|it| (format!("format `{it}`"), "listened to".to_owned())));
    facts
}

fn of_rule(rule: &Rule) -> Vec<Fact> {
    let criteria = rule.criteria.iter().map(|it| format!("{}: {}", it.key, it.written));
    vec![
        ("trigger".to_owned(), rule.trigger.kind.clone()),
        ("trigger's parameters".to_owned(), Value::from(rule.trigger.parameters.clone()).to_string()),
        ("action".to_owned(), rule.action.to_string()),
        ("action's parameters".to_owned(), Value::from(rule.parameters.clone()).to_string()),
        ("enabled".to_owned(), rule.enabled.to_string()),
        ("criteria".to_owned(), criteria.collect::<Vec<_>>().join("; ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Dialect, SourceFile, load};

    fn catalogue(action: &str, alias: &str, more: &[(&str, &str)]) -> Catalogue {
        let file = |path: &str, text: &str| SourceFile {
            dialect: Dialect::StackStorm,
            ..SourceFile::text(format!("packs/demo/{path}"), text)
        };
        let mut files = vec![
            file("pack.yaml", "name: demo\nref: demo\nversion: 1.0.0\ndescription: D.\nauthor: me\n"),
            file("actions/say.sh", "echo\n"),
            file("actions/say.yaml", action),
            file("aliases/say.yaml", alias),
        ];
        files.extend(more.iter().map(|(path, text)| file(path, text)));
        load(&files).0
    }

    #[test]
    fn versions_are_numbers_and_not_texts() {
        assert!(is_older("1.9.0", "1.10.0") && is_older("v1.2", "1.2.1"));
        assert!(!is_older("1.10.0", "1.9.0") && !is_older("1.0.0", "1.0.0") && !is_older("main", "1.0"));
    }

    #[test]
    fn an_upgrade_is_told_by_what_callers_would_notice() {
        let action = "name: say\nrunner_type: local-shell-script\nentry_point: say.sh\nparameters:\n  to: {type: string, required: true}\n  key: {type: string, secret: true, default: hunter2}\n";
        let alias = "name: say\naction_ref: demo.say\nformats: ['say {{to}}']\n";
        let rule = "name: r\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: a}}\naction: {ref: demo.say}\n";
        let old = catalogue(action, alias, &[("rules/r.yaml", rule)]);
        let pack = PackName::from("demo");
        assert_eq!(compare(&pack, &old, &old), []);

        let action = action.replace(
            "to: {type: string, required: true}",
            "to: {type: array}\n  loud: {type: boolean, default: false}",
        );
        let action = action.replace("hunter2", "hunter3");
        let alias = alias.replace("'say {{to}}'", "'shout {{to}}'");
        let new = "name: new\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: date}}\n";
        let new = catalogue(&action, &alias, &[("actions/new.yaml", new)]);
        let told: Vec<String> = compare(&pack, &old, &new).iter().map(|it| format!("{it:?}")).collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        assert!(told[0].contains("\"new\"") && told[0].contains("Added"), "{told:#?}");
        for part in
            ["parameter `to`", "string, required", "array", "parameter `loud`", "boolean, default false"]
        {
            assert!(told[1].contains(part), "{part}: {told:#?}");
        }
        assert!(!told[1].contains("hunter"), "a secret's default is not shown: {told:#?}");
        assert!(
            told[2].contains("format `say {{to}}`") && told[2].contains("format `shout {{to}}`"),
            "{told:#?}"
        );
        assert!(told[3].contains("Rule") && told[3].contains("Removed"), "{told:#?}");
    }
}
