//! Secrets at rest: sealed with ChaCha20-Poly1305 (RFC 8439, <https://www.rfc-editor.org/rfc/rfc8439>) under one key of
//! the operator's. What a value belongs to is authenticated with it, so that none can be put in another's place.
//!
//! A nonce is 96 random bits: with a billion values under one key two of them meet with a chance of 1 : 10^11.

use std::fmt;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};
use sha2::{Digest as _, Sha256};

use super::value::Secret;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// What a sealed text begins with: the form's version.
const FORM: &str = "lk1:";

/// Seals and opens under one key.
pub struct Sealer {
    key: LessSafeKey,
    id: String,
}

/// A text that is no key. Never holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key is {KEY_BYTES} random bytes in base64 or hexadecimal; `openssl rand -base64 {KEY_BYTES}` makes one"
)]
pub struct KeyForm;

/// Why a value was not sealed or not opened. Never holds a value or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the system gives no random bytes")]
    Random,
    #[error("this is no sealed value")]
    Form,
    /// The names of the keys, not they themselves.
    #[error("it was sealed with the key {sealed_with}, and the key given is {given}")]
    OtherKey { sealed_with: String, given: String },
    #[error("it was altered, or sealed for another place")]
    Altered,
    #[error("there is no key")]
    NoKey,
}

impl Sealer {
    /// Takes a key of 32 bytes, in base64 (44 characters) or hexadecimal (64 digits).
    pub fn new(key: &Secret) -> Result<Self, KeyForm> {
        let text = key.expose().trim();
        let bytes = hex::decode(text).or_else(|_| STANDARD.decode(text)).map_err(|_| KeyForm)?;
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| KeyForm)?;
        let digest = Sha256::new().chain_update("lockkeeper key name\0").chain_update(&bytes).finalize();
        Ok(Self { key: LessSafeKey::new(unbound), id: hex::encode(&digest[..4]) })
    }

    /// The key's name, 8 hexadecimal digits: says which key a value wants, and nothing of the key itself.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// What the texts begin with that this key sealed.
    pub fn beginning(&self) -> String {
        format!("{FORM}{}:", self.id)
    }

    /// Seals `plain` for the place that `about` names; only the same `about` opens it again.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn seal(&self, about: &str, plain: &str) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::Random)?;
        let mut sealed = plain.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(about.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| SealError::Altered)?;
        let all = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{}{}", self.beginning(), URL_SAFE_NO_PAD.encode(all)))
    }

    /// Opens what [`Sealer::seal`] made for the same place.
    pub fn open(&self, about: &str, sealed: &str) -> Result<Secret, SealError> {
        let (id, text) = parts(sealed).ok_or(SealError::Form)?;
        if id != self.id {
            return Err(SealError::OtherKey { sealed_with: id.to_owned(), given: self.id.clone() });
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Form)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(SealError::Form)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Form)?;
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(about.as_bytes()), sealed)
            .map_err(|_| SealError::Altered)?;
        String::from_utf8(plain.to_vec()).map(Secret::new).map_err(|_| SealError::Altered)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", self.id)
    }
}

/// Whether a text has the form of a sealed value, of whatever key.
pub fn is_sealed(text: &str) -> bool {
    parts(text).is_some()
}

/// The key's name, and the rest.
fn parts(sealed: &str) -> Option<(&str, &str)> {
    let (id, text) = sealed.strip_prefix(FORM)?.split_once(':')?;
    let is_id = id.len() == 8 && id.bytes().all(|it| it.is_ascii_hexdigit());
    let is_text = text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'));
    (is_id && is_text && !text.is_empty()).then_some((id, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&Secret::new(hex::encode([byte; KEY_BYTES]))).unwrap()
    }

    #[test]
    fn a_value_opens_with_its_key_and_in_its_place_only() {
        let one = sealer(1);
        let sealed = one.seal("here", "hunter2hunter2").unwrap();
        assert!(is_sealed(&sealed) && !sealed.contains("hunter2"), "{sealed}");
        assert_eq!(one.open("here", &sealed).unwrap().expose(), "hunter2hunter2");
        assert_eq!(one.open("there", &sealed).unwrap_err(), SealError::Altered);
        let other = sealer(2).open("here", &sealed).unwrap_err();
        assert!(matches!(&other, SealError::OtherKey { sealed_with, .. } if sealed_with == one.key_id()));
        assert_ne!(one.seal("here", "hunter2hunter2").unwrap(), sealed, "each time anew");
    }

    #[test]
    fn an_altered_value_does_not_open() {
        let one = sealer(1);
        let sealed = one.seal("here", "hunter2hunter2").unwrap();
        let begin = one.beginning().len();
        for at in begin..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            assert!(one.open("here", &altered).is_err(), "{altered}");
        }
        for text in ["", "lk1:", "lk1:00000000:", "hunter2", &sealed[..begin + 8]] {
            assert!(one.open("here", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_32_bytes_and_is_never_repeated() {
        let bytes = [7_u8; KEY_BYTES];
        let (one, other) = (Secret::new(STANDARD.encode(bytes)), Secret::new(hex::encode(bytes)));
        assert_eq!(Sealer::new(&one).unwrap().key_id(), Sealer::new(&other).unwrap().key_id());
        for wrong in ["correct horse battery staple", "c2hvcnQ=", &hex::encode([7_u8; 31])] {
            let error = Sealer::new(&Secret::new(wrong)).unwrap_err();
            assert!(!error.to_string().contains(wrong), "{error}");
        }
    }
}
