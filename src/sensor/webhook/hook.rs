//! What is posted to an address that rules listen to, in the ways that StackStorm's senders know: who sent it, and what it
//! says. <https://docs.stackstorm.com/webhooks.html>

use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;

use super::{
    MalformedError,
    signature::{self, SignatureError},
};
use crate::secret::Secret;

/// Headers that carry the secret itself.
const KEYS: [&str; 2] = ["st2-api-key", "x-auth-token"];
/// Its name in an address.
const QUERY_KEY: &str = "st2-api-key";
/// Headers that say who asks. They are not kept.
const NOT_KEPT: [&str; 8] = [
    "st2-api-key",
    "x-auth-token",
    "authorization",
    "proxy-authorization",
    "cookie",
    signature::HEADER,
    "x-hub-signature",
    "x-gitlab-token",
];
/// Headers that name a delivery, the same when it is sent again.
const IDS: [&str; 4] =
    ["idempotency-key", "x-github-delivery", "webhook-id", "x-atlassian-webhook-identifier"];
/// Longest id of a delivery that is taken.
const ID_LENGTH_MAX: usize = 200;

/// What a request shows for its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The secret itself, compared already.
    Key,
    /// What the body has to be signed with.
    Signature(String),
}

/// Why a request is not taken as its sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("show the secret as `St2-Api-Key: …`, or sign the body with it (`X-Hub-Signature-256`)")]
    Missing,
    #[error("this is not the secret of this webhook")]
    Wrong,
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Proof {
    /// Looks at the head of a request, so that the body of a stranger's is not even read. A secret is compared in a time
    /// that depends on the lengths alone.
    ///
    /// # Errors
    /// [`ProofError`]; an empty secret is nobody's.
    pub fn of<'h>(
        secret: &Secret,
        header: impl Fn(&str) -> Option<&'h str>,
        query: Option<&str>,
    ) -> Result<Self, ProofError> {
        let in_query = || {
            let mut pairs = form_urlencoded::parse(query?.as_bytes());
            pairs.find(|(name, _)| name == QUERY_KEY).map(|(_, value)| value.into_owned())
        };
        let shown =
            KEYS.iter().find_map(|name| header(name)).map(|it| it.trim().to_owned()).or_else(in_query);
        match (shown, header(signature::HEADER)) {
            (Some(shown), _) => {
                let is_it: bool = secret.expose().as_bytes().ct_eq(shown.as_bytes()).into();
                if is_it && !shown.is_empty() { Ok(Self::Key) } else { Err(ProofError::Wrong) }
            }
            (None, Some(signature)) => Ok(Self::Signature(signature.to_owned())),
            (None, None) => Err(ProofError::Missing),
        }
    }

    /// Whether the body is the sender's as well.
    ///
    /// # Errors
    /// Its signature is another one.
    pub fn of_body(&self, secret: &Secret, body: &[u8]) -> Result<(), ProofError> {
        match self {
            Self::Key => Ok(()),
            Self::Signature(header) => Ok(signature::verify(secret, body, Some(header))?),
        }
    }
}

/// The id that a sender gives a delivery, if it gives one that can be kept.
pub fn delivery_id<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<&'h str> {
    let is_good =
        |it: &&str| !it.is_empty() && it.len() <= ID_LENGTH_MAX && it.bytes().all(|b| b.is_ascii_graphic());
    IDS.iter().find_map(|name| header(name)).filter(is_good)
}

/// A body as rules read it: JSON, the fields of a form each as a list, or a text. `None`: it is none of these.
///
/// # Errors
/// What says that it is JSON, and is none.
pub fn body(content_type: &str, bytes: &[u8]) -> Result<Option<Value>, MalformedError> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    let is_json = essence.is_empty() || essence == "application/json" || essence.ends_with("+json");
    if is_json {
        if bytes.is_empty() {
            return Ok(Some(Value::Null));
        }
        let read = serde_json::from_slice(bytes);
        return read.map(Some).map_err(|error| MalformedError::new(format!("the body is no JSON: {error}")));
    }
    if essence == "text/plain" {
        return Ok(Some(Value::from(String::from_utf8_lossy(bytes))));
    }
    if essence != "application/x-www-form-urlencoded" {
        return Ok(None);
    }
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(bytes).filter(|(_, value)| !value.is_empty()) {
        match fields.entry(name).or_insert_with(|| json!([])) {
            Value::Array(all) => all.push(Value::from(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {}
        }
    }
    Ok(Some(Value::Object(fields)))
}

/// What rules read of a request: its headers, but for those that say who asks, and its body.
pub fn payload<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>, body: &Value) -> Value {
    let mut lower: Map<String, Value> = Map::new();
    for (name, value) in headers {
        let name = name.to_lowercase();
        if NOT_KEPT.contains(&name.as_str()) {
            continue;
        }
        let before = lower.get(&name).and_then(Value::as_str).map(|it| format!("{it},{value}"));
        lower.insert(name, before.unwrap_or_else(|| value.to_owned()).into());
    }
    let titled: Map<String, Value> = lower.iter().map(|(name, it)| (title(name), it.clone())).collect();
    json!({ "headers": titled, "headers_lower": lower, "body": body })
}

