//! Where a secret lies: `env:NAME` or `file:PATH`.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use super::value::Secret;

/// Shorter values cannot be masked without masking ordinary words as well, so they are refused as secrets.
pub const SHORTEST_SECRET: usize = 8;

/// A secret by reference: what configuration holds instead of the value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// `env:NAME`: a variable of our own environment.
    Env(String),
    /// `file:PATH`: a file, such as one below systemd's credentials directory. One final line end is dropped.
    File(PathBuf),
}

/// Why a secret is not to be had. Never holds a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("a secret is written `env:NAME` or `file:PATH`")]
    Form,
    #[error("environment variable `{0}` is not set")]
    Unset(String),
    #[error("environment variable `{0}` is not valid text")]
    NotText(String),
    #[error("cannot read secret file {path}")]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "the secret at `{0}` has fewer than {SHORTEST_SECRET} characters and could not be kept out of output"
    )]
    TooShort(SecretRef),
}

impl SecretRef {
    /// Reads `env:NAME` or `file:PATH`. The text is not repeated in the error: it may be a pasted secret.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(_) | None => Err(SecretError::Form),
        }
    }

    /// Fetches the value now; call again after a rotation.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        let text = match self {
            Self::Env(name) => read_variable(name)?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|source| SecretError::File { path: path.clone(), source })?,
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.chars().count() < SHORTEST_SECRET {
            return Err(SecretError::TooShort(self.clone()));
        }
        Ok(Secret::new(text))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where a secret may come from the environment")]
fn read_variable(name: &str) -> Result<String, SecretError> {
    match std::env::var(name) {
        Ok(text) => Ok(text),
        Err(std::env::VarError::NotPresent) => Err(SecretError::Unset(name.to_owned())),
        Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NotText(name.to_owned())),
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|it: char| it.is_ascii_digit())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

impl FromStr for SecretRef {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SecretRef {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, SecretError> {
        Self::parse(&text)
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_as_it_was_written() {
        for text in ["env:SLACK_TOKEN", "file:/run/credentials/token"] {
            assert_eq!(SecretRef::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_pasted_value_is_refused_without_being_repeated() {
        let error = SecretRef::parse("xoxb-123456").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("xoxb"));
        assert!(SecretRef::parse("env:9X").is_err());
        assert!(SecretRef::parse("file:").is_err());
    }

    #[test]
    fn a_file_loses_its_last_line_end_and_a_short_value_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "correct horse\n").unwrap();
        let secret = SecretRef::File(path.clone()).resolve().unwrap();
        assert_eq!(secret.expose(), "correct horse");
        assert_eq!(format!("{secret} {secret:?}"), "******** ********");
        std::fs::write(&path, "short\n").unwrap();
        assert!(matches!(SecretRef::File(path).resolve(), Err(SecretError::TooShort(_))));
    }
}
