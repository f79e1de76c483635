//! A commit of a repository elsewhere, by the system's `git`: argv only, into a bare repository of its own that is thrown
//! away. What it may do is what [`Remote::variables`] lets it: no other transport than https, ssh and files, no question
//! asked, no hook run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::content::{Diagnostic, Dialect, SourceFile};
use crate::id::CommitSha;
use crate::runner::Remote;
use crate::yaml::Place;

use super::tree::{Blob, BlobKind, Tree};
use super::{FetchError, NAMELESS, Raw};

/// What the head elsewhere is called here.
const HEAD: &str = "refs/lockkeeper/head";
/// Bytes a second below which a transfer is given up, and after how many seconds.
const SLOW: [&str; 4] = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30"];

/// The files of what `reference` names now.
pub(super) fn fetch(
    url: &str,
    reference: Option<&str>,
    environment: &BTreeMap<String, String>,
    scratch: &Path,
) -> Result<Raw, FetchError> {
    let remote = Remote::new(url, None, None)?;
    let git = Git { remote, environment, folder: scratch };
    git.said(&["init", "--quiet", "--bare"])?;
    let commit = git.commit(reference)?;
    let listed =
        git.said(&["ls-tree", "-r", "-z", "--long", "--full-tree", "--end-of-options", commit.as_str()])?;
    let mut tree = Tree::parse(&listed)?;
    let contents = git.contents(&tree)?;
    let mut files = Vec::new();
    for path in tree.blobs.keys() {
        let place = format!("{NAMELESS}/{path}");
        let Some(blob) = tree.file_of(path, &contents)? else {
            let why = "left out: a link to a folder is not read";
            tree.left_out.push(Diagnostic::warning(place, Place::START, why));
            continue;
        };
        let executable = blob.kind == BlobKind::File { executable: true };
        let bytes = contents.get(&blob.id).cloned().unwrap_or_default();
        files.push(SourceFile { path: place, bytes, executable, dialect: Dialect::StackStorm });
    }
    Ok(Raw { files, commit: Some(commit), left_out: tree.left_out })
}

/// A name and not git's language of revisions (`main~3`, `@{yesterday}`), and no option.
pub(super) fn is_name(reference: &str) -> bool {
    let plain = |it: char| it.is_alphanumeric() || matches!(it, '.' | '_' | '-' | '/' | '+');
    !reference.is_empty()
        && !reference.starts_with('-')
        && !reference.contains("..")
        && reference.chars().all(plain)
}

struct Git<'a> {
    remote: Remote,
    environment: &'a BTreeMap<String, String>,
    folder: &'a Path,
}

impl Git<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().envs(self.environment).envs(self.remote.variables());
        command.args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"]).args(SLOW);
        command.arg("-C").arg(self.folder).args(args).stdin(Stdio::null());
        command
    }

    /// Standard output; an error is what git said.
    fn said(&self, args: &[&str]) -> Result<Vec<u8>, FetchError> {
        self.run(self.command(args))
    }

    fn run(&self, mut command: Command) -> Result<Vec<u8>, FetchError> {
        let output = command.output().map_err(FetchError::NoGit)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(FetchError::Unreachable { url: self.remote.url().to_owned(), why: said(&output.stderr) })
    }

    /// Fetches, and finds the commit that is meant. Only an id may stand deep in the history.
    fn commit(&self, reference: Option<&str>) -> Result<CommitSha, FetchError> {
        let may_be_id =
            reference.is_some_and(|it| it.len() >= 4 && it.bytes().all(|it| it.is_ascii_hexdigit()));
        let mut asked = vec![
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
        ];
        if !may_be_id {
            asked.push("--depth=1");
        }
        let head = format!("+HEAD:{HEAD}");
        asked.extend(["--end-of-options", self.remote.url(), head.as_str()]);
        if reference.is_some() {
            asked.extend(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]);
        }
        self.said(&asked)?;
        for candidate in candidates(reference) {
            let asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", candidate.as_str()];
            let output = self.command(&asked).output().map_err(FetchError::NoGit)?;
            let found = String::from_utf8_lossy(&output.stdout);
            if let Some(commit) = CommitSha::parse(found.trim()).ok().filter(|_| output.status.success()) {
                return Ok(commit);
            }
        }
        let reference = reference.unwrap_or("HEAD").to_owned();
        Err(FetchError::Unknown { url: self.remote.url().to_owned(), reference })
    }

    /// The bytes of every blob, by its id.
    fn contents(&self, tree: &Tree) -> Result<BTreeMap<String, Vec<u8>>, FetchError> {
        // From a file: a pipe that nobody empties while it is filled would stand still.
        let list = self.folder.join("wanted");
        let wanted: String = tree.blobs.values().map(|it| format!("{}\n", it.id)).collect();
        let fail = |source: io::Error| FetchError::Io { path: list.clone(), source };
        std::fs::write(&list, wanted).map_err(fail)?;
        let mut command = self.command(&["cat-file", "--batch"]);
        command.stdin(File::open(&list).map_err(fail)?);
        let printed = self.run(command)?;
        let lost = || FetchError::Unreachable {
            url: self.remote.url().to_owned(),
            why: "the repository lacks some of its files".to_owned(),
        };
        let mut rest = printed.as_slice();
        let mut contents = BTreeMap::new();
        for blob in tree.blobs.values() {
            let (bytes, after) = one(rest, blob).ok_or_else(lost)?;
            contents.insert(blob.id.clone(), bytes.to_vec());
            rest = after;
        }
        Ok(contents)
    }
}

/// The bytes of the blob that comes next (`<id> blob <size>`, its bytes, a line end), and what follows it.
fn one<'p>(printed: &'p [u8], blob: &Blob) -> Option<(&'p [u8], &'p [u8])> {
    let end = printed.iter().position(|it| *it == b'\n')?;
    let head = std::str::from_utf8(&printed[..end]).ok()?;
    let size: usize = head.strip_prefix(&format!("{} blob ", blob.id))?.parse().ok()?;
    let rest = &printed[end + 1..];
    (size as u64 == blob.bytes).then_some(())?;
    Some((rest.get(..size)?, rest.get(size + 1..)?))
}

/// `1.2.0` is `v1.2.0` too, as StackStorm's exchange names its tags.
fn candidates(reference: Option<&str>) -> Vec<String> {
    let Some(reference) = reference else { return vec![format!("{HEAD}^{{commit}}")] };
    let commit = |name: &str| format!("{name}^{{commit}}");
    let mut found =
        vec![commit(&format!("refs/heads/{reference}")), commit(&format!("refs/tags/{reference}"))];
    if reference.starts_with(|it: char| it.is_ascii_digit()) {
        found.push(commit(&format!("refs/tags/v{reference}")));
    }
    found.push(commit(reference));
    found
}

/// The last line that git printed, without its prefix.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let last = text.lines().rev().find(|it| it.starts_with("fatal:") || it.starts_with("error:"));
    let line = last.or(text.lines().last()).unwrap_or("git said nothing");
    line.trim_start_matches("fatal:").trim_start_matches("error:").trim().to_owned()
}
