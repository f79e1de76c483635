//! `X-Slack-Signature: v0=<hex>`: HMAC-SHA256 of `v0:<timestamp>:<raw body>` under the app's signing secret
//! (<https://docs.slack.dev/authentication/verifying-requests-from-slack>).

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

use crate::{
    chat::stamp::{self, Unbelieved},
    secret::Secret,
};

/// Why a request is not taken as Slack's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("there is no X-Slack-Signature or X-Slack-Request-Timestamp header")]
    Missing,
    #[error(
        "the X-Slack-Signature header is not `v0=` and 64 hexadecimal digits, or the timestamp no number"
    )]
    Malformed,
    #[error("the request is more than 5 minutes away from this machine's clock")]
    Stale,
    #[error(
        "the signature does not fit: the signing secret differs, or something changed the request on its way"
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

/// Checks the headers against the bytes as they came. The comparison takes the same time wherever it differs.
pub(super) fn verify(
    secret: &Secret,
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let (Some(timestamp), Some(signature)) = (timestamp, signature) else {
        return Err(SignatureError::Missing);
    };
    let digits = signature.strip_prefix("v0=").ok_or(SignatureError::Malformed)?;
    let mut claimed = [0; 32];
    hex::decode_to_slice(digits, &mut claimed).map_err(|_| SignatureError::Malformed)?;
    stamp::check(timestamp, now)?;
    // Anybody can compute what an empty key signs.
    if secret.expose().is_empty() {
        return Err(SignatureError::Wrong);
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).map_err(|_| SignatureError::Wrong)?;
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    mac.verify_slice(&claimed).map_err(|_| SignatureError::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    /// The example of Slack's own page.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
        trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn check(timestamp: &str, signature: &str, body: &str, now: i64) -> Result<(), SignatureError> {
        let now = from_millis(now * 1_000);
        verify(&Secret::new(SECRET), Some(timestamp), Some(signature), body.as_bytes(), now)
    }

    #[test]
    fn slacks_own_example_verifies_within_five_minutes_either_way() {
        let at = 1_531_420_618;
        for now in [at, at + 300, at - 300] {
            assert_eq!(check(AT, SIGNED, BODY, now), Ok(()));
        }
        for now in [at + 301, at - 301, 0] {
            assert_eq!(check(AT, SIGNED, BODY, now), Err(SignatureError::Stale));
        }
    }

    /// A signed request, and what `slack_sdk` 3.47.0 and `@slack/bolt` 5.1.0 say of it; the former signed it.
    #[derive(serde::Deserialize)]
    struct Vector {
        why: String,
        secret: String,
        timestamp: String,
        body: String,
        signature: String,
        now: i64,
        slack_sdk: bool,
        bolt: bool,
    }

    #[test]
    fn slacks_own_libraries_judge_as_we_do() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("signature.json")).unwrap();
        assert_eq!((vectors.len(), vectors.iter().filter(|it| it.slack_sdk).count()), (120, 36));
        for it in vectors {
            let (timestamp, signature) = (Some(it.timestamp.as_str()), Some(it.signature.as_str()));
            let now = from_millis(it.now * 1_000);
            let ours = verify(&Secret::new(it.secret), timestamp, signature, it.body.as_bytes(), now).is_ok();
            assert_eq!((ours, ours), (it.slack_sdk, it.bolt), "{}: {}", it.why, it.body);
        }
    }

    #[test]
    fn another_body_time_secret_or_digit_does_not() {
        let at = 1_531_420_618;
        assert_eq!(check(AT, SIGNED, &BODY[1..], at), Err(SignatureError::Wrong));
        assert_eq!(check("1531420619", SIGNED, BODY, at), Err(SignatureError::Wrong));
        let changed = format!("{}4", &SIGNED[..SIGNED.len() - 1]);
        assert_eq!(check(AT, &changed, BODY, at), Err(SignatureError::Wrong));
        let other =
            verify(&Secret::new("x"), Some(AT), Some(SIGNED), BODY.as_bytes(), from_millis(at * 1_000));
        assert_eq!(other, Err(SignatureError::Wrong));
    }

    #[test]
    fn what_is_no_signature_is_said_as_such_and_an_empty_secret_fits_nothing() {
        let now = from_millis(1_531_420_618_000);
        assert_eq!(verify(&Secret::new(SECRET), None, Some(SIGNED), b"", now), Err(SignatureError::Missing));
        assert_eq!(verify(&Secret::new(SECRET), Some(AT), None, b"", now), Err(SignatureError::Missing));
        for (timestamp, signature) in [
            ("", SIGNED),
            ("soon", SIGNED),
            ("-1531420618", SIGNED),
            ("+1531420618", SIGNED),
            ("99999999999999999999", SIGNED),
            (AT, ""),
            (AT, "v0="),
            (AT, &SIGNED[..66]),
            (AT, &SIGNED[3..]),
        ] {
            assert_eq!(
                check(timestamp, signature, BODY, 1_531_420_618),
                Err(SignatureError::Malformed),
                "{timestamp} {signature}"
            );
        }
        let mac = Hmac::<Sha256>::new_from_slice(b"")
            .unwrap()
            .chain_update(b"v0:1531420618:x")
            .finalize()
            .into_bytes();
        let empty = format!("v0={}", hex::encode(mac));
        assert_eq!(verify(&Secret::new(""), Some(AT), Some(&empty), b"x", now), Err(SignatureError::Wrong));
    }
}
