//! `X-Hub-Signature-256: sha256=<hex>`: HMAC-SHA256 of the raw body under the shared secret.
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

/// The header that carries it. The older SHA-1 header is not looked at.
pub const HEADER: &str = "x-hub-signature-256";

/// Why a body is not taken as the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("there is no X-Hub-Signature-256 header; set the same secret in the webhook's settings")]
    Missing,
    #[error("the X-Hub-Signature-256 header is not `sha256=` and 64 hexadecimal digits")]
    Malformed,
    #[error("the signature does not fit the body: the secrets differ, or something changed it on its way")]
    Wrong,
}

/// Checks `header` against the bytes as they came. The comparison takes the same time wherever it differs.
///
/// # Errors
/// [`SignatureError`]; an empty secret fits nothing.
pub fn verify(secret: &Secret, body: &[u8], header: Option<&str>) -> Result<(), SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let digits = header.strip_prefix("sha256=").ok_or(SignatureError::Malformed)?;
    let mut claimed = [0; 32];
    hex::decode_to_slice(digits, &mut claimed).map_err(|_| SignatureError::Malformed)?;
    // Anybody can compute what an empty key signs.
    if secret.expose().is_empty() {
        return Err(SignatureError::Wrong);
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).map_err(|_| SignatureError::Wrong)?;
    mac.update(body);
    mac.verify_slice(&claimed).map_err(|_| SignatureError::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's own page.
    const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn check(secret: &str, body: &str, header: Option<&str>) -> Result<(), SignatureError> {
        verify(&Secret::new(secret), body.as_bytes(), header)
    }

    #[test]
    fn githubs_own_example_verifies() {
        assert_eq!(check("It's a Secret to Everybody", "Hello, World!", Some(SIGNED)), Ok(()));
    }

    #[test]
    fn another_body_secret_or_digit_does_not() {
        assert_eq!(
            check("It's a Secret to Everybody", "Hello, World", Some(SIGNED)),
            Err(SignatureError::Wrong)
        );
        assert_eq!(
            check("it's a Secret to Everybody", "Hello, World!", Some(SIGNED)),
            Err(SignatureError::Wrong)
        );
        let changed = format!("{}8", &SIGNED[..SIGNED.len() - 1]);
        assert_eq!(
            check("It's a Secret to Everybody", "Hello, World!", Some(&changed)),
            Err(SignatureError::Wrong)
        );
    }

    #[test]
    fn what_is_no_signature_is_said_as_such() {
        assert_eq!(check("s", "", None), Err(SignatureError::Missing));
        for header in ["", "sha256=", "sha1=757107ea0eb2509fc211221cce984b8a37570b6d", &SIGNED[..70]] {
            assert_eq!(check("s", "", Some(header)), Err(SignatureError::Malformed), "{header}");
        }
    }

    #[test]
    fn an_empty_secret_fits_nothing() {
        let mac = Hmac::<Sha256>::new_from_slice(b"").unwrap().chain_update(b"x").finalize().into_bytes();
        assert_eq!(check("", "x", Some(&format!("sha256={}", hex::encode(mac)))), Err(SignatureError::Wrong));
    }
}
