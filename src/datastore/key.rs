use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::PersonName;

/// Bytes of a name. StackStorm leaves that to MongoDB, whose indexes took 1,024 bytes an entry until version 4.2
/// (<https://www.mongodb.com/docs/manual/reference/limits/#mongodb-limit-Index-Key-Limit>).
pub const NAME_MAX: usize = 1_024;

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everybody's.
    System,
    /// One person's own.
    User(PersonName),
}

/// A key: its name within its scope. Displays as expressions write it: `system.token`, `user.token`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Key {
    scope: Scope,
    name: String,
}

#[derive(Deserialize)]
struct Raw {
    scope: Scope,
    name: String,
}

/// What is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a key has a name")]
    Empty,
    #[error("the name of a key has {NAME_MAX} bytes at most; this one has {0}")]
    TooLong(usize),
    #[error("the name of a key holds no line breaks or other control characters")]
    Control,
    #[error("the scope is `system` or `user`, not `{0}`")]
    Scope(String),
    #[error("a key of scope `user` belongs to a person: say which")]
    NoUser,
}

impl Scope {
    /// `system` and `user`, or `st2kv.system` and `st2kv.user` as StackStorm's interface says it.
    pub fn parse(text: &str, user: Option<&PersonName>) -> Result<Self, KeyError> {
        match (text.strip_prefix("st2kv.").unwrap_or(text), user) {
            ("system", _) => Ok(Scope::System),
            ("user", Some(user)) => Ok(Scope::User(user.clone())),
            ("user", None) => Err(KeyError::NoUser),
            (_, _) => Err(KeyError::Scope(text.chars().take(40).collect())),
        }
    }

    /// `system` or `user`.
    pub fn word(&self) -> &'static str {
        match self {
            Scope::System => "system",
            Scope::User(_) => "user",
        }
    }

    /// The person whose it is.
    pub fn user(&self) -> Option<&PersonName> {
        match self {
            Scope::System => None,
            Scope::User(person) => Some(person),
        }
    }
}

/// As the store and the audit name it: `system`, `user:maren`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::System => f.pad("system"),
            Scope::User(person) => write!(f, "user:{person}"),
        }
    }
}

impl Key {
    pub fn new(scope: Scope, name: impl Into<String>) -> Result<Self, KeyError> {
        let name = name.into();
        if name.is_empty() {
            return Err(KeyError::Empty);
        }
        if name.len() > NAME_MAX {
            return Err(KeyError::TooLong(name.len()));
        }
        if name.chars().any(char::is_control) {
            return Err(KeyError::Control);
        }
        Ok(Self { scope, name })
    }

    pub fn system(name: impl Into<String>) -> Result<Self, KeyError> {
        Self::new(Scope::System, name)
    }

    /// A key that is local to a class of a pack, as `local=True` of StackStorm's `action_service` and `sensor_service`
    /// has it: `<pack>.<Class>:<name>` (`st2common/services/datastore.py`, `_get_key_name_with_prefix`).
    pub fn local(pack: &str, class: &str, name: &str) -> Result<Self, KeyError> {
        Self::system(format!("{}{name}", Self::local_prefix(pack, class)))
    }

    /// What the local keys of a class begin with.
    pub fn local_prefix(pack: &str, class: &str) -> String {
        format!("{pack}.{class}:")
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl TryFrom<Raw> for Key {
    type Error = KeyError;

    fn try_from(raw: Raw) -> Result<Self, KeyError> {
        Self::new(raw.scope, raw.name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.word(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_some_text_within_limits() {
        assert!(Key::system("a b/ü%_:x").is_ok());
        assert_eq!(Key::system(""), Err(KeyError::Empty));
        assert_eq!(Key::system("a\nb"), Err(KeyError::Control));
        assert!(Key::system("x".repeat(NAME_MAX)).is_ok());
        assert_eq!(Key::system("ü".repeat(NAME_MAX)), Err(KeyError::TooLong(2 * NAME_MAX)));
        assert_eq!(Key::local("libcloud", "DNS", "zone").unwrap().to_string(), "system.libcloud.DNS:zone");
    }

    #[test]
    fn a_scope_is_read_in_both_spellings() {
        let maren = PersonName::from("maren");
        assert_eq!(Scope::parse("st2kv.system", None), Ok(Scope::System));
        assert_eq!(Scope::parse("st2kv.user", Some(&maren)), Ok(Scope::User(maren.clone())));
        assert_eq!(Scope::parse("user", None), Err(KeyError::NoUser));
        assert_eq!(Scope::parse("all", Some(&maren)), Err(KeyError::Scope("all".to_owned())));
    }
}
