//! Packs from elsewhere: a folder of this machine, or a git repository. They come as bytes; nothing of them is executed,
//! and nothing but what the house reads of a pack is taken.

mod git;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::content::{Diagnostic, PackNameError, SourceFile, pack_name};
use crate::id::{CommitSha, PackName};
use crate::runner::RemoteError;

use super::folder;

/// Most that one pack may hold: content is kept in memory.
const PACK_BYTES_MAX: u64 = 64 << 20;
/// Most files of one pack.
const PACK_FILES_MAX: usize = 10_000;
/// Where its files lie until its name is known.
const NAMELESS: &str = "packs/pack";

/// Where a pack comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Folder(PathBuf),
    /// The branch, tag or commit; without one, what the repository calls its head.
    Git {
        url: String,
        reference: Option<String>,
    },
}

/// Why a pack cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(
        "there is no folder {0}, and it is no address; StackStorm's exchange has its packs at \
         https://github.com/StackStorm-Exchange/stackstorm-{hint}: give that address",
        hint = .0.replace('_', "-")
    )]
    ShortName(String),
    #[error("there is nothing at {}", .0.display())]
    Nothing(PathBuf),
    #[error(transparent)]
    Address(#[from] RemoteError),
    #[error(
        "an address with a password in it would be kept in packs.lock; let git ask its credential helper, or use ssh"
    )]
    Password,
    #[error("`{0}` is no name of a branch, tag or commit")]
    Reference(String),
    #[error("{url} has no branch, tag or commit `{reference}`")]
    Unknown { url: String, reference: String },
    #[error("{url}: {why}")]
    Unreachable { url: String, why: String },
    #[error("git could not be run: is it installed?")]
    NoGit(#[source] io::Error),
    #[error("{} holds no pack: it has no pack.yaml", .0)]
    NoPack(String),
    #[error(transparent)]
    Name(#[from] PackNameError),
    #[error("`{0}` is a link that leads out of the pack; a pack is taken as a whole, or not at all")]
    Leaves(String),
    #[error("`{0}` is no path that a file of a pack may have")]
    Path(String),
    #[error("the pack has more than {PACK_FILES_MAX} files, or more than {} MiB", PACK_BYTES_MAX >> 20)]
    TooLarge,
    #[error("{} cannot be read", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// A pack as it came.
#[derive(Debug)]
pub struct Fetched {
    pub name: PackName,
    /// `packs/<name>/…`
    pub files: Vec<SourceFile>,
    pub commit: Option<CommitSha>,
    /// What of it is left out.
    pub left_out: Vec<Diagnostic>,
}

/// What the lock keeps of where a pack came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub source: String,
    pub reference: Option<String>,
    /// The source is a folder of scripts.
    pub ingested: bool,
}

/// Files below a pack's folder, before it has a name.
struct Raw {
    files: Vec<SourceFile>,
    commit: Option<CommitSha>,
    left_out: Vec<Diagnostic>,
}

impl Raw {
    fn within_limits(&self) -> Result<(), FetchError> {
        let bytes: u64 = self.files.iter().map(|it| it.bytes.len() as u64).sum();
        let fits = self.files.len() <= PACK_FILES_MAX && bytes <= PACK_BYTES_MAX;
        if fits { Ok(()) } else { Err(FetchError::TooLarge) }
    }
}

impl Source {
    /// Reads `PATH`, `ADDRESS` or `ADDRESS@REF`. A path of a bare repository is one; so is any path with a `@REF`.
    ///
    /// # Errors
    /// It is neither; a short name of StackStorm's exchange is told where its pack is.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        let path = Path::new(text);
        if path.is_dir() {
            return Ok(match is_bare(path) {
                true => Self::Git { url: address_of(path)?, reference: None },
                false => Self::Folder(canonical(path)?),
            });
        }
        let at = path_start(text);
        let (url, reference) = match at.and_then(|at| text[at..].rfind('@').map(|it| at + it)) {
            Some(at) => (&text[..at], Some(text[at + 1..].to_owned())),
            None => (text, None),
        };
        if let Some(reference) = reference.as_ref().filter(|it| !git::is_name(it)) {
            return Err(FetchError::Reference(reference.clone()));
        }
        if at.is_some_and(|it| 0 < it) {
            if has_password(url) {
                return Err(FetchError::Password);
            }
            crate::runner::Remote::new(url, None, None)?;
            return Ok(Self::Git { url: url.to_owned(), reference });
        }
        let path = Path::new(url);
        if reference.is_some() && path.is_dir() {
            return Ok(Self::Git { url: address_of(path)?, reference });
        }
        let name = url.split('=').next().unwrap_or(url);
        let is_short =
            !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it));
        Err(if is_short {
            FetchError::ShortName(name.to_owned())
        } else {
            FetchError::Nothing(path.to_owned())
        })
    }

    pub fn origin(&self) -> Origin {
        let reference = match self {
            Self::Folder(_) => None,
            Self::Git { reference, .. } => reference.clone(),
        };
        Origin { source: self.address(), reference, ingested: false }
    }

    /// All files of a folder that is no pack, with paths relative to it, and what could not be read.
    ///
    /// # Errors
    /// As [`Source::fetch`].
    pub fn scripts(folder: &Path) -> Result<(Vec<SourceFile>, Vec<Diagnostic>), FetchError> {
        let raw = of_folder(folder)?;
        raw.within_limits()?;
        let relative = |it: SourceFile| {
            let path = it.path.strip_prefix(NAMELESS).unwrap_or(&it.path).trim_start_matches('/').to_owned();
            SourceFile { path, ..it }
        };
        Ok((raw.files.into_iter().map(relative).collect(), raw.left_out))
    }

    fn address(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::Git { url, .. } => url.clone(),
        }
    }

    /// Fetches it. `environment` is what `git` may see of ours ([`crate::runner::clean_environment`]); `scratch` is a
    /// folder that is there and empty, and whoever made it removes.
    ///
    /// # Errors
    /// It is not to be had, or holds no pack, or something that no pack may hold.
    pub fn fetch(
        &self,
        environment: &BTreeMap<String, String>,
        scratch: &Path,
    ) -> Result<Fetched, FetchError> {
        let raw = match self {
            Self::Folder(path) => of_folder(path)?,
            Self::Git { url, reference } => git::fetch(url, reference.as_deref(), environment, scratch)?,
        };
        raw.within_limits()?;
        let metadata = raw.files.iter().find(|it| it.path == format!("{NAMELESS}/pack.yaml"));
        let name = pack_name(metadata.ok_or_else(|| FetchError::NoPack(self.address()))?)?;
        let placed = |path: &str| path.replacen(NAMELESS, &format!("packs/{name}"), 1);
        let files = raw.files.into_iter().map(|it| SourceFile { path: placed(&it.path), ..it }).collect();
        let left_out =
            raw.left_out.into_iter().map(|it| Diagnostic { file: placed(&it.file), ..it }).collect();
        Ok(Fetched { name, files, commit: raw.commit, left_out })
    }
}

