//! The whole world of a rehearsal in one folder:
//!
//! ```text
//! repository/            git, app `shop`
//! hosts/<name>/shop/     what an installation lays on a host: artifacts/, releases/<digest>/, current;
//!                        installed: a digest a line, for every installation that ran the package's script
//! fleet.json, hosts.log  the supervisor's
//! config/, data/         the bot's
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::http::Method;
use tokio::process::Child;

use super::call::Caller;
use super::part::SUPERVISOR;
use super::port::{self, Claim};
use super::program::Program;
use super::repository::{ANN, FILES, Release, Repository};
use super::settings::{Facts, Placed};
use super::shop::Running;
use super::supervisor::{Fleet, FleetFile, HostEntry};
use super::{pack, settings};
use crate::id::{CommitSha, Digest};

/// The hosts that a world begins with.
const HOSTS: [(&str, &str); 4] =
    [("canary-1", "canary"), ("web-1", "app"), ("web-2", "app"), ("web-3", "app")];
/// How often something outside is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(25);
const START_TIMEOUT: Duration = Duration::from_secs(20);
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// What a play may want otherwise. Lengths as people write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a gate stays open.
    pub expires_after: String,
    /// How many of the group `sre` have to approve.
    pub approvals: u32,
    /// Requests per look and host.
    pub requests: u32,
    /// Between two looks, and the whole watch.
    pub interval: String,
    pub duration: String,
    /// Milliseconds by which the canary may be slower.
    pub slower: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            expires_after: "30m".to_owned(),
            approvals: 1,
            requests: 20,
            interval: "500ms".to_owned(),
            duration: "5s".to_owned(),
            slower: 25,
        }
    }
}

/// What a host says it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub version: u32,
    pub digest: Digest,
}

/// The world. Dropping it ends its processes.
pub struct World {
    dir: PathBuf,
    program: Program,
    repository: Repository,
    hosts: Vec<Placed>,
    first: Digest,
    first_commit: CommitSha,
    bot_port: u16,
    supervisor_port: u16,
    claims: Vec<Claim>,
    supervisor: Option<Child>,
    caller: Caller,
}

