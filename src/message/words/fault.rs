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
