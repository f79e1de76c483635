//! When the outbox may call a platform: [`crate::pace`] with a clock. A limit closes a bucket and not the letter that met
//! it, so whatever is most urgent goes first when it opens.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::doubt::Doubts;
use crate::{
    chat::{Call, ChatError},
    pace::{Bucket, Buckets},
    store::outbox::Letter,
};

/// A pause is at least this long, so that nobody who says "at once" is asked without end.
const LEAST: Duration = Duration::from_millis(100);
/// What hangs on a message waits this long for its turn, and is let go then.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Pauses that it takes.
const TRIES: usize = 20;

/// What all platforms counted of us.
#[derive(Default)]
pub(super) struct Pace(Mutex<Buckets<String>>);

impl Pace {
    fn buckets(&self) -> MutexGuard<'_, Buckets<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call that goes now.
    ///
    /// # Errors
    /// When to ask again, if it may not go now.
    pub(super) fn take(&self, counted: &[Bucket<String>], urgent: bool) -> Result<(), Instant> {
        let taken = self.buckets().take(counted, urgent, Instant::now().into_std());
        taken.map_err(Instant::from_std)
    }

    /// A call that was counted is not made after all.
    pub(super) fn untaken(&self, counted: &[Bucket<String>]) {
        self.buckets().give_back(counted);
    }

    /// A call that was counted has its answer.
    pub(super) fn answered(&self, counted: &[Bucket<String>]) {
        self.buckets().answered(counted, Instant::now().into_std());
    }

    /// The platform said how long to wait.
    pub(super) fn close(&self, counted: &[Bucket<String>], pause: Duration) {
        let now = Instant::now().into_std();
        self.buckets().close(counted, now + pause.max(LEAST), now);
    }

    /// Makes a call as soon as it may go, and again after each pause that the platform asks for.
    ///
    /// # Errors
    /// What it ended with; [`ChatError::RateLimited`] if its turn never came, or would too late for anybody to care.
    pub(super) async fn patiently<F>(
        &self,
        counted: &[Bucket<String>],
        call: impl Fn() -> F,
    ) -> Result<(), ChatError>
    where
        F: Future<Output = Result<(), ChatError>>,
    {
        let last = Instant::now() + PATIENCE;
        let mut refused = 0;
        loop {
            if let Err(at) = self.take(counted, true) {
                if last < at {
                    return Err(ChatError::RateLimited { retry_after: at - Instant::now() });
                }
                tokio::time::sleep_until(at).await;
                continue;
            }
            let done = call().await;
            self.answered(counted);
            match done {
                Err(ChatError::RateLimited { retry_after }) if refused < TRIES => {
                    refused += 1;
                    self.close(counted, retry_after);
                }
                other => return other,
            }
        }
    }
}

/// What sending a letter will ask of the platform.
pub(super) fn call(letter: &Letter<Value>, doubts: &Doubts) -> Call {
    // As `draw` reads a row's body: said to one person.
    let private = !letter.body["say"]["to"].is_null();
    match &letter.message {
        _ if private => Call::Whisper,
        Some(_) if doubts.holds(letter.id) => Call::Look,
        Some(_) => Call::Edit,
        None => Call::Post,
    }
}
