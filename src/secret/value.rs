//! A secret value.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::masker::MASK;

/// A value that must not be shown. Its `Debug` and `Display` are the mask; only [`Secret::expose`] gives the text,
/// so a search for that word finds every place a secret leaves.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself: for the one call that needs it, never for a message.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
