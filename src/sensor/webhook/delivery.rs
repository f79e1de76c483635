//! What a delivery says of itself, and which of its events we act on.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers>

use std::borrow::Cow;

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

/// The event in a body of this content type: the body itself, or the field `payload` of a form, which is what GitHub
/// sends unless it is told otherwise. `None`: neither. The signature is over the body as it came, form or not.
/// <https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks>
///
/// # Errors
/// A form without the field.
pub fn payload<'b>(content_type: &str, body: &'b [u8]) -> Result<Option<Cow<'b, [u8]>>, MalformedError> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(Some(Cow::Borrowed(body)));
    }
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(None);
    }
    let field = form_urlencoded::parse(body).find(|(name, _)| name == "payload").map(|(_, value)| value);
    let event = field.ok_or_else(|| MalformedError::new("the form has no field `payload`"))?;
    Ok(Some(Cow::Owned(event.into_owned().into_bytes())))
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
    fn the_event_is_the_body_or_a_field_of_a_form() {
        let read = |content_type, body: &'static str| {
            let found = payload(content_type, body.as_bytes());
            found.map(|it| it.map(|it| String::from_utf8(it.into_owned()).unwrap())).map_err(|it| it.why)
        };
        let form = "application/x-www-form-urlencoded";
        assert_eq!(read("Application/JSON; charset=utf-8", "{}"), Ok(Some("{}".to_owned())));
        assert_eq!(
            read(form, "a=1&payload=%7B%22a+b%22%3A%221%2B1%22%7D"),
            Ok(Some(r#"{"a b":"1+1"}"#.to_owned()))
        );
        assert_eq!(read(form, "Payload=1"), Err("the form has no field `payload`".to_owned()));
        assert_eq!(read("application/json-patch+json", "{}"), Ok(None));
        assert_eq!(read("", "{}"), Ok(None));
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
