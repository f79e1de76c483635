//! Discord's text: markdown going out, message content coming in
//! (<https://docs.discord.com/developers/reference#message-formatting>).

use std::num::NonZeroU64;

use super::super::inert::inert;
use super::super::layout::Markup;
use crate::id::{Account, Platform};

/// Discord's markdown. A backslash makes any punctuation plain, the colon of an address included.
pub(super) struct Markdown;

impl Markup for Markdown {
    fn character(&self, c: char) -> String {
        match c {
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '[' | ']' | '#' | '@' | ':' => format!("\\{c}"),
            other => other.to_string(),
        }
    }

    /// A backtick could close the block; its look-alike cannot.
    fn code_character(&self, c: char) -> String {
        if c == '`' { "ˋ".to_owned() } else { c.to_string() }
    }

    fn bold(&self, text: &str) -> Option<String> {
        let writable = !text.is_empty() && text.trim() == text && !text.contains('\n');
        writable.then(|| format!("**{}**", escape(text)))
    }

    fn code(&self, text: &str) -> Option<String> {
        let writable = !text.trim().is_empty() && !text.contains(['\n', '`']);
        writable.then(|| format!("`{}`", inert(text)))
    }

    fn link(&self, text: &str, url: &str) -> Option<String> {
        let web = url.starts_with("https://") || url.starts_with("http://");
        let clean = url.chars().all(|c| c.is_ascii_graphic() && !"<>\\\"`".contains(c));
        let one_line = !text.trim().is_empty() && !text.contains('\n');
        (web && clean && one_line).then(|| format!("[{}](<{url}>)", escape(text)))
    }

    fn mention(&self, account: &Account) -> Option<String> {
        mentionable(account).map(|user| format!("<@{user}>"))
    }
}

/// The id of an account that Discord can ring.
pub(super) fn mentionable(account: &Account) -> Option<&str> {
    let user = account.user.as_str();
    let known = account.platform == Platform::Discord && is_snowflake(user);
    known.then_some(user)
}

pub(super) fn is_snowflake(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_digit()) && text.parse::<NonZeroU64>().is_ok()
}

pub(super) fn escape(text: &str) -> String {
    inert(text).chars().map(|c| Markdown.character(c)).collect()
}

/// Somebody's words, set apart as such.
pub(super) fn quoted(text: &str) -> String {
    Markdown.code(text).unwrap_or_else(|| escape(text))
}

/// What the person typed, and whether they began with our name (which is cut off).
pub(super) fn typed(content: &str, own_user: &str) -> (String, bool) {
    let content = content.trim_start();
    let named = ["<@", "<@!"].iter().find_map(|open| {
        content
            .strip_prefix(open)
            .and_then(|rest| rest.strip_prefix(own_user))
            .and_then(|rest| rest.strip_prefix('>'))
    });
    let text = named.map_or(content, |rest| rest.trim_start_matches([',', ':']));
    let straight = text.chars().map(|c| match c {
        '“' | '”' | '„' | '‟' => '"',
        '‘' | '’' | '‚' | '‛' => '\'',
        '\u{a0}' => ' ',
        other => other,
    });
    let straight: String = straight.collect();
    (unbracketed(straight.trim()), named.is_some())
}

/// `<https://…>` is how people keep Discord from drawing a preview; the brackets are not meant.
fn unbracketed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<http") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(|c: char| c == '>' || c.is_whitespace());
        match end.filter(|it| rest[*it..].starts_with('>')) {
            Some(end) => {
                out.push_str(&rest[1..end]);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('<');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incoming_text_is_what_the_person_typed() {
        let cases = [
            ("!deploy api & <b>", "!deploy api & <b>", false),
            ("<@99> deploy “api”", "deploy \"api\"", true),
            ("<@!99>, help", "help", true),
            ("<@999> help", "<@999> help", false),
            ("see <https://a.b/c> or <http x>", "see https://a.b/c or <http x>", false),
        ];
        for (raw, text, addressed) in cases {
            assert_eq!(typed(raw, "99"), (text.to_owned(), addressed), "{raw}");
        }
    }

    #[test]
    fn a_link_is_only_ever_to_the_web() {
        assert_eq!(Markdown.link("x", "javascript:alert(1)"), None);
        assert_eq!(Markdown.link("x", "https://a>b"), None);
        assert_eq!(Markdown.link("a]b", "https://a/?x").as_deref(), Some("[a\\]b](<https://a/?x>)"));
    }
}
