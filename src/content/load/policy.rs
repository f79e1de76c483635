use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::content::{ActionPolicy, Beyond, Bounding, RetryOn, SourceFile};
use crate::id::{ActionRef, PackName};
use crate::yaml::{Fault, Node, suggest};

use super::Loader;

#[derive(Deserialize)]
struct RawPolicy {
    name: String,
    pack: Option<String>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default = "super::yes")]
    enabled: bool,
    resource_ref: String,
    policy_type: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default, rename = "id")]
    _id: Value,
    #[serde(default, rename = "ref")]
    _ref: Value,
    #[serde(default, rename = "uid")]
    _uid: Value,
    #[serde(default, rename = "metadata_file")]
    _metadata_file: Value,
}

const TYPES: [&str; 3] = ["action.retry", "action.concurrency", "action.concurrency.attr"];

impl Loader<'_> {
    pub(super) fn policy(&mut self, pack: &PackName, file: &SourceFile) {
        let Some(node) = file.read(&mut self.diagnostics) else { return };
        let Some(raw) = file.decode::<RawPolicy>(&node, &mut self.diagnostics) else { return };
        if let Some(other) = raw.pack.as_ref().filter(|it| *it != pack.as_str()) {
            let message = format!("the policy says pack `{other}` but lies in pack `{pack}`");
            return self.error(file, node.place_of("pack"), message);
        }
        let bound = match bounding(&raw, &node) {
            Ok(bound) => bound,
            Err(fault) => return self.fault(file, fault),
        };
        let key = format!("policy {pack}.{}", raw.name);
        if let Some((first, _)) = self.places.get(&key) {
            let message = format!("policy `{}` is there twice: also in {first}", raw.name);
            return self.error(file, node.place_of("name"), message);
        }
        self.places.insert(key, (file.path.clone(), node.place_of("resource_ref")));
        if raw.enabled {
            let action = ActionRef::new(raw.resource_ref);
            self.catalogue.policies.push(ActionPolicy { pack: pack.clone(), name: raw.name, action, bound });
        }
    }

    /// A policy without its action bounds nothing. One of a workflow is not gone by.
    pub(super) fn policies_reach_actions(&mut self) {
        let mut kept = Vec::new();
        for policy in std::mem::take(&mut self.catalogue.policies) {
            let key = format!("policy {}.{}", policy.pack, policy.name);
            let who = format!("policy `{}`", policy.name);
            match self.catalogue.actions.get(&policy.action) {
                Some(action) if crate::workflow::is_workflow(action.runner.as_str()) => self.warn_at(
                    &key,
                    format!("{who} is of the workflow `{}`, and bounds only actions here", policy.action),
                    "name the actions that the workflow runs",
                ),
                Some(_) => kept.push(policy),
                None => {
                    let place = self.places.get(&key).cloned();
                    self.missing_action(place, &who, &policy.action);
                }
            }
        }
        self.catalogue.policies = kept;
    }
}

fn bounding(raw: &RawPolicy, node: &Node) -> Result<Bounding, Fault> {
    let at = |name: &str| node.find(&format!("parameters.{name}"));
    let number = |name: &str, least: u64, default: Option<u64>| {
        match raw.parameters.get(name) {
            None | Some(Value::Null) => default.ok_or(()),
            Some(value) => value.as_u64().filter(|it| least <= *it).ok_or(()),
        }
        .map_err(|()| Fault::new(at(name), format!("`{name}` is a whole number, {least} or more")))
    };
    let word = |name: &str, default: Option<&str>, known: &[&str]| {
        let given = raw.parameters.get(name).and_then(Value::as_str).or(default).unwrap_or_default();
        let found = known.iter().position(|it| *it == given);
        found.ok_or_else(|| Fault::new(at(name), format!("`{name}` is one of {}", known.join(", "))))
    };
    let concurrency = |attributes: Vec<String>| -> Result<Bounding, Fault> {
        let beyond = [Beyond::Delay, Beyond::Cancel][word("action", Some("delay"), &["delay", "cancel"])?];
        let threshold = usize::try_from(number("threshold", 1, None)?).unwrap_or(usize::MAX);
        Ok(Bounding::Concurrency { threshold, beyond, attributes })
    };
    match raw.policy_type.as_str() {
        "action.retry" => Ok(Bounding::Retry {
            on: [RetryOn::Failure, RetryOn::Timeout][word("retry_on", None, &["failure", "timeout"])?],
            most: u32::try_from(number("max_retry_count", 1, Some(2))?).unwrap_or(u32::MAX),
            delay: Duration::from_secs(number("delay", 0, Some(0))?),
        }),
        "action.concurrency" => concurrency(Vec::new()),
        "action.concurrency.attr" => {
            let named = raw.parameters.get("attributes").and_then(Value::as_array);
            let named: Vec<String> =
                named.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            if named.is_empty() {
                return Err(Fault::new(at("attributes"), "`attributes` is a list of names of parameters"));
            }
            concurrency(named)
        }
        other => {
            let fault =
                Fault::new(node.place_of("policy_type"), format!("there is no kind of policy `{other}`"));
            Err(match suggest(other, TYPES) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint(format!("known: {}", TYPES.join(", "))),
            })
        }
    }
}
