//! The Python package that the binary carries: `st2common` as far as actions use it, and what runs an action. It is
//! written down where Python finds it, and compared before each use, as packs are.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use include_dir::{Dir, File, include_dir};

use crate::id::Digest;

static PACKAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/python");

/// The folder below `shelf` that holds exactly the package.
pub(super) fn lay_out(shelf: &Path) -> io::Result<PathBuf> {
    let files = files(&PACKAGE);
    let folder = shelf.join(digest(&files).short());
    if files.iter().all(|it| stands(&folder, it)) {
        return Ok(folder);
    }
    let building = shelf.join(format!(".{}", uuid::Uuid::now_v7()));
    for file in &files {
        let path = building.join(file.path());
        fs::create_dir_all(path.parent().unwrap_or(&building))?;
        fs::write(path, file.contents())?;
    }
    if let Err(error) = fs::remove_dir_all(&folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    match fs::rename(&building, &folder) {
        Ok(()) => Ok(folder),
        // Someone else was faster with the same.
        Err(_) if files.iter().all(|it| stands(&folder, it)) => {
            fs::remove_dir_all(&building).map(|()| folder)
        }
        Err(error) => Err(error),
    }
}

fn stands(folder: &Path, file: &File<'_>) -> bool {
    fs::read(folder.join(file.path())).is_ok_and(|it| it == file.contents())
}

fn files<'d>(dir: &'d Dir<'d>) -> Vec<&'d File<'d>> {
    let is_ours = |it: &&File<'_>| it.path().extension().is_some_and(|it| it == "py");
    dir.files().filter(is_ours).chain(dir.dirs().flat_map(files)).collect()
}

fn digest(files: &[&File<'_>]) -> Digest {
    let mut all = Vec::new();
    for file in files {
        all.extend_from_slice(file.path().as_os_str().as_encoded_bytes());
        all.push(0);
        all.extend_from_slice(file.contents());
        all.push(0);
    }
    Digest::of(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_altered_is_written_anew() {
        let shelf = tempfile::tempdir().unwrap();
        let folder = lay_out(shelf.path()).unwrap();
        let file = folder.join("st2common/runners/base_action.py");
        let good = fs::read(&file).unwrap();
        fs::write(&file, "import os").unwrap();
        assert_eq!(lay_out(shelf.path()).unwrap(), folder);
        assert_eq!(fs::read(&file).unwrap(), good);
        assert_eq!(fs::read_dir(shelf.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
