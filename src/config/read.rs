use std::fmt;
use std::path::{Path, PathBuf};

use crate::secret::SecretRef;
use crate::yaml::{self, Content, Dialect, Fault, Node, Place};

use super::Config;

/// What is wrong with the file; displays as one `file:line:column: error: message` after the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    pub file: PathBuf,
    /// Never empty.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let place = fault.place.unwrap_or(Place::START);
            let line = if index == 0 { "" } else { "\n" };
            write!(f, "{line}{}:{place}: error: {}", self.file.display(), fault.message)?;
            if let Some(hint) = &fault.hint {
                write!(f, "\n  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

/// Reads the file. Relative paths in it are relative to its folder.
///
/// # Errors
/// It cannot be read, is no YAML, or says something we do not know.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let unreadable = |error: std::io::Error| ConfigError {
        file: path.to_owned(),
        faults: vec![Fault::new(Place::START, format!("cannot read it: {error}"))],
    };
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text =
        yaml::text(&bytes).map_err(|fault| ConfigError { file: path.to_owned(), faults: vec![fault] })?;
    parse(text, path)
}

/// Reads the text of a file that lies at `path`.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let fail = |faults| ConfigError { file: path.to_owned(), faults };
    let node = yaml::read(text, Dialect::Strict).map_err(|fault| fail(vec![fault]))?;
    let mut faults = Vec::new();
    raw_secrets(&node, "", &mut faults);
    let result = yaml::decode::<Config>(&node, &mut faults);
    let config = match result {
        Ok(config) if faults.is_empty() => config,
        Ok(_) => return Err(fail(faults)),
        Err(fault) => {
            // A raw secret has been told of already, in better words.
            if !faults.iter().any(|it| it.place == fault.place) {
                faults.push(fault);
            }
            return Err(fail(faults));
        }
    };
    Ok(resolved(config, path.parent().unwrap_or(Path::new(""))))
}

/// Keys whose value is a secret, wherever they stand.
const SECRETS: [&str; 6] = ["token", "bot_token", "app_token", "signing_secret", "secret", "key"];

/// Finds secrets that were written down. The message does not repeat them.
fn raw_secrets(node: &Node, path: &str, faults: &mut Vec<Fault>) {
    for (key, value) in node.pairs() {
        let path = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
        match &value.content {
            Content::Scalar(scalar) if SECRETS.contains(&key.text.as_str()) && !scalar.is_null() => {
                if scalar.as_str().is_none_or(|it| SecretRef::parse(it).is_err()) {
                    let variable = format!("LOCKKEEPER_{}", path.to_uppercase().replace('.', "_"));
                    let fault =
                        Fault::new(value.place, format!("`{path}` holds a secret itself, not where it lies"));
                    faults.push(fault.hint(format!("write `env:{variable}` or `file:/path/to/it`")));
                }
            }
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => raw_secrets(value, &path, faults),
        }
    }
}

