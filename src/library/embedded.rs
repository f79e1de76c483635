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

#[cfg(test)]
mod tests {
    use crate::id::ActionRef;
    use crate::library::Library;

    #[test]
    fn the_binary_carries_the_actions_that_every_workflow_may_need() {
        let loaded = Library::new(Vec::new()).load();
        for name in ["noop", "echo", "local", "remote", "http", "ask"] {
            let action = loaded.catalogue.action(&ActionRef::new(format!("core.{name}")));
            assert!(action.is_some_and(|it| it.guarded == (name == "remote")), "core.{name}");
        }
        assert!(!loaded.diagnostics.iter().any(|it| it.file.starts_with("commands/core/")));
    }
}
