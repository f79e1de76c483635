//! The packs of a StackStorm installation, for whoever wants to come over.

use std::path::Path;

use crate::content::{Diagnostic, SourceFile};

use super::{embedded, folder};

/// The files of its packs, as `packs/<pack>/…`. `dir` is the installation (it holds `packs/`), its folder of packs, or
/// one pack.
pub fn installation(dir: &Path) -> (Vec<SourceFile>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let below = dir.join("packs");
    let files = match dir.file_name().and_then(|it| it.to_str()) {
        Some(name) if dir.join("pack.yaml").is_file() => {
            folder::foreign(dir, &format!("packs/{name}"), &mut diagnostics)
        }
        _ if below.is_dir() => folder::foreign(&below, "packs", &mut diagnostics),
        _ => folder::foreign(dir, "packs", &mut diagnostics),
    };
    (files, diagnostics)
}

/// What the bot brings itself.
pub fn carried() -> Vec<SourceFile> {
    embedded::files().collect()
}
