//! `package`: a folder as one file whose bytes depend on nothing but the files in it.
//!
//! Parameters: `dir`, `include` (default everything), `exclude` (default `.git`), `script` (if given, the package must
//! hold this file and it must be executable: every host would miss it later). Result: `{digest, bytes, files, path}`. The
//! artifact lies at `<data>/artifacts/<digest>.tar.gz`.
//!
//! Reproducible means: names sorted by bytes, times and owners zero, modes 0644 or 0755, no time in the gzip header
//! (<https://reproducible-builds.org/docs/archives/>).

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read as _, Write as _},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use flate2::{Compression, GzBuilder};
use serde_json::Value;
use sha2::Digest as _;

use super::pattern::Pattern;
use crate::id::Digest;
use crate::runner::attempt::{Attempt, Stop, fields};

/// A package that could not be made.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no file of {0} is included")]
    Empty(PathBuf),
    #[error(
        "the package has no {0}, which installs it on a host; add the script to the repository, let `package` include it, or name another as `install` in the app's `scripts`"
    )]
    NoScript(String),
    #[error("{0} is not executable; run `git update-index --chmod=+x` on it and commit")]
    NotExecutable(String),
    #[error("{0} is a link to {1}, outside the packaged folder")]
    Leaves(PathBuf, PathBuf),
    #[error("{0} is neither a file, a folder nor a link")]
    Special(PathBuf),
    #[error("the name {0:?} is not valid text")]
    Name(PathBuf),
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    #[error("cannot write the artifact in {0}: {1}")]
    Write(PathBuf, io::Error),
}

pub(super) async fn perform(attempt: &Attempt) -> Result<Value, Stop> {
    let dir = attempt.request.work_dir.join(attempt.needed("dir")?);
    let patterns = |name, default: &str| -> Vec<Pattern> {
        let texts = super::texts(attempt, name).unwrap_or_else(|| vec![default.to_owned()]);
        texts.iter().map(|it| Pattern::new(it)).collect()
    };
    let (include, exclude) = (patterns("include", "."), patterns("exclude", ".git"));
    let artifacts = attempt.deps.data_dir.join("artifacts");
    let script = attempt.text("script").map(|it| it.trim_start_matches("./").to_owned());
    attempt
        .within(async {
            // If the deadline passes, the thread ends its file and removes it; nobody waits for it.
            let making = tokio::task::spawn_blocking(move || {
                make(&dir, &include, &exclude, script.as_deref(), &artifacts)
            });
            making.await.map_err(Stop::failed)?.map_err(Stop::failed)
        })
        .await
}

fn make(
    dir: &Path,
    include: &[Pattern],
    exclude: &[Pattern],
    script: Option<&str>,
    artifacts: &Path,
) -> Result<Value, Fault> {
    let mut entries = Vec::new();
    collect(dir, "", &mut entries)?;
    let wanted =
        |path: &str| include.iter().any(|it| it.covers(path)) && !exclude.iter().any(|it| it.covers(path));
    entries.retain(|it| wanted(it));
    entries.sort();
    if entries.is_empty() {
        return Err(Fault::Empty(dir.to_owned()));
    }
    script.map_or(Ok(()), |it| holds(dir, &entries, it))?;
    let write = |error| Fault::Write(artifacts.to_owned(), error);
    fs::create_dir_all(artifacts).map_err(write)?;
    let mut file = tempfile_in(artifacts).map_err(write)?;
    let (digest, bytes) = archive(&mut file.file, dir, &entries, &write)?;
    let path = artifacts.join(format!("{digest}.tar.gz"));
    file.keep(&path).map_err(write)?;
    Ok(fields([
        ("digest", digest.as_str().into()),
        ("bytes", bytes.into()),
        ("files", entries.len().into()),
        ("path", path.display().to_string().into()),
    ]))
}

