use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::key::Key;
use crate::secret::{MASK, Secret};

/// Bytes of a value.
pub const VALUE_MAX: usize = 1 << 20;

/// A value as it lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    Plain(String),
    /// What `secret::Sealer` made of it.
    Sealed(String),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub key: Key,
    pub value: Kept,
    /// From then on it is not there.
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// Who wrote it last.
    pub changed_by: String,
}

/// What is to be written, in place of what was there: also of its end.
#[derive(Clone, Debug)]
pub struct Put {
    pub key: Key,
    pub value: Secret,
    /// Whether the value is a secret: it is sealed, and covered wherever it is shown.
    pub secret: bool,
    /// How long it is there; `None`: for good.
    pub ttl: Option<Duration>,
}

/// What a writing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub was: Option<Pair>,
    pub now: Pair,
    /// Whether the value is another one than before.
    pub changed: bool,
}

/// A change as StackStorm's triggers tell it (`st2common/constants/triggers.py`); values of secrets are covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Such as `core.st2.key_value_pair.create`.
    pub trigger: &'static str,
    pub payload: Value,
}

impl Pair {
    pub fn is_secret(&self) -> bool {
        matches!(self.value, Kept::Sealed(_))
    }

    /// The value to show: that of a secret is covered.
    pub fn shown(&self) -> &str {
        match &self.value {
            Kept::Plain(text) => text,
            Kept::Sealed(_) => MASK,
        }
    }

    /// As StackStorm's interface shows it, with `value` in place of its own (`st2common/models/api/keyvalue.py`).
    pub fn told(&self, value: &str) -> Value {
        let mut told = json!({
            "name": self.key.name(),
            "scope": format!("st2kv.{}", self.key.scope().word()),
            "value": value,
            "secret": self.is_secret(),
            "encrypted": self.is_secret() && value == MASK,
        });
        if let Some(user) = self.key.scope().user() {
            told["user"] = json!(user);
        }
        if let Some(at) = self.expires_at {
            told["expire_timestamp"] = json!(at.to_string());
        }
        told
    }
}

impl Written {
    /// What triggers this fires, in StackStorm's order.
    pub fn happened(&self) -> Vec<Happened> {
        let now = self.now.told(self.now.shown());
        let Some(was) = &self.was else {
            let trigger = "core.st2.key_value_pair.create";
            return vec![Happened { trigger, payload: json!({ "object": now }) }];
        };
        let trigger = "core.st2.key_value_pair.update";
        let mut happened = vec![Happened { trigger, payload: json!({ "object": now }) }];
        if self.changed {
            let trigger = "core.st2.key_value_pair.value_change";
            let payload = json!({ "old_object": was.told(was.shown()), "new_object": now });
            happened.push(Happened { trigger, payload });
        }
        happened
    }
}

impl Happened {
    /// What the end of a key fires.
    pub fn deleted(was: &Pair) -> Self {
        let payload = json!({ "object": was.told(was.shown()) });
        Self { trigger: "core.st2.key_value_pair.delete", payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn pair(value: Kept) -> Pair {
        let at = from_millis(0);
        Pair {
            key: Key::system("token").unwrap(),
            value,
            expires_at: None,
            created_at: at,
            changed_at: at,
            changed_by: "ann".to_owned(),
        }
    }

    #[test]
    fn a_change_is_told_as_stackstorm_does_and_no_secret_is() {
        let (one, two) = (pair(Kept::Plain("1".to_owned())), pair(Kept::Sealed("lk1:hidden".to_owned())));
        let triggers = |it: &Written| it.happened().iter().map(|it| it.trigger).collect::<Vec<_>>();
        let created = Written { was: None, now: one.clone(), changed: true };
        assert_eq!(triggers(&created), ["core.st2.key_value_pair.create"]);
        assert_eq!(created.happened()[0].payload["object"]["value"], "1");
        let same = Written { was: Some(one.clone()), now: one.clone(), changed: false };
        assert_eq!(triggers(&same), ["core.st2.key_value_pair.update"]);
        let changed = Written { was: Some(one), now: two.clone(), changed: true };
        assert_eq!(
            triggers(&changed),
            ["core.st2.key_value_pair.update", "core.st2.key_value_pair.value_change"]
        );
        let payload = &changed.happened()[1].payload;
        assert_eq!(payload["old_object"]["value"], "1");
        assert_eq!(payload["new_object"]["value"], MASK);
        assert_eq!(payload["new_object"]["encrypted"], true);
        assert!(!format!("{:?}", Happened::deleted(&two)).contains("hidden"));
    }
}
