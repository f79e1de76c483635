//! The datastore's rows. What is a secret comes here sealed and leaves sealed: [`Datastore`] has the key, the rows never
//! see a value of theirs in plain. What has expired is not there, whether it was swept or not.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, json};
use sqlx::any::AnyRow;

use super::{Store, StoreError, Tx, audit, inbox, row::Columns};
use crate::{
    clock,
    datastore::{Happened, Kept, Key, KeyError, Pair, Put, Scope, ValueError, Written},
    id::{InboxId, PersonName},
    rule,
    secret::{MASK, SealError, Sealer, Secret},
};

/// Named texts, some of them secret. Cheap to clone.
#[derive(Clone)]
pub struct Datastore {
    store: Store,
    sealer: Option<Arc<Sealer>>,
    /// Whether somebody listens to a trigger.
    heard: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

/// Why a value was not kept or not given.
#[derive(Debug, thiserror::Error)]
pub enum DatastoreError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(
        "there is no key to seal secrets with: set `datastore: {{key: file:PATH}}` (or `env:NAME`) in the configuration; \
         `openssl rand -base64 32` makes one"
    )]
    NoKey,
    #[error("the secret `{key}` cannot be opened: {source}")]
    Unopened { key: Box<Key>, source: SealError },
    #[error("the secret cannot be sealed: {0}")]
    Unsealed(SealError),
    /// Told before anything is done with the store.
    #[error(
        "{secrets} secret(s) of the datastore were sealed with another key than the one given ({given}): let `datastore.key` \
         name the key that they were sealed with, or remove them with `lockkeeper key delete`; nothing was changed"
    )]
    WrongKey { secrets: i64, given: String },
}

/// What a value belongs to: it opens nowhere else.
fn about(key: &Key) -> String {
    format!("datastore:{}:{}", key.scope(), key.name())
}

impl Datastore {
    /// The datastore of a store. Without a `sealer` no secret can be kept or given; everything else can.
    pub fn new(store: Store, sealer: Option<Arc<Sealer>>) -> Self {
        Self { store, sealer, heard: Arc::new(|_| false) }
    }

    /// The same, which tells of what happens to keys where `heard` says that somebody listens to its trigger.
    #[must_use]
    pub fn heard_by(self, heard: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { heard: Arc::new(heard), ..self }
    }

    /// Whether the key opens every secret there is: asked before the first one is needed.
    ///
    /// # Errors
    /// [`DatastoreError::WrongKey`], also if there is none and there are secrets.
    pub async fn check_key(&self, now: Timestamp) -> Result<(), DatastoreError> {
        let beginning = self.sealer.as_ref().map_or_else(String::new, |it| it.beginning());
        let secrets = self.sealed_otherwise(&beginning, now).await?;
        if secrets == 0 {
            return Ok(());
        }
        let given = self.sealer.as_ref().map_or_else(|| "none".to_owned(), |it| it.key_id().to_owned());
        Err(DatastoreError::WrongKey { secrets, given })
    }

    /// Seals and opens what executions keep of secrets; `None` if there is no key, and so no secret.
    pub fn sealer(&self) -> Option<&Arc<Sealer>> {
        self.sealer.as_ref()
    }

    /// Writes a value in the name of `by`.
    pub async fn put(&self, put: Put, by: &str, now: Timestamp) -> Result<Written, DatastoreError> {
        let mut written = self.put_all(vec![put], by, now).await?;
        written.pop().ok_or_else(|| StoreError::Missing { what: "what was written".to_owned() }.into())
    }

