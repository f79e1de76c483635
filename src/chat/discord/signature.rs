//! `X-Signature-Ed25519` over `X-Signature-Timestamp` and the raw body, under the application's public key
//! (<https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint-validating-security-request-headers>).

use std::fmt;

use jiff::Timestamp;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::chat::stamp::{self, Unbelieved};

/// The application's public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// What was given is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key has 64 hexadecimal digits; the application's General Information shows it")]
pub struct KeyError;

impl PublicKey {
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut key = [0; 32];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| KeyError)?;
        Ok(Self(key))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Why a request is not taken as Discord's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("there is no X-Signature-Ed25519 or X-Signature-Timestamp header")]
    Missing,
    #[error("the X-Signature-Ed25519 header is not 128 hexadecimal digits, or the timestamp no number")]
    Malformed,
    #[error("the request is more than 5 minutes away from this machine's clock")]
    Stale,
    #[error(
        "the signature does not fit: the public key differs, or something changed the request on its way"
    )]
    Wrong,
}

impl From<Unbelieved> for SignatureError {
    fn from(why: Unbelieved) -> Self {
        match why {
            Unbelieved::NoNumber => Self::Malformed,
            Unbelieved::Stale => Self::Stale,
        }
    }
}

/// Checks the headers against the bytes as they came.
pub(super) fn verify(
    key: &PublicKey,
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let (Some(timestamp), Some(signature)) = (timestamp, signature) else {
        return Err(SignatureError::Missing);
    };
    let mut claimed = [0; 64];
    hex::decode_to_slice(signature, &mut claimed).map_err(|_| SignatureError::Malformed)?;
    stamp::check(timestamp, now)?;
    let signed = [timestamp.as_bytes(), body].concat();
    UnparsedPublicKey::new(&ED25519, key.0).verify(&signed, &claimed).map_err(|_| SignatureError::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    const AT: i64 = 1_790_000_000;
    const BODY: &str = "{\"type\":1}";

    fn pair() -> (Ed25519KeyPair, PublicKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
        let public = PublicKey::parse(&hex::encode(pair.public_key().as_ref())).expect("a key");
        (pair, public)
    }

    fn check(timestamp: &str, signature: &str, body: &str, now: i64) -> Result<(), SignatureError> {
        verify(&pair().1, Some(timestamp), Some(signature), body.as_bytes(), from_millis(now * 1_000))
    }

    fn sign(timestamp: &str, body: &str) -> String {
        hex::encode(pair().0.sign(format!("{timestamp}{body}").as_bytes()).as_ref())
    }

    #[test]
    fn rfc_8032s_own_example_verifies() {
        // Test 3: <https://www.rfc-editor.org/rfc/rfc8032#section-7.1>. No digits, so not a timestamp: ring alone.
        let key = PublicKey::parse("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
        let signature = hex::decode(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        );
        let verified = UnparsedPublicKey::new(&ED25519, key.expect("a key").0)
            .verify(&[0xaf, 0x82], &signature.expect("digits"));
        assert!(verified.is_ok());
    }

    #[test]
    fn a_signed_request_counts_within_five_minutes_either_way() {
        let at = AT.to_string();
        let signature = sign(&at, BODY);
        for now in [AT, AT + 300, AT - 300] {
            assert_eq!(check(&at, &signature, BODY, now), Ok(()));
        }
        for now in [AT + 301, AT - 301, 0] {
            assert_eq!(check(&at, &signature, BODY, now), Err(SignatureError::Stale));
        }
        assert_eq!(check(&at, &signature.to_uppercase(), BODY, AT), Ok(()));
    }

    #[test]
    fn another_body_time_key_or_digit_does_not() {
        let at = AT.to_string();
        let signature = sign(&at, BODY);
        assert_eq!(check(&at, &signature, "{\"type\":2}", AT), Err(SignatureError::Wrong));
        assert_eq!(check(&(AT + 1).to_string(), &signature, BODY, AT), Err(SignatureError::Wrong));
        // What moves between timestamp and body is another message all the same only if Discord signed it so.
        let (shorter, longer) = (&at[..9], format!("{}{BODY}", &at[9..]));
        assert!(check(shorter, &signature, &longer, AT).is_err());
        let zeros = "0".repeat(128);
        assert_eq!(check(&at, &zeros, BODY, AT), Err(SignatureError::Wrong));
        let other = PublicKey([9; 32]);
        let now = from_millis(AT * 1_000);
        let wrong = verify(&other, Some(&at), Some(&signature), BODY.as_bytes(), now);
        assert_eq!(wrong, Err(SignatureError::Wrong));
    }

    #[test]
    fn what_is_no_signature_or_key_is_said_as_such() {
        let now = from_millis(AT * 1_000);
        let at = AT.to_string();
        let good = sign(&at, BODY);
        assert_eq!(verify(&pair().1, None, Some(&good), b"", now), Err(SignatureError::Missing));
        assert_eq!(verify(&pair().1, Some(&at), None, b"", now), Err(SignatureError::Missing));
        for (timestamp, signature) in [
            ("", good.as_str()),
            ("soon", &good),
            ("-1790000000", &good),
            ("+1790000000", &good),
            ("99999999999999999999", &good),
            (&at, ""),
            (&at, &good[..126]),
            (&at, "zz"),
        ] {
            assert_eq!(check(timestamp, signature, BODY, AT), Err(SignatureError::Malformed), "{timestamp}");
        }
        for not in ["", "00", &"g".repeat(64), &"0".repeat(66)] {
            assert_eq!(PublicKey::parse(not), Err(KeyError), "{not}");
        }
    }
}
