use serde::Deserialize;

use crate::{id::GroupName, secret::SecretRef};

/// Who writes the datastore, and what its secrets are sealed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatastoreConfig {
    /// 32 random bytes in base64 or hexadecimal. Without one no secret can be kept.
    pub key: Option<SecretRef>,
    /// Groups that may change the keys of the system, read its secrets, and do both with everybody's own keys. The user
    /// that the bot runs as always may.
    pub writers: Vec<GroupName>,
}
