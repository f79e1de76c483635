//! Which byte sequences must not leave: every secret in every form that output is likely to give it.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::Engine as _;
use memchr::memmem::Finder;
use sha2::{Digest as _, Sha256};

use super::{stream::MaskStream, value::Secret};

/// What stands for a secret.
pub const MASK: &str = "********";

/// Forms shorter than this are not masked: they would blot out ordinary words.
pub const SHORTEST_MASKED: usize = 6;

/// Knows the secrets of one attempt or service and covers them in text.
#[derive(Clone, Default)]
pub struct Masker {
    pub(super) needles: Arc<Vec<Needle>>,
    /// What becomes known while this is in use, and how many of its needles are among ours.
    learnt: Option<Learnt>,
    included: usize,
}

/// Secrets that become known one after another, each kept once. Clones share them.
#[derive(Clone, Default)]
pub struct Learnt(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    digests: BTreeSet<[u8; 32]>,
    masker: Masker,
}

impl Learnt {
    /// Covers these from now on, also where output is being masked already.
    pub fn learn<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        let mut known = self.known();
        for secret in secrets {
            if known.digests.insert(Sha256::digest(secret.expose().as_bytes()).into()) {
                known.masker = known.masker.and([secret]);
            }
        }
    }

    /// Covers what is known now.
    pub fn masker(&self) -> Masker {
        self.known().masker.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One byte sequence to cover.
#[derive(Clone)]
pub(super) struct Needle(Finder<'static>);

impl Needle {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.needle()
    }

    /// Where it stands first, from there on.
    pub(super) fn find_from(&self, text: &[u8], from: usize) -> Option<usize> {
        Some(from + self.0.find(text.get(from..)?)?)
    }
}

impl Masker {
    /// Covers these values and their base64 (any alignment), hex, URL-, JSON- and shell-escaped forms, whole and by line.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            let whole = secret.expose();
            add_forms(whole.as_bytes(), &mut forms);
            for line in whole.lines().filter(|line| line.len() < whole.len()) {
                add_forms(line.trim().as_bytes(), &mut forms);
            }
        }
        let needles = forms.into_iter().filter(|it| it.len() >= SHORTEST_MASKED);
        let needles = needles.map(|it| Needle(Finder::new(&it).into_owned())).collect();
        Self { needles: Arc::new(needles), ..Self::default() }
    }

    /// Covers these values too.
    #[must_use]
    pub fn and<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let more = Self::new(secrets);
        if more.is_empty() {
            return self.clone();
        }
        self.plus(&more.needles)
    }

    /// Covers also what is learnt there, before and after.
    #[must_use]
    pub fn following(self, learnt: &Learnt) -> Self {
        let following = Self { learnt: Some(learnt.clone()), included: 0, ..self };
        following.later().unwrap_or(following)
    }

    /// With what was learnt since; `None`: nothing was.
    pub(super) fn later(&self) -> Option<Self> {
        let learnt = self.learnt.as_ref()?.masker();
        // What is learnt is only ever added to.
        let more = learnt.needles.get(self.included..).filter(|it| !it.is_empty())?;
        Some(Self { included: learnt.needles.len(), ..self.plus(more) })
    }

    fn plus(&self, more: &[Needle]) -> Self {
        Self { needles: Arc::new(self.needles.iter().chain(more).cloned().collect()), ..self.clone() }
    }

    /// The text with every secret covered.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if let Some(later) = self.later() {
            return later.mask(text);
        }
        if self.needles.iter().all(|it| it.find_from(text.as_bytes(), 0).is_none()) {
            return Cow::Borrowed(text);
        }
        let mut stream = self.stream();
        let mut masked = stream.push(text.as_bytes());
        masked.extend(stream.finish());
        Cow::Owned(String::from_utf8_lossy(&masked).into_owned())
    }

    /// Whether there is a secret in the text.
    pub fn finds_in(&self, text: &str) -> bool {
        matches!(self.mask(text), Cow::Owned(_))
    }

    /// The value with every secret covered in its strings and keys.
    pub fn mask_json(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.mask(&text).into_owned()),
            Value::Array(items) => items.into_iter().map(|it| self.mask_json(it)).collect(),
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(key, it)| (self.mask(&key).into_owned(), self.mask_json(it)))
                    .collect(),
            ),
            // A number can be a secret too (a PIN, an account): its digits are compared as text.
            Value::Number(number) => match self.mask(&number.to_string()) {
                Cow::Borrowed(_) => Value::Number(number),
                Cow::Owned(masked) => Value::String(masked),
            },
            Value::Null | Value::Bool(_) => value,
        }
    }

    /// Masks bytes that come in pieces, however the pieces are cut.
    pub fn stream(&self) -> MaskStream {
        MaskStream::new(self.clone())
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.needles.is_empty() && self.later().is_none()
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masker({} forms)", self.needles.len())
    }
}

