//! What any Python process of a pack needs before it can start: an interpreter or the pack's virtualenv, and our package
//! beside it. Actions and sensors share one, so that nothing is built twice.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Datastore, interpreter::Interpreter, package, virtualenv::Virtualenvs};
use crate::id::PackName;
use crate::runner::runners::Deps;

pub(in crate::runner) struct Workshop {
    deps: Arc<Deps>,
    interpreter: Arc<Interpreter>,
    virtualenvs: Virtualenvs,
    /// Held while our package is written down: it is replaced as a whole, and another may run from it.
    laying: Arc<Mutex<()>>,
}

/// What one process is started with.
pub(super) struct Workbench {
    pub(super) program: OsString,
    package: PathBuf,
    virtualenv: Option<PathBuf>,
}

impl Workshop {
    pub(in crate::runner) fn new(deps: Arc<Deps>) -> Self {
        let interpreter = Arc::new(Interpreter::new(Arc::clone(&deps)));
        let virtualenvs = Virtualenvs::new(Arc::clone(&deps), Arc::clone(&interpreter));
        Self { deps, interpreter, virtualenvs, laying: Arc::default() }
    }

    pub(super) fn deps(&self) -> &Arc<Deps> {
        &self.deps
    }

    pub(super) fn datastore(&self) -> &Datastore {
        &self.deps.python.datastore
    }

    /// The virtualenv of the pack in this folder, if it needs one.
    pub(super) async fn ready(&self, pack: &Path) -> Result<Option<PathBuf>, String> {
        self.virtualenvs.ready(pack).await
    }

    /// Everything for a process of the pack in this folder.
    ///
    /// # Errors
    /// It cannot be had; the text says what to do.
    pub(super) async fn bench(&self, folder: &Path, pack: &PackName) -> Result<Workbench, String> {
        let virtualenv = self.ready(folder).await;
        let virtualenv =
            virtualenv.map_err(|error| format!("the virtualenv of pack `{pack}` is not there: {error}"))?;
        let data = std::path::absolute(&self.deps.data_dir).map_err(|error| error.to_string())?;
        let laying = Arc::clone(&self.laying);
        let package = tokio::task::spawn_blocking(move || {
            let _alone = laying.lock().unwrap_or_else(PoisonError::into_inner);
            package::lay_out(&data.join("python"))
        });
        let package = package.await.map_err(|error| error.to_string())?;
        let package = package
            .map_err(|error| format!("what Python files of packs need could not be written: {error}"))?;
        let program = match &virtualenv {
            Some(folder) => folder.join("bin/python").into(),
            None => self.interpreter.find().await?.program.into(),
        };
        Ok(Workbench { program, package, virtualenv })
    }
}

impl Workbench {
    /// Arguments that run this file of our package.
    pub(super) fn arguments(&self, file: &str) -> Vec<OsString> {
        vec!["-u".into(), "-s".into(), self.package.join(file).into()]
    }

    /// The environment of a process, and where Python looks for modules: in these folders of the pack, as StackStorm
    /// does, and in our package.
    pub(super) fn environment(
        &self,
        mut env: BTreeMap<String, String>,
        pack: &Path,
        folders: &[&str],
    ) -> Result<BTreeMap<String, String>, String> {
        env.retain(|name, _| !name.eq_ignore_ascii_case("PYTHONPATH"));
        let text = |path: PathBuf| {
            path.into_os_string().into_string().map_err(|it| format!("{} is not text", it.display()))
        };
        let folders = folders.iter().map(|it| pack.join(it)).chain([self.package.clone()]);
        let folders = folders.map(text).collect::<Result<Vec<_>, _>>()?;
        env.insert("PYTHONPATH".to_owned(), folders.join(":"));
        // The pack's folder is pinned content: nothing is written beside it.
        env.insert("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
        env.insert("PYTHONIOENCODING".to_owned(), "utf-8".to_owned());
        if let Some(folder) = &self.virtualenv {
            let programs = text(folder.join("bin"))?;
            let path = env.get("PATH").map_or_else(|| programs.clone(), |rest| format!("{programs}:{rest}"));
            env.insert("PATH".to_owned(), path);
        }
        Ok(env)
    }
}
