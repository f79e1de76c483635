//! What a delivery says of itself, and which of its events we act on.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::push::Push;

/// The header that names a delivery; a redelivery has the same one.
pub const ID_HEADER: &str = "x-github-delivery";
/// The header that names its event.
pub const EVENT_HEADER: &str = "x-github-event";

/// Longest delivery id that is taken; GitHub's are UUIDs of 36 characters.
const ID_LENGTH_MAX: usize = 100;

/// The delivery id: letters, digits and dashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// # Errors
    /// It is empty, too long, or holds something else.
    pub fn parse(text: &str) -> Result<Self, MalformedError> {
        let plain = text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
        if plain && !text.is_empty() && text.len() <= ID_LENGTH_MAX {
            return Ok(Self(text.to_owned()));
        }
        Err(MalformedError::new("the X-GitHub-Delivery header is not a delivery id"))
    }

    /// The key under which it stands in the inbox: `github:<id>`.
    pub fn key(&self) -> String {
        format!("github:{}", self.0)
    }
}

/// A signed body that does not say what its event must say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct MalformedError {
    pub why: String,
}

impl MalformedError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// What a delivery is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Push(Box<Push>),
    /// GitHub tries the address out.
    Ping,
    /// Nothing that we act on.
    Other,
}

impl Event {
    /// Reads the body of an event. Members that are null, missing or of another type count as not there.
    ///
    /// # Errors
    /// The body is no JSON, or a push without a ref or a commit.
    pub fn read(name: &str, body: &[u8]) -> Result<Self, MalformedError> {
        match name {
            "ping" => Ok(Self::Ping),
            "push" => {
                let body: Value = serde_json::from_slice(body)
                    .map_err(|error| MalformedError::new(format!("the body is no JSON: {error}")))?;
                Push::read(&body).map(|it| Self::Push(Box::new(it)))
            }
            _ => Ok(Self::Other),
        }
    }
}

/// How a push stands in the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Version of this shape.
    pub format: u32,
    pub id: DeliveryId,
    pub push: Push,
}

impl Delivery {
    pub fn new(id: DeliveryId, push: Push) -> Self {
        Self { format: 1, id, push }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_is_a_key_and_nothing_else() {
        let id = DeliveryId::parse("72d3162e-cc78-11e3-81ab-4c9367dc0958").unwrap();
        assert_eq!(id.key(), "github:72d3162e-cc78-11e3-81ab-4c9367dc0958");
        for text in ["", "a b", "a:0", "é", &"a".repeat(101)] {
            assert!(DeliveryId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn events_that_nobody_listens_to_are_not_even_read() {
        assert_eq!(Event::read("ping", b"").unwrap(), Event::Ping);
        assert_eq!(Event::read("star", b"not json").unwrap(), Event::Other);
        assert!(Event::read("push", b"not json").unwrap_err().why.starts_with("the body is no JSON: "));
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let body = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(Event::read("push", body.as_bytes()).is_err());
    }
}
