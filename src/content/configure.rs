//! What a pack is configured with: `config/packs/<pack>.yaml`, in StackStorm's form, completed by the pack's
//! `config.schema.yaml`. StackStorm keeps the same file at `configs/<pack>.yaml`.

use serde_json::{Map, Value};

use crate::alias::{Compat, ParameterKind, cast};
use crate::secret::{Secret, SecretRef, is_sealed};

/// A pack's configuration.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    pub values: Map<String, Value>,
    /// What of it must not be shown.
    pub secrets: Vec<Secret>,
}

/// The configuration that the pack's actions get: what is given, with the schema's defaults for what is not. A text that
/// the schema calls `secret` may be `env:NAME` or `file:PATH`, and is fetched; of a pack without a schema, any text. One
/// that stands there itself is a secret all the same. A text that reads the datastore is rendered, and what it gives is
/// never read again; a secret of the datastore is opened where the schema says `secret`, also without `decrypt_kv`.
///
/// # Errors
/// The key (`credentials.password`) of a value that is not to be had, with what `fetch` or `render` said of it.
pub fn configure<E>(
    schema: Option<&Value>,
    given: &Map<String, Value>,
    fetch: impl Fn(&SecretRef) -> Result<Secret, E>,
    render: impl Fn(&str) -> Result<Value, E>,
) -> Result<Configured, (String, E)> {
    let nothing = Map::new();
    let properties = schema.and_then(Value::as_object);
    let mut reader = Reader { any_may_be_secret: properties.is_none(), secrets: Vec::new(), fetch, render };
    let mut values = reader.object(properties.unwrap_or(&nothing), None, given, "")?;
    complete(properties.unwrap_or(&nothing), &mut values);
    Ok(Configured { values, secrets: reader.secrets })
}

/// Whether a text of a configuration is a template that reads the datastore.
pub(super) fn reads_datastore(text: &str) -> bool {
    text.contains("{{") && (text.contains("st2kv") || text.contains("decrypt_kv"))
}

/// The same template, opening what it gives; `None` if it is more than one expression, or opens it already.
fn opening(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("decrypt_kv"))
        .then(|| format!("{{{{ ({inner}) | decrypt_kv }}}}"))
}

/// A text of the datastore as the type that the schema asks for, if it can be that.
fn typed(schema: Option<&Value>, value: Value) -> Value {
    let kind = match schema.and_then(|it| it.get("type")).and_then(Value::as_str) {
        Some("integer") => ParameterKind::Integer,
        Some("number") => ParameterKind::Number,
        Some("boolean") => ParameterKind::Boolean,
        Some("array") => ParameterKind::Array,
        Some("object") => ParameterKind::Object,
        Some(_) | None => return value,
    };
    let read = value.as_str().and_then(|text| cast(text, kind, Compat::Mended).ok());
    read.unwrap_or(value)
}

struct Reader<F, R> {
    any_may_be_secret: bool,
    secrets: Vec<Secret>,
    fetch: F,
    render: R,
}

impl<F, R> Reader<F, R> {
    fn rendered<E>(
        &mut self,
        schema: Option<&Value>,
        is_secret: bool,
        text: &str,
        path: &str,
    ) -> Result<Value, (String, E)>
    where
        R: Fn(&str) -> Result<Value, E>,
    {
        let render = |text: &str| (self.render)(text).map_err(|error| (path.to_owned(), error));
        let mut value = render(text)?;
        if !is_secret {
            return Ok(typed(schema, value));
        }
        if let Some(opening) = value.as_str().filter(|it| is_sealed(it)).and_then(|_| opening(text)) {
            value = render(&opening)?;
        }
        self.secrets.extend(value.as_str().map(Secret::new));
        Ok(value)
    }

    fn object<E>(
        &mut self,
        properties: &Map<String, Value>,
        others: Option<&Value>,
        given: &Map<String, Value>,
        path: &str,
    ) -> Result<Map<String, Value>, (String, E)>
    where
        F: Fn(&SecretRef) -> Result<Secret, E>,
        R: Fn(&str) -> Result<Value, E>,
    {
        let entry = |(name, value): (&String, &Value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.value(properties.get(name).or(others), value, &path).map(|value| (name.clone(), value))
        };
        given.iter().map(entry).collect()
    }

