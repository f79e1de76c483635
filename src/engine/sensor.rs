//! What sensors need of the engine: their pack as it was pinned and configured, and what rules listen to of what they fire.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Engine, Live};
use crate::{
    content::Sensor,
    library,
    message::words,
    rule::Listens,
    runner::{Sensing, Sensors},
};

impl Engine {
    /// Runs sensors, if this bot can.
    pub fn sensors(&self) -> Option<&Sensors> {
        self.0.parts.runners.sensors()
    }

    /// What a sensor is run with.
    ///
    /// # Errors
    /// Its pack is not what was loaded, or a secret of its configuration cannot be had; the text says what to do.
    pub async fn sensing(&self, sensor: &Sensor) -> Result<Sensing, String> {
        let live = self.live();
        let pinned = &live.bundle.pinned;
        let digest = pinned.packs.get(&sensor.pack).map_or("missing", |it| it.as_str());
        let folder = self.data().join("content").join(digest);
        let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
        let (files, at) = (pinned.files.get(&sensor.pack).cloned().unwrap_or_default(), folder.clone());
        let altered = tokio::task::spawn_blocking(move || library::altered(&at, &files)).await;
        let altered = match altered {
            Ok(altered) => altered.map(|it| it.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(altered) = altered {
            return Err(words::fault::pack_altered(sensor.pack.as_str(), &altered));
        }
        let configured = self.config_of(&live.bundle, &sensor.pack).await?;
        Ok(Sensing {
            reference: sensor.reference(),
            pack: sensor.pack.clone(),
            folder,
            entry_point: sensor.entry_point.clone(),
            class: sensor.class.clone(),
            poll_interval: sensor.poll_interval,
            config: configured.values,
            triggers: triggers(&live, sensor),
            masker: self.masker_for(&BTreeMap::new()).and(&configured.secrets),
        })
    }

    /// What happened, without what this process knows of secrets.
    pub fn covered_event(&self, sensing: &Sensing, payload: Value) -> Value {
        sensing.masker.mask_json(payload)
    }
}

/// What rules listen to of what it fires, each once.
fn triggers(live: &Live, sensor: &Sensor) -> Vec<Value> {
    let heard = live.catalogue.rules.iter().filter(|it| it.enabled).map(|it| &it.trigger);
    let own = heard.filter(|it| sensor.triggers.contains(&it.kind));
    let each: BTreeMap<String, Value> = own.map(|it| (it.identity(), trigger(it))).collect();
    each.into_values().collect()
}

/// As StackStorm's sensors know one: `TriggerAPI` of
/// <https://github.com/StackStorm/st2/blob/master/st2common/st2common/models/api/trigger.py>.
fn trigger(listens: &Listens) -> Value {
    let (pack, own) = listens.kind.split_once('.').unwrap_or(("default", &listens.kind));
    let id = listens.identity();
    let name = if listens.parameters.is_empty() { own } else { id.as_str() };
    json!({
        "id": id,
        "uid": format!("trigger:{pack}:{name}:{id}"),
        "ref": format!("{pack}.{name}"),
        "name": name,
        "pack": pack,
        "type": listens.kind,
        "parameters": listens.parameters,
    })
}
