//! Content pinned by hash: all actions and workflows as they were when an execution started.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    content::{Action, Pack},
    id::{ActionRef, Digest, PackName},
    library::{Loaded, PackFile},
    store::{Change, Store, StoreError},
    workflow::{ChainSpec, Spec},
};

/// What gets pinned.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pinned {
    pub actions: IndexMap<ActionRef, Arc<Action>>,
    /// The definitions of workflows and chains.
    pub workflows: IndexMap<ActionRef, Value>,
    /// The folder each pack's files were written to is named by this digest.
    pub packs: IndexMap<PackName, Digest>,
    /// What lies in that folder: compared before anything of it is executed.
    #[serde(default)]
    pub files: IndexMap<PackName, Vec<PackFile>>,
    /// The `config.schema.yaml` of the packs that have one.
    #[serde(default)]
    pub config_schemas: IndexMap<PackName, Value>,
}

/// Pinned content with its digest, and the workflows parsed so far.
pub struct Bundle {
    pub digest: Digest,
    pub pinned: Pinned,
    specs: Mutex<HashMap<ActionRef, Arc<Spec>>>,
    /// Its row stands in the store of this process, and rows of content are never taken away.
    stored: AtomicBool,
}

impl Bundle {
    pub fn new(pinned: Pinned) -> Self {
        let text = serde_json::to_vec(&pinned).unwrap_or_default();
        Self { digest: Digest::of(&text), pinned, specs: Mutex::default(), stored: AtomicBool::new(false) }
    }

    /// The content that was loaded.
    pub fn of(loaded: &Loaded) -> Self {
        let catalogue = &loaded.catalogue;
        let packs = catalogue.packs.iter().map(|(name, pack)| (name.clone(), pack.digest.clone())).collect();
        let files = catalogue
            .packs
            .iter()
            .map(|(name, pack)| (name.clone(), loaded.packs.get(&pack.digest).cloned().unwrap_or_default()));
        let files = files.collect();
        let actions =
            catalogue.actions.iter().map(|(name, it)| (name.clone(), Arc::new(it.clone()))).collect();
        let workflows = catalogue.workflows.iter().map(|(name, it)| (name.clone(), it.definition.clone()));
        let chains = catalogue.chains.iter().map(|(name, it)| (name.clone(), it.spec.source().clone()));
        let workflows = workflows.chain(chains).collect();
        let schema = |(name, pack): (&PackName, &Pack)| Some((name.clone(), pack.config_schema.clone()?));
        let config_schemas = catalogue.packs.iter().filter_map(schema).collect();
        Self::new(Pinned { actions, workflows, packs, files, config_schemas })
    }

    pub fn action(&self, reference: &ActionRef) -> Option<&Arc<Action>> {
        self.pinned.actions.get(reference)
    }

    /// The parsed workflow of an `orquesta` action; `None` if there is none or it does not pass inspection.
    pub fn spec(&self, reference: &ActionRef) -> Option<Arc<Spec>> {
        let mut specs = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spec) = specs.get(reference) {
            return Some(spec.clone());
        }
        let spec = Arc::new(Spec::parse(self.pinned.workflows.get(reference)?).ok()?);
        specs.insert(reference.clone(), spec.clone());
        Some(spec)
    }

    /// The parsed chain of an `action-chain` action; `None` if there is none that can be run.
    pub fn chain(&self, reference: &ActionRef) -> Option<Arc<ChainSpec>> {
        Some(Arc::new(ChainSpec::parse(self.pinned.workflows.get(reference)?).ok()?))
    }

    /// What writes its row, unless that is known to stand: it holds all content, which is much for every start.
    pub(super) fn pin(&self) -> Result<Option<Change>, StoreError> {
        if self.stored.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let body = serde_json::to_value(&self.pinned)
            .map_err(|error| StoreError::CalledOff { why: error.to_string() })?;
        Ok(Some(Change::Pin(self.digest.clone(), body)))
    }

    /// A commit that held what [`Self::pin`] gave is on disk.
    pub(super) fn mark_stored(&self) {
        self.stored.store(true, Ordering::Relaxed);
    }
}

/// Bundles in use, by digest.
#[derive(Default)]
pub(super) struct Bundles(Mutex<HashMap<Digest, Arc<Bundle>>>);

impl Bundles {
    pub(super) fn keep(&self, bundle: &Arc<Bundle>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(bundle.digest.clone(), bundle.clone());
    }

    /// A bundle that this process has kept or loaded.
    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<Bundle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    pub(super) async fn load(&self, store: &Store, digest: &Digest) -> Result<Arc<Bundle>, StoreError> {
        if let Some(bundle) = self.get(digest) {
            return Ok(bundle);
        }
        let pinned: Pinned = serde_json::from_value(store.content(digest).await?)
            .map_err(|error| StoreError::Corrupt { table: "content", why: error.to_string() })?;
        let bundle = Arc::new(Bundle {
            digest: digest.clone(),
            pinned,
            specs: Mutex::default(),
            stored: AtomicBool::new(true),
        });
        self.keep(&bundle);
        Ok(bundle)
    }
}