impl World {
    /// Writes everything into a folder that must be empty or missing: version 1 is committed and runs on every host.
    ///
    /// # Errors
    /// The folder is not empty or not writable, or git is missing.
    pub async fn create(dir: &Path, program: Program, terms: &Terms) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let dir = fs::canonicalize(dir)?;
        ensure!(fs::read_dir(&dir)?.next().is_none(), "{} is not empty", dir.display());
        let repository = Repository::create(&dir.join("repository")).await?;
        let first_commit = repository.commit(ANN, "Open the shop", Release::good(1)).await?;
        let artifacts = dir.join("data/artifacts");
        let first = pack::pack(repository.path(), &FILES, &artifacts)?;
        let claims = port::claim(2 + HOSTS.len(), &std::env::temp_dir())?;
        let ports: Vec<u16> = claims.iter().map(|it| it.port).collect();
        let [bot_port, supervisor_port, ref ports @ ..] = ports[..] else { bail!("too few ports") };
        let mut hosts = Vec::new();
        for ((name, role), &port) in HOSTS.into_iter().zip(ports) {
            hosts.push(Placed { role, entry: entry(&dir, name, port) });
            pack::lay(&artifacts, &first, &dir.join("hosts").join(name).join("shop"))?;
        }
        let world = Self {
            dir,
            program,
            repository,
            hosts,
            first,
            first_commit,
            bot_port,
            supervisor_port,
            claims,
            supervisor: None,
            caller: Caller::new(),
        };
        settings::write(&world.facts(), &world.hosts, terms)?;
        world.write_fleet()?;
        Ok(world)
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            dir: &self.dir,
            repository: self.repository.path(),
            bot_port: self.bot_port,
            supervisor_port: self.supervisor_port,
        }
    }

    fn write_fleet(&self) -> anyhow::Result<()> {
        let hosts = self.hosts.iter().map(|it| it.entry.clone()).collect();
        let fleet = serde_json::to_string_pretty(&FleetFile { port: self.supervisor_port, hosts })?;
        let draft = self.dir.join("fleet.draft");
        fs::write(&draft, fleet)?;
        Ok(fs::rename(draft, self.dir.join("fleet.json"))?)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The bot's configuration file.
    pub fn config(&self) -> PathBuf {
        self.dir.join("config/lockkeeper.yaml")
    }

    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The artifact that all hosts begin with, and the commit it is of.
    pub fn first(&self) -> (&Digest, &CommitSha) {
        (&self.first, &self.first_commit)
    }

    /// The names of the hosts with a role: `canary`, `app`.
    pub fn hosts(&self, role: &str) -> Vec<&str> {
        self.hosts.iter().filter(|it| it.role == role).map(|it| it.entry.name.as_str()).collect()
    }

    /// Lines for a shell that show what runs where.
    pub fn proofs(&self) -> Vec<String> {
        let line = |it: &Placed| format!("curl -s http://127.0.0.1:{}/version", it.entry.port);
        self.hosts.iter().map(line).collect()
    }

    /// Starts the hosts and waits until each answers.
    ///
    /// # Errors
    /// A host does not come up; its log is in `hosts.log`.
    pub async fn start_supervisor(&mut self) -> anyhow::Result<()> {
        let log = self.dir.join("hosts.log");
        self.supervisor = Some(self.program.start(&[SUPERVISOR.as_ref(), self.dir.as_os_str()], &log)?);
        for host in self.hosts.iter().map(|it| it.entry.name.as_str()) {
            let up = self.until(START_TIMEOUT, async || self.host_version(host).await.ok()).await;
            up.with_context(|| format!("{host} does not come up; see {}", log.display()))?;
        }
        Ok(())
    }

    /// What a host says it runs, now.
    ///
    /// # Errors
    /// It does not answer, or there is no such host.
    pub async fn host_version(&self, host: &str) -> anyhow::Result<Version> {
        let host = self.hosts.iter().find(|it| it.entry.name == host);
        let port = host.context("there is no such host")?.entry.port;
        let running: Running = self.caller.json(port, "/version").await?;
        Ok(Version { version: running.version, digest: Digest::parse(&running.digest)? })
    }

    /// The version on every host of a role; `None` for a host that does not answer.
    pub async fn versions(&self, role: &str) -> Vec<Option<u32>> {
        let mut versions = Vec::new();
        for host in self.hosts(role) {
            versions.push(self.host_version(host).await.ok().map(|it| it.version));
        }
        versions
    }

    /// Hosts, pool and traffic as the supervisor sees them.
    ///
    /// # Errors
    /// The supervisor does not answer.
    pub async fn fleet(&self) -> anyhow::Result<Fleet> {
        self.caller.json(self.supervisor_port, "/fleet").await
    }

    /// Where the supervisor listens: `GET /fleet`.
    pub fn fleet_port(&self) -> u16 {
        self.supervisor_port
    }

    /// Switches a host off.
    ///
    /// # Errors
    /// As [`Self::fleet`].
    pub async fn kill_host(&self, host: &str) -> anyhow::Result<()> {
        self.tell("kill", host).await
    }

    /// Switches a host off at the next restart: in the middle of a rollout.
    ///
    /// # Errors
    /// As [`Self::fleet`].
    pub async fn doom_host(&self, host: &str) -> anyhow::Result<()> {
        self.tell("doom", host).await
    }

    /// Switches a host on again.
    ///
    /// # Errors
    /// As [`Self::fleet`].
    pub async fn revive_host(&self, host: &str) -> anyhow::Result<()> {
        self.tell("revive", host).await
    }

    async fn tell(&self, act: &str, host: &str) -> anyhow::Result<()> {
        let path = format!("/{act}/{host}");
        let (status, _) = self.caller.call(Method::POST, self.supervisor_port, &path, "").await?;
        ensure!(status.is_success(), "{path} answered {status}");
        Ok(())
    }

    /// One more production host with version 1, in the inventory and running.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn add_host(&mut self, name: &str) -> anyhow::Result<()> {
        let claimed = port::claim(1, &std::env::temp_dir())?;
        let port = claimed[0].port;
        self.claims.extend(claimed);
        pack::lay(
            &self.dir.join("data/artifacts"),
            &self.first,
            &self.dir.join("hosts").join(name).join("shop"),
        )?;
        self.hosts.push(Placed { role: "app", entry: entry(&self.dir, name, port) });
        self.write_fleet()?;
        self.until(START_TIMEOUT, async || self.host_version(name).await.ok()).await?;
        Ok(settings::environments(&self.facts(), &self.hosts)?)
    }

    /// Commits a release that does well.
    ///
    /// # Errors
    /// As [`Repository::commit`].
    pub async fn commit_good(&self, version: u32) -> anyhow::Result<CommitSha> {
        self.repository.commit(ANN, "Let people pay by card", Release::good(version)).await
    }

    /// Commits a release of which this share of requests fails.
    ///
    /// # Errors
    /// As [`Repository::commit`].
    pub async fn commit_with_errors(&self, version: u32, error_rate: f64) -> anyhow::Result<CommitSha> {
        let release = Release { error_rate, ..Release::good(version) };
        self.repository.commit(super::repository::DORA, "Make the cart faster", release).await
    }

    /// Commits something that does not build.
    ///
    /// # Errors
    /// As [`Repository::commit`].
    pub async fn break_next_build(&self, version: u32) -> anyhow::Result<CommitSha> {
        let release = Release { broken: true, ..Release::good(version) };
        self.repository.commit(super::repository::DORA, "Tidy the checkout", release).await
    }

    /// Waits until `look` finds something. What is looked at is outside of this process, so nobody can wake us.
    ///
    /// # Errors
    /// It does not come within `timeout`.
    pub async fn until<T>(
        &self,
        timeout: Duration,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let looking = async {
            let mut tick = tokio::time::interval(LOOK);
            loop {
                tick.tick().await;
                if let Some(found) = look().await {
                    return found;
                }
            }
        };
        tokio::time::timeout(timeout, looking).await.with_context(|| format!("not within {timeout:?}"))
    }

    /// Ends all processes; the folder stays.
    ///
    /// # Errors
    /// They do not end.
    pub async fn end(mut self) -> anyhow::Result<()> {
        if let Some(mut supervisor) = self.supervisor.take() {
            drop(supervisor.stdin.take());
            tokio::time::timeout(END_TIMEOUT, supervisor.wait())
                .await
                .context("the supervisor does not end")??;
        }
        Ok(())
    }
}

fn entry(dir: &Path, name: &str, port: u16) -> HostEntry {
    HostEntry { name: name.to_owned(), port, dir: dir.join("hosts").join(name).join("shop") }
}