    /// Writes all of them, or none.
    pub async fn put_all(
        &self,
        puts: Vec<Put>,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Written>, DatastoreError> {
        if puts.iter().any(|it| it.secret) {
            // Two keys at once would leave secrets that no start of the bot opens.
            self.sealer.as_ref().ok_or(DatastoreError::NoKey)?;
            self.check_key(now).await?;
        }
        let mut rows = Vec::new();
        for put in puts {
            rows.push((self.row(&put, by, now)?, put.value));
        }
        let keys = self.clone();
        let written = self.store.write(move |tx| {
            Box::pin(async move {
                let mut written = Vec::new();
                for (mut row, value) in rows {
                    let was = set(tx, &row, now).await?;
                    let same = was.as_ref().is_some_and(|it| keys.is(it, &value));
                    if let Some(was) = &was {
                        row.created_at = was.created_at;
                    }
                    let it = Written { changed: !same, was, now: row };
                    keys.tell(tx, it.happened(), now).await?;
                    written.push(it);
                }
                Ok(written)
            })
        });
        Ok(written.await?)
    }

    /// What happened to a key stands together with it, for the rules that listen.
    async fn tell(&self, tx: &mut Tx, all: Vec<Happened>, now: Timestamp) -> Result<(), StoreError> {
        for it in all.into_iter().filter(|it| (self.heard)(it.trigger)) {
            let trigger = rule::Listens { kind: it.trigger.to_owned(), parameters: Map::new() };
            let arrival = inbox::Arrival {
                key: format!("key:{}", InboxId::generate()),
                source: rule::Happened::SOURCE,
                lane: it.trigger.to_owned(),
                body: json!(rule::Happened::new(trigger, it.payload)),
            };
            inbox::arrive(tx, &arrival, now).await?;
        }
        Ok(())
    }

    fn row(&self, put: &Put, by: &str, now: Timestamp) -> Result<Pair, DatastoreError> {
        put.check()?;
        let plain = put.value.expose();
        let value = match (put.secret, &self.sealer) {
            (false, _) => Kept::Plain(plain.to_owned()),
            (true, None) => return Err(DatastoreError::NoKey),
            (true, Some(sealer)) => {
                Kept::Sealed(sealer.seal(&about(&put.key), plain).map_err(DatastoreError::Unsealed)?)
            }
        };
        Ok(Pair {
            key: put.key.clone(),
            value,
            expires_at: put.ttl.map(|ttl| clock::after(now, ttl)),
            created_at: now,
            changed_at: now,
            changed_by: by.to_owned(),
        })
    }

    /// Whether a pair holds this value.
    fn is(&self, pair: &Pair, value: &Secret) -> bool {
        self.reveal(pair).is_ok_and(|it| it.expose() == value.expose())
    }

    /// The value, of a secret too.
    ///
    /// # Errors
    /// There is no key, or it is another one, or the row was altered.
    pub fn reveal(&self, pair: &Pair) -> Result<Secret, DatastoreError> {
        let sealed = match &pair.value {
            Kept::Plain(text) => return Ok(Secret::new(text.as_str())),
            Kept::Sealed(sealed) => sealed,
        };
        let sealer = self.sealer.as_ref().ok_or(DatastoreError::NoKey)?;
        let unopened = |source| DatastoreError::Unopened { key: Box::new(pair.key.clone()), source };
        sealer.open(&about(&pair.key), sealed).map_err(unopened)
    }

    /// A secret by the full key under which an evaluation of `person` read it: `system.x`, `user.x`.
    pub fn reopen(
        &self,
        full: &str,
        sealed: &str,
        person: Option<&PersonName>,
    ) -> Result<Secret, DatastoreError> {
        let (scope, name) = full.split_once('.').ok_or(KeyError::Empty)?;
        let key = Key::new(Scope::parse(scope, person)?, name)?;
        let sealer = self.sealer.as_ref().ok_or(DatastoreError::NoKey)?;
        let unopened = |source| DatastoreError::Unopened { key: Box::new(key.clone()), source };
        sealer.open(&about(&key), sealed).map_err(unopened)
    }

    /// The value as somebody asked for it. That they saw a secret is in the audit before they do.
    pub async fn reveal_to(&self, pair: &Pair, by: &str, now: Timestamp) -> Result<Secret, DatastoreError> {
        let value = self.reveal(pair)?;
        if pair.is_secret() {
            let entry = entry(by, "key.decrypt", pair);
            self.store.write(move |tx| Box::pin(async move { audit::record(tx, &entry, now).await })).await?;
        }
        Ok(value)
    }

    /// The pair of a key, if it is there.
    pub async fn find(&self, key: &Key, now: Timestamp) -> Result<Option<Pair>, StoreError> {
        let row = sqlx::query(
            "SELECT scope, name, value, secret, expires_at, created_at, changed_at, changed_by FROM datastore
             WHERE scope = $1 AND name = $2 AND (expires_at IS NULL OR expires_at > $3)",
        )
        .bind(key.scope().to_string())
        .bind(key.name())
        .bind(clock::to_millis(now))
        .fetch_optional(&mut *self.store.reader().await?)
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// The pairs of a scope whose names begin so, by name.
    pub async fn list(&self, scope: &Scope, prefix: &str, now: Timestamp) -> Result<Vec<Pair>, StoreError> {
        let rows = sqlx::query(
            "SELECT scope, name, value, secret, expires_at, created_at, changed_at, changed_by FROM datastore
             WHERE scope = $1 AND substr(name, 1, $2) = $3 AND (expires_at IS NULL OR expires_at > $4)
             ORDER BY name",
        )
        .bind(scope.to_string())
        .bind(i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX))
        .bind(prefix)
        .bind(clock::to_millis(now))
        .fetch_all(&mut *self.store.reader().await?)
        .await?;
        rows.iter().map(decode).collect()
    }

    /// Ends a key in the name of `by`; what it was, if it was there.
    pub async fn remove(&self, key: &Key, by: &str, now: Timestamp) -> Result<Option<Pair>, StoreError> {
        let (keys, key, by) = (self.clone(), key.clone(), by.to_owned());
        let removed = self.store.write(move |tx| {
            Box::pin(async move {
                let Some(was) = standing(tx, &key, now).await? else { return Ok(None) };
                remove(tx, &key).await?;
                audit::record(tx, &entry(&by, "key.delete", &was), now).await?;
                keys.tell(tx, vec![Happened::deleted(&was)], now).await?;
                Ok(Some(was))
            })
        });
        removed.await
    }

    /// How many secrets begin otherwise than this.
    async fn sealed_otherwise(&self, beginning: &str, now: Timestamp) -> Result<i64, StoreError> {
        let length = i64::try_from(beginning.len()).unwrap_or(i64::MAX);
        let (count,): (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM datastore WHERE secret = 1 AND (expires_at IS NULL OR expires_at > $3)
                AND ($1 = 0 OR substr(value, 1, $1) <> $2)",
        )
        .bind(length)
        .bind(beginning)
        .bind(clock::to_millis(now))
        .fetch_one(&mut *self.store.reader().await?)
        .await?;
        Ok(count)
    }

    /// Removes the rows of what has expired; how many there were.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let swept = self.store.write(move |tx| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM datastore WHERE expires_at <= $1")
                    .bind(clock::to_millis(now))
                    .execute(&mut tx.connection)
                    .await?;
                Ok(gone.rows_affected())
            })
        });
        swept.await
    }
}

