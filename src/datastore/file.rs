//! Files of keys, as `st2 key load` reads and `st2 key list --json` writes them: one object, or a list of them, with
//! `name`, `value` and perhaps `scope`, `user`, `secret`, `ttl` (`st2client/commands/keyvalue.py`).

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    key::{Key, Scope},
    pair::{Put, VALUE_MAX},
};
use crate::{
    id::PersonName,
    secret::{SHORTEST_SECRET, Secret},
};

/// What is wrong with an entry. Never holds its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// Which entry it is, from 1.
    pub entry: usize,
    /// Its name, where it has one.
    pub name: Option<String>,
    pub why: String,
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entry {}", self.entry)?;
        if let Some(name) = &self.name {
            write!(f, " (`{name}`)")?;
        }
        write!(f, ": {}", self.why)
    }
}

/// The keys of an entry that say something; others of a listing are tolerated (`id`, `uid`, `description`).
const READ: [&str; 7] = ["name", "value", "scope", "user", "secret", "encrypted", "ttl"];
const TOLERATED: [&str; 4] = ["id", "uid", "description", "expire_timestamp"];

/// The entries of a file. `convert`: values that are no texts become their JSON. An entry of scope `user` without a `user`
/// is `myself`'s.
///
/// # Errors
/// All that is wrong; then there is nothing to load.
pub fn read(file: &Value, convert: bool, myself: Option<&PersonName>) -> Result<Vec<Put>, Vec<FileError>> {
    let entries = match file {
        Value::Null => &[],
        Value::Array(entries) => entries.as_slice(),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => std::slice::from_ref(file),
    };
    let (mut puts, mut faults) = (Vec::new(), Vec::new());
    for (at, entry) in entries.iter().enumerate() {
        match put(entry, convert, myself) {
            Ok(put) => puts.push(put),
            Err(why) => {
                let name = entry.get("name").and_then(Value::as_str).map(str::to_owned);
                faults.push(FileError { entry: at + 1, name, why });
            }
        }
    }
    if faults.is_empty() { Ok(puts) } else { Err(faults) }
}

fn put(entry: &Value, convert: bool, myself: Option<&PersonName>) -> Result<Put, String> {
    let entry = entry.as_object().ok_or("an entry is a mapping with `name` and `value`")?;
    if let Some(unknown) =
        entry.keys().find(|it| !READ.contains(&it.as_str()) && !TOLERATED.contains(&it.as_str()))
    {
        return Err(format!("unknown key `{unknown}`; known here: {}", READ.join(", ")));
    }
    if flag(entry, "encrypted")? {
        return Err(
            "its value is sealed with StackStorm's own key; write the file with `st2 key list -n -1 -s all \
                    --decrypt --json`"
                .to_owned(),
        );
    }
    let user = match text(entry, "user")? {
        Some(user) => Some(PersonName::from(user)),
        None => myself.cloned(),
    };
    let scope = Scope::parse(text(entry, "scope")?.unwrap_or("system"), user.as_ref())
        .map_err(|it| it.to_string())?;
    let name = text(entry, "name")?.ok_or("`name` is missing")?;
    let key = Key::new(scope, name).map_err(|it| it.to_string())?;
    let value = match entry.get("value") {
        None | Some(Value::Null) => return Err("`value` is missing".to_owned()),
        Some(Value::String(text)) => text.clone(),
        Some(other) if convert => other.to_string(),
        Some(_) => return Err("`value` is no text; put it in quotes, or load with `--convert`".to_owned()),
    };
    let put = Put { key, value: Secret::new(value), secret: flag(entry, "secret")?, ttl: ttl(entry)? };
    put.check().map_err(|it| it.to_string()).map(|()| put)
}

fn text<'a>(entry: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match entry.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(it) => it.as_str().map(Some).ok_or_else(|| format!("`{name}` is no text")),
    }
}

fn flag(entry: &Map<String, Value>, name: &str) -> Result<bool, String> {
    match entry.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(it) => it.as_bool().ok_or_else(|| format!("`{name}` is neither true nor false")),
    }
}

fn ttl(entry: &Map<String, Value>) -> Result<Option<Duration>, String> {
    match entry.get("ttl") {
        None | Some(Value::Null) => Ok(None),
        // As there: 0 is no end.
        Some(it) => it
            .as_u64()
            .map(|seconds| (seconds > 0).then(|| Duration::from_secs(seconds)))
            .ok_or_else(|| "`ttl` is no number of seconds".to_owned()),
    }
}

/// A value that is not taken. Never holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("a value has {VALUE_MAX} bytes at most; this one has {0}")]
    TooLong(usize),
    #[error(
        "a secret has {SHORTEST_SECRET} characters or more: a shorter one could not be kept out of output"
    )]
    TooShort,
}

impl Put {
    /// Whether the value can be kept.
    ///
    /// # Errors
    /// It is too long, or a secret that is too short to be covered.
    pub fn check(&self) -> Result<(), ValueError> {
        let text = self.value.expose();
        if text.len() > VALUE_MAX {
            return Err(ValueError::TooLong(text.len()));
        }
        if self.secret && text.chars().count() < SHORTEST_SECRET {
            return Err(ValueError::TooShort);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn loaded(file: Value, convert: bool) -> Result<Vec<Put>, String> {
        let told =
            |faults: Vec<FileError>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        read(&file, convert, Some(&"ann".into())).map_err(told)
    }

    #[test]
    fn a_listing_of_stackstorm_is_read() {
        let file = json!([
            {"name": "a", "value": "1", "scope": "st2kv.system", "secret": false, "encrypted": false, "id": "5f", "uid": "x"},
            {"name": "b", "value": "hunter2hunter2", "scope": "user", "user": "maren", "secret": true, "ttl": 60},
            {"name": "c", "value": "3", "scope": "user", "ttl": 0},
        ]);
        let puts = loaded(file, false).unwrap();
        let keys: Vec<String> =
            puts.iter().map(|it| format!("{}/{}", it.key.scope(), it.key.name())).collect();
        assert_eq!(keys, ["system/a", "user:maren/b", "user:ann/c"]);
        assert!(puts[1].secret && puts[1].ttl == Some(Duration::from_secs(60)));
        assert_eq!(puts[2].ttl, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_entry_and_without_its_value() {
        let file = json!([
            {"name": "a", "value": {"x": 1}},
            {"name": "b", "value": "hunter2", "secret": true},
            {"value": "x"},
            {"name": "d", "value": "0A8F", "encrypted": true},
            {"name": "e", "value": "x", "valeu": 1},
        ]);
        let error = loaded(file, false).unwrap_err();
        for part in [
            "entry 1 (`a`): `value` is no text",
            "entry 2 (`b`): a secret has 8",
            "entry 3: `name` is missing",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert!(error.contains("entry 4 (`d`): its value is sealed with StackStorm's own key"), "{error}");
        assert!(error.contains("entry 5 (`e`): unknown key `valeu`"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert_eq!(
            loaded(json!({"name": "a", "value": {"x": 1}}), true).unwrap()[0].value.expose(),
            r#"{"x":1}"#
        );
    }
}