fn resolved(config: Config, folder: &Path) -> Config {
    let absolute = |path: &Path| folder.join(path);
    let secret = |secret: SecretRef| match secret {
        SecretRef::File(path) => SecretRef::File(absolute(&path)),
        SecretRef::Env(name) => SecretRef::Env(name),
    };
    let mut config = Config {
        data: absolute(&config.data),
        content: config.content.iter().map(|it| absolute(it)).collect(),
        settings: absolute(&config.settings),
        ..config
    };
    config.store.url = config.store.url.map(|url| match url.strip_prefix("sqlite:") {
        Some(path) if !path.starts_with("//") && !path.starts_with(':') => {
            format!("sqlite:{}", absolute(Path::new(path)).display())
        }
        Some(_) | None => url,
    });
    if config.python.interpreter.contains('/') {
        let path = absolute(Path::new(&config.python.interpreter));
        config.python.interpreter = path.display().to_string();
    }
    config.http.token = config.http.token.map(secret);
    config.datastore.key = config.datastore.key.map(secret);
    if let Some(slack) = &mut config.slack {
        slack.bot_token = secret(slack.bot_token.clone());
        slack.app_token = slack.app_token.take().map(secret);
        slack.signing_secret = slack.signing_secret.take().map(secret);
    }
    if let Some(discord) = &mut config.discord {
        discord.token = secret(discord.token.clone());
    }
    for webhook in config.webhooks.values_mut() {
        webhook.secret = secret(webhook.secret.clone());
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Keep, OpenTo};

    fn read(text: &str) -> Result<Config, String> {
        parse(text, Path::new("/etc/lockkeeper/lockkeeper.yaml")).map_err(|it| it.to_string())
    }

    #[test]
    fn an_empty_file_is_a_good_one() {
        let config = read("").unwrap();
        assert_eq!(config.prefix, "!");
        assert_eq!(config.store_url(), "sqlite:/etc/lockkeeper/data/lockkeeper.db");
        assert_eq!(config.http.listen.port(), 8420);
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = read(
            "data: ../state\ncontent: [a, /b]\nstore: {url: 'sqlite:x.db'}\ndiscord: {token: file:keys/discord}\n",
        )
        .unwrap();
        assert_eq!(config.data, Path::new("/etc/lockkeeper/../state"));
        assert_eq!(config.content, [Path::new("/etc/lockkeeper/a"), Path::new("/b")]);
        assert_eq!(config.store_url(), "sqlite:/etc/lockkeeper/x.db");
        assert_eq!(config.discord.unwrap().token, SecretRef::File("/etc/lockkeeper/keys/discord".into()));
    }

    #[test]
    fn a_secret_in_the_file_is_refused_without_being_repeated() {
        let error = read("slack:\n  bot_token: xoxb-1234-hunter2\n").unwrap_err();
        assert_eq!(
            error,
            "/etc/lockkeeper/lockkeeper.yaml:2:14: error: `slack.bot_token` holds a secret itself, not where it lies\n  \
             hint: write `env:LOCKKEEPER_SLACK_BOT_TOKEN` or `file:/path/to/it`"
        );
    }

    #[test]
    fn the_key_of_the_datastore_is_named_and_not_written_down() {
        let datastore = read("datastore: {key: file:keys/store, writers: [sre]}\n").unwrap().datastore;
        assert_eq!(datastore.key, Some(SecretRef::File("/etc/lockkeeper/keys/store".into())));
        assert_eq!(datastore.writers, ["sre".into()]);
        let error = read("datastore:\n  key: aGVsbG8=\n").unwrap_err();
        assert!(error.contains(":2:8: error: `datastore.key` holds a secret itself"), "{error}");
        assert!(!error.contains("aGVsbG8"), "{error}");
    }

    #[test]
    fn what_is_kept_has_defaults_and_never_less_than_a_way_back() {
        let day = std::time::Duration::from_secs(86_400);
        let kept = read("keep: {logs: 7d}\n").unwrap().keep;
        assert_eq!(kept, Keep { failed_checkouts: day, artifacts: 10, logs: day * 7, releases: 5 });
        let error = read("keep:\n  releases: 1\n").unwrap_err();
        assert!(error.contains(":2:13: error: a host keeps 2 releases or more"), "{error}");
        let error = read("keep: {logs: 30}\n").unwrap_err();
        assert!(error.contains(":1:14: error: "), "{error}");
    }

    #[test]
    fn the_command_line_is_open_to_whom_it_says() {
        let open_to =
            |text: &str| read(&format!("control: {{open_to: {text}}}\n")).map(|it| it.control.open_to);
        assert_eq!(read("").unwrap().control.open_to, OpenTo::Everyone);
        assert_eq!(open_to("owner"), Ok(OpenTo::Owner));
        assert_eq!(open_to("\"group:ops\""), Ok(OpenTo::Group("ops".to_owned())));
        for wrong in ["0666", "world", "\"group:\""] {
            let error = open_to(wrong).unwrap_err();
            assert!(error.contains(":1:20: error: "), "{error}");
        }
    }

    #[test]
    fn misspelt_keys_and_wrong_types_are_pointed_at() {
        let error = read("prefx: '?'\nhttp: {listen: 8420}\n").unwrap_err();
        assert!(
            error.contains(":1:1: error: unknown key `prefx`\n  hint: did you mean `prefix`?"),
            "{error}"
        );
        assert!(error.contains(":2:16: error: "), "{error}");
    }
}
