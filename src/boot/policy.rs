//! The live policy follows its files. A file that became faulty keeps the last good one, and says so once.

use std::{path::Path, path::PathBuf, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    content::{
        Diagnostic, Settings,
        settings::{self, SettingsFiles},
    },
    engine::{Live, LivePolicy},
    library::settings_files,
};

/// Between two looks at the files: a change is seen before a person could be asked about the state before it.
const LOOK: Duration = Duration::from_millis(500);

/// Reads the folder's settings, and the files they came from: whoever follows them begins there.
pub(super) fn read(folder: &Path) -> (Settings, SettingsFiles) {
    let files = settings_files(folder);
    (tell(settings::load(&files, None)), files)
}

fn tell((settings, diagnostics): (Settings, Vec<Diagnostic>)) -> Settings {
    diagnostics.iter().for_each(|it| tracing::warn!("{it}"));
    settings
}

/// Looks at the files until `stop`, and puts what they say in place of what is live, which came from those `seen`.
pub(super) async fn follow(
    folder: PathBuf,
    mut seen: SettingsFiles,
    live: LivePolicy,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        let files = settings_files(&folder);
        if seen == files {
            continue;
        }
        let now = live.of_files();
        let settings = tell(settings::load(&files, Some(&now.settings)));
        tracing::info!(
            apps = settings.apps.len(),
            people = settings.people.len(),
            "the settings were read again"
        );
        live.replace(Live { settings: Arc::new(settings), ..(*now).clone() });
        seen = files;
    }
}
