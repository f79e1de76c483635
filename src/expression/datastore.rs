//! What an evaluation sees of the datastore: one moment of it, with what was read of it written down.
//!
//! Whoever evaluates takes a moment in which every name can be asked for, made up ones too; what is recorded beside the
//! event is what was asked for, so that a replay computes the same. Secrets are recorded as they lie in the store: sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::yaql::fault::Fault;
use crate::secret::{Secret, is_sealed};

/// One value.
#[derive(Debug, Clone)]
pub enum Entry {
    Plain(String),
    /// A secret: how it lies in the store, and what it is, or why nobody can tell.
    Sealed {
        sealed: String,
        opened: Result<Secret, String>,
    },
}

/// Entries by full key: `system.x`, and `user.x` of the one person whom the evaluation is for. All clones write down
/// what they read in one place.
#[derive(Debug, Clone, Default)]
pub struct DatastoreView(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: BTreeMap<String, Entry>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    read: BTreeSet<String>,
    opened: BTreeSet<String>,
}

impl DatastoreView {
    pub fn new(entries: BTreeMap<String, Entry>) -> Self {
        Self(Arc::new(Inner { entries, seen: Mutex::default() }))
    }

    /// The same, with `open` asked what each secret is that was opened when this was recorded. What nobody could, or
    /// wanted to open then is not opened now.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub fn opened_again<E>(&self, open: impl Fn(&str, &str) -> Result<Secret, E>) -> Result<Self, E> {
        let mut entries = self.0.entries.clone();
        for key in self.keys_opened() {
            if let Some(Entry::Sealed { sealed, opened }) = entries.get_mut(&key) {
                *opened = Ok(open(&key, sealed)?);
            }
        }
        let seen = Mutex::new(self.seen().clone());
        Ok(Self(Arc::new(Inner { entries, seen })))
    }

    /// The full keys of the secrets that were opened.
    pub fn keys_opened(&self) -> BTreeSet<String> {
        self.seen().opened.clone()
    }

    /// The secrets that evaluations have opened: they must be covered from now on.
    pub fn opened(&self) -> Vec<Secret> {
        let seen = self.seen();
        let of = |key: &String| match self.0.entries.get(key)? {
            Entry::Sealed { opened: Ok(secret), .. } => Some(secret.clone()),
            Entry::Sealed { .. } | Entry::Plain(_) => None,
        };
        seen.opened.iter().filter_map(of).collect()
    }

    /// The system's plain values by name, as StackStorm's rules find them under `system`; one whose name goes on below
    /// another's is read with `st2kv`.
    pub fn system(&self) -> Map<String, Value> {
        let plain = |(key, entry): (&String, &Entry)| match entry {
            Entry::Plain(text) => Some((key.strip_prefix("system.")?.to_owned(), Value::from(text.as_str()))),
            Entry::Sealed { .. } => None,
        };
        self.0.entries.iter().filter_map(plain).collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An entry by its full key.
    fn read(&self, key: &str) -> Option<&Entry> {
        let entry = self.0.entries.get(key)?;
        self.seen().read.insert(key.to_owned());
        Some(entry)
    }

    /// As `st2kv(key)` finds it (`st2common/util/keyvalue.py`, `_derive_scope_and_key`): `system.x` is the system's, and
    /// every other name one of the person's own; `user.x` means their `x`, if they have no key that is called so.
    pub(super) fn value(&self, key: &str, decrypt: bool) -> Result<Option<String>, Fault> {
        let own = format!("user.{key}");
        let full = if key.starts_with("system.") || (key.starts_with("user.") && self.read(&own).is_none()) {
            key
        } else {
            own.as_str()
        };
        match self.read(full) {
            None => Ok(None),
            Some(Entry::Sealed { opened, .. }) if decrypt => self.open(full, opened).map(Some),
            Some(Entry::Plain(text) | Entry::Sealed { sealed: text, .. }) => Ok(Some(text.clone())),
        }
    }

    fn open(&self, full: &str, opened: &Result<Secret, String>) -> Result<String, Fault> {
        let secret = opened.as_ref().map_err(|why| Fault::evaluation(why.clone()))?;
        self.seen().opened.insert(full.to_owned());
        Ok(secret.expose().to_owned())
    }

    /// The text at a full key as it lies in the store.
    pub(super) fn text(&self, full: &str) -> Option<&str> {
        match self.read(full)? {
            Entry::Plain(text) | Entry::Sealed { sealed: text, .. } => Some(text),
        }
    }

    /// Whether there are keys below this one: `system.a.b` below `system.a`.
    pub(super) fn goes_on(&self, full: &str) -> bool {
        let below = format!("{full}.");
        let first = self.0.entries.range(below.clone()..).next();
        let first = first.filter(|(key, _)| key.starts_with(&below));
        first.is_some_and(|(key, _)| self.read(key).is_some())
    }

    /// What `decrypt_kv` makes of a text that lies in the store. A plain one stays as it is.
    pub(super) fn decrypt(&self, text: &str) -> Result<String, Fault> {
        let is_it =
            |(_, entry): &(&String, &Entry)| matches!(entry, Entry::Sealed { sealed, .. } if sealed == text);
        match self.0.entries.iter().find(is_it) {
            Some((key, Entry::Sealed { opened, .. })) => {
                self.seen().read.insert(key.clone());
                self.open(key, opened)
            }
            Some((_, Entry::Plain(_))) | None => decrypt_nothing(text),
        }
    }
}

