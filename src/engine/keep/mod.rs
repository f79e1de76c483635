//! The house is kept: what releases leave behind is removed once nothing refers to it. `retention` decides; here the
//! references are gathered, and what goes is removed.
//!
//! A sweep holds no state: it looks at what lies on disk and at what the store says, so one that was cut short is
//! simply done again.

mod shelf;

use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::RwLockReadGuard;
use tokio_util::sync::CancellationToken;

use super::{Asked, Engine};
use crate::{
    clock,
    config::Keep,
    id::{Digest, ExecutionId},
    retention::{ANSWERED, DELIVERED, Ending, References, checkout_goes, log_goes},
    rollout::record::{last_good, way_back},
    store::{StoreError, execution::Execution},
};

use shelf::Item;

/// Between two sweeps.
const BETWEEN: Duration = Duration::from_secs(10 * 60);
/// The ends of names: `<data>/artifacts/<digest>.tar.gz`, `<data>/logs/<execution>.log`.
const ARTIFACT: &str = ".tar.gz";
const LOG: &str = ".log";
/// Begins the name of an artifact that is being written.
const DRAFT: &str = ".draft-";

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub checkouts: usize,
    pub artifacts: usize,
    pub logs: usize,
    /// Bytes that were freed.
    pub freed: u64,
    /// Things that ought to go and could not be removed; the log names each.
    pub stuck: usize,
}

/// Why a sweep was left undone; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot look into {folder}: {source}")]
    Folder { folder: PathBuf, source: io::Error },
}

/// How much of one kind lies in the data folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    pub items: usize,
    pub bytes: u64,
}

/// What lies in a data folder: checkouts, artifacts, logs, mirrors of repositories.
pub fn shelves(data: &Path) -> io::Result<[Shelf; 4]> {
    let shelf = |name: &str| {
        let items = shelf::items(&data.join(name))?;
        let bytes = items.iter().map(|it| shelf::bytes(&it.path)).sum();
        Ok::<_, io::Error>(Shelf { items: items.len(), bytes })
    };
    Ok([shelf("work")?, shelf("artifacts")?, shelf("logs")?, shelf("repositories")?])
}

/// An artifact that stays while this lives.
pub struct Held<'e> {
    _lock: RwLockReadGuard<'e, ()>,
}

impl Engine {
    /// What the administrator decided to keep.
    pub fn keep(&self) -> &Keep {
        &self.0.parts.keep
    }

