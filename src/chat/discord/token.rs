//! Interaction tokens: for a quarter of an hour after somebody pressed something or gave a command, we can say things
//! there that only they see (<https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages>).
//! Kept in memory alone: whoever has no token writes to the person.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::between;

/// A minute less than Discord's.
const LIFE: Duration = Duration::from_secs(14 * 60);
/// How long one waits for Discord to take the first answer; without that one there can be no other.
const ANSWERED_MAX: Duration = Duration::from_secs(3);

#[derive(Clone)]
struct Held {
    at: Timestamp,
    token: String,
    answered: watch::Receiver<bool>,
}

/// By channel and user, the last of each.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<(String, String), Held>>);

impl Tokens {
    /// Keeps a token; what is returned is told once Discord has our first answer. Dropped before that, it never has.
    pub(super) fn keep(&self, channel: &str, user: &str, token: &str, now: Timestamp) -> watch::Sender<bool> {
        let (tell, answered) = watch::channel(false);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, it| between(it.at, now) < LIFE);
        all.insert(
            (channel.to_owned(), user.to_owned()),
            Held { at: now, token: token.to_owned(), answered },
        );
        tell
    }

    /// The token to speak to this person with, here; of anybody's if `user` is `None`.
    pub(super) async fn find(&self, channel: &str, user: Option<&str>, now: Timestamp) -> Option<String> {
        let mut held = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let here = |it: &&(String, String)| it.0 == channel && user.is_none_or(|user| it.1 == user);
            let newest = all.iter().filter(|(key, it)| here(key) && between(it.at, now) < LIFE);
            newest.max_by_key(|(_, it)| it.at).map(|(_, it)| it.clone())?
        };
        let answered = tokio::time::timeout(ANSWERED_MAX, held.answered.wait_for(|it| *it)).await;
        matches!(answered, Ok(Ok(_))).then_some(held.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[tokio::test(start_paused = true)]
    async fn a_token_speaks_once_its_first_answer_was_taken_and_for_a_while() {
        let tokens = Tokens::default();
        let now = from_millis(0);
        let first = tokens.keep("C", "U", "one", now);
        assert_eq!(tokens.find("C", Some("U"), now).await, None, "nobody has answered");
        first.send_replace(true);
        assert_eq!(tokens.find("C", Some("U"), now).await.as_deref(), Some("one"));
        assert_eq!(tokens.find("C", None, now).await.as_deref(), Some("one"));
        assert_eq!(tokens.find("C", Some("V"), now).await, None);
        assert_eq!(tokens.find("D", Some("U"), now).await, None);
        assert_eq!(tokens.find("C", Some("U"), from_millis(14 * 60_000)).await, None, "too late");
        drop(tokens.keep("C", "U", "two", now));
        assert_eq!(tokens.find("C", Some("U"), now).await, None, "the answer failed");
    }
}
