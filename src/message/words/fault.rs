//! What is said where lockkeeper itself is what failed.

/// A task of ours panicked.
pub const PANICKED: &str = "lockkeeper met a fault of its own; its log says which";

/// Rows or content that an execution needs are lost. `why` names them.
pub fn cannot_go_on(why: &str) -> String {
    format!("lockkeeper could not go on with it ({why}), so it starts nothing more")
}

/// What was pinned of a pack is not what lies on disk.
pub fn pack_altered(pack: &str, altered: &str) -> String {
    format!(
        "the files of pack {pack} are not what was loaded ({altered}), so nothing of it was run; a restart of lockkeeper \
         lays them out anew, then ask again"
    )
}

/// Parameters were sealed with a key that is not there any more.
pub fn not_opened(why: &str) -> String {
    format!(
        "what this was given holds a secret that cannot be opened: {why}; let `datastore.key` name the key it was sealed with"
    )
}

/// A policy lets only so many executions of an action run, and this one is not to wait.
pub fn too_many_at_once(action: &str) -> String {
    format!(
        "as many executions of {action} run as its policy allows, and it says not to wait; ask again later"
    )
}