/// Whether the script is packed, and can run once it is unpacked. What a link leads to is seen on the host.
fn holds(dir: &Path, entries: &[String], script: &str) -> Result<(), Fault> {
    if !entries.iter().any(|it| it == script) {
        return Err(Fault::NoScript(script.to_owned()));
    }
    let metadata =
        fs::symlink_metadata(dir.join(script)).map_err(|error| Fault::Read(dir.join(script), error))?;
    if metadata.is_file() && metadata.permissions().mode() & 0o100 == 0 {
        return Err(Fault::NotExecutable(script.to_owned()));
    }
    Ok(())
}

/// Writes the archive; gives its digest and size.
fn archive(
    file: &mut File,
    dir: &Path,
    entries: &[String],
    write: &impl Fn(io::Error) -> Fault,
) -> Result<(Digest, u64), Fault> {
    let hashing = Hashing { inner: BufWriter::new(file), hash: sha2::Sha256::new(), bytes: 0 };
    // 255 is "unknown system": the byte must not tell where it was built.
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(hashing, Compression::default());
    let mut archive = tar::Builder::new(gzip);
    for path in entries {
        append(&mut archive, dir, path)?;
    }
    let gzip = archive.into_inner().map_err(write)?;
    let mut hashing = gzip.finish().map_err(write)?;
    hashing.flush().map_err(write)?;
    let digest = hex::encode(hashing.hash.finalize());
    let digest = Digest::parse(&digest).map_err(|it| write(io::Error::other(it)))?;
    Ok((digest, hashing.bytes))
}

/// Every file and link below the folder, by path. Folders have no entries of their own: they hold what is in them.
fn collect(root: &Path, below: &str, found: &mut Vec<String>) -> Result<(), Fault> {
    let folder = root.join(below);
    let read = |error| Fault::Read(folder.clone(), error);
    for entry in fs::read_dir(&folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().into_string().map_err(|it| Fault::Name(it.into()))?;
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().map_err(read)?.is_dir() {
            collect(root, &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn append<W: io::Write>(archive: &mut tar::Builder<W>, root: &Path, path: &str) -> Result<(), Fault> {
    let full = root.join(path);
    let read = |error| Fault::Read(full.clone(), error);
    let metadata = fs::symlink_metadata(&full).map_err(read)?;
    let mut header = tar::Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_symlink() {
        let target = fs::read_link(&full).map_err(read)?;
        if !stays_inside(path, &target) {
            return Err(Fault::Leaves(full, target));
        }
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        return archive.append_link(&mut header, path, target).map_err(read);
    }
    if !metadata.is_file() {
        return Err(Fault::Special(full));
    }
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(if metadata.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 });
    header.set_size(metadata.len());
    let file = File::open(&full).map_err(read)?;
    // A file that grows meanwhile must not shift the archive; one that shrinks is an error.
    archive.append_data(&mut header, path, file.take(metadata.len())).map_err(read)
}

/// Whether a link at this path, followed by name alone, stays below the root.
fn stays_inside(path: &str, target: &Path) -> bool {
    let mut depth = path.split('/').count() - 1;
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// A file that is removed unless it is kept.
pub(super) struct Draft {
    pub(super) file: File,
    path: PathBuf,
}

pub(super) fn tempfile_in(folder: &Path) -> io::Result<Draft> {
    let path = folder.join(format!(".draft-{}", uuid::Uuid::now_v7()));
    Ok(Draft { file: File::options().write(true).create_new(true).open(&path)?, path })
}

impl Draft {
    /// Gives the file its name, durably.
    pub(super) fn keep(self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After `keep` the name is gone already.
        let _ = fs::remove_file(&self.path);
    }
}

/// Counts and hashes what goes through.
struct Hashing<W> {
    inner: W,
    hash: sha2::Sha256,
    bytes: u64,
}

impl<W: io::Write> io::Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_followed_by_name_to_see_where_it_leads() {
        assert!(stays_inside("bin/app", Path::new("../lib/app")));
        assert!(!stays_inside("bin/app", Path::new("../../etc/passwd")));
        assert!(!stays_inside("app", Path::new("/etc/passwd")));
        assert!(!stays_inside("a/b", Path::new("x/../../../y")));
    }
}