fn of_folder(path: &Path) -> Result<Raw, FetchError> {
    links_stay(path, path, 0)?;
    let mut left_out = Vec::new();
    let files = folder::foreign(path, NAMELESS, &mut left_out);
    Ok(Raw { files, commit: None, left_out })
}

/// No link below `folder` may lead out of `root`, which is no link itself.
fn links_stay(root: &Path, folder: &Path, depth: usize) -> Result<(), FetchError> {
    let fail = |source| FetchError::Io { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let kind = entry.file_type().map_err(fail)?;
        let path = entry.path();
        // What is hidden is not read.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_symlink() && path.canonicalize().ok().is_none_or(|it| !it.starts_with(root)) {
            return Err(FetchError::Leaves(path.strip_prefix(root).unwrap_or(&path).display().to_string()));
        }
        // Deeper ones are not read either.
        if kind.is_dir() && depth < folder::FOLDER_DEPTH_MAX {
            links_stay(root, &path, depth + 1)?;
        }
    }
    Ok(())
}

fn canonical(path: &Path) -> Result<PathBuf, FetchError> {
    path.canonicalize().map_err(|source| FetchError::Io { path: path.to_owned(), source })
}

fn address_of(path: &Path) -> Result<String, FetchError> {
    Ok(format!("file://{}", canonical(path)?.display()))
}

fn is_bare(path: &Path) -> bool {
    !path.join("pack.yaml").exists() && path.join("HEAD").is_file() && path.join("objects").is_dir()
}

