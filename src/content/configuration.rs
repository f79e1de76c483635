//! A pack's `config.schema.yaml` beside what the pack is configured with: what it wants, what it has, what does not fit.
//!
//! StackStorm checks a configuration as it is written, before defaults are filled in; so does this.

use serde_json::{Map, Value};

use crate::id::PackName;
use crate::secret::SecretRef;
use crate::yaml::{Place, suggest};

use super::configure::reads_datastore;
use super::{Catalogue, Diagnostic, Pack, Settings};

/// One key that a pack can be configured with.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// As `credentials.password`.
    pub key: String,
    /// In JSON schema's words: `string`.
    pub kind: String,
    pub required: bool,
    pub secret: bool,
    pub description: String,
    pub state: SettingState,
}

/// What it is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingState {
    Unset,
    Default(Value),
    Given(Value),
    /// Where a secret lies: `env:NAME`, `file:PATH`, or a template that reads the datastore.
    Reference(String),
    /// A secret that stands there itself.
    Plain,
}

/// All keys of the schema in its order, those within objects below them, then those that are given and not in it.
pub fn settings_of(schema: Option<&Value>, given: &Map<String, Value>) -> Vec<Setting> {
    let mut all = Vec::new();
    let nothing = Map::new();
    let properties = schema.and_then(Value::as_object).unwrap_or(&nothing);
    collect(properties, given, "", &mut all);
    all
}

fn collect(properties: &Map<String, Value>, given: &Map<String, Value>, path: &str, all: &mut Vec<Setting>) {
    let others = given.keys().filter(|it| !properties.contains_key(*it));
    let null = Value::Null;
    let keys = properties.iter().chain(others.map(|it| (it, &null)));
    for (name, schema) in keys {
        let key = joined(path, name);
        let value = given.get(name);
        if let Some(inner) = schema.get("properties").and_then(Value::as_object) {
            let nothing = Map::new();
            collect(inner, value.and_then(Value::as_object).unwrap_or(&nothing), &key, all);
            continue;
        }
        let secret = flag(schema, "secret");
        let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let state = match (value, schema.get("default")) {
            (Some(Value::String(text)), _) if is_reference(text, secret) => {
                SettingState::Reference(text.clone())
            }
            (Some(_), _) if secret => SettingState::Plain,
            (Some(value), _) => SettingState::Given(value.clone()),
            // Nobody would be helped by seeing it.
            (None, Some(_)) if secret => SettingState::Unset,
            (None, Some(default)) => SettingState::Default(default.clone()),
            (None, None) => SettingState::Unset,
        };
        let (required, description) = (flag(schema, "required"), text("description"));
        all.push(Setting { key, kind: kind(schema), required, secret, description, state });
    }
}

/// Whether a text says where a value lies. What is no secret is never fetched, but the datastore is read for it too.
pub fn is_reference(text: &str, secret: bool) -> bool {
    reads_datastore(text) || (secret && SecretRef::parse(text).is_ok())
}

/// What is wrong with the configurations of all packs: one that lacks something as a whole, the others key by key.
pub fn misfits(catalogue: &Catalogue, settings: &Settings) -> Vec<Diagnostic> {
    let of = |pack: &Pack| match settings.packs.get(&pack.name) {
        Some(given) => faults(&pack.name, pack.config_schema.as_ref(), given),
        None => lacking(pack).into_iter().collect(),
    };
    catalogue.packs.values().flat_map(of).collect()
}

/// A pack that wants to be configured and is not.
fn lacking(pack: &Pack) -> Option<Diagnostic> {
    let schema = pack.config_schema.as_ref()?.as_object()?;
    let wanted = |it: &(&String, &Value)| flag(it.1, "required") && it.1.get("default").is_none();
    let keys: Vec<&str> = schema.iter().filter(wanted).map(|it| it.0.as_str()).collect();
    let told = format!("pack `{}` is not configured: it needs `{}`", pack.name, keys.join("`, `"));
    let told = Diagnostic::warning(file_of(&pack.name), Place::START, told);
    (!keys.is_empty())
        .then(|| told.hint(format!("`lockkeeper pack config {}` shows what it takes", pack.name)))
}

/// The file that a pack is configured with.
fn file_of(pack: &PackName) -> String {
    format!("config/packs/{pack}.yaml")
}

/// What is wrong with one configuration. No value is repeated: it may be a secret.
pub fn faults(pack: &PackName, schema: Option<&Value>, given: &Map<String, Value>) -> Vec<Diagnostic> {
    let Some(properties) = schema.and_then(Value::as_object) else { return Vec::new() };
    let mut check = Check { file: file_of(pack), pack, found: Vec::new() };
    check.object(properties, true, given, "");
    check.found
}

