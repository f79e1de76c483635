//! A repository for an attempt: the system's `git`, by argv, as recorded processes of the attempt, from the bare
//! mirror that the house keeps of each repository.
//!
//! Credentials never stand in argv: a key travels by path in `GIT_SSH_COMMAND`, a token as an extra header in
//! `GIT_CONFIG_*` variables that count for its own host only.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::Engine as _;
use tokio::time::Instant;

use crate::id::{CommitSha, Digest};
use crate::runner::attempt::Attempt;
use crate::runner::process::{ATTEMPT_VARIABLE, Ended, How, Spec, Stdin};
use crate::runner::quote::quote;
use crate::secret::{Secret, SecretError, SecretRef};

/// A repository elsewhere, and how we may read it.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    url: String,
    key: Option<PathBuf>,
    token: Option<Secret>,
}

/// Why git could not.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitError {
    #[error("`{0}` is no repository address we use: https://, ssh://, git@host:path, or an absolute path")]
    Url(String),
    #[error("a deploy key is a file: write `file:PATH`")]
    Key,
    #[error(transparent)]
    Secret(#[from] SecretError),
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

impl Remote {
    /// `deploy_key` is `file:PATH`, `token` any secret reference.
    pub(super) fn new(url: &str, deploy_key: Option<&str>, token: Option<&str>) -> Result<Self, GitError> {
        if !is_address(url) {
            return Err(GitError::Url(url.to_owned()));
        }
        let key = match deploy_key.map(SecretRef::parse).transpose()? {
            Some(SecretRef::File(path)) => Some(path),
            Some(SecretRef::Env(_)) => return Err(GitError::Key),
            None => None,
        };
        let token = token.map(|it| SecretRef::parse(it)?.resolve()).transpose()?;
        Ok(Self { url: url.to_owned(), key, token })
    }

    /// The variables with which git reaches it and nothing else.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
        set("GIT_TERMINAL_PROMPT", "0".to_owned());
        set("GIT_ASKPASS", "true".to_owned());
        set("GIT_ALLOW_PROTOCOL", "https:ssh:file".to_owned());
        let key = self
            .key
            .as_ref()
            .map(|it| format!(" -i {} -o IdentitiesOnly=yes", quote(&it.display().to_string())));
        let ssh = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15";
        set("GIT_SSH_COMMAND", format!("{ssh}{}", key.unwrap_or_default()));
        let mut settings = vec![("core.hooksPath".to_owned(), "/dev/null".to_owned())];
        if let (Some(token), Some(rest)) = (&self.token, self.url.strip_prefix("https://")) {
            let host = rest.split('/').next().unwrap_or_default();
            let basic = base64::engine::general_purpose::STANDARD
                .encode(format!("x-access-token:{}", token.expose()));
            settings
                .push((format!("http.https://{host}/.extraHeader"), format!("Authorization: Basic {basic}")));
        }
        set("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (name, value)) in settings.into_iter().enumerate() {
            set(&format!("GIT_CONFIG_KEY_{index}"), name);
            set(&format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        all
    }
}

/// Nothing that git could take for an option or for a transport helper (`ext::`).
fn is_address(url: &str) -> bool {
    let plain = !url.contains(|it: char| it.is_control() || it.is_whitespace()) && !url.contains("::");
    let scp = || {
        url.split_once(':').is_some_and(|(host, path)| {
            host.contains('@') && !host.contains('/') && !host.starts_with('-') && !path.is_empty()
        })
    };
    let known =
        ["https://", "ssh://", "file://", "/"].iter().any(|it| url.starts_with(it) && url.len() > it.len());
    plain && !url.starts_with("ssh://-") && (known || scp())
}

/// Runs git in an attempt.
pub(super) struct Git<'a> {
    attempt: &'a Attempt,
    repositories: PathBuf,
    environment: BTreeMap<String, String>,
}

impl<'a> Git<'a> {
    pub(super) fn of_attempt(attempt: &'a Attempt) -> Self {
        let mut environment = attempt.deps.environment.clone();
        environment.insert(ATTEMPT_VARIABLE.to_owned(), attempt.request.attempt.to_string());
        Self { attempt, repositories: attempt.deps.data_dir.join("repositories"), environment }
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
        let clone = ["clone", "--quiet", "--local", "--no-checkout", "--no-tags", "--", &from, &to];
        said(self.git(remote, &mirror, &clone).await, "clone")?;
        let checkout = ["checkout", "--quiet", "--force", "--detach", commit.as_str(), "--"];
        said(self.git(remote, dir, &checkout).await, "checkout")?;
        said(self.git(remote, dir, &["remote", "set-url", "origin", &remote.url]).await, "remote")?;
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
        let fetch = ["fetch", "--quiet", "--no-tags", &remote.url, commit.as_str()];
        said(self.git(remote, &mirror, &fetch).await, "fetch")
            .map_err(|_| GitError::Gone { url: remote.url.clone(), commit: commit.clone() })?;
        Ok(mirror)
    }

    /// The mirror, as the repository is now.
    async fn fetched(&self, remote: &Remote) -> Result<PathBuf, GitError> {
        let mirror = self.mirror(remote).await?;
        let started = Instant::now();
        let fetch = [
            "fetch",
            "--quiet",
            "--prune",
            "--no-tags",
            "--force",
            &remote.url,
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
            "+refs/pull/*/head:refs/pull/*/head",
        ];
        match said(self.git(remote, &mirror, &fetch).await, "fetch") {
            Ok(_) => Ok(mirror),
            Err(GitError::Failed { said, .. }) => Err(GitError::Unreachable {
                url: remote.url.clone(),
                seconds: started.elapsed().as_secs_f64(),
                said,
            }),
            Err(error) => Err(error),
        }
    }

    async fn mirror(&self, remote: &Remote) -> Result<PathBuf, GitError> {
        let mirror = self.repositories.join(format!("{}.git", Digest::of(remote.url.as_bytes()).short()));
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
