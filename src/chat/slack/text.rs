//! Slack's text: mrkdwn going out, message text coming in.
//!
//! Exactly `&`, `<` and `>` are escaped; everything active stands between `<` and `>`
//! (<https://docs.slack.dev/messaging/formatting-message-text>).

use super::super::layout::Markup;
use crate::id::{Account, Platform};

/// mrkdwn.
pub(super) struct Mrkdwn;

impl Markup for Mrkdwn {
    fn character(&self, c: char) -> String {
        match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            other => other.to_string(),
        }
    }

    /// A backtick could close the block; its look-alike cannot.
    fn code_character(&self, c: char) -> String {
        if c == '`' { "ˋ".to_owned() } else { self.character(c) }
    }

    fn bold(&self, text: &str) -> Option<String> {
        quoted(text, '*')
    }

    fn code(&self, text: &str) -> Option<String> {
        quoted(text, '`')
    }

    fn link(&self, text: &str, url: &str) -> Option<String> {
        let web = url.starts_with("https://") || url.starts_with("http://");
        let clean = url.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>|\"".contains(c));
        let one_line = !text.trim().is_empty() && !text.contains(['\n', '|']);
        (web && clean && one_line)
            .then(|| format!("<{}|{}>", escape(url), escape(&super::super::inert::inert(text))))
    }

    fn mention(&self, account: &Account) -> Option<String> {
        let user = account.user.as_str();
        let known = account.platform == Platform::Slack && is_id(user);
        known.then(|| format!("<@{user}>"))
    }
}

fn quoted(text: &str, quote: char) -> Option<String> {
    let writable = !text.is_empty() && text.trim() == text && !text.contains(['\n', quote]);
    writable.then(|| format!("{quote}{}{quote}", escape(&super::super::inert::inert(text))))
}

pub(super) fn escape(text: &str) -> String {
    text.chars().map(|c| Mrkdwn.character(c)).collect()
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
}

/// What the person typed, and whether they began with our name (which is cut off).
pub(super) fn typed(text: &str, bot_user: &str) -> (String, bool) {
    let text = text.trim_start();
    let own = text.strip_prefix("<@").and_then(|rest| rest.strip_prefix(bot_user)).and_then(|rest| {
        let (label, after) = rest.split_once('>')?;
        (label.is_empty() || label.starts_with('|')).then_some(after)
    });
    match own {
        Some(rest) => (plain(rest).trim_start_matches([',', ':']).trim().to_owned(), true),
        None => (plain(text).trim().to_owned(), false),
    }
}

/// Undoes Slack's escapes once, shows links as what they say, and straightens typographic quotes.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&unescape(&rest[..at]));
        match rest[at + 1..].split_once('>') {
            Some((inside, after)) => {
                out.push_str(&unescape(&active(inside)));
                rest = after;
            }
            None => {
                out.push('<');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(&unescape(rest));
    out
}

/// What stands between `<` and `>`, as its author saw it. People stay ids: names are never compared.
fn active(inside: &str) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (inside, None),
    };
    match target.chars().next() {
        Some('@') => format!("&lt;{target}&gt;"),
        Some('#') => {
            label.filter(|it| !it.is_empty()).map_or_else(|| target.to_owned(), |it| format!("#{it}"))
        }
        Some('!') => label.map_or_else(|| format!("@{}", &target[1..]), str::to_owned),
        _ => label.unwrap_or_else(|| target.strip_prefix("mailto:").unwrap_or(target)).to_owned(),
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
        .chars()
        .map(|c| match c {
            '“' | '”' | '„' | '‟' => '"',
            '‘' | '’' | '‚' | '‛' => '\'',
            '\u{a0}' => ' ',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incoming_text_is_what_the_person_typed() {
        let cases = [
            ("!deploy api &amp;&amp; echo &lt;b&gt;", "!deploy api && echo <b>", false),
            ("&amp;lt;", "&lt;", false),
            ("<@UBOT> deploy <http://api.io|api.io>", "deploy api.io", true),
            ("<@UBOT|lock>: help", "help", true),
            ("<@UBOTTER> help", "<@UBOTTER> help", false),
            ("say “hi” it’s <https://a.b/c?x=1&amp;y=2>", "say \"hi\" it's https://a.b/c?x=1&y=2", false),
            (
                "cc <@U1|ann> <#C1|general> <!channel> <mailto:a@b.c|a@b.c>",
                "cc <@U1> #general @channel a@b.c",
                false,
            ),
            ("a < b", "a < b", false),
        ];
        for (raw, text, addressed) in cases {
            assert_eq!(typed(raw, "UBOT"), (text.to_owned(), addressed), "{raw}");
        }
    }

    #[test]
    fn a_link_is_only_ever_to_the_web() {
        assert_eq!(Mrkdwn.link("x", "javascript:alert(1)"), None);
        assert_eq!(Mrkdwn.link("x", "https://a|b"), None);
        assert_eq!(Mrkdwn.link("a<b", "https://a/?x&y").as_deref(), Some("<https://a/?x&amp;y|a&lt;b>"));
    }
}