/// Writes a row over what was there, which it returns.
async fn set(tx: &mut Tx, pair: &Pair, now: Timestamp) -> Result<Option<Pair>, StoreError> {
    let was = standing(tx, &pair.key, now).await?;
    let (value, secret) = match &pair.value {
        Kept::Plain(text) => (text, 0_i64),
        Kept::Sealed(text) => (text, 1),
    };
    // What has expired leaves nothing to what follows.
    let created_at = was.as_ref().map_or(pair.created_at, |it| it.created_at);
    sqlx::query(
        "INSERT INTO datastore (scope, name, value, secret, expires_at, created_at, changed_at, changed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (scope, name) DO UPDATE SET
             value = $3, secret = $4, expires_at = $5, created_at = $6, changed_at = $7, changed_by = $8",
    )
    .bind(pair.key.scope().to_string())
    .bind(pair.key.name())
    .bind(value.as_str())
    .bind(secret)
    .bind(pair.expires_at.map(clock::to_millis))
    .bind(clock::to_millis(created_at))
    .bind(clock::to_millis(pair.changed_at))
    .bind(pair.changed_by.as_str())
    .execute(&mut tx.connection)
    .await?;
    let act = if was.is_some() { "key.update" } else { "key.create" };
    audit::record(tx, &entry(&pair.changed_by, act, pair), now).await?;
    Ok(was)
}

async fn standing(tx: &mut Tx, key: &Key, now: Timestamp) -> Result<Option<Pair>, StoreError> {
    let row = sqlx::query(
        "SELECT scope, name, value, secret, expires_at, created_at, changed_at, changed_by FROM datastore
         WHERE scope = $1 AND name = $2 AND (expires_at IS NULL OR expires_at > $3)",
    )
    .bind(key.scope().to_string())
    .bind(key.name())
    .bind(clock::to_millis(now))
    .fetch_optional(&mut tx.connection)
    .await?;
    row.as_ref().map(decode).transpose()
}

async fn remove(tx: &mut Tx, key: &Key) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM datastore WHERE scope = $1 AND name = $2")
        .bind(key.scope().to_string())
        .bind(key.name())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

/// The audit says what was done to which key, and no value.
fn entry(by: &str, act: &'static str, pair: &Pair) -> audit::Entry {
    let body = json!({
        "value": MASK,
        "secret": pair.is_secret(),
        "expires_at": pair.expires_at.map(|it| it.to_string()),
    });
    audit::Entry {
        actor: by.to_owned(),
        act,
        subject: format!("{}/{}", pair.key.scope(), pair.key.name()),
        body,
    }
}

fn decode(row: &AnyRow) -> Result<Pair, StoreError> {
    let columns = Columns { table: "datastore", row };
    let text = columns.text("scope")?;
    let scope = match (text.as_str(), text.strip_prefix("user:")) {
        ("system", _) => Scope::System,
        (_, Some(person)) => Scope::User(PersonName::from(person)),
        (_, None) => return Err(columns.corrupt(format!("`{text}` is no scope"))),
    };
    let value = columns.text("value")?;
    Ok(Pair {
        key: Key::new(scope, columns.text("name")?).map_err(|error| columns.corrupt(error))?,
        value: if columns.number("secret")? == 0 { Kept::Plain(value) } else { Kept::Sealed(value) },
        expires_at: columns.at_or_none("expires_at")?,
        created_at: columns.at("created_at")?,
        changed_at: columns.at("changed_at")?,
        changed_by: columns.text("changed_by")?,
    })
}
