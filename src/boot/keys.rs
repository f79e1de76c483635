//! The datastore as Python actions ask it. A pack is what an operator put there, so its actions may read and write all
//! keys of the system, as with StackStorm's own service; whatever of it is a secret is covered from then on.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    clock::{self, SharedClock},
    datastore::{Kept, Key, Pair, Put, Scope},
    runner::{self, Question},
    secret::{Learnt, Secret},
    store::datastore::Datastore,
};

/// As the audit names it.
const BY: &str = "a Python action";

/// Answers the questions of actions; `opened` learns what they decrypt.
pub(super) fn answers(keys: Datastore, clock: SharedClock, opened: Learnt) -> runner::Datastore {
    Arc::new(move |question| {
        let (keys, clock, opened) = (keys.clone(), clock.clone(), opened.clone());
        Box::pin(async move { answer(&keys, &clock, &opened, question).await })
    })
}

async fn answer(
    keys: &Datastore,
    clock: &SharedClock,
    opened: &Learnt,
    question: Question,
) -> Result<Value, String> {
    let now = clock.now();
    match question {
        Question::Get { name, scope, decrypt } => {
            let Some(pair) = keys.find(&key(&name, &scope)?, now).await.map_err(said)? else {
                return Ok(Value::Null);
            };
            if !(decrypt && pair.is_secret()) {
                return Ok(json!(kept(&pair)));
            }
            let secret = keys.reveal_to(&pair, BY, now).await.map_err(said)?;
            opened.learn([&secret]);
            Ok(json!(secret.expose()))
        }
        Question::Set { name, scope, value, ttl, encrypt } => {
            let key = key(&name, &scope)?;
            let (value, ttl) = (Secret::new(&value), ttl.map(Duration::from_secs));
            if encrypt {
                opened.learn([&value]);
            }
            keys.put(Put { key, value, secret: encrypt, ttl }, BY, now).await.map_err(said)?;
            Ok(Value::Null)
        }
        Question::Delete { name, scope } => {
            Ok(json!(keys.remove(&key(&name, &scope)?, BY, now).await.map_err(said)?.is_some()))
        }
        Question::List { prefix, limit, offset } => {
            let pairs = keys.list(&Scope::System, &prefix, now).await.map_err(said)?;
            let most = limit.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
            let first = usize::try_from(offset).unwrap_or(usize::MAX);
            let entry = |it: &Pair| {
                let left = it.expires_at.map(|at| clock::between(now, at).as_secs());
                json!({
                    "name": it.key.name(), "value": kept(it), "scope": "system", "secret": it.is_secret(), "ttl": left,
                })
            };
            Ok(pairs.iter().skip(first).take(most).map(entry).collect())
        }
    }
}

/// Actions run for the bot, and see no person's own keys.
fn key(name: &str, scope: &str) -> Result<Key, String> {
    if scope != "system" {
        return Err(format!("scope `{scope}` is not there for actions; theirs is `system`"));
    }
    Key::system(name).map_err(said)
}

/// Secrets as they lie there, as StackStorm gives them undecrypted.
fn kept(pair: &Pair) -> &str {
    match &pair.value {
        Kept::Plain(text) => text,
        Kept::Sealed(sealed) => sealed,
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
