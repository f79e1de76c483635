//! What actions need on this machine is made ready when the bot starts, so that the first attempt need not wait for it.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::Engine;

impl Engine {
    /// Makes ready every pack that some runner has to prepare for, one after another, until `stop`. What cannot be had is
    /// logged; the attempt that needs it says it again.
    pub async fn make_ready(self, stop: CancellationToken) {
        let live = self.live();
        let actions = live.catalogue.actions.values().filter(|it| it.enabled);
        let wanted: BTreeSet<_> = actions.map(|it| (it.pack.clone(), it.runner.as_str())).collect();
        for (pack, runner) in wanted {
            let digest = live.bundle.pinned.packs.get(&pack);
            let (Some(digest), Some(runner)) = (digest, self.0.parts.runners.get(runner)) else { continue };
            let folder = self.data().join("content").join(digest.as_str());
            tokio::select! {
                done = runner.make_ready(&folder) => if let Err(error) = done {
                    tracing::warn!(%pack, runner = runner.name(), error, "actions of this pack cannot run");
                },
                () = stop.cancelled() => return,
            }
        }
    }
}
