use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{Digest, PackName};

use super::Dialect;

/// A folder of content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pack {
    /// `ref` of `pack.yaml`, else its name.
    pub name: PackName,
    pub title: String,
    pub description: String,
    pub version: String,
    pub author: String,
    pub dialect: Dialect,
    /// The folder, as diagnostics show it: `commands/core`.
    pub folder: String,
    /// `config.schema.yaml`, as written.
    pub config_schema: Option<Value>,
    /// Over the paths and bytes of all its files: what `library` materialises for an execution.
    pub digest: Digest,
}