fn add_forms(value: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    if value.len() < SHORTEST_MASKED {
        return;
    }
    forms.insert(value.to_vec());
    forms.insert(hex::encode(value).into_bytes());
    forms.insert(hex::encode_upper(value).into_bytes());
    for offset in 0..3 {
        add_base64(value, offset, forms);
    }
    for keep in ["-._~", "-._~/", "-._~!*'()", "-._~:/?#[]@!$&'()*+,;="] {
        forms.insert(percent(value, keep, false, "%20"));
        forms.insert(percent(value, keep, true, "%20"));
        forms.insert(percent(value, keep, false, "+"));
    }
    let text = String::from_utf8_lossy(value);
    let json = serde_json::Value::from(text.as_ref()).to_string();
    forms.insert(json.as_bytes()[1..json.len() - 1].to_vec());
    forms.insert(json[1..json.len() - 1].replace('/', "\\/").into_bytes());
    forms.insert(ascii_json(&text).into_bytes());
    forms.insert(text.replace('\'', r"'\''").into_bytes());
    forms.insert(text.replace('\'', r#"'"'"'"#).into_bytes());
    forms.insert(
        backslashed(&text, |it| !it.is_ascii_alphanumeric() && !"-_./:=@%+,".contains(it)).into_bytes(),
    );
    forms.insert(backslashed(&text, |it| "\"\\$`!".contains(it)).into_bytes());
}

/// The characters of a base64 text that this value alone decides when it starts `offset` bytes into a group of three.
fn add_base64(value: &[u8], offset: usize, forms: &mut BTreeSet<Vec<u8>>) {
    let mut shifted = vec![0; offset];
    shifted.extend(value);
    // 8 bits per byte, 6 per character: the first and the last character may hold bits of neighbours.
    let first = (offset * 8).div_ceil(6);
    let last = shifted.len() * 8 / 6;
    for engine in
        [&base64::engine::general_purpose::STANDARD_NO_PAD, &base64::engine::general_purpose::URL_SAFE_NO_PAD]
    {
        let encoded = engine.encode(&shifted).into_bytes();
        forms.insert(encoded[first..last].to_vec());
    }
}

fn percent(value: &[u8], keep: &str, lower: bool, blank: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in value {
        if byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte) {
            out.push(byte);
        } else if byte == b' ' {
            out.extend(blank.as_bytes());
        } else if lower {
            out.extend(format!("%{byte:02x}").into_bytes());
        } else {
            out.extend(format!("%{byte:02X}").into_bytes());
        }
    }
    out
}

/// JSON as Python writes it by default: everything beyond ASCII as `\uXXXX`.
fn ascii_json(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut out = String::new();
    for it in json[1..json.len() - 1].chars() {
        if it.is_ascii() {
            out.push(it);
        } else {
            for unit in it.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

fn backslashed(text: &str, special: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    for it in text.chars() {
        if special(it) {
            out.push('\\');
        }
        out.push(it);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masker(value: &str) -> Masker {
        Masker::new([&Secret::new(value)])
    }

    #[test]
    fn every_common_form_of_a_secret_is_covered() {
        use base64::engine::general_purpose::{STANDARD, URL_SAFE};
        let value = "p@ss w0rd/\"it's\" né$";
        let masker = masker(value);
        let forms = [
            value.to_owned(),
            hex::encode(value),
            hex::encode_upper(value),
            serde_json::to_string(value).unwrap(),
            format!("'{}'", value.replace('\'', r"'\''")),
            "p%40ss%20w0rd%2F%22it%27s%22%20n%C3%A9%24".to_owned(),
            "p%40ss+w0rd%2F%22it%27s%22+n%C3%A9%24".to_owned(),
        ];
        for form in forms {
            let masked = masker.mask(&form).into_owned();
            assert!(masked.contains(MASK) && masked.len() <= MASK.len() + 2, "{form} became {masked}");
        }
        for prefix in ["", "u", "us", "user:"] {
            for engine in [&STANDARD, &URL_SAFE] {
                let masked = masker.mask(&engine.encode(format!("{prefix}{value}:tail"))).into_owned();
                assert!(masked.contains(MASK), "{prefix} became {masked}");
            }
        }
    }

    #[test]
    fn a_multi_line_secret_is_covered_line_by_line() {
        let masker = masker("-----BEGIN KEY-----\nabcdefghij\nxyz\n-----END KEY-----");
        assert_eq!(masker.mask("got abcdefghij here"), "got ******** here");
        assert_eq!(masker.mask("xyz stays: too short"), "xyz stays: too short");
    }

    #[test]
    fn what_is_learnt_while_output_flows_is_covered_from_then_on() {
        let (learnt, second) = (Learnt::default(), Secret::new("second-secret"));
        let masker = Masker::new([&Secret::new("first-secret")]).following(&learnt);
        let none = Masker::default().following(&learnt);
        assert!(none.is_empty());
        let mut stream = masker.stream();
        let mut out = stream.push(b"first-secret second-secret ");
        learnt.learn([&second, &second]);
        out.extend(stream.push(b"second-secret"));
        out.extend(stream.finish());
        assert_eq!(String::from_utf8(out).unwrap(), "******** second-secret ********");
        assert_eq!(masker.mask("a second-secret"), "a ********");
        assert_eq!(none.mask_json(serde_json::json!(["second-secret"])), serde_json::json!(["********"]));
        assert!(!none.is_empty());
        let more = masker.and([&Secret::new("third-secret")]);
        assert_eq!(more.mask("third-secret second-secret first-secret"), "******** ******** ********");
    }

    #[test]
    fn a_secret_of_a_mebibyte_in_one_line_is_covered() {
        let value = "0123456789abcdef".repeat(1 << 16);
        assert_eq!(masker(&value).mask(&format!("<{value}>")), "<********>");
    }

    #[test]
    fn secrets_that_overlap_leave_no_rest() {
        let secrets = [Secret::new("abcdefgh"), Secret::new("efghijkl"), Secret::new("abcdef")];
        let masker = Masker::new(&secrets);
        assert_eq!(masker.mask("-abcdefghijkl-"), "-********-");
        assert_eq!(masker.mask("-abcdef-"), "-********-");
    }

    #[test]
    fn keys_strings_and_numbers_of_json_are_covered() {
        let secrets = [Secret::new("hunter2hunter2"), Secret::new("1234567890")];
        let masked = Masker::new(&secrets)
            .mask_json(serde_json::json!({"hunter2hunter2": ["x hunter2hunter2"], "n": 1234567890, "k": 12}));
        assert_eq!(masked, serde_json::json!({"********": ["x ********"], "n": "********", "k": 12}));
    }
}
