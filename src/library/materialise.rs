use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::id::Digest;

use super::Loaded;

/// One file of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackFile {
    /// Below the pack's folder.
    pub path: String,
    pub digest: Digest,
    pub executable: bool,
}

/// Why a pack could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum MaterialiseError {
    #[error("content {0} is not loaded")]
    Unknown(Digest),
    #[error("cannot lay out content at {path}")]
    Io { path: PathBuf, source: io::Error },
}

impl Loaded {
    /// Lays a pack out at `<data>/content/<digest>/` and gives that folder. What is there already stays if it is still
    /// what it was; otherwise it is laid out anew. A folder gets its name only when it is complete. Scripts may be
    /// executed.
    ///
    /// # Errors
    /// The digest is of no loaded pack, so that what is there cannot be compared with anything, or the disk refuses.
    pub fn materialise(&self, pack: &Digest, data: &Path) -> Result<PathBuf, MaterialiseError> {
        let content = data.join("content");
        let target = content.join(pack.as_str());
        let files = self.packs.get(pack).ok_or_else(|| MaterialiseError::Unknown(pack.clone()))?;
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| MaterialiseError::Io { path, source }
        };
        let stands = fs::symlink_metadata(&target).is_ok();
        if stands {
            let Some(altered) = altered(&target, files) else { return Ok(target) };
            tracing::warn!(folder = %target.display(), %altered, "laid out anew");
        }
        let building = content.join(format!(".{}.{}", pack.short(), uuid::Uuid::now_v7()));
        fs::create_dir_all(&building).map_err(fail(&building))?;
        for file in files {
            let bytes =
                self.files.get(&file.digest).ok_or_else(|| MaterialiseError::Unknown(file.digest.clone()))?;
            let path = building.join(&file.path);
            let executable = file.executable || is_script(bytes);
            write(&path, bytes, if executable { 0o755 } else { 0o644 }).map_err(fail(&path))?;
        }
        let moved = if stands { swap(&building, &target) } else { fs::rename(&building, &target) };
        match moved {
            Ok(()) => Ok(target),
            // Someone else was faster with the same content.
            Err(_) if altered(&target, files).is_none() => {
                fs::remove_dir_all(&building).map_err(fail(&building))?;
                Ok(target)
            }
            Err(source) => Err(MaterialiseError::Io { path: target, source }),
        }
    }
}

/// A file of a laid out pack that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Altered {
    #[error("{0} cannot be read")]
    Gone(String),
    #[error("{0} holds something else")]
    Changed(String),
    #[error("{0} may not be executed any more, or may be now")]
    Mode(String),
}

/// The first of these files that is not what it was; `None` if all are. What scripts wrote beside them is no matter.
pub fn altered(folder: &Path, files: &[PackFile]) -> Option<Altered> {
    files.iter().find_map(|file| {
        let path = folder.join(&file.path);
        let told = || file.path.clone();
        // A link could lead elsewhere by the time it is executed.
        let metadata = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file);
        let Some((metadata, bytes)) = metadata.and_then(|it| Some((it, fs::read(&path).ok()?))) else {
            return Some(Altered::Gone(told()));
        };
        if Digest::of(&bytes) != file.digest {
            return Some(Altered::Changed(told()));
        }
        let executable = metadata.permissions().mode() & 0o111 != 0;
        (executable != (file.executable || is_script(&bytes))).then(|| Altered::Mode(told()))
    })
}

fn is_script(bytes: &[u8]) -> bool {
    bytes.starts_with(b"#!")
}

/// Puts a folder in another's place in one step, so that nobody finds none, and removes the other.
fn swap(new: &Path, old: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE)?;
    if fs::symlink_metadata(new)?.is_dir() { fs::remove_dir_all(new) } else { fs::remove_file(new) }
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PackName;
    use crate::library::Library;

    #[test]
    fn a_pack_is_laid_out_once_under_its_digest_with_runnable_scripts() {
        let content = tempfile::tempdir().unwrap();
        let data = tempfile::tempdir().unwrap();
        let actions = content.path().join("commands/demo/actions");
        fs::create_dir_all(&actions).unwrap();
        fs::write(
            content.path().join("commands/demo/pack.yaml"),
            "name: demo\ndescription: d\nversion: 1.0.0\nauthor: a\n",
        )
        .unwrap();
        fs::write(actions.join("hi.yaml"), "name: hi\nrunner_type: local-shell-script\nentry_point: hi.sh\n")
            .unwrap();
        fs::write(actions.join("hi.sh"), "#!/bin/sh\necho hi\n").unwrap();
        let loaded = Library::without_embedded(vec![content.path().to_owned()]).load();
        let pack = loaded.catalogue.packs.get(&PackName::new("demo")).unwrap();

        let folder = loaded.materialise(&pack.digest, data.path()).unwrap();
        assert!(folder.ends_with(pack.digest.as_str()));
        let script = folder.join("actions/hi.sh");
        assert_eq!(fs::read_to_string(&script).unwrap(), "#!/bin/sh\necho hi\n");
        assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o755);

        // Changed content gets another place, and the old one stays for executions that pinned it.
        fs::write(actions.join("hi.sh"), "#!/bin/sh\necho ho\n").unwrap();
        let changed = Library::without_embedded(vec![content.path().to_owned()]).load();
        let digest = changed.catalogue.packs.get(&PackName::new("demo")).unwrap().digest.clone();
        assert_ne!(changed.materialise(&digest, data.path()).unwrap(), folder);
        assert!(folder.is_dir());
        assert!(matches!(changed.materialise(&pack.digest, data.path()), Err(MaterialiseError::Unknown(_))));
        assert!(matches!(
            changed.materialise(&Digest::of(b"x"), data.path()),
            Err(MaterialiseError::Unknown(_))
        ));
        assert_eq!(fs::read_dir(data.path().join("content")).unwrap().count(), 2);
    }

    #[test]
    fn what_was_altered_is_named_and_laid_out_anew() {
        let data = tempfile::tempdir().unwrap();
        let loaded = Library::new(Vec::new()).load();
        let (digest, files) = loaded.packs.iter().find(|(_, files)| !files.is_empty()).unwrap();
        let folder = loaded.materialise(digest, data.path()).unwrap();
        assert_eq!(altered(&folder, files), None);
        let (name, path) = (files[0].path.clone(), folder.join(&files[0].path));
        let by_product = folder.join("by-product");
        fs::write(&by_product, "x").unwrap();
        assert_eq!(loaded.materialise(digest, data.path()).unwrap(), folder);
        assert!(by_product.exists(), "whole, so left as it is");

        let alterations: [(&dyn Fn(), Altered); 4] = [
            (&|| fs::write(&path, "something else").unwrap(), Altered::Changed(name.clone())),
            (&|| fs::remove_file(&path).unwrap(), Altered::Gone(name.clone())),
            (
                &|| fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap(),
                Altered::Mode(name.clone()),
            ),
            (
                &|| {
                    let elsewhere = data.path().join("elsewhere");
                    fs::rename(&path, &elsewhere).unwrap();
                    std::os::unix::fs::symlink(elsewhere, &path).unwrap();
                },
                Altered::Gone(name),
            ),
        ];
        for (alter, told) in alterations {
            alter();
            assert_eq!(altered(&folder, files), Some(told));
            assert_eq!(loaded.materialise(digest, data.path()).unwrap(), folder);
            assert_eq!(altered(&folder, files), None);
        }
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "no folder").unwrap();
        loaded.materialise(digest, data.path()).unwrap();
        assert_eq!(altered(&folder, files), None);
        assert_eq!(
            fs::read_dir(data.path().join("content")).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }
}
