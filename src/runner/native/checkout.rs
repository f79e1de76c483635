//! `checkout`: a repository at exactly one commit.
//!
//! Parameters: `url`, `commit` (full), `dir` (replaced), `deploy_key` and `token` (references, `file:PATH` or
//! `env:NAME`). Result: `{commit, dir}`.

use serde_json::Value;

use crate::id::CommitSha;
use crate::runner::attempt::{Attempt, Stop, fields};
use crate::runner::repository::Remote;
use crate::secret::SecretRef;

use super::git::{Git, GitError};

pub(super) async fn perform(attempt: &Attempt) -> Result<Value, Stop> {
    let commit = CommitSha::parse(attempt.needed("commit")?).map_err(Stop::failed)?;
    let secret = |name| attempt.text(name).map(SecretRef::parse).transpose().map_err(Stop::failed);
    let remote =
        Remote::new(attempt.needed("url")?, secret("deploy_key")?.as_ref(), secret("token")?.as_ref())
            .map_err(Stop::failed)?;
    let dir = attempt.request.work_dir.join(attempt.needed("dir")?);
    match Git::of_attempt(attempt).checkout(&remote, &commit, &dir).await {
        Ok(()) => Ok(fields([("commit", commit.as_str().into()), ("dir", dir.display().to_string().into())])),
        Err(GitError::Canceled) => Err(Stop::Canceled),
        Err(GitError::Late) => Err(Stop::Timeout(fields([("error", attempt.late().into())]))),
        Err(error) => Err(Stop::failed(error)),
    }
}
