//! The files of a commit, as `git ls-tree` lists them. Nothing is checked out: no filter, attribute or hook of a
//! repository is ever read.

use std::collections::BTreeMap;

use crate::content::Diagnostic;
use crate::library::FILE_BYTES_MAX;
use crate::yaml::Place;

use super::{FetchError, NAMELESS, PACK_BYTES_MAX, PACK_FILES_MAX};

/// Links are followed this often.
const LINKS_MAX: usize = 8;

/// A blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) id: String,
    pub(super) kind: BlobKind,
    pub(super) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlobKind {
    File { executable: bool },
    Link,
}

/// A commit's blobs by their paths, and what of it is left out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tree {
    pub(super) blobs: BTreeMap<String, Blob>,
    pub(super) left_out: Vec<Diagnostic>,
}

impl Tree {
    /// Reads what `ls-tree -r -z --long` prints.
    pub(super) fn parse(listed: &[u8]) -> Result<Self, FetchError> {
        let mut tree = Self::default();
        let mut total = 0;
        for line in listed.split(|it| *it == 0).filter(|it| !it.is_empty()) {
            let line = String::from_utf8_lossy(line);
            let Some((facts, path)) = line.split_once('\t') else {
                return Err(FetchError::Path(line.into_owned()));
            };
            if !is_path(path) {
                return Err(FetchError::Path(path.to_owned()));
            }
            // As in a folder: what is hidden is not read.
            if path.split('/').any(|it| it.starts_with('.')) {
                continue;
            }
            let facts: Vec<&str> = facts.split_whitespace().collect();
            let &[mode, _, id, bytes] = facts.as_slice() else {
                return Err(FetchError::Path(path.to_owned()));
            };
            let bytes: u64 = bytes.parse().unwrap_or(0);
            let kind = match mode {
                "100644" | "100664" => BlobKind::File { executable: false },
                "100755" => BlobKind::File { executable: true },
                "120000" => BlobKind::Link,
                _ => {
                    tree.leave_out(
                        path,
                        "another repository stands here (a submodule), which is not fetched",
                    );
                    continue;
                }
            };
            if FILE_BYTES_MAX < bytes {
                tree.leave_out(path, &format!("more than {FILE_BYTES_MAX} bytes"));
                continue;
            }
            total += bytes;
            tree.blobs.insert(path.to_owned(), Blob { id: id.to_owned(), kind, bytes });
        }
        if PACK_FILES_MAX < tree.blobs.len() || PACK_BYTES_MAX < total {
            return Err(FetchError::TooLarge);
        }
        Ok(tree)
    }

    fn leave_out(&mut self, path: &str, why: &str) {
        self.left_out.push(Diagnostic::warning(
            format!("{NAMELESS}/{path}"),
            Place::START,
            format!("left out: {why}"),
        ));
    }

    /// The file that a path is, or leads to by its links, whose targets are in `contents` by their ids; `None` is a folder.
    pub(super) fn file_of(
        &self,
        path: &str,
        contents: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Option<&Blob>, FetchError> {
        let leaves = || FetchError::Leaves(path.to_owned());
        let mut at = path.to_owned();
        for _ in 0..LINKS_MAX {
            let Some(blob) = self.blobs.get(&at) else {
                let below = format!("{at}/");
                let is_folder = self.blobs.keys().any(|it| it.starts_with(&below));
                return if is_folder { Ok(None) } else { Err(leaves()) };
            };
            if blob.kind != BlobKind::Link {
                return Ok(Some(blob));
            }
            let target =
                contents.get(&blob.id).and_then(|it| std::str::from_utf8(it).ok()).ok_or_else(leaves)?;
            at = joined(&at, target).ok_or_else(leaves)?;
        }
        Err(leaves())
    }
}

/// Where a link leads; `None`: out of the pack.
fn joined(link: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Below the pack's folder, and nothing that a folder could not hold.
fn is_path(path: &str) -> bool {
    let plain =
        |it: &str| !it.is_empty() && it != "." && it != ".." && !it.contains(['\u{fffd}', '\n', '\\']);
    path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(entries: &[(&str, &str, &str)]) -> Vec<u8> {
        let line = |(mode, id, path): &(&str, &str, &str)| format!("{mode} blob {id}      12\t{path}\0");
        entries.iter().map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn a_path_that_leaves_the_pack_is_refused() {
        for bad in ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a\\b"] {
            let parsed = Tree::parse(&listed(&[("100644", "a1", bad)]));
            assert!(matches!(parsed, Err(FetchError::Path(_))), "{bad}");
        }
        let tree =
            Tree::parse(&listed(&[("100755", "a1", "a/b.sh"), ("100644", "a2", ".git/config")])).unwrap();
        assert_eq!(tree.blobs.keys().collect::<Vec<_>>(), ["a/b.sh"]);
        let tree = Tree::parse(b"160000 commit a1       -\tsub\0").unwrap();
        assert!(tree.blobs.is_empty() && tree.left_out[0].message.contains("submodule"));
        assert!(matches!(Tree::parse(&listed(&[("100644", "a", "x"); 1])), Ok(it) if it.blobs.len() == 1));
    }

    #[test]
    fn links_lead_to_files_of_the_same_commit_or_nowhere() {
        let tree = Tree::parse(&listed(&[
            ("100644", "f", "lib/x.py"),
            ("120000", "in", "actions/x.py"),
            ("120000", "out", "actions/out"),
            ("120000", "abs", "actions/abs"),
            ("120000", "loop", "actions/loop"),
            ("120000", "dir", "actions/dir"),
        ]))
        .unwrap();
        let texts = [
            ("in", "../lib/x.py"),
            ("out", "../../x"),
            ("abs", "/etc/passwd"),
            ("loop", "loop"),
            ("dir", "../lib"),
        ];
        let contents = texts.iter().map(|(id, it)| ((*id).to_owned(), it.as_bytes().to_vec())).collect();
        let file = |path: &str| tree.file_of(path, &contents).map(|it| it.map(|it| it.id.clone()));
        assert_eq!(file("actions/x.py").unwrap().as_deref(), Some("f"));
        assert_eq!(file("actions/dir").unwrap(), None);
        for bad in ["actions/out", "actions/abs", "actions/loop"] {
            assert!(matches!(file(bad), Err(FetchError::Leaves(it)) if it == bad), "{bad}");
        }
    }
}
