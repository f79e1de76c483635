//! The door from an adapter to the inbox: a delivery is a row before it is acknowledged, and nothing else happens before.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::message::Delivery;

/// What became of a delivery. Both are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    New,
    /// A delivery with this key was stored before.
    Duplicate,
}

/// The delivery could not be stored: do not acknowledge it, so that the platform sends it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the inbox did not take the delivery: {why}")]
pub struct IntakeError {
    pub why: String,
}

type Insert = dyn Fn(Delivery) -> BoxFuture<'static, Result<Accepted, IntakeError>> + Send + Sync;

/// Inserts a delivery into the inbox and returns.
#[derive(Clone)]
pub struct Intake(Arc<Insert>);

impl Intake {
    /// `insert` must only make the delivery durable; work is done later by whoever reads the inbox.
    pub fn new<F, Fut>(insert: F) -> Self
    where
        F: Fn(Delivery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Accepted, IntakeError>> + Send + 'static,
    {
        Self(Arc::new(move |delivery| Box::pin(insert(delivery))))
    }

    /// Resolves once the delivery is durable.
    ///
    /// # Errors
    /// When it is not; then it must not be acknowledged.
    pub async fn accept(&self, delivery: Delivery) -> Result<Accepted, IntakeError> {
        (self.0)(delivery).await
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Intake")
    }
}
