//! The live policy follows its files. A file that became faulty keeps the last good one, and says so once.

use std::{path::Path, path::PathBuf, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    content::{Diagnostic, Settings, SourceFile, settings},
    engine::{Live, LivePolicy},
    library::settings_files,
};

/// Between two looks at the files: a change is seen before a person could be asked about the state before it.
const LOOK: Duration = Duration::from_millis(500);

/// Reads the folder's settings; `previous` stands in for files that became faulty.
pub(super) fn read(folder: &Path, previous: Option<&Settings>) -> Settings {
    match settings_files(folder) {
        Ok(files) => tell(settings::load(&files, previous)),
        Err(error) => {
            tracing::error!(folder = %folder.display(), %error, "the settings could not be read");
            previous.cloned().unwrap_or_default()
        }
    }
}

fn tell((settings, diagnostics): (Settings, Vec<Diagnostic>)) -> Settings {
    diagnostics.iter().for_each(|it| tracing::warn!("{it}"));
    settings
}

/// Looks at the files until `stop`, and puts what they say in place of what is live.
pub(super) async fn follow(folder: PathBuf, live: LivePolicy, stop: CancellationToken) {
    let mut seen = settings_files(&folder).ok();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        let Ok(files) = settings_files(&folder) else { continue };
        if seen.as_ref().is_some_and(|it| same(it, &files)) {
            continue;
        }
        let now = live.now();
        let settings = tell(settings::load(&files, Some(&now.settings)));
        tracing::info!(
            apps = settings.apps.len(),
            people = settings.people.len(),
            "the settings were read again"
        );
        live.replace(Live { settings: Arc::new(settings), ..(*now).clone() });
        seen = Some(files);
    }
}

fn same(one: &[SourceFile], other: &[SourceFile]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.path == b.path && a.bytes == b.bytes)
}
