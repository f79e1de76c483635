//! Secrets that the configuration refers to are read once, at the start. Who has put another value in a secret's place is
//! told that it takes a start: in the log, and by `doctor`.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::BootError;
use crate::{
    config::Config,
    control::Stale,
    secret::{Secret, SecretRef},
};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// The secrets as they were at the start, and what refers to them.
pub(super) struct Rotation(Vec<(String, SecretRef, Secret)>);

impl Rotation {
    /// # Errors
    /// One of them cannot be read.
    pub(super) fn of(config: &Config) -> Result<Self, BootError> {
        let resolve = |(what, it): (String, &SecretRef)| match it.resolve() {
            Ok(secret) => Ok((what, it.clone(), secret)),
            Err(source) => Err(BootError::Secret { what, source }),
        };
        config.secrets().into_iter().map(resolve).collect::<Result<_, _>>().map(Self)
    }

    /// For masking.
    pub(super) fn held(&self) -> Vec<Secret> {
        self.0.iter().map(|(.., secret)| secret.clone()).collect()
    }

    /// What refers to another value by now. One that cannot be read says nothing: it may just be written.
    fn stale(&self) -> Vec<String> {
        let is_stale = |(_, reference, held): &&(String, SecretRef, Secret)| {
            reference.resolve().is_ok_and(|now| now.expose() != held.expose())
        };
        self.0.iter().filter(is_stale).map(|(what, ..)| what.clone()).collect()
    }

    /// For whoever asks.
    pub(super) fn asked(self: Arc<Self>) -> Stale {
        Arc::new(move || self.stale())
    }

    /// Logs each once, until `stop`.
    pub(super) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut known = Vec::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return,
            }
            let stale = self.stale();
            for what in stale.iter().filter(|it| !known.contains(*it)) {
                tracing::warn!(
                    what,
                    "a secret of the configuration has another value now: start the bot again to use it"
                );
            }
            known = stale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_stale_once_its_file_says_something_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("token");
        std::fs::write(&file, "an old token\n").expect("written");
        let reference = SecretRef::File(file.clone());
        let held = reference.resolve().expect("a secret");
        let rotation = Rotation(vec![("slack.bot_token".to_owned(), reference, held)]);
        assert_eq!(rotation.stale(), [""; 0]);
        std::fs::write(&file, "a new token\n").expect("written");
        assert_eq!(rotation.stale(), ["slack.bot_token"]);
        std::fs::remove_file(&file).expect("removed");
        assert_eq!(rotation.stale(), [""; 0]);
    }
}
