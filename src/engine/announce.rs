//! The engine's kind `announcement`: says something in a channel, once, in one commit with its own end
//! (<https://docs.stackstorm.com/chatops/chatops.html>, `chatops.post_message`). There, whoever listens to the stream posts
//! it; here the outbox does.

use serde_json::{Map, Value, json};

use super::{Engine, perform::Postponed, settle::End};
use crate::{
    id::{Account, Place},
    message::words,
    store::{
        Change,
        execution::Execution,
        outbox::{Priority, Wanted},
    },
};

impl Engine {
    pub(super) async fn announce(&self, execution: Execution) {
        match self.announcement(&execution).await {
            Ok(Ok((place, wanted))) => {
                let channel = format!("{}/{}/{}", place.platform, place.workspace, place.channel);
                let end = End::succeeded(json!({ "channel": channel }));
                self.settle(&execution, end, vec![wanted]).await;
            }
            Ok(Err(why)) => self.settle(&execution, End::failed(why), Vec::new()).await,
            Err(Postponed) => {}
        }
    }

    /// Where it is said, with what commits it; or why it is not.
    async fn announcement(
        &self,
        execution: &Execution,
    ) -> Result<Result<(Place, Change), String>, Postponed> {
        let bundle = match self.bundle(execution).await {
            Ok(bundle) => bundle,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let Some(action) = bundle.action(&execution.action) else {
            return Ok(Err(format!("action `{}` does not exist", execution.action)));
        };
        let values = match self.bound(execution, action, execution.parameters.clone()).await? {
            Ok(bound) => bound.values,
            Err(why) => return Ok(Err(why)),
        };
        Ok(self.place_of(execution, &values).and_then(|place| {
            let to = whispered_to(execution, &values, &place)?;
            let said = values.get("message").unwrap_or(&Value::Null);
            let said = self.0.opened.masker().mask_json(said.clone());
            let card = words::announcement::card(&said, execution.action.as_str(), &execution.id.to_string());
            Ok((place.clone(), want(execution, place, json!({ "say": { "card": card, "to": to } }))))
        }))
    }

    /// Only channels that the operator named, or that somebody asked in: a workflow's text comes from anywhere.
    fn place_of(&self, execution: &Execution, values: &Map<String, Value>) -> Result<Place, String> {
        let asked = values.get("channel").and_then(Value::as_str).unwrap_or_default().trim();
        let places = execution.context.get("places").cloned().unwrap_or_default();
        let places: Vec<Place> = serde_json::from_value(places).unwrap_or_default();
        if asked.is_empty() {
            return places.into_iter().next().ok_or_else(words::announcement::nowhere);
        }
        let name = asked.trim_start_matches('#');
        if let Some(place) = self.0.parts.channels.get(name) {
            return Ok(place.clone());
        }
        let known = self.0.parts.channels.values().cloned().chain(places);
        let is_it = |it: &Place| {
            it.channel.as_str() == name || format!("{}/{}/{}", it.platform, it.workspace, it.channel) == name
        };
        known.into_iter().find(is_it).ok_or_else(|| words::announcement::unknown_channel(asked))
    }
}

/// The account of whoever asked, if only they are to see it.
fn whispered_to(
    execution: &Execution,
    values: &Map<String, Value>,
    place: &Place,
) -> Result<Option<Account>, String> {
    if values.get("whisper") != Some(&Value::Bool(true)) {
        return Ok(None);
    }
    let account = execution.context.get("asker").and_then(|it| it.get("account")).cloned();
    let account: Option<Account> = account.and_then(|it| serde_json::from_value(it).ok());
    let is_here = |it: &Account| it.platform == place.platform && it.workspace == place.workspace;
    account.filter(is_here).map(Some).ok_or_else(words::announcement::nobody)
}

fn want(execution: &Execution, place: Place, body: Value) -> Change {
    let subject = format!("announcement:{}", execution.id);
    Change::Want(Box::new(Wanted { subject, place, body, priority: Priority::Soon }))
}
