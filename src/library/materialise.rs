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
    /// Lays a pack out at `<data>/content/<digest>/` and gives that folder. What is there already is taken as it is: a
    /// folder gets its name only when it is complete. Scripts may be executed.
    ///
    /// # Errors
    /// The digest is of no loaded pack and not on disk, or the disk refuses.
    pub fn materialise(&self, pack: &Digest, data: &Path) -> Result<PathBuf, MaterialiseError> {
        let content = data.join("content");
        let target = content.join(pack.as_str());
        if target.is_dir() {
            return Ok(target);
        }
        let files = self.packs.get(pack).ok_or_else(|| MaterialiseError::Unknown(pack.clone()))?;
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| MaterialiseError::Io { path, source }
        };
        let building = content.join(format!(".{}.{}", pack.short(), uuid::Uuid::now_v7()));
        fs::create_dir_all(&building).map_err(fail(&building))?;
        for file in files {
            let bytes =
                self.files.get(&file.digest).ok_or_else(|| MaterialiseError::Unknown(file.digest.clone()))?;
            let path = building.join(&file.path);
            let executable = file.executable || bytes.starts_with(b"#!");
            write(&path, bytes, if executable { 0o755 } else { 0o644 }).map_err(fail(&path))?;
        }
        match fs::rename(&building, &target) {
            Ok(()) => Ok(target),
            // Someone else was faster with the same content.
            Err(_) if target.is_dir() => {
                fs::remove_dir_all(&building).map_err(fail(&building))?;
                Ok(target)
            }
            Err(source) => Err(MaterialiseError::Io { path: target, source }),
        }
    }
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
        assert_eq!(changed.materialise(&pack.digest, data.path()).unwrap(), folder);
        assert!(matches!(
            changed.materialise(&Digest::of(b"x"), data.path()),
            Err(MaterialiseError::Unknown(_))
        ));
        assert_eq!(fs::read_dir(data.path().join("content")).unwrap().count(), 2);
    }
}