/// As StackStorm writes the names of headers: `X-Github-Event`.
fn title(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(headers: &[(&str, &str)], query: Option<&str>) -> Result<Proof, ProofError> {
        let secret = Secret::new("hunter2");
        Proof::of(&secret, |name| headers.iter().find(|it| it.0 == name).map(|it| it.1), query)
    }

    #[test]
    fn the_secret_is_shown_in_any_of_stackstorms_ways() {
        for (headers, query) in [
            (&[("st2-api-key", "hunter2")][..], None),
            (&[("x-auth-token", "hunter2")], None),
            (&[], Some("a=1&st2-api-key=hunter2")),
            (&[], Some("st2-api-key=hunter%32")),
        ] {
            assert_eq!(proof(headers, query), Ok(Proof::Key), "{headers:?} {query:?}");
        }
        for (headers, query) in [
            (&[("st2-api-key", "hunter")][..], None),
            (&[("st2-api-key", "")], Some("st2-api-key=hunter2")),
            (&[("x-auth-token", "hunter22")], None),
            (&[], Some("st2-api-key=")),
        ] {
            assert_eq!(proof(headers, query), Err(ProofError::Wrong), "{headers:?} {query:?}");
        }
        assert_eq!(proof(&[("authorization", "hunter2")], Some("key=hunter2")), Err(ProofError::Missing));
        let empty = Proof::of(&Secret::new(""), |_| Some(""), None);
        assert_eq!(empty, Err(ProofError::Wrong));
    }

    #[test]
    fn a_signed_body_is_the_senders() {
        let header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let secret = Secret::new("It's a Secret to Everybody");
        let proof = Proof::of(&secret, |name| (name == signature::HEADER).then_some(header), None).unwrap();
        assert_eq!(proof.of_body(&secret, b"Hello, World!"), Ok(()));
        assert_eq!(proof.of_body(&secret, b"Hello, World"), Err(SignatureError::Wrong.into()));
    }

    #[test]
    fn headers_are_named_as_there_and_none_says_who_asked() {
        let headers = [
            ("x-github-event", "push"),
            ("St2-Api-Key", "hunter2"),
            ("cookie", "a=hunter2"),
            ("authorization", "Basic x"),
            ("x-hub-signature-256", "sha256=00"),
            ("accept", "a"),
            ("accept", "b"),
        ];
        assert_eq!(
            payload(headers.into_iter(), &json!([1])),
            json!({
                "headers": {"X-Github-Event": "push", "Accept": "a,b"},
                "headers_lower": {"x-github-event": "push", "accept": "a,b"},
                "body": [1],
            })
        );
    }

    #[test]
    fn a_body_is_json_a_form_or_a_text() {
        let read = |content_type, bytes: &str| body(content_type, bytes.as_bytes()).map_err(|it| it.why);
        assert_eq!(read("", "[1]"), Ok(Some(json!([1]))));
        assert_eq!(read("application/JSON; charset=utf-8", ""), Ok(Some(Value::Null)));
        assert_eq!(read("application/cloudevents+json", "{}"), Ok(Some(json!({}))));
        let form = "application/x-www-form-urlencoded";
        assert_eq!(read(form, "a=1&b=x+y&a=2&c="), Ok(Some(json!({"a": ["1", "2"], "b": ["x y"]}))));
        assert_eq!(read("text/plain", "hi"), Ok(Some(json!("hi"))));
        assert_eq!(read("image/png", "hi"), Ok(None));
        assert!(read("application/json", "{").unwrap_err().starts_with("the body is no JSON: "));
        assert!(read("", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).is_err());
    }

    #[test]
    fn a_delivery_is_known_again_by_its_senders_id() {
        let id = |value: &'static str| delivery_id(move |name| (name == "idempotency-key").then_some(value));
        assert_eq!(id("abc-1"), Some("abc-1"));
        assert_eq!((id(""), id("a b")), (None, None));
    }
}
