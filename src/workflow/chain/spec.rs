use indexmap::IndexMap;
use serde_json::{Map, Value};

/// An action chain as written: `contrib/runners/action_chain_runner` and `st2common/models/system/actionchain.py` of
/// <https://github.com/StackStorm/st2>.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainSpec {
    source: Value,
    /// Where it begins.
    pub(super) first: String,
    pub(super) vars: Map<String, Value>,
    pub(super) nodes: IndexMap<String, Node>,
}

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) action: String,
    pub(super) parameters: Map<String, Value>,
    pub(super) publish: Map<String, Value>,
    pub(super) on_success: Option<String>,
    pub(super) on_failure: Option<String>,
}

const KEYS: [&str; 3] = ["chain", "default", "vars"];
/// `description` is not StackStorm's, but chains have it, and it lets it pass.
const NODE_KEYS: [&str; 9] =
    ["name", "ref", "params", "parameters", "on-success", "on-failure", "publish", "notify", "description"];

impl ChainSpec {
    /// Reads a chain from the JSON form of its YAML.
    ///
    /// # Errors
    /// What hinders running it: each with the path of where it stands, and what it is.
    pub fn parse(value: &Value) -> Result<Self, Vec<(String, String)>> {
        let mut reader = Reader { faults: Vec::new() };
        let spec = reader.chain(value);
        match spec {
            Some(spec) if reader.faults.is_empty() => Ok(spec),
            Some(_) | None => Err(reader.faults),
        }
    }

    /// The JSON it was read from.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Name and action of every task, in the order of the file.
    pub fn task_actions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.nodes.iter().map(|(name, node)| (name.as_str(), node.action.as_str()))
    }
}

struct Reader {
    faults: Vec<(String, String)>,
}

impl Reader {
    fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.faults.push((path.to_owned(), message.into()));
    }

    fn chain(&mut self, value: &Value) -> Option<ChainSpec> {
        let Some(all) = value.as_object() else {
            self.fault("", "an action chain is a mapping with `chain`, a list of tasks");
            return None;
        };
        self.known(all, &KEYS, "");
        let Some(list) = all.get("chain").and_then(Value::as_array).filter(|it| !it.is_empty()) else {
            self.fault("chain", "`chain` is a list of tasks, at least one");
            return None;
        };
        let mut nodes = IndexMap::new();
        let mut paths = Vec::new();
        for (index, item) in list.iter().enumerate() {
            let path = format!("chain[{index}]");
            let Some((name, node)) = self.node(item, &path) else { continue };
            if nodes.contains_key(&name) {
                self.fault(&format!("{path}.name"), format!("task `{name}` is there twice"));
                continue;
            }
            nodes.insert(name, node);
            paths.push(path);
        }
        for (path, node) in paths.iter().zip(nodes.values()) {
            for (key, target) in [("on-success", &node.on_success), ("on-failure", &node.on_failure)] {
                if let Some(target) = target.as_ref().filter(|it| !nodes.contains_key(*it)) {
                    self.fault(&format!("{path}.{key}"), format!("there is no task `{target}`"));
                }
            }
        }
        let first = match self.text(all, "default", "") {
            Some(name) if nodes.contains_key(&name) => Some(name),
            Some(name) => {
                self.fault("default", format!("there is no task `{name}`"));
                None
            }
            None => first(&nodes),
        };
        let vars = self.mapping(all, "vars", "");
        Some(ChainSpec { source: value.clone(), first: first?, vars, nodes })
    }

    fn node(&mut self, value: &Value, path: &str) -> Option<(String, Node)> {
        let Some(all) = value.as_object() else {
            self.fault(path, "a task is a mapping with `name` and `ref`");
            return None;
        };
        self.known(all, &NODE_KEYS, path);
        let (name, action) = (self.text(all, "name", path), self.text(all, "ref", path));
        for (key, value) in [("name", &name), ("ref", &action)] {
            if value.is_none() {
                self.fault(path, format!("`{key}` is missing"));
            }
        }
        let parameters = self.mapping(all, "parameters", path);
        let older = self.mapping(all, "params", path);
        if !parameters.is_empty() && !older.is_empty() {
            self.fault(
                &format!("{path}.params"),
                "`params` is the old name of `parameters`: write one of them",
            );
        }
        let node = Node {
            action: action?,
            parameters: if parameters.is_empty() { older } else { parameters },
            publish: self.mapping(all, "publish", path),
            on_success: self.text(all, "on-success", path),
            on_failure: self.text(all, "on-failure", path),
        };
        Some((name?, node))
    }

    fn known(&mut self, all: &Map<String, Value>, keys: &[&str], path: &str) {
        for key in all.keys().filter(|it| !keys.contains(&it.as_str())) {
            self.fault(&join(path, key), format!("unknown key `{key}`"));
        }
    }

    fn text(&mut self, all: &Map<String, Value>, key: &str, path: &str) -> Option<String> {
        match all.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()).filter(|it| !it.is_empty()),
            Some(_) => {
                self.fault(&join(path, key), format!("`{key}` is a text"));
                None
            }
        }
    }

    fn mapping(&mut self, all: &Map<String, Value>, key: &str, path: &str) -> Map<String, Value> {
        match all.get(key) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(_) => {
                self.fault(&join(path, key), format!("`{key}` is a mapping"));
                Map::new()
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The first task that no other leads to; in a ring, the first of all.
fn first(nodes: &IndexMap<String, Node>) -> Option<String> {
    let led_to = |name: &String| {
        nodes.values().any(|it| it.on_success.as_ref() == Some(name) || it.on_failure.as_ref() == Some(name))
    };
    nodes.keys().find(|it| !led_to(it)).or_else(|| nodes.keys().next()).cloned()
}
