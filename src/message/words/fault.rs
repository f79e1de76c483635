//! What is said where lockkeeper itself is what failed.

/// A task of ours panicked.
pub const PANICKED: &str = "lockkeeper met a fault of its own; its log says which";

/// Rows or content that an execution needs are lost. `why` names them.
pub fn cannot_go_on(why: &str) -> String {
    format!("lockkeeper could not go on with it ({why}), so it starts nothing more")
}