/// Where the path of an address begins: after the host. 0: it is no address, but a path. `None`: neither.
fn path_start(text: &str) -> Option<usize> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let begin = scheme.len() + 3;
        return Some(begin + rest.find('/')?);
    }
    match text.split_once(':') {
        Some((host, _)) if host.contains('@') && !host.contains('/') => Some(host.len() + 1),
        Some(_) | None => Some(0),
    }
}

fn has_password(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    // Over https a token may stand for the user.
    authority.rsplit_once('@').is_some_and(|(user, _)| scheme != "ssh" || user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(url: &str, reference: Option<&str>) -> Source {
        Source::Git { url: url.to_owned(), reference: reference.map(str::to_owned) }
    }

    #[test]
    fn an_address_is_told_from_its_reference() {
        let read = |it: &str| Source::parse(it).unwrap();
        assert_eq!(read("https://git.example/a/b"), git("https://git.example/a/b", None));
        assert_eq!(read("https://git.example/a/b@v1.2"), git("https://git.example/a/b", Some("v1.2")));
        assert_eq!(
            read("https://git.example/a/b@feature/x"),
            git("https://git.example/a/b", Some("feature/x"))
        );
        assert_eq!(read("git@git.example:a/b.git"), git("git@git.example:a/b.git", None));
        assert_eq!(read("git@git.example:a/b.git@main"), git("git@git.example:a/b.git", Some("main")));
        assert_eq!(read("ssh://git@git.example/a@1"), git("ssh://git@git.example/a", Some("1")));
    }

    #[test]
    fn what_is_no_address_says_what_to_give() {
        let told = |it: &str| Source::parse(it).unwrap_err().to_string();
        assert!(told("slack").contains("https://github.com/StackStorm-Exchange/stackstorm-slack"));
        assert!(told("ms_teams=1.0.0").contains("StackStorm-Exchange/stackstorm-ms-teams:"));
        assert!(told("./gone/pack").contains("there is nothing at ./gone/pack"));
        assert!(
            told("https://ann:hunter2@git.example/a").contains("password")
                && !told("https://ann:hunter2@git.example/a").contains("hunter2")
        );
        assert!(
            told("https://ghp_0123@git.example/a").contains("password")
                && told("slack@v1").contains("stackstorm-slack")
        );
        for bad in
            ["http://git.example/a", "ext::sh -c id", "ssh://-oProxyCommand=x/a", "git://git.example/a"]
        {
            assert!(Source::parse(bad).is_err(), "{bad}");
        }
        for bad in [
            "https://git.example/a@--upload-pack=x",
            "https://git.example/a@-x",
            "https://git.example/a@main~1",
            "https://git.example/a@",
        ] {
            assert!(matches!(Source::parse(bad), Err(FetchError::Reference(_))), "{bad}");
        }
    }

    #[test]
    fn a_folder_is_taken_with_its_links_only_if_they_stay_inside() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().canonicalize().unwrap();
        let pack = root.join("any-name");
        fs::create_dir_all(pack.join("actions")).unwrap();
        fs::write(pack.join("pack.yaml"), "ref: demo\nname: Demo\nversion: 1.0.0\n").unwrap();
        fs::write(pack.join("actions/a.sh"), "#!/bin/sh\n").unwrap();
        fs::write(root.join("passwd"), "secret").unwrap();
        std::os::unix::fs::symlink("a.sh", pack.join("actions/b.sh")).unwrap();
        let fetch = || Source::Folder(pack.clone()).fetch(&BTreeMap::new(), &root);
        let fetched = fetch().unwrap();
        let files: Vec<&str> = fetched.files.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(files, ["packs/demo/actions/a.sh", "packs/demo/actions/b.sh", "packs/demo/pack.yaml"]);
        for target in ["../../passwd", "/etc/passwd", "gone"] {
            std::os::unix::fs::symlink(target, pack.join("actions/c.sh")).unwrap();
            assert!(matches!(fetch(), Err(FetchError::Leaves(it)) if it == "actions/c.sh"), "{target}");
            fs::remove_file(pack.join("actions/c.sh")).unwrap();
        }
        fs::remove_file(pack.join("pack.yaml")).unwrap();
        assert!(matches!(fetch(), Err(FetchError::NoPack(_))));
        fs::write(pack.join("pack.yaml"), "name: No Name\n").unwrap();
        assert!(matches!(fetch(), Err(FetchError::Name(_))));
    }
}
