//! A repository for an attempt: the system's `git`, by argv, as recorded processes of the attempt, from the bare
//! mirror that the house keeps of each repository.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tokio::time::Instant;

use crate::id::CommitSha;
use crate::runner::attempt::Attempt;
use crate::runner::process::{ATTEMPT_VARIABLE, Ended, How, Spec, Stdin};
use crate::runner::repository::{HEADS, Remote};

/// Whatever the user's own settings are, a commit gives the same bytes: with `core.autocrlf` no script would start.
/// <https://git-scm.com/docs/git-config#Documentation/git-config.txt-coreautocrlf>
const VERBATIM: [&str; 2] = ["--config=core.autocrlf=false", "--config=core.eol=lf"];

/// Why git could not.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitError {
    #[error("commit {commit} is not in {url}, or no longer reachable there")]
    Gone { url: String, commit: CommitSha },
    #[error("cannot read {url}, tried for {seconds:.1} s: {said}")]
    Unreachable { url: String, seconds: f64, said: String },
    #[error("git {act} failed: {said}")]
    Failed { act: &'static str, said: String },
    #[error("the checkout holds {found} instead of {wanted}")]
    Wrong { found: String, wanted: CommitSha },
    #[error("cannot use {path}: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("canceled")]
    Canceled,
    #[error("git took too long")]
    Late,
}

/// Runs git in an attempt.
pub(super) struct Git<'a> {
    attempt: &'a Attempt,
    environment: BTreeMap<String, String>,
}

impl<'a> Git<'a> {
    pub(super) fn of_attempt(attempt: &'a Attempt) -> Self {
        let mut environment = attempt.deps.environment.clone();
        environment.insert(ATTEMPT_VARIABLE.to_owned(), attempt.request.attempt.to_string());
        Self { attempt, environment }
    }

    /// A fresh work tree of exactly this commit; what was in `dir` is removed.
    pub(super) async fn checkout(
        &self,
        remote: &Remote,
        commit: &CommitSha,
        dir: &Path,
    ) -> Result<(), GitError> {
        let mirror = self.with_commit(remote, commit).await?;
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(|source| GitError::Folder { path: dir.to_owned(), source })?;
        }
        let (from, to) = (mirror.display().to_string(), dir.display().to_string());
        // A local clone links all objects, so commits that only a pull request has are there too.
        let mut clone = vec!["clone", "--quiet", "--local", "--no-checkout", "--no-tags"];
        clone.extend(VERBATIM);
        clone.extend(["--", &from, &to]);
        said(self.git(remote, &mirror, &clone).await, "clone")?;
        let checkout = ["checkout", "--quiet", "--force", "--detach", commit.as_str(), "--"];
        said(self.git(remote, dir, &checkout).await, "checkout")?;
        said(self.git(remote, dir, &["remote", "set-url", "origin", remote.url()]).await, "remote")?;
        let head = said(self.git(remote, dir, &["rev-parse", "HEAD"]).await, "rev-parse")?;
        if head.trim() != commit.as_str() {
            return Err(GitError::Wrong { found: head.trim().to_owned(), wanted: commit.clone() });
        }
        Ok(())
    }

    /// The mirror, with this commit in it; asks the far side only if it is not here yet.
    async fn with_commit(&self, remote: &Remote, commit: &CommitSha) -> Result<PathBuf, GitError> {
        let mirror = self.mirror(remote).await?;
        let name = format!("{commit}^{{commit}}");
        let has = ["cat-file", "-e", &name];
        if said(self.git(remote, &mirror, &has).await, "cat-file").is_ok() {
            return Ok(mirror);
        }
        self.fetched(remote).await?;
        if said(self.git(remote, &mirror, &has).await, "cat-file").is_ok() {
            return Ok(mirror);
        }
        // A commit that no branch has (a force push) can still be asked for by its id, where the server allows.
        let fetch = ["fetch", "--quiet", "--no-tags", remote.url(), commit.as_str()];
        said(self.git(remote, &mirror, &fetch).await, "fetch")
            .map_err(|_| GitError::Gone { url: remote.url().to_owned(), commit: commit.clone() })?;
        Ok(mirror)
    }

    /// The mirror, as the repository is now.
    async fn fetched(&self, remote: &Remote) -> Result<PathBuf, GitError> {
        let mirror = self.mirror(remote).await?;
        let started = Instant::now();
        let mut fetch = vec!["fetch", "--quiet", "--prune", "--no-tags", "--force", remote.url()];
        fetch.extend(HEADS);
        match said(self.git(remote, &mirror, &fetch).await, "fetch") {
            Ok(_) => Ok(mirror),
            Err(GitError::Failed { said, .. }) => Err(GitError::Unreachable {
                url: remote.url().to_owned(),
                seconds: started.elapsed().as_secs_f64(),
                said,
            }),
            Err(error) => Err(error),
        }
    }

    async fn mirror(&self, remote: &Remote) -> Result<PathBuf, GitError> {
        let mirror = remote.mirror(&self.attempt.deps.data_dir);
        let folder = |source| GitError::Folder { path: mirror.clone(), source };
        fs::create_dir_all(&mirror).map_err(folder)?;
        if !mirror.join("HEAD").exists() {
            said(self.git(remote, &mirror, &["init", "--quiet", "--bare"]).await, "init")?;
        }
        Ok(mirror)
    }

    async fn git(&self, remote: &Remote, cwd: &Path, args: &[&str]) -> Ended {
        let mut env = self.environment.clone();
        env.extend(remote.variables());
        let args = args.iter().map(Into::into).collect();
        let spec = Spec { program: "git".into(), args, cwd: cwd.to_owned(), env, stdin: Stdin::Empty };
        self.attempt.run(spec).await
    }
}

/// What git printed, if it went well; else what it complained of.
fn said(ended: Ended, act: &'static str) -> Result<String, GitError> {
    match ended.how {
        How::Exited(status) if status.success() => Ok(ended.stdout.kept.text(1 << 20)),
        How::Exited(status) => {
            let said = ended.stderr.kept.text(4 << 10);
            let lines: Vec<&str> = said.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
            let said = if lines.is_empty() { status.to_string() } else { lines.join("; ") };
            Err(GitError::Failed { act, said })
        }
        How::Lost(error) => Err(GitError::Failed { act, said: format!("cannot start git: {error}") }),
        How::Canceled => Err(GitError::Canceled),
        How::TimedOut => Err(GitError::Late),
    }
}
