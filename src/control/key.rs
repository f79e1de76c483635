//! Keys of the datastore, asked for by the command line: of a running bot over its socket, and of the store itself where
//! no bot runs. One way through for both.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::wire::{KeyRequest, Reply, WireKey, WirePut};
use crate::{
    datastore::{Act, Asker, Key, KeyError, Pair, Put, Scope},
    id::GroupName,
    message::{Card, words},
    secret::Secret,
    store::datastore::{Datastore, DatastoreError},
};

/// What asks, and of what.
pub struct Keys<'a> {
    pub keys: &'a Datastore,
    pub asker: &'a Asker,
    /// Who else may all, for words.
    pub writers: &'a [GroupName],
    pub now: Timestamp,
}

/// What is told in place of what was asked for.
struct Refused(Box<Card>);

impl From<Card> for Refused {
    fn from(card: Card) -> Self {
        Self(Box::new(card))
    }
}

impl From<DatastoreError> for Refused {
    fn from(error: DatastoreError) -> Self {
        words::key::refused(&error.to_string()).into()
    }
}

impl From<crate::store::StoreError> for Refused {
    fn from(error: crate::store::StoreError) -> Self {
        DatastoreError::from(error).into()
    }
}

impl From<KeyError> for Refused {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NoUser => words::key::whose().into(),
            KeyError::Empty | KeyError::TooLong(_) | KeyError::Control | KeyError::Scope(_) => {
                words::key::refused(&error.to_string()).into()
            }
        }
    }
}

impl Keys<'_> {
    /// The replies to a request, in order. Refusals are among them.
    pub async fn answer(&self, request: KeyRequest) -> Vec<Reply> {
        let answered = match request {
            KeyRequest::Put { puts } => self.put(puts).await,
            KeyRequest::Get { key, decrypt } => self.get(&key, decrypt).await,
            KeyRequest::List { scope, user, prefix, decrypt } => {
                self.list(scope.as_deref(), user, &prefix, decrypt).await
            }
            KeyRequest::Delete { key } => self.delete(&key).await,
        };
        answered.unwrap_or_else(|refused| vec![Reply::Refused { card: *refused.0 }])
    }

    fn may(&self, act: Act, scope: &Scope) -> Result<(), Refused> {
        if self.asker.may(act, scope) {
            return Ok(());
        }
        Err(words::key::not_yours(act, scope, self.writers).into())
    }

    fn scope(&self, text: &str, user: Option<&crate::id::PersonName>) -> Result<Scope, KeyError> {
        Scope::parse(text, user.or(self.asker.person.as_ref()))
    }

    fn key(&self, it: &WireKey) -> Result<Key, KeyError> {
        Key::new(self.scope(&it.scope, it.user.as_ref())?, it.name.as_str())
    }

    async fn put(&self, puts: Vec<WirePut>) -> Result<Vec<Reply>, Refused> {
        let mut all = Vec::new();
        for it in puts {
            let key = self.key(&it.key)?;
            self.may(Act::Change, key.scope())?;
            let ttl = it.ttl_ms.map(Duration::from_millis);
            all.push(Put { key, value: Secret::new(it.value.into_text()), secret: it.secret, ttl });
        }
        let written = self.keys.put_all(all, &self.asker.name, self.now).await?;
        Ok(written.iter().map(|it| Reply::Key(it.now.told(it.now.shown()))).collect())
    }

    async fn get(&self, key: &WireKey, decrypt: bool) -> Result<Vec<Reply>, Refused> {
        let key = self.key(key)?;
        self.may(if decrypt { Act::Decrypt } else { Act::See }, key.scope())?;
        match self.keys.find(&key, self.now).await? {
            Some(pair) => Ok(vec![Reply::Key(self.told(&pair, decrypt).await?)]),
            None => Err(words::key::absent(&key).into()),
        }
    }

    /// Without a scope: the system's, and the asker's own.
    async fn list(
        &self,
        scope: Option<&str>,
        user: Option<crate::id::PersonName>,
        prefix: &str,
        decrypt: bool,
    ) -> Result<Vec<Reply>, Refused> {
        let scopes: Vec<Scope> = match (scope, &user) {
            (Some("all") | None, None) => {
                let own = self.asker.person.clone().map(Scope::User);
                std::iter::once(Scope::System).chain(own).collect()
            }
            (Some("all") | None, Some(user)) => vec![Scope::User(user.clone())],
            (Some(scope), _) => vec![self.scope(scope, user.as_ref())?],
        };
        let mut told = Vec::new();
        for scope in scopes {
            self.may(if decrypt { Act::Decrypt } else { Act::See }, &scope)?;
            for pair in self.keys.list(&scope, prefix, self.now).await? {
                told.push(Reply::Key(self.told(&pair, decrypt).await?));
            }
        }
        Ok(told)
    }

    async fn told(&self, pair: &Pair, decrypt: bool) -> Result<Value, DatastoreError> {
        if !decrypt || !pair.is_secret() {
            return Ok(pair.told(pair.shown()));
        }
        let value = self.keys.reveal_to(pair, &self.asker.name, self.now).await?;
        Ok(pair.told(value.expose()))
    }

    async fn delete(&self, key: &WireKey) -> Result<Vec<Reply>, Refused> {
        let key = self.key(key)?;
        self.may(Act::Change, key.scope())?;
        match self.keys.remove(&key, &self.asker.name, self.now).await? {
            Some(pair) => Ok(vec![Reply::Key(pair.told(pair.shown()))]),
            None => Err(words::key::absent(&key).into()),
        }
    }
}
