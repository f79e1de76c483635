//! `packs.lock`: what was installed into the `packs/` beside it, from where, and what it was.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::content::{Catalogue, Diagnostic};
use crate::id::{CommitSha, Digest, PackName};
use crate::yaml::{self, Dialect, Place};

/// Its name, in a content folder.
pub const LOCK_FILE: &str = "packs.lock";

const HEAD: &str = "# What `lockkeeper pack install` installed. Keep it with packs/: `lockkeeper check` tells what differs from it.\n";

/// All that was installed into one content folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    #[serde(default)]
    pub packs: BTreeMap<PackName, Locked>,
}

/// One pack, as it was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// As `pack.yaml` has it.
    pub version: String,
    /// An address, or the folder that it was copied from.
    pub source: String,
    /// The branch, tag or commit that was asked for.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitSha>,
    /// [`crate::content::Pack::digest`].
    pub content: Digest,
    /// It was made of the scripts in that folder.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ingested: bool,
}

fn is_false(it: &bool) -> bool {
    !it
}

/// Why the file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{}: {fault}; mend it, or remove it and install the packs anew", path.display())]
    Broken { path: PathBuf, fault: yaml::Fault },
    #[error("{}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Lock {
    /// The one of this content folder; empty if there is none.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(LOCK_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(LockError::Io { path, source }),
        };
        parse(&bytes).map_err(|fault| LockError::Broken { path, fault })
    }

    /// Puts it in place of the one that is there, at once.
    pub(super) fn write(&self, folder: &Path) -> Result<(), LockError> {
        let path = folder.join(LOCK_FILE);
        let beside = folder.join(format!(".{LOCK_FILE}.{}", uuid::Uuid::now_v7()));
        let text = serde_saphyr::to_string(self).map_err(io::Error::other);
        let written = text.and_then(|text| {
            let mut file = File::create(&beside)?;
            file.write_all(HEAD.as_bytes())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &path)
        });
        written.map_err(|source| {
            drop(fs::remove_file(&beside));
            LockError::Io { path, source }
        })
    }
}

fn parse(bytes: &[u8]) -> Result<Lock, yaml::Fault> {
    let node = yaml::read(yaml::text(bytes)?, Dialect::Strict)?;
    if node.to_json().is_null() {
        return Ok(Lock::default());
    }
    let mut unknown = Vec::new();
    let lock = yaml::decode(&node, &mut unknown)?;
    unknown.into_iter().next().map_or(Ok(lock), Err)
}

/// Packs that are not what was installed into this folder, as people edit: told, never refused.
pub(super) fn drift(folder: &Path, catalogue: &Catalogue, diagnostics: &mut Vec<Diagnostic>) {
    let lock = match Lock::read(folder) {
        Ok(lock) => lock,
        Err(LockError::Broken { fault, .. }) => return diagnostics.push(Diagnostic::of(LOCK_FILE, fault)),
        Err(LockError::Io { source, .. }) => {
            return diagnostics.push(Diagnostic::error(
                LOCK_FILE,
                Place::START,
                format!("cannot read it: {source}"),
            ));
        }
    };
    for (name, locked) in &lock.packs {
        let place = format!("packs/{name}");
        match catalogue.packs.get(name).filter(|it| it.folder == place) {
            Some(pack) if pack.digest == locked.content => {}
            Some(_) => diagnostics.push(
                Diagnostic::warning(
                    format!("{place}/pack.yaml"),
                    Place::START,
                    format!("pack `{name}` was changed since it was installed from {}", locked.source),
                )
                .hint(format!("`{}` puts it back, and shows what that changes", locked.again(name))),
            ),
            None => diagnostics.push(
                Diagnostic::warning(
                    LOCK_FILE,
                    Place::START,
                    format!("pack `{name}` was installed from {} and is not in {place}", locked.source),
                )
                .hint(format!("`{}`, or `lockkeeper pack remove {name}`", locked.again(name))),
            ),
        }
    }
}

impl Locked {
    /// The command that gets the same again.
    fn again(&self, name: &PackName) -> String {
        match &self.commit {
            _ if self.ingested => format!("lockkeeper pack ingest {} --pack {name}", self.source),
            Some(commit) => format!("lockkeeper pack install {}@{commit}", self.source),
            None => format!("lockkeeper pack install {}", self.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_reads_back_as_it_was_written_and_a_broken_one_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(folder.path()).unwrap(), Lock::default());
        let locked = |reference: Option<&str>| Locked {
            version: "1.0".to_owned(),
            source: "https://git.example/a: b".to_owned(),
            reference: reference.map(str::to_owned),
            commit: reference.map(|_| CommitSha::parse(&"a1".repeat(20)).unwrap()),
            content: Digest::of(b"x"),
            ingested: reference.is_none(),
        };
        let packs = [("slack".into(), locked(Some("v1"))), ("yes".into(), locked(None))];
        let lock = Lock { packs: packs.into() };
        lock.write(folder.path()).unwrap();
        assert_eq!(Lock::read(folder.path()).unwrap(), lock);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for broken in ["packs: [", "packs: {a: {version: 1}}", "pakcs: {}"] {
            fs::write(folder.path().join(LOCK_FILE), broken).unwrap();
            assert!(matches!(Lock::read(folder.path()), Err(LockError::Broken { .. })), "{broken}");
        }
    }
}
