use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::duration;

/// Fewest releases on a host: the one that runs and the one before it.
const RELEASES_MIN: u32 = 2;

/// How long what a release leaves behind is kept. Nothing that is still referred to is ever removed: a checkout whose
/// execution goes on; an artifact that a host runs, that somebody is asked about or that a rollback returns to; the
/// release on a host that runs there, and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// The folder of an execution that did not succeed, for a look at what went wrong. That of one that succeeded goes
    /// at its end.
    #[serde(with = "duration::text")]
    pub failed_checkouts: Duration,
    /// Latest artifacts of each app, beside those that are referred to: what `promote` can take up without building.
    pub artifacts: u32,
    /// What executions printed, after their end. Their rows, with result and end of the output, stay.
    #[serde(with = "duration::text")]
    pub logs: Duration,
    /// Latest releases of each app on each host.
    #[serde(deserialize_with = "two_or_more")]
    pub releases: u32,
}

impl Default for Keep {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { failed_checkouts: DAY, artifacts: 10, logs: DAY * 30, releases: 5 }
    }
}

fn two_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let releases = u32::deserialize(deserializer)?;
    if releases < RELEASES_MIN {
        let why = "a host keeps 2 releases or more: the one that runs and the one before it";
        return Err(de::Error::custom(why));
    }
    Ok(releases)
}
