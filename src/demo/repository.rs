//! The sample app's source: a real git repository, made by the system's git and nobody's configuration.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::process::Command;

use crate::id::CommitSha;

/// Everything that belongs to a release.
pub(super) const FILES: [&str; 5] =
    ["README.md", "shop.json", "script/cisetup", "script/cibuild", "script/post-inst"];

const README: &str = "# shop\n\nThe sample app of Lockkeeper's rehearsal. `shop.json` says how it behaves.\n";

const SETUP: &str =
    "#!/bin/sh\n# Fetches what the build needs: here, nothing.\nset -eu\necho \"nothing to fetch\"\n";

const BUILD: &str = r#"#!/bin/sh
# Builds the shop: checks that shop.json says what the server needs.
set -eu
for field in version error_rate latency_ms; do
    echo "checking $field"
    grep -q "\"$field\":" shop.json || {
        echo "error: shop.json has no \"$field\"" >&2
        exit 1
    }
done
if grep -q '"broken": true' shop.json; then
    echo "compiling cart"
    echo "compiling checkout"
    echo "checkout: line 14: \`total\` is not defined" >&2
    echo "error: the shop does not build: 1 fault in checkout" >&2
    exit 1
fi
echo "built version $(sed -n 's/.*"version": *\([0-9]*\).*/\1/p' shop.json)"
"#;

const POST_INST: &str = r#"#!/bin/sh
# Runs on the host once `current` names this release: notes that in the host's own log, and asks the host's supervisor
# to restart the shop.
set -eu
cat "$(dirname "$0")/../DIGEST" >>"$LOCKKEEPER_DIR/installed"
touch "$LOCKKEEPER_DIR/restart"
"#;

/// How a commit of the shop behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Release {
    pub version: u32,
    /// The share of requests that get a 500.
    pub error_rate: f64,
    pub latency_ms: u64,
    /// Whether `script/cibuild` fails.
    pub broken: bool,
}

impl Release {
    /// One that does well.
    pub fn good(version: u32) -> Self {
        Self { version, error_rate: 0.0, latency_ms: 5, broken: false }
    }
}

/// Who wrote a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author {
    pub name: &'static str,
    pub email: &'static str,
}

/// Asks for releases and writes them.
pub const ANN: Author = Author { name: "Ann", email: "ann@shop.example" };
/// Writes them, too.
pub const DORA: Author = Author { name: "Dora", email: "dora@shop.example" };

/// The repository.
#[derive(Debug)]
pub struct Repository {
    path: PathBuf,
    commits: AtomicU32,
}

impl Repository {
    /// Makes an empty one with a branch `main`.
    ///
    /// # Errors
    /// Git is missing or fails; the error holds what it said.
    pub async fn create(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path.join("script"))?;
        let repository = Self { path: path.to_owned(), commits: AtomicU32::new(0) };
        repository.git(ANN, &["init", "--quiet", "--initial-branch=main"]).await?;
        Ok(repository)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the release's files and commits them on `main`.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn commit(&self, author: Author, message: &str, release: Release) -> anyhow::Result<CommitSha> {
        let mut shop = json!({
            "version": release.version,
            "error_rate": release.error_rate,
            "latency_ms": release.latency_ms,
        });
        if release.broken {
            shop["broken"] = true.into();
        }
        fs::write(self.path.join("shop.json"), serde_json::to_string_pretty(&shop)? + "\n")?;
        fs::write(self.path.join("README.md"), README)?;
        for (name, text) in [("cisetup", SETUP), ("cibuild", BUILD), ("post-inst", POST_INST)] {
            let path = self.path.join("script").join(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.git(author, &["add", "--all"]).await?;
        self.git(author, &["commit", "--quiet", "--allow-empty", "--message", message]).await?;
        self.head().await
    }

    /// What `main` is at.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn head(&self) -> anyhow::Result<CommitSha> {
        let sha = self.git(ANN, &["rev-parse", "main"]).await?;
        Ok(CommitSha::parse(sha.trim())?)
    }

    async fn git(&self, author: Author, args: &[&str]) -> anyhow::Result<String> {
        // Commits are ten minutes apart on a day that is always the same, so their ids are, too.
        let date = format!("{} +0000", 1_763_629_200 + 600 * u64::from(self.commits.load(Ordering::Relaxed)));
        let mut git = Command::new("git");
        git.current_dir(&self.path)
            .args(["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"])
            .args(args);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            git.env_remove(name);
        }
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), author.name);
            git.env(format!("GIT_{role}_EMAIL"), author.email);
            git.env(format!("GIT_{role}_DATE"), &date);
        }
        let output = git.kill_on_drop(true).output().await.context("cannot run git; is it installed?")?;
        if !output.status.success() {
            bail!("git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
