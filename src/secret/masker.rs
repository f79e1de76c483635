//! Which byte sequences must not leave: every secret in every form that output is likely to give it.

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

use base64::Engine as _;
use regex::bytes::Regex;

use super::{stream::MaskStream, value::Secret};

/// What stands for a secret.
pub const MASK: &str = "********";

/// Forms shorter than this are not masked: they would blot out ordinary words.
pub const SHORTEST_MASKED: usize = 6;

/// Knows the secrets of one attempt or service and covers them in text.
#[derive(Clone, Default)]
pub struct Masker {
    pub(super) needles: Arc<Vec<Needle>>,
}

/// One byte sequence to cover.
#[derive(Clone)]
pub(super) struct Needle {
    pub(super) bytes: Vec<u8>,
    /// A literal pattern: the regex crate searches it with SIMD.
    pub(super) finder: Regex,
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
        let needles = forms.into_iter().filter(|it| it.len() >= SHORTEST_MASKED).filter_map(Needle::new);
        Self { needles: Arc::new(needles.collect()) }
    }

    /// Covers these values too.
    #[must_use]
    pub fn and<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let more = Self::new(secrets);
        if more.is_empty() {
            return self.clone();
        }
        Self { needles: Arc::new(self.needles.iter().chain(more.needles.iter()).cloned().collect()) }
    }

    /// The text with every secret covered.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.needles.iter().all(|it| !it.finder.is_match(text.as_bytes())) {
            return Cow::Borrowed(text);
        }
        let mut stream = self.stream();
        let mut masked = stream.push(text.as_bytes());
        masked.extend(stream.finish());
        Cow::Owned(String::from_utf8_lossy(&masked).into_owned())
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
        self.needles.is_empty()
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masker({} forms)", self.needles.len())
    }
}

impl Needle {
    fn new(bytes: Vec<u8>) -> Option<Self> {
        let mut pattern = String::from("(?-u)");
        for byte in &bytes {
            pattern.push_str(&format!("\\x{byte:02x}"));
        }
        // The only way to fail is the size limit of a compiled pattern (10 MiB): no such secret fits an environment.
        Regex::new(&pattern).ok().map(|finder| Self { bytes, finder })
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
