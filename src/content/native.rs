//! The aliases as commands of a platform that has typed options: one command per alias, its slots as options with the
//! types and descriptions of its action's parameters.

use std::collections::BTreeSet;

use super::{Catalogue, ParameterKind};
use crate::alias::{ActionAlias, slots};
use crate::id::ActionRef;

/// The pack whose aliases come first.
const EVERYDAY: &str = "lockkeeper";

/// What can be completed: apps, what is released of them, and where to.
const COMPLETED: [&str; 5] = ["app", "release", "version", "stage", "environment"];

/// One command, without anything of a platform yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeCommand {
    pub name: String,
    pub description: String,
    /// What is required first.
    pub options: Vec<NativeOption>,
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeOption {
    pub name: String,
    pub description: String,
    pub kind: ParameterKind,
    pub required: bool,
    /// The only values allowed, if there are such.
    pub choices: Vec<String>,
    /// The bot can say what fits while somebody types.
    pub completes: bool,
}

/// The aliases as commands, the everyday ones first. What can only be said as a regular expression is left out.
pub fn native_commands(catalogue: &Catalogue) -> Vec<NativeCommand> {
    let named = native_aliases(&catalogue.aliases);
    named.into_iter().filter_map(|alias| command(catalogue, alias)).collect()
}

/// The aliases that commands are named after, each name once: an everyday alias has its name, else the first that bears it.
pub fn native_aliases(all: &[ActionAlias]) -> Vec<&ActionAlias> {
    let (everyday, others): (Vec<_>, Vec<_>) =
        all.iter().filter(|it| it.enabled).partition(|it| it.pack == EVERYDAY);
    let mut met = BTreeSet::new();
    everyday.into_iter().chain(others).filter(|it| met.insert(it.name.as_str())).collect()
}

fn command(catalogue: &Catalogue, alias: &ActionAlias) -> Option<NativeCommand> {
    let action = catalogue.action(&ActionRef::new(alias.action_ref.clone()))?;
    let mut options: Vec<NativeOption> = slots(alias)?
        .into_iter()
        .map(|slot| {
            let parameter = action.parameters.get(&slot.name);
            let choices: Vec<String> = parameter
                .map(|it| it.choices.as_slice())
                .unwrap_or_default()
                .iter()
                .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
                .collect();
            let described = parameter.map(|it| it.description.clone()).filter(|it| !it.trim().is_empty());
            NativeOption {
                description: described.unwrap_or_else(|| slot.name.clone()),
                kind: parameter.and_then(|it| it.kind).unwrap_or(ParameterKind::String),
                required: slot.required,
                completes: choices.is_empty() && COMPLETED.contains(&slot.name.as_str()),
                choices,
                name: slot.name,
            }
        })
        .collect();
    options.sort_by_key(|it| !it.required);
    let described = alias.description.clone().filter(|it| !it.trim().is_empty());
    Some(NativeCommand {
        name: alias.name.clone(),
        description: described.unwrap_or_else(|| action.description.clone()),
        options,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_of_packs_are_commands_too_unless_an_everyday_one_has_their_name() {
        let alias = |pack: &str, name: &str, enabled: bool| ActionAlias {
            pack: pack.to_owned(),
            name: name.to_owned(),
            enabled,
            ..ActionAlias::default()
        };
        let all = [
            alias("trial", "go", true),
            alias("trial", "help", true),
            alias("other", "go", true),
            alias("trial", "off", false),
            alias(EVERYDAY, "help", true),
        ];
        let named: Vec<(&str, &str)> =
            native_aliases(&all).into_iter().map(|it| (it.pack.as_str(), it.name.as_str())).collect();
        assert_eq!(named, [(EVERYDAY, "help"), ("trial", "go")]);
    }
}
