//! YAML with a place for every value, so that whatever is wrong can be pointed at.
//!
//! [`read`] makes a tree of [`Node`]s from text in one of two dialects ([`text`] finds the text in bytes); [`decode`]
//! makes any `serde` type of a tree, says where a value does not fit and collects unknown keys with what may have been
//! meant.

mod decode;
mod fault;
mod node;
mod read;
mod suggest;
mod text;

pub use decode::decode;
pub use fault::Fault;
pub use node::{Content, Key, Node, Place};
pub use read::{DEPTH_MAX, Dialect, NODES_MAX, read, read_workflow};
pub use suggest::suggest;
pub use text::text;
