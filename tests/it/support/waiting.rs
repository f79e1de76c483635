//! Awaiting a condition.

use std::time::Duration;

use tokio::sync::Notify;

/// How long a test waits for something that ought to happen: longer than any machine is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Tries after every change until there is an answer; `None` if there is none within [`PATIENCE`].
pub async fn eventually<T>(changed: &Notify, attempt: impl FnMut() -> Option<T>) -> Option<T> {
    within(PATIENCE, changed, attempt).await
}

/// The same with a patience of one's own.
pub async fn within<T>(
    patience: Duration,
    changed: &Notify,
    mut attempt: impl FnMut() -> Option<T>,
) -> Option<T> {
    let waiting = async {
        loop {
            let next = changed.notified();
            tokio::pin!(next);
            next.as_mut().enable();
            if let Some(found) = attempt() {
                return found;
            }
            next.await;
        }
    };
    tokio::time::timeout(patience, waiting).await.ok()
}