/// A text that no datastore knows.
pub(super) fn decrypt_nothing(text: &str) -> Result<String, Fault> {
    if is_sealed(text) {
        return Err(Fault::value("this sealed value is in the datastore no more; read it anew with st2kv"));
    }
    Ok(text.to_owned())
}

/// How an entry is recorded.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recorded<'a> {
    Plain(std::borrow::Cow<'a, str>),
    /// Read as it lies there.
    Sealed(std::borrow::Cow<'a, str>),
    Opened(std::borrow::Cow<'a, str>),
}

impl Serialize for DatastoreView {
    /// What was read, and no value of a secret.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seen = self.seen();
        serializer.collect_map(seen.read.iter().filter_map(|key| match self.0.entries.get(key)? {
            Entry::Plain(text) => Some((key, Recorded::Plain(text.into()))),
            Entry::Sealed { sealed, .. } if seen.opened.contains(key) => {
                Some((key, Recorded::Opened(sealed.into())))
            }
            Entry::Sealed { sealed, .. } => Some((key, Recorded::Sealed(sealed.into()))),
        }))
    }
}

impl<'de> Deserialize<'de> for DatastoreView {
    /// Secrets come as they were recorded; [`DatastoreView::opened_again`] opens them. What was recorded was read.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let recorded: BTreeMap<String, Recorded<'_>> = BTreeMap::deserialize(deserializer)?;
        let is_opened = |it: &Recorded<'_>| matches!(it, Recorded::Opened(_));
        let opened = recorded.iter().filter(|(_, it)| is_opened(it)).map(|(key, _)| key.clone()).collect();
        let seen = Mutex::new(Seen { read: recorded.keys().cloned().collect(), opened });
        let entry = |it| match it {
            Recorded::Plain(text) => Entry::Plain(text.into_owned()),
            Recorded::Sealed(text) | Recorded::Opened(text) => {
                Entry::Sealed { sealed: text.into_owned(), opened: Err("it could not be opened".to_owned()) }
            }
        };
        let entries = recorded.into_iter().map(|(key, it)| (key, entry(it))).collect();
        Ok(Self(Arc::new(Inner { entries, seen })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "lk1:00000000:AAAA";

    fn view() -> DatastoreView {
        let plain = |key: &str, text: &str| (key.to_owned(), Entry::Plain(text.to_owned()));
        let sealed = Entry::Sealed { sealed: SEALED.to_owned(), opened: Ok(Secret::new("hunter2hunter2")) };
        DatastoreView::new(BTreeMap::from([
            plain("system.a", "1"),
            plain("system.a.b", "2"),
            plain("system.other", "3"),
            plain("user.a", "mine"),
            ("system.token".to_owned(), sealed),
        ]))
    }

    #[test]
    fn names_are_found_as_stackstorm_finds_them() {
        let view = view();
        let value = |key: &str| view.value(key, false).unwrap();
        assert_eq!(value("system.a").as_deref(), Some("1"));
        assert_eq!(value("a").as_deref(), Some("mine"));
        assert_eq!(value("user.a").as_deref(), Some("mine"));
        assert_eq!(value("other"), None, "a bare name is no key of the system");
        assert_eq!(value("system.token").as_deref(), Some(SEALED));
        assert_eq!(view.value("system.token", true).unwrap().as_deref(), Some("hunter2hunter2"));
        assert_eq!(view.decrypt(SEALED).unwrap(), "hunter2hunter2");
        assert_eq!(view.decrypt("plain").unwrap(), "plain");
        assert!(view.decrypt("lk1:00000000:BBBB").is_err());
        assert!(view.goes_on("system.a") && !view.goes_on("system.other"));
    }

    #[test]
    fn what_was_read_is_recorded_and_no_secret_in_plain() {
        let view = view();
        assert!(view.opened().is_empty());
        let beside = view.clone();
        beside.value("system.a", false).unwrap();
        beside.value("system.token", true).unwrap();
        beside.value("system.absent", false).unwrap();
        let recorded = serde_json::to_value(&view).unwrap();
        assert_eq!(
            recorded,
            serde_json::json!({"system.a": {"plain": "1"}, "system.token": {"opened": SEALED}})
        );
        assert_eq!(view.opened().iter().map(Secret::expose).collect::<Vec<_>>(), ["hunter2hunter2"]);
        let replayed: DatastoreView = serde_json::from_value(recorded.clone()).unwrap();
        assert!(replayed.value("system.token", true).is_err());
        assert!(replayed.opened_again(|_, _| Err("another key")).is_err(), "and no other course is taken");
        let open = |key: &str, sealed: &str| Ok::<_, ()>(Secret::new(format!("{key} {sealed}")));
        let again = replayed.opened_again(open).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), recorded, "a copy is recorded as the original was");
        let value = again.value("system.token", true).unwrap().unwrap();
        assert_eq!(value, format!("system.token {SEALED}"));
    }

    #[test]
    fn what_was_not_opened_then_is_not_opened_now() {
        let view = view();
        view.value("system.token", false).unwrap();
        let recorded = serde_json::to_value(&view).unwrap();
        assert_eq!(recorded, serde_json::json!({"system.token": {"sealed": SEALED}}));
        let again: DatastoreView = serde_json::from_value(recorded).unwrap();
        let again = again.opened_again(|_, _| Ok::<_, ()>(Secret::new("hunter2hunter2"))).unwrap();
        assert!(again.value("system.token", true).is_err());
    }
}
