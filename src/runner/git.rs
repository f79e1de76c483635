//! Repositories: names of commits resolved once, and the commits between two releases. Through the system's `git`, by
//! argv only; what authenticates goes in by environment, so it is in no process list.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex as Plain, PoisonError},
    time::Duration,
};

use tokio::{process::Command, sync::Mutex};

use super::repository::{HEADS, Remote, RemoteError};
use crate::{
    content::Repository,
    id::CommitSha,
    message::{
        Card,
        words::{self, execution::Commit},
    },
};

/// How long a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Fields of a log line are set apart by a byte that no commit holds.
const SEPARATOR: char = '\u{1f}';

/// Why a commit could not be found.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("`{reference}` is no branch, tag, commit or pull request of {url}")]
    Unknown { reference: String, url: String },
    #[error("{url}: {why} (after {})", words::length(*after))]
    Unreachable { url: String, why: String, after: Duration },
    #[error("{url} cannot be read as it is configured")]
    Remote { url: String, source: RemoteError },
    #[error("git could not be run: is it installed?")]
    NoGit(#[source] std::io::Error),
}

impl GitError {
    /// What to tell the person who named the version.
    pub fn card(&self, app: &str, reference: &str) -> Card {
        match self {
            GitError::Unknown { .. } => words::order::no_version(app, reference),
            GitError::Unreachable { url, why, after } => words::answer::unreachable(url, why, Some(*after)),
            GitError::Remote { url, source } => words::answer::unreachable(url, &source.to_string(), None),
            GitError::NoGit(source) => words::answer::unreachable("git", &source.to_string(), None),
        }
    }
}

/// Bare mirrors below the data folder, one per address.
#[derive(Clone)]
pub struct Repositories {
    data: PathBuf,
    environment: Arc<BTreeMap<String, String>>,
    locks: Arc<Plain<HashMap<PathBuf, Arc<Mutex<()>>>>>,
}

impl Repositories {
    /// `environment`: what git may see of ours ([`super::clean_environment`]).
    pub fn new(data: &Path, environment: BTreeMap<String, String>) -> Self {
        Self { data: data.to_owned(), environment: Arc::new(environment), locks: Arc::default() }
    }

    /// The commit that a branch, tag, commit id (or its first digits) or pull request number names now.
    pub async fn resolve(&self, repository: &Repository, reference: &str) -> Result<CommitSha, GitError> {
        let unknown = || GitError::Unknown { reference: reference.to_owned(), url: repository.url.clone() };
        if !is_name(reference) {
            return Err(unknown());
        }
        let remote = remote(repository)?;
        let mirror = self.fetched(&remote).await?;
        for candidate in candidates(reference) {
            let asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", candidate.as_str()];
            let found = self.git(&remote, &mirror, &asked).await?;
            if let Some(commit) = found.ok().and_then(|it| CommitSha::parse(it.trim()).ok()) {
                return Ok(commit);
            }
        }
        Err(unknown())
    }

    /// The commits after `since` up to `until`, newest first; only `until` itself where `since` is not known.
    pub async fn log(
        &self,
        repository: &Repository,
        since: Option<&CommitSha>,
        until: &CommitSha,
        most: usize,
    ) -> Result<Vec<Commit>, GitError> {
        let remote = remote(repository)?;
        let mirror = remote.mirror(&self.data);
        let range = since.map_or_else(|| until.to_string(), |since| format!("{since}..{until}"));
        let most = if since.is_some() { most } else { 1 };
        let format = format!("--format=%H{SEPARATOR}%s{SEPARATOR}%an{SEPARATOR}%ae");
        let most = format!("--max-count={most}");
        let asked = ["log", most.as_str(), format.as_str(), "--end-of-options", range.as_str()];
        let listed = self.git(&remote, &mirror, &asked).await?;
        let text = listed.map_err(|why| unreadable(repository, why))?;
        Ok(text.lines().filter_map(commit).collect())
    }

