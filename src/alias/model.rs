//! What an alias file says, independent of how it was read.

use indexmap::IndexMap;
use serde_json::Value;

/// One action alias of a pack (StackStorm's `ActionAlias`). `Default` is an enabled alias without formats.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionAlias {
    pub name: String,
    pub pack: String,
    /// `pack.action`; may name an action that does not exist.
    pub action_ref: String,
    pub description: Option<String>,
    /// A disabled alias neither matches nor executes.
    pub enabled: bool,
    pub formats: Vec<AliasFormat>,
    pub ack: Reply,
    pub result: Reply,
    /// Private to chat adapters.
    pub extra: Value,
    /// Injected at execution; the user may not give them.
    pub immutable_parameters: IndexMap<String, Value>,
}

/// One entry of `formats`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AliasFormat {
    /// What help shows; `None` keeps the format out of help.
    pub display: Option<String>,
    /// Patterns; any of them may match. StackStorm reads none as one empty pattern.
    pub representations: Vec<String>,
    /// Every match in the message starts an execution.
    pub match_multiple: bool,
}

/// `ack` or `result`: what is said before and after the execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub enabled: bool,
    /// A template; `None`: the built-in text.
    pub format: Option<String>,
    pub extra: Value,
    /// `ack` only: whether the execution's address is appended.
    pub append_url: bool,
}

impl Default for ActionAlias {
    fn default() -> ActionAlias {
        ActionAlias {
            name: String::new(),
            pack: String::new(),
            action_ref: String::new(),
            description: None,
            enabled: true,
            formats: Vec::new(),
            ack: Reply::default(),
            result: Reply::default(),
            extra: Value::Null,
            immutable_parameters: IndexMap::new(),
        }
    }
}

impl Default for Reply {
    fn default() -> Reply {
        Reply { enabled: true, format: None, extra: Value::Null, append_url: true }
    }
}

impl AliasFormat {
    /// A format given as one text: help and pattern in one.
    pub fn from_text(text: impl Into<String>) -> AliasFormat {
        let text = text.into();
        AliasFormat { display: Some(text.clone()), representations: vec![text], match_multiple: false }
    }
}
