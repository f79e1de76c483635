use include_dir::{Dir, include_dir};

use crate::content::{Dialect, SourceFile};

static COMMANDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/commands");
static ALIASES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/aliases");

/// The content that the binary carries.
pub(super) fn files() -> impl Iterator<Item = SourceFile> {
    let mut files = Vec::new();
    for (root, dir) in [("commands", &COMMANDS), ("aliases", &ALIASES)] {
        collect(root, dir, &mut files);
    }
    files.into_iter()
}

fn collect(root: &str, dir: &Dir<'_>, files: &mut Vec<SourceFile>) {
    for file in dir.files() {
        let name = file.path().display().to_string();
        if name.rsplit('/').next().is_some_and(|it| it.starts_with('.')) {
            continue;
        }
        let bytes = file.contents().to_vec();
        // The binary keeps no modes; a script says what it is in its first line.
        let executable = bytes.starts_with(b"#!");
        files.push(SourceFile {
            path: format!("{root}/{name}"),
            bytes,
            executable,
            dialect: Dialect::Strict,
        });
    }
    for dir in dir.dirs() {
        collect(root, dir, files);
    }
}
