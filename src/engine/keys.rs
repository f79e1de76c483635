//! The datastore as executions read it: one moment of it for each evaluation, and what was opened of its secrets known
//! from then on, so that it is covered wherever it comes up.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Engine, perform::Postponed, settle::RETRY, veil};
use crate::{
    content::{Action, Bound},
    datastore::{Kept, Scope},
    expression::{DatastoreView, Entry},
    id::PersonName,
    message::words,
    secret::{SealError, Secret},
    store::{StoreError, datastore::Datastore, execution::Execution},
};

/// For whom an execution runs: the person who asked for it. What a push starts runs for nobody, and finds no `user` keys.
pub(super) fn person_of(execution: &Execution) -> Option<PersonName> {
    Some(PersonName::from(execution.context.get("asker")?.get("person")?.as_str()?))
}

/// Whether a text of content may read the datastore; its word stands wherever that is done.
pub(super) fn is_reader(text: &str) -> bool {
    text.contains("st2kv") || text.contains("decrypt_kv")
}

fn reads(action: &Action) -> bool {
    action.parameters.values().filter_map(|it| it.default.as_ref()).any(|it| is_reader(&it.to_string()))
}

impl Engine {
    /// The datastore, for whoever writes it.
    pub fn keys(&self) -> &Datastore {
        &self.0.parts.keys
    }

    /// Covers these secrets in whatever attempts print from now on, those that run already too.
    pub fn cover(&self, secrets: &[Secret]) {
        self.0.opened.learn(secrets);
    }

    /// This moment of the datastore, as a person sees it.
    pub(super) async fn moment(&self, person: Option<&PersonName>) -> Result<DatastoreView, StoreError> {
        let now = self.now();
        let mut pairs = self.keys().list(&Scope::System, "", now).await?;
        if let Some(person) = person {
            pairs.extend(self.keys().list(&Scope::User(person.clone()), "", now).await?);
        }
        let entry = |pair: &crate::datastore::Pair| match &pair.value {
            Kept::Plain(text) => Entry::Plain(text.clone()),
            Kept::Sealed(sealed) => Entry::Sealed {
                sealed: sealed.clone(),
                opened: self.keys().reveal(pair).map_err(|error| error.to_string()),
            },
        };
        let entries: BTreeMap<String, Entry> =
            pairs.iter().map(|pair| (pair.key.to_string(), entry(pair))).collect();
        Ok(DatastoreView::new(entries))
    }

    /// What the defaults of an action may read; nothing, if none of them does.
    pub async fn defaults_of(
        &self,
        action: &Action,
        person: Option<&PersonName>,
    ) -> Result<DatastoreView, StoreError> {
        if reads(action) { self.moment(person).await } else { Ok(DatastoreView::default()) }
    }

    /// A recorded moment, its secrets opened again.
    ///
    /// # Errors
    /// [`StoreError::CalledOff`]: not without the key that they were sealed with.
    pub(super) fn reopened(
        &self,
        recorded: &DatastoreView,
        person: Option<&PersonName>,
    ) -> Result<DatastoreView, StoreError> {
        recorded.opened_again(|key, sealed| {
            self.keys().reopen(key, sealed, person).map_err(|error| unreadable(&error.to_string()))
        })
    }

    /// What an execution was given, in plain: what of it was sealed when it was stored is covered from now on.
    pub(super) fn given(
        &self,
        execution: &Execution,
        given: Map<String, Value>,
    ) -> Result<Map<String, Value>, SealError> {
        let mut secrets = Vec::new();
        let sealer = self.keys().sealer().map(Arc::as_ref);
        let values = veil::unseal(sealer, execution.root, Value::Object(given), &mut secrets)?;
        // A text that holds a secret is sealed as a whole. What is known of it already is covered; learning each text
        // that ever held it would never end.
        let known = self.0.opened.masker();
        secrets.retain(|it| !known.finds_in(it.expose()));
        self.cover(&secrets);
        Ok(match values {
            Value::Object(values) => values,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        })
    }

    /// The datastore as an execution's person sees it, if it is read at all. While the store is away it waits.
    pub(super) async fn view_for(
        &self,
        execution: &Execution,
        is_read: bool,
    ) -> Result<DatastoreView, Postponed> {
        if !is_read {
            return Ok(DatastoreView::default());
        }
        let person = person_of(execution);
        loop {
            match self.moment(person.as_ref()).await {
                Ok(view) => return Ok(view),
                Err(error) => {
                    tracing::error!(execution = %execution.id, %error, "the datastore cannot be read; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        () = self.0.stop.cancelled() => return Err(Postponed),
                    }
                }
            }
        }
    }

    /// What an attempt of `action` gets. While the store is away it waits.
    pub(super) async fn bound(
        &self,
        execution: &Execution,
        action: &Action,
        given: Map<String, Value>,
    ) -> Result<Result<Bound, String>, Postponed> {
        let given = match self.given(execution, given) {
            Ok(given) => given,
            Err(error) => return Ok(Err(words::fault::not_opened(&error.to_string()))),
        };
        let view = self.view_for(execution, reads(action)).await?;
        let bound = action.bind_with(given, &Map::new(), &view);
        self.cover(&view.opened());
        let masker = self.0.opened.masker();
        Ok(bound.map_err(|error| masker.mask(&format!("{}: {error}", action.reference)).into_owned()))
    }
}

/// Not lost: with the right key it can be read.
pub(super) fn unreadable(why: &str) -> StoreError {
    StoreError::CalledOff { why: words::fault::not_opened(why) }
}
