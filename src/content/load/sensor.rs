use std::path::{Component, Path};

use serde::Deserialize;
use serde_json::Value;

use crate::content::{Sensor, SourceFile, TriggerType};
use crate::id::PackName;
use crate::yaml::{Fault, Node};

use super::Loader;

#[derive(Deserialize)]
struct RawSensor {
    class_name: String,
    entry_point: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "super::yes")]
    enabled: bool,
    #[serde(default)]
    poll_interval: Option<f64>,
    #[serde(default)]
    trigger_types: Vec<RawTriggerType>,
    pack: Option<String>,
    #[serde(default, rename = "name")]
    _name: Value,
    #[serde(default, rename = "tags")]
    _tags: Value,
    #[serde(default, rename = "artifact_uri")]
    _artifact_uri: Value,
    #[serde(default, rename = "id")]
    _id: Value,
    #[serde(default, rename = "ref")]
    _ref: Value,
    #[serde(default, rename = "uid")]
    _uid: Value,
    #[serde(default, rename = "metadata_file")]
    _metadata_file: Value,
}

#[derive(Deserialize)]
struct RawTriggerType {
    name: String,
    pack: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    payload_schema: Value,
    #[serde(default)]
    parameters_schema: Value,
    #[serde(default, rename = "tags")]
    _tags: Value,
    #[serde(default, rename = "id")]
    _id: Value,
    #[serde(default, rename = "ref")]
    _ref: Value,
    #[serde(default, rename = "uid")]
    _uid: Value,
    #[serde(default, rename = "metadata_file")]
    _metadata_file: Value,
}

/// What begins with this is the bot's own to fire.
const OWN: &str = "core.st2.";

impl Loader<'_> {
    pub(super) fn sensor(&mut self, pack: &PackName, file: &SourceFile) {
        let Some(node) = file.read(&mut self.diagnostics) else { return };
        let Some(raw) = file.decode::<RawSensor>(&node, &mut self.diagnostics) else { return };
        if let Some(other) = raw.pack.as_ref().filter(|it| *it != pack.as_str()) {
            let message = format!("the sensor says pack `{other}` but lies in pack `{pack}`");
            return self.error(file, node.place_of("pack"), message);
        }
        if let Some(fault) = self.misplaced(file, &node, &raw) {
            return self.fault(file, fault);
        }
        let key = format!("sensor {pack}.{}", raw.class_name);
        if let Some((first, _)) = self.places.get(&key) {
            let message = format!("sensor `{}` is there twice: also in {first}", raw.class_name);
            return self.error(file, node.place_of("class_name"), message);
        }
        self.places.insert(key, (file.path.clone(), node.place_of("class_name")));
        let mut triggers = Vec::new();
        for declared in raw.trigger_types {
            triggers.extend(self.declare(pack, file, &node, declared));
        }
        self.catalogue.sensors.push(Sensor {
            pack: pack.clone(),
            class: raw.class_name,
            description: raw.description.unwrap_or_default(),
            enabled: raw.enabled,
            entry_point: raw.entry_point,
            poll_interval: raw.poll_interval.filter(|it| 0.0 < *it),
            triggers,
        });
    }

    /// A type of trigger in a file of its own.
    pub(super) fn trigger(&mut self, pack: &PackName, file: &SourceFile) {
        let Some(node) = file.read(&mut self.diagnostics) else { return };
        let Some(raw) = file.decode::<RawTriggerType>(&node, &mut self.diagnostics) else { return };
        self.declare(pack, file, &node, raw);
    }

    /// Its reference, if it may be fired from outside. Two sensors may fire the same.
    fn declare(
        &mut self,
        pack: &PackName,
        file: &SourceFile,
        node: &Node,
        raw: RawTriggerType,
    ) -> Option<String> {
        let pack = raw.pack.unwrap_or_else(|| pack.to_string());
        let reference = format!("{pack}.{}", raw.name);
        if reference.starts_with(OWN) {
            let place = node.place_of_word(&raw.name).unwrap_or(node.place);
            self.error(file, place, format!("`{reference}` is the bot's own to fire"));
            return None;
        }
        let declared = TriggerType {
            reference: reference.clone(),
            description: raw.description.unwrap_or_default(),
            payload_schema: raw.payload_schema,
            parameters_schema: raw.parameters_schema,
        };
        self.catalogue.triggers.entry(reference.clone()).or_insert(declared);
        Some(reference)
    }

    /// Why its Python file is none of the pack's.
    fn misplaced(&self, file: &SourceFile, node: &Node, raw: &RawSensor) -> Option<Fault> {
        let place = node.place_of("entry_point");
        let is_plain = Path::new(&raw.entry_point).components().all(|it| matches!(it, Component::Normal(_)));
        if !is_plain {
            return Some(Fault::new(
                place,
                "`entry_point` is a path within the folder `sensors` of the pack",
            ));
        }
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = format!("{folder}/{}", raw.entry_point);
        (!self.files.contains_key(path.as_str())).then(|| {
            Fault::new(place, format!("the pack has no file sensors/{}", raw.entry_point))
                .hint("sensors are written in Python; name the file that holds the class".to_owned())
        })
    }
}
