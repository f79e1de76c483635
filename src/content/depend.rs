//! Who needs a pack: what others say, wait for or run of it.

use crate::id::{ActionRef, PackName};

use super::Catalogue;

/// Something of another pack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependent {
    pub kind: DependentKind,
    /// As `pack.name`.
    pub name: String,
    /// The action of the pack that it names.
    pub action: ActionRef,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DependentKind {
    Alias,
    Workflow,
    Rule,
    Policy,
    /// An action that is verified by one of the pack.
    Verified,
}

/// Everything outside `pack` that names an action of it. What a workflow's expression would give is not seen.
pub fn dependents(catalogue: &Catalogue, pack: &PackName) -> Vec<Dependent> {
    let is_of = |action: &str| action.split_once('.').is_some_and(|it| it.0 == pack.as_str());
    let mut all = Vec::new();
    let mut add = |kind: DependentKind, owner: &str, name: String, action: &str| {
        if owner != pack.as_str() && is_of(action) {
            all.push(Dependent { kind, name, action: ActionRef::new(action) });
        }
    };
    for it in &catalogue.aliases {
        add(DependentKind::Alias, &it.pack, format!("{}.{}", it.pack, it.name), &it.action_ref);
    }
    for it in &catalogue.rules {
        add(DependentKind::Rule, it.pack.as_str(), it.reference(), it.action.as_str());
    }
    for it in &catalogue.policies {
        add(DependentKind::Policy, it.pack.as_str(), format!("{}.{}", it.pack, it.name), it.action.as_str());
    }
    for (reference, workflow) in &catalogue.workflows {
        for action in workflow.spec.task_actions().filter_map(|it| it.1) {
            let action = action.split_whitespace().next().unwrap_or(action);
            add(DependentKind::Workflow, owner(reference), reference.to_string(), action);
        }
    }
    for (reference, chain) in &catalogue.chains {
        for (_, action) in chain.spec.task_actions() {
            add(DependentKind::Workflow, owner(reference), reference.to_string(), action);
        }
    }
    for (reference, action) in &catalogue.actions {
        if let Some(verify) = &action.verify {
            add(DependentKind::Verified, action.pack.as_str(), reference.to_string(), verify.as_str());
        }
    }
    all.sort();
    all.dedup();
    all
}

fn owner(reference: &ActionRef) -> &str {
    reference.as_str().split_once('.').map_or("", |it| it.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Dialect, SourceFile, load};

    #[test]
    fn whoever_names_an_action_of_a_pack_needs_it() {
        let file = |path: &str, text: &str| SourceFile {
            dialect: Dialect::StackStorm,
            ..SourceFile::text(format!("packs/{path}"), text)
        };
        let meta = |name: &str| format!("name: {name}\nversion: 1.0.0\ndescription: D.\nauthor: me\n");
        let cmd = "runner_type: local-shell-cmd\nparameters: {cmd: {default: date}}\n";
        let files = [
            file("base/pack.yaml", &meta("base")),
            file("base/actions/a.yaml", &format!("name: a\n{cmd}")),
            file("base/aliases/own.yaml", "name: own\naction_ref: base.a\nformats: [own]\n"),
            file("user/pack.yaml", &meta("user")),
            file("user/aliases/al.yaml", "name: al\naction_ref: base.a\nformats: [al]\n"),
            file("user/rules/r.yaml", "name: r\ntrigger: {type: x.y}\naction: {ref: base.a}\n"),
            file("user/actions/w.yaml", "name: w\nrunner_type: orquesta\nentry_point: workflows/w.yaml\n"),
            file("user/actions/workflows/w.yaml", "version: 1.0\ntasks:\n  t: {action: base.a}\n"),
            file(
                "user/actions/c.yaml",
                "name: c\nrunner_type: action-chain\nentry_point: workflows/c.yaml\n",
            ),
            file(
                "user/actions/workflows/c.yaml",
                "chain: [{name: t, ref: base.a}, {name: u, ref: core.noop}]\n",
            ),
            file("user/actions/v.yaml", &format!("name: v\ntags: [{{name: verify, value: base.a}}]\n{cmd}")),
        ];
        let (catalogue, _) = load(&files);
        let told: Vec<String> = dependents(&catalogue, &"base".into())
            .iter()
            .map(|it| format!("{:?} {}", it.kind, it.name))
            .collect();
        assert_eq!(
            told,
            ["Alias user.al", "Workflow user.c", "Workflow user.w", "Rule user.r", "Verified user.v"]
        );
        assert_eq!(dependents(&catalogue, &"user".into()), []);
        assert_eq!(dependents(&catalogue, &"bas".into()), []);
    }
}
