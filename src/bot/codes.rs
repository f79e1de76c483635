//! The codes that were given out, for as long as they can be said. In memory alone: the store has their digests, and
//! whoever was given one before a restart asks for another.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::{id::LinkId, identity::Code};

#[derive(Default)]
pub(super) struct Codes(Mutex<HashMap<LinkId, (Code, Timestamp)>>);

impl Codes {
    /// A fresh code under this id.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn make(&self, id: LinkId, expires_at: Timestamp, now: Timestamp) -> anyhow::Result<Code> {
        let mut bytes = [0; 8];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
        let code = Code::of(&bytes);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, until)| now < *until);
        all.insert(id, (code.clone(), expires_at));
        Ok(code)
    }

    pub(super) fn find(&self, id: LinkId) -> Option<Code> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).map(|(code, _)| code.clone())
    }
}
