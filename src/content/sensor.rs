use serde_json::Value;

use crate::id::PackName;

/// What a pack watches for by itself: `sensors/*.yaml` (<https://docs.stackstorm.com/sensors.html>).
#[derive(Clone, Debug, PartialEq)]
pub struct Sensor {
    pub pack: PackName,
    pub class: String,
    pub description: String,
    /// StackStorm's default is true.
    pub enabled: bool,
    /// The Python file, within the folder `sensors` of the pack.
    pub entry_point: String,
    /// Seconds; of sensors that poll.
    pub poll_interval: Option<f64>,
    /// The types of triggers that it declares: `pack.name`.
    pub triggers: Vec<String>,
}

impl Sensor {
    /// `pack.Class`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.class)
    }
}

/// A type of trigger, as whoever fires it declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerType {
    /// `pack.name`.
    pub reference: String,
    pub description: String,
    /// What fires it says what happened in this form. Not enforced: what a sensor says is what there is.
    pub payload_schema: Value,
    /// What rules may give it.
    pub parameters_schema: Value,
}
