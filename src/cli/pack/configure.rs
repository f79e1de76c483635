//! `pack config`

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Map, Value};

use super::{Installed, Where, out};
use crate::{
    content::{self, Setting, SettingState, faults, is_reference, settings_of},
    library::settings_files,
    message::words::pack,
    yaml::{self, Dialect},
};

/// Show what a pack can be configured with, what it is, and what does not fit; ends with 1 if something does not
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper pack config slack\n  lockkeeper pack config slack --set action_token=env:SLACK_TOKEN\n\nIt is read from config/packs/NAME.yaml. Secrets are never shown."
)]
pub(super) struct Arguments {
    name: String,
    /// Write a setting of the outermost level; of a secret, where it lies: env:NAME, file:PATH or a template
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    place: Where,
}

pub(super) fn run(it: &Arguments) -> anyhow::Result<ExitCode> {
    let installed = Installed::load(&it.place)?;
    let found = installed.pack(&it.name)?;
    let schema = found.config_schema.as_ref();
    let folder = &installed.config.settings;
    for text in &it.set {
        let (key, value) = text.split_once('=').with_context(|| pack::not_a_pair(text))?;
        set(&file(folder, &it.name), schema, key, value)?;
    }
    let (settings, told) = content::settings::load(&settings_files(folder), None);
    let path = format!("config/packs/{}.", it.name);
    let told = told.into_iter().filter(|it| it.file.starts_with(&path));
    let given = settings.packs.get(&found.name);
    let nothing = Map::new();
    let all = settings_of(schema, given.unwrap_or(&nothing));
    out::say(&pack::configured_by(&file(folder, &it.name).display().to_string(), given.is_some()))?;
    if all.is_empty() {
        out::say(pack::no_settings())?;
    } else {
        let head = ["setting", "type", "value", "what"].map(str::to_owned);
        out::say(&out::columns(std::iter::once(head).chain(all.iter().map(row))))?;
    }
    let told: Vec<_> = told.chain(faults(&found.name, schema, given.unwrap_or(&nothing))).collect();
    for it in &told {
        out::say(&it.to_string())?;
    }
    Ok(if told.iter().any(|it| it.is_error()) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn row(it: &Setting) -> [String; 4] {
    let mut kind = it.kind.clone();
    if it.secret {
        kind.push_str(", secret");
    }
    if it.required {
        kind.push_str(", required");
    }
    let value = match &it.state {
        SettingState::Unset => "-".to_owned(),
        SettingState::Default(value) => pack::by_default(&value.to_string()),
        SettingState::Given(value) => value.to_string(),
        SettingState::Reference(text) => text.clone(),
        SettingState::Plain => "********".to_owned(),
    };
    let what = it.description.lines().next().unwrap_or_default().to_owned();
    [it.key.clone(), kind, value, what]
}

/// The file of the settings, whichever ending it has.
fn file(folder: &Path, name: &str) -> std::path::PathBuf {
    let folder = crate::cli::subject::plain(folder).join("packs");
    let yml = folder.join(format!("{name}.yml"));
    if yml.is_file() { yml } else { folder.join(format!("{name}.yaml")) }
}

/// Writes one line of the file; what else stands in it stays as it is.
fn set(file: &Path, schema: Option<&Value>, key: &str, text: &str) -> anyhow::Result<()> {
    let schema = schema.and_then(|it| it.get(key)).ok_or_else(|| anyhow!(pack::no_setting(key)))?;
    let is_secret = schema.get("secret") == Some(&Value::Bool(true));
    if is_secret && !is_reference(text, true) {
        bail!(pack::secret_by_reference(key));
    }
    let is_text =
        schema.get("type").and_then(Value::as_str) == Some("string") || is_reference(text, is_secret);
    let parsed = if is_text { None } else { serde_json::from_str(text).ok() };
    let value: Value = parsed.unwrap_or_else(|| Value::from(text));
    let old = match fs::read_to_string(file) {
        Ok(old) => old,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let new = with_line(&old, key, &value)
        .ok_or_else(|| anyhow!(pack::by_hand(key, &file.display().to_string())))?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = file.with_extension(format!("{}.tmp", uuid::Uuid::now_v7()));
    let written = fs::write(&beside, new).and_then(|()| fs::rename(&beside, file));
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// The text with one line changed or added; `None` if anything else would be otherwise then.
fn with_line(old: &str, key: &str, value: &Value) -> Option<String> {
    let begin = format!("{key}:");
    let mut lines: Vec<String> = old.lines().map(str::to_owned).collect();
    let line = format!("{key}: {value}");
    match lines.iter().position(|it| it.starts_with(&begin)) {
        Some(at) => lines[at] = line,
        None => lines.push(line),
    }
    let new = format!("{}\n", lines.join("\n"));
    let read = |text: &str| match yaml::read(text, Dialect::StackStorm).ok()?.to_json() {
        Value::Object(all) => Some(all),
        Value::Null => Some(Map::new()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    };
    let mut wanted = read(old)?;
    wanted.insert(key.to_owned(), value.clone());
    (read(&new)? == wanted).then_some(new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_changed_and_nothing_else() {
        assert_eq!(with_line("", "a", &json!("x")).unwrap(), "a: \"x\"\n");
        let old = "---\n# why\na: 1 # one\nb: {c: 2}\n";
        assert_eq!(with_line(old, "a", &json!(2)).unwrap(), "---\n# why\na: 2\nb: {c: 2}\n");
        assert_eq!(with_line(old, "d", &json!([1])).unwrap(), format!("{old}d: [1]\n"));
        for odd in ["a:\n  b: 1\n", "[1]\n", "a: |\n  text\n", "b: {\n"] {
            assert_eq!(with_line(odd, "a", &json!(2)), None, "{odd}");
        }
    }
}