    fn value<E>(&mut self, schema: Option<&Value>, given: &Value, path: &str) -> Result<Value, (String, E)>
    where
        F: Fn(&SecretRef) -> Result<Secret, E>,
        R: Fn(&str) -> Result<Value, E>,
    {
        let at = |name: &str| schema.and_then(|it| it.get(name));
        let is_secret = at("secret").and_then(Value::as_bool) == Some(true);
        match given {
            Value::String(text) if reads_datastore(text) => self.rendered(schema, is_secret, text, path),
            Value::String(text) if is_secret || self.any_may_be_secret => {
                let secret = match SecretRef::parse(text) {
                    Ok(reference) => (self.fetch)(&reference).map_err(|error| (path.to_owned(), error))?,
                    Err(_) if is_secret => Secret::new(text.as_str()),
                    Err(_) => return Ok(given.clone()),
                };
                self.secrets.push(secret.clone());
                Ok(secret.expose().into())
            }
            Value::Object(fields) => {
                let nothing = Map::new();
                let properties = at("properties").and_then(Value::as_object).unwrap_or(&nothing);
                let others = at("additionalProperties").filter(|it| it.is_object());
                self.object(properties, others, fields, path).map(Value::Object)
            }
            Value::Array(items) => {
                let of = at("items");
                let each = items.iter().enumerate().map(|(index, it)| {
                    let schema = of.and_then(|of| of.as_array().map_or(Some(of), |all| all.get(index)));
                    self.value(schema, it, &format!("{path}[{index}]"))
                });
                each.collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(given.clone()),
        }
    }
}

/// Defaults for what is not there. An object that has properties is there for its defaults, as in StackStorm's
/// `ContentPackConfigLoader`.
fn complete(properties: &Map<String, Value>, values: &mut Map<String, Value>) {
    for (name, schema) in properties {
        if let Some(default) = schema.get("default").filter(|_| !values.contains_key(name)) {
            values.insert(name.clone(), default.clone());
        }
        let Some(inner) = schema.get("properties").and_then(Value::as_object) else { continue };
        let entry = values.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(fields) = entry {
            complete(inner, fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn configured(schema: Option<Value>, given: Value) -> Result<(Value, usize), (String, String)> {
        let fetch = |it: &SecretRef| match it.to_string().as_str() {
            "env:GONE" => Err("not set".to_owned()),
            other => Ok(Secret::new(format!("<{other}>"))),
        };
        let given = given.as_object().cloned().unwrap_or_default();
        let sealed = "lk1:0123abcd:c2VhbGVk".to_owned();
        let render = |text: &str| match text {
            "{{ st2kv.system.port }}" => Ok(json!("80")),
            "{{ st2kv.system.sealed }}" => Ok(json!(sealed)),
            "{{ ( st2kv.system.sealed ) | decrypt_kv }}" => Ok(json!("hunter2hunter2")),
            "{{ st2kv.system.plain }}" => Ok(json!("env:TOKEN")),
            other => Err(format!("cannot render {other}")),
        };
        let all = configure(schema.as_ref(), &given, fetch, render)?;
        Ok((Value::Object(all.values), all.secrets.len()))
    }

    #[test]
    fn what_is_not_given_has_the_schemas_default() {
        let schema = json!({
            "host": {"type": "string", "default": "localhost"},
            "port": {"type": "integer", "default": 80},
            "none": {"type": "string"},
            "deep": {"type": "object", "properties": {"a": {"default": 1}, "b": {"type": "string"}}},
        });
        assert_eq!(
            configured(Some(schema), json!({"port": 8080, "more": [1]})).unwrap(),
            (json!({"port": 8080, "more": [1], "host": "localhost", "deep": {"a": 1}}), 0)
        );
    }

    #[test]
    fn the_datastore_is_read_and_what_it_gives_is_never_read_again() {
        let schema = json!({
            "port": {"type": "integer"},
            "token": {"type": "string", "secret": true},
            "name": {"type": "string"},
        });
        let of = |given: Value| configured(Some(schema.clone()), given);
        assert_eq!(of(json!({"port": "{{ st2kv.system.port }}"})).unwrap(), (json!({"port": 80}), 0));
        let opened = (json!({"token": "hunter2hunter2"}), 1);
        assert_eq!(of(json!({"token": "{{ st2kv.system.sealed }}"})).unwrap(), opened);
        let plain = (json!({"token": "env:TOKEN"}), 1);
        assert_eq!(of(json!({"token": "{{ st2kv.system.plain }}"})).unwrap(), plain);
        let (key, why) = of(json!({"name": "{{ st2kv.system.gone }}"})).unwrap_err();
        assert!(key == "name" && why.contains("st2kv.system.gone"), "{key}: {why}");
    }

    #[test]
    fn secrets_are_fetched_where_the_schema_says_so() {
        let schema = json!({
            "token": {"type": "string", "secret": true},
            "url": {"type": "string"},
            "users": {"type": "array", "items": {"type": "object", "properties": {"key": {"secret": true}}}},
        });
        let given = json!({"token": "env:TOKEN", "url": "file:///srv", "users": [{"key": "file:/k"}, {"key": "plain"}]});
        assert_eq!(
            configured(Some(schema), given).unwrap(),
            (
                json!({"token": "<env:TOKEN>", "url": "file:///srv", "users": [{"key": "<file:/k>"}, {"key": "plain"}]}),
                3
            )
        );
        let any = configured(None, json!({"any": "env:TOKEN", "other": "text"})).unwrap();
        assert_eq!(any, (json!({"any": "<env:TOKEN>", "other": "text"}), 1));
        let missing = configured(None, json!({"a": {"b": ["env:GONE"]}})).unwrap_err();
        assert_eq!(missing, ("a.b[0]".to_owned(), "not set".to_owned()));
    }
}