struct Check<'a> {
    file: String,
    pack: &'a PackName,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn object(
        &mut self,
        properties: &Map<String, Value>,
        closed: bool,
        given: &Map<String, Value>,
        path: &str,
    ) {
        for (name, value) in given {
            let key = joined(path, name);
            match properties.get(name) {
                Some(schema) => self.value(schema, value, &key),
                None if closed => {
                    let near = suggest(name, properties.keys().map(String::as_str));
                    let told = self.error(format!("the pack has no setting `{key}`"));
                    self.found.push(match near {
                        Some(near) => told.hint(format!("did you mean `{}`?", joined(path, near))),
                        None => told,
                    });
                }
                None => {}
            }
        }
        for (name, schema) in properties {
            let lacks = given.get(name).is_none_or(Value::is_null) && schema.get("default").is_none();
            if flag(schema, "required") && lacks {
                let told = self.error(format!("`{}` is missing", joined(path, name)));
                self.found.push(told);
            }
        }
    }

    fn value(&mut self, schema: &Value, value: &Value, key: &str) {
        if let Value::String(text) = value
            && is_reference(text, flag(schema, "secret"))
        {
            return;
        }
        if flag(schema, "secret") && !value.is_null() && value.as_str() != Some("") {
            let told = Diagnostic::warning(
                self.file.clone(),
                Place::START,
                format!("`{key}` is a secret, and stands there itself"),
            );
            let name = format!("{}_{}", self.pack, key.replace(['.', '[', ']'], "_"));
            self.found.push(told.hint(format!(
                "`lockkeeper key set {name} - --encrypt`, and write \"{{{{ st2kv.system.{name} | decrypt_kv }}}}\"; or `env:NAME`, `file:PATH`"
            )));
            return;
        }
        if !value.is_null() && !fits(schema, value) {
            let told = self.error(format!("`{key}` wants {}, got {}", kind(schema), name_of(value)));
            return self.found.push(told);
        }
        let choices = schema.get("enum").and_then(Value::as_array);
        if let Some(choices) = choices.filter(|it| !it.contains(value)) {
            let told = self.error(format!("`{key}` is one of {}", Value::from(choices.clone())));
            return self.found.push(told);
        }
        if let (Some(fields), Some(inner)) =
            (value.as_object(), schema.get("properties").and_then(Value::as_object))
        {
            let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
            self.object(inner, closed, fields, key);
        }
        if let (Some(items), Some(of)) = (value.as_array(), schema.get("items").filter(|it| it.is_object())) {
            for (at, item) in items.iter().enumerate() {
                self.value(of, item, &format!("{key}[{at}]"));
            }
        }
    }

    fn error(&self, message: String) -> Diagnostic {
        Diagnostic::error(self.file.clone(), Place::START, message)
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool) == Some(true)
}

fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

fn kind(schema: &Value) -> String {
    let kinds = kinds(schema);
    if kinds.is_empty() { "any type".to_owned() } else { kinds.join(" or ") }
}

fn fits(schema: &Value, value: &Value) -> bool {
    let kinds = kinds(schema);
    let one = |kind: &str| match kind {
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        kind => name_of(value) == kind,
    };
    kinds.is_empty() || kinds.into_iter().any(one)
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "token": {"type": "string", "secret": true, "required": true},
            "region": {"type": "string", "enum": ["eu", "us"], "default": "eu"},
            "port": {"type": "integer"},
            "admin": {"type": "object", "additionalProperties": false, "properties": {
                "name": {"type": "string", "required": true},
                "key": {"type": "string", "secret": true},
            }},
        })
    }

    fn told(given: Value) -> Vec<String> {
        let given = given.as_object().cloned().unwrap();
        faults(&"demo".into(), Some(&schema()), &given).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_fits_is_not_told() {
        let none: [String; 0] = [];
        assert_eq!(told(json!({"token": "env:TOKEN"})), none);
        let given = json!({"token": "{{ st2kv.system.t | decrypt_kv }}", "port": "{{st2kv.system.port}}", "region": "us", "admin": {"name": "a", "key": "file:/k"}});
        assert_eq!(told(given), none);
        assert_eq!(faults(&"demo".into(), None, &Map::from_iter([("x".to_owned(), json!(1))])), []);
    }

    #[test]
    fn each_misfit_is_told_without_its_value() {
        let one = |given: Value, word: &str| {
            let told = told(given);
            assert!(told.len() == 1 && told[0].contains(word), "{word}: {told:#?}");
            assert!(!told[0].contains("hunter2"), "{told:#?}");
        };
        one(json!({}), "error: `token` is missing");
        one(json!({"token": "env:T", "prot": 1}), "no setting `prot`\n  hint: did you mean `port`?");
        one(json!({"token": "env:T", "port": "hunter2"}), "`port` wants integer, got string");
        one(json!({"token": "env:T", "region": "hunter2"}), "`region` is one of [\"eu\",\"us\"]");
        one(json!({"token": "env:T", "admin": {}}), "`admin.name` is missing");
        one(json!({"token": "env:T", "admin": {"name": "a", "more": 1}}), "no setting `admin.more`");
        one(json!({"token": "hunter2"}), "warning: `token` is a secret, and stands there itself");
        one(
            json!({"token": "hunter2"}),
            "`lockkeeper key set demo_token - --encrypt`, and write \"{{ st2kv.system.demo_token | decrypt_kv }}\"",
        );
        one(json!({"token": "env:T", "admin": {"name": "a", "key": "hunter2"}}), "`admin.key` is a secret");
    }

    #[test]
    fn settings_are_listed_with_what_they_are_and_never_a_secret() {
        let given = json!({"token": "hunter2", "port": 80, "more": true}).as_object().cloned().unwrap();
        let all = settings_of(Some(&schema()), &given);
        let keys: Vec<String> = all.iter().map(|it| format!("{} {:?}", it.key, it.state)).collect();
        assert_eq!(
            keys,
            [
                "token Plain",
                "region Default(String(\"eu\"))",
                "port Given(Number(80))",
                "admin.name Unset",
                "admin.key Unset",
                "more Given(Bool(true))"
            ]
        );
    }
}