    /// The addresses of all who wrote a commit after any of `since` up to `until`, and of `until` itself; of all that
    /// led to it where `since` is empty.
    pub async fn authors(
        &self,
        repository: &Repository,
        since: &[CommitSha],
        until: &CommitSha,
    ) -> Result<BTreeSet<String>, GitError> {
        let mut ranges: Vec<String> = since.iter().map(|it| format!("{it}..{until}")).collect();
        ranges.push(if since.is_empty() { until.to_string() } else { format!("{until}^!") });
        let remote = remote(repository)?;
        let mirror = remote.mirror(&self.data);
        let mut authors = BTreeSet::new();
        for range in ranges {
            // A mail map is the repository's own word about who somebody is.
            let asked = ["log", "--no-mailmap", "--format=%ae", "--end-of-options", range.as_str()];
            let listed = self.git(&remote, &mirror, &asked).await?;
            let text = listed.map_err(|why| unreadable(repository, why))?;
            authors.extend(text.lines().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()));
        }
        Ok(authors)
    }

    async fn fetched(&self, remote: &Remote) -> Result<PathBuf, GitError> {
        let mirror = remote.mirror(&self.data);
        let lock = self
            .locks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(mirror.clone())
            .or_default()
            .clone();
        let _alone = lock.lock().await;
        let started = tokio::time::Instant::now();
        let unreachable = |why: String| GitError::Unreachable {
            url: remote.url().to_owned(),
            why,
            after: started.elapsed(),
        };
        if !mirror.join("HEAD").exists() {
            tokio::fs::create_dir_all(&mirror).await.map_err(|error| unreachable(error.to_string()))?;
            self.git(remote, &mirror, &["init", "--quiet", "--bare"]).await?.map_err(unreachable)?;
        }
        let mut asked =
            vec!["fetch", "--quiet", "--prune", "--no-write-fetch-head", "--end-of-options", remote.url()];
        asked.extend(HEADS);
        self.git(remote, &mirror, &asked).await?.map_err(unreachable)?;
        Ok(mirror)
    }

    /// Standard output, or what git said on standard error.
    async fn git(
        &self,
        remote: &Remote,
        mirror: &Path,
        args: &[&str],
    ) -> Result<Result<String, String>, GitError> {
        let mut command = Command::new("git");
        command.env_clear().envs(self.environment.iter()).envs(remote.variables());
        // What git would leave to itself in the background ends with us, and so would never be done.
        command.args(["-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"]);
        command.arg("-C").arg(mirror).args(args).stdin(std::process::Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(TIMEOUT, command.output()).await {
            Err(_) => Ok(Err(format!("no answer within {} s", TIMEOUT.as_secs()))),
            Ok(Err(error)) => Err(GitError::NoGit(error)),
            Ok(Ok(output)) if output.status.success() => {
                Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()))
            }
            Ok(Ok(output)) => Ok(Err(said(&output.stderr))),
        }
    }
}

/// The mirror here could not be read.
fn unreadable(repository: &Repository, why: String) -> GitError {
    GitError::Unreachable { url: repository.url.clone(), why, after: Duration::ZERO }
}

fn remote(repository: &Repository) -> Result<Remote, GitError> {
    Remote::new(&repository.url, repository.deploy_key.as_ref(), repository.token.as_ref())
        .map_err(|source| GitError::Remote { url: repository.url.clone(), source })
}

/// A name and not git's language of revisions (`main~3`, `:/text`, `@{yesterday}`): what a person types names one thing.
fn is_name(reference: &str) -> bool {
    let plain = |it: char| it.is_alphanumeric() || matches!(it, '.' | '_' | '-' | '/' | '#' | '+');
    !reference.is_empty()
        && !reference.starts_with('-')
        && !reference.contains("..")
        && reference.chars().all(plain)
}

/// A pull request's number is tried after names, so that a branch called `42` stays reachable, and before the first
/// digits of a commit: who types a number means the pull request.
fn candidates(reference: &str) -> Vec<String> {
    let commit = |name: &str| format!("{name}^{{commit}}");
    let mut found =
        vec![commit(&format!("refs/heads/{reference}")), commit(&format!("refs/tags/{reference}"))];
    let number = reference.strip_prefix('#').unwrap_or(reference);
    if number.parse::<u64>().is_ok() {
        found.push(commit(&format!("refs/pull/{number}/head")));
    }
    found.push(commit(reference));
    found
}

fn commit(line: &str) -> Option<Commit> {
    let mut fields = line.split(SEPARATOR).map(str::to_owned);
    Some(Commit {
        sha: fields.next()?,
        subject: fields.next()?,
        author: fields.next()?,
        email: fields.next()?,
    })
}

/// The last line that git printed, without its prefix.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let last = text.lines().rev().find(|it| it.starts_with("fatal:") || it.starts_with("error:"));
    let line = last.or(text.lines().last()).unwrap_or("git said nothing");
    line.trim_start_matches("fatal:").trim_start_matches("error:").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_name_and_no_revision_language() {
        for good in ["main", "v1.4.2", "feature/pay-by-card", "#42", "42", "3f2a91c4", "release+1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "main~3", ":/fix", "@{1}", "a..b", "--upload-pack=x", "HEAD^", "a b"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