    /// Sweeps now and then until `stop`.
    pub async fn keep_house(self, stop: CancellationToken) {
        loop {
            match self.sweep().await {
                Ok(it) => tracing::info!(
                    checkouts = it.checkouts,
                    artifacts = it.artifacts,
                    logs = it.logs,
                    freed_mib = it.freed >> 20,
                    stuck = it.stuck,
                    "swept"
                ),
                Err(error) => tracing::warn!(%error, "not swept; trying again later"),
            }
            let before = |age| clock::before(self.now(), age);
            match self.store().sweep_deliveries(before(DELIVERED), before(ANSWERED)).await {
                Ok(0) => {}
                Ok(deliveries) => tracing::info!(deliveries, "what came in long ago is removed"),
                Err(error) => tracing::warn!(%error, "old deliveries were not swept; trying again later"),
            }
            match self.keys().sweep(self.now()).await {
                Ok(0) => {}
                Ok(keys) => tracing::info!(keys, "keys of the datastore have expired"),
                Err(error) => tracing::warn!(%error, "expired keys were not swept; trying again later"),
            }
            tokio::select! {
                () = self.clock().sleep_until(clock::after(self.now(), BETWEEN)) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Removes what nothing refers to any more.
    pub async fn sweep(&self) -> Result<Swept, SweepError> {
        let mut swept = Swept::default();
        swept.checkouts = self.sweep_checkouts(&mut swept).await?;
        swept.artifacts = self.sweep_artifacts(&mut swept).await?;
        swept.logs = self.sweep_logs(&mut swept).await?;
        Ok(swept)
    }

    /// Keeps an artifact from being swept until what is about to refer to it is recorded; `None` if it is not there.
    pub async fn hold_artifact(&self, digest: &Digest) -> Option<Held<'_>> {
        let held = self.0.artifacts.read().await;
        let path = self.data().join("artifacts").join(format!("{digest}{ARTIFACT}"));
        let there = tokio::fs::try_exists(&path).await.unwrap_or(false);
        there.then_some(Held { _lock: held })
    }

    /// Whether this printed into a log, and so long ago that the log goes.
    pub async fn is_log_removed(&self, it: &Execution) -> Result<bool, StoreError> {
        let old = it.ended_at.is_some_and(|at| clock::after(at, self.keep().logs) <= self.now());
        Ok(old && !self.store().attempts(it.id).await?.is_empty())
    }

    async fn sweep_checkouts(&self, swept: &mut Swept) -> Result<usize, SweepError> {
        let found = self.items("work").await?;
        // Asked after the folder was read: what begins later has no folder among these.
        let open: HashSet<ExecutionId> = self.store().open_roots().await?.into_iter().collect();
        let now = self.now();
        let mut going = Vec::new();
        for item in found {
            let Ok(root) = ExecutionId::parse(&item.name) else { continue };
            let ending = if open.contains(&root) { Ending::Open } else { self.ending(root).await? };
            if checkout_goes(self.keep(), ending, item.touched_at, now) {
                going.push(item.path);
            }
        }
        self.remove(going, swept).await
    }

    async fn sweep_logs(&self, swept: &mut Swept) -> Result<usize, SweepError> {
        let now = self.now();
        let mut going = Vec::new();
        for item in self.items("logs").await? {
            // A file is written last before its execution ends, so a young one needs no question.
            let old = clock::after(item.touched_at, self.keep().logs) <= now;
            let of = item.name.strip_suffix(LOG).and_then(|it| ExecutionId::parse(it).ok());
            let Some(of) = of.filter(|_| old) else { continue };
            if log_goes(self.keep(), self.ending(of).await?, item.touched_at, now) {
                going.push(item.path);
            }
        }
        self.remove(going, swept).await
    }

    async fn sweep_artifacts(&self, swept: &mut Swept) -> Result<usize, SweepError> {
        // Nobody takes an artifact up between the question what is referred to and the removal.
        let _alone = self.0.artifacts.write().await;
        let found = self.items("artifacts").await?;
        let references = self.references().await?;
        let now = self.now();
        let digest_of = |it: &Item| it.name.strip_suffix(ARTIFACT).and_then(|it| Digest::parse(it).ok());
        let artifacts: Vec<(Digest, Timestamp)> =
            found.iter().filter_map(|it| Some((digest_of(it)?, it.touched_at))).collect();
        let gone = references.going(self.keep(), &artifacts, now);
        let goes = |it: &Item| match digest_of(it) {
            Some(digest) => gone.contains(&digest),
            // What a process that was killed left half written.
            None => it.name.starts_with(DRAFT) && !references.is_recent(it.touched_at, now),
        };
        let going = found.into_iter().filter(goes).map(|it| it.path).collect();
        self.remove(going, swept).await
    }

    /// Everything that refers to artifacts now.
    async fn references(&self) -> Result<References, StoreError> {
        let store = self.store();
        let mut held = BTreeSet::new();
        held.extend(store.deployments(None).await?.into_iter().filter_map(|it| it.digest));
        for gate in store.open_gates::<Asked>().await? {
            let facts = gate.body.gate.facts;
            held.extend([facts.artifact].into_iter().chain(facts.return_to));
        }
        for text in store.open_texts().await? {
            held.extend(crate::retention::digests_in(&text));
        }
        let attempts = store.live_attempts().await?;
        let rollouts = store.artifacts_by_rollout().await?;
        for (app, environment) in rollouts.keys() {
            // However many came and were left since: where hosts belong, and where a rollback would lead.
            let records = store.rollouts(app, environment).await?;
            held.extend(last_good(&records).map(|it| it.digest));
            held.extend(way_back(&records).map(|it| it.to.digest));
        }
        Ok(References {
            held,
            rollouts,
            releases: store.artifacts_by_release().await?,
            unsettled_since: attempts.iter().map(|it| it.started_at).min(),
        })
    }

    async fn ending(&self, id: ExecutionId) -> Result<Ending, StoreError> {
        Ok(match self.store().find_ending(id).await? {
            None => Ending::Unknown,
            Some((_, None)) => Ending::Open,
            Some((status, Some(at))) => {
                Ending::Ended { succeeded: status == crate::status::Status::Succeeded, at }
            }
        })
    }

    async fn items(&self, name: &str) -> Result<Vec<Item>, SweepError> {
        let folder = self.data().join(name);
        let (looked, named) = (folder.clone(), folder);
        let looking = tokio::task::spawn_blocking(move || shelf::items(&looked)).await;
        looking
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|source| SweepError::Folder { folder: named, source })
    }

    /// Removes them one by one; how many went.
    async fn remove(&self, going: Vec<PathBuf>, swept: &mut Swept) -> Result<usize, SweepError> {
        let mut gone = 0;
        for path in going {
            let removed = path.clone();
            let removing = tokio::task::spawn_blocking(move || shelf::remove(&removed)).await;
            match removing.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(freed) => {
                    gone += 1;
                    swept.freed += freed;
                }
                Err(error) => {
                    swept.stuck += 1;
                    tracing::warn!(path = %path.display(), %error, "cannot be removed");
                }
            }
        }
        Ok(gone)
    }
}
