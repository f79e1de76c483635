//! What an action printed or returned, as much of it as a card can hold.

use serde_json::Value;

use super::count;
use crate::message::card::{Block, Card, Field, Text};

/// Lines shown of the beginning and of the end of a long output.
const HEAD_LINES: usize = 10;
const TAIL_LINES: usize = 20;
/// Characters shown of each: a card has other parts, and Slack takes 3,000 in a block
/// (<https://docs.slack.dev/reference/block-kit/blocks/section-block>).
const HEAD_CHARS: usize = 800;
const TAIL_CHARS: usize = 1_600;

/// What an alias lays beside what it says: its `extra`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    pub texts: Vec<String>,
    /// Labels and values.
    pub fields: Vec<(String, String)>,
    pub footer: Vec<String>,
}

impl Aside {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same with every text changed.
    pub fn each(self, change: impl Fn(&str) -> String) -> Self {
        let all = |texts: Vec<String>| texts.iter().map(|it| change(it)).collect();
        Self {
            texts: all(self.texts),
            fields: self.fields.iter().map(|(label, it)| (change(label), change(it))).collect(),
            footer: all(self.footer),
        }
    }

    /// Adds it to a card.
    pub(super) fn show(&self, mut card: Card) -> Card {
        let paragraph = |card: Card, it: &String| if it.is_empty() { card } else { card.text(cut(it).0) };
        card = self.texts.iter().fold(card, paragraph);
        let field =
            |(label, it): &(String, String)| Field { label: label.clone(), value: Text::plain(cut(it).0) };
        if !self.fields.is_empty() {
            card.blocks.push(Block::Fields(self.fields.iter().map(field).collect()));
        }
        self.footer.iter().fold(card, paragraph)
    }
}

/// What an execution gave, below its card's steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// A sentence before it, as people wrote it.
    pub lead: String,
    /// The output itself.
    pub body: String,
    /// What an alias lays beside it.
    pub aside: Aside,
}

impl Output {
    /// What an alias's own template made: `{~}` parts a lead from the body, as in StackStorm.
    pub fn written(text: &str) -> Self {
        let mut parts = text.split("{~}").map(str::trim);
        match (parts.next().unwrap_or_default(), parts.next()) {
            (lead, Some(body)) => Self::parts(lead, body),
            (only, None) if only.contains('\n') => Self::parts("", only),
            (only, None) => Self::parts(only, ""),
        }
    }

    /// What a result says where nobody wrote a template; nothing where it says nothing.
    pub fn plain(result: &Value) -> Self {
        Self::parts("", &text_of(result))
    }

    fn parts(lead: &str, body: &str) -> Self {
        Self { lead: lead.to_owned(), body: body.to_owned(), aside: Aside::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.aside.is_empty() && self.lead.is_empty() && self.body.is_empty()
    }
}

/// Adds it to a card; `short` finds the whole output.
pub(super) fn show(mut card: Card, output: &Output, short: &str) -> Card {
    if !output.lead.is_empty() {
        card = card.text(cut(&output.lead).0);
    }
    if output.body.is_empty() {
        return output.aside.show(card);
    }
    let (shown, left_out) = cut(&output.body);
    card = card.code(shown);
    if left_out {
        card = card.text(
            Text::plain("The whole output: ").code(format!("lockkeeper executions tail {short}")).and("."),
        );
    }
    output.aside.show(card)
}

/// A result in StackStorm's shapes as text: what was printed, else its members one a line.
fn text_of(result: &Value) -> String {
    let Some(members) = result.as_object() else { return value(result) };
    if is_by_host(result) {
        let hosts = members.iter().map(|(host, it)| labelled(host, &text_of(it)));
        return hosts.collect::<Vec<_>>().join("\n");
    }
    let is_shell = members.contains_key("stdout") || members.contains_key("stderr");
    if is_shell {
        let printed = ["result", "stdout", "stderr"].map(|it| members.get(it).map(value).unwrap_or_default());
        // What StackStorm gives for a Python action that returned nothing.
        let printed = printed.map(|it| if it == "None" { String::new() } else { it });
        let printed: Vec<&str> = printed.iter().map(|it| it.trim_end()).filter(|it| !it.is_empty()).collect();
        return printed.join("\n");
    }
    // How it ended is the card's title.
    const ENDING: [&str; 7] =
        ["failed", "succeeded", "return_code", "exit_code", "error", "errors", "headers"];
    let told = members.iter().filter(|(name, it)| {
        let again = *name == "parsed" && members.contains_key("body");
        !ENDING.contains(&name.as_str()) && !it.is_null() && !again
    });
    let lines = told.map(|(name, it)| match (name.as_str(), it) {
        // A workflow's.
        ("output", Value::Object(_)) => text_of(it),
        _ => labelled(name, &value(it)),
    });
    lines.filter(|it| !it.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Whether a result has one entry a host.
pub fn is_by_host(result: &Value) -> bool {
    let each = |it: &Value| it.get("succeeded").is_some_and(Value::is_boolean);
    result.as_object().is_some_and(|it| !it.is_empty() && it.values().all(each))
}

fn labelled(name: &str, text: &str) -> String {
    let text = text.trim_end();
    if text.contains('\n') {
        format!("{name}:\n{text}")
    } else {
        format!("{name}: {text}").trim_end().to_owned()
    }
}

fn value(it: &Value) -> String {
    match it {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => it.to_string(),
        Value::Array(_) | Value::Object(_) => serde_json::to_string_pretty(it).unwrap_or_default(),
    }
}

/// Whether a card shows only a part of it.
pub fn is_cut(output: &Output) -> bool {
    cut(&output.body).1
}

/// The beginning and the end, with a line between them that says what is left out; and whether anything is.
fn cut(text: &str) -> (String, bool) {
    let text = text.trim_matches(['\n', '\r']).trim_end();
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= HEAD_LINES + TAIL_LINES && text.chars().count() <= HEAD_CHARS + TAIL_CHARS {
        return (text.to_owned(), false);
    }
    let few = lines.len().min(HEAD_LINES);
    let head: String = lines[..few].join("\n").chars().take(HEAD_CHARS).collect();
    let last = lines[few.max(lines.len().saturating_sub(TAIL_LINES)).min(lines.len())..].join("\n");
    // One endless line has its end in what was taken for its beginning.
    let last = if last.is_empty() { text } else { &last };
    let skip = last.chars().count().saturating_sub(TAIL_CHARS);
    let tail: String = last.chars().skip(skip).collect();
    let left = text.chars().count().saturating_sub(head.chars().count() + tail.chars().count());
    (format!("{head}\n… {} left out …\n{tail}", count(left, "character")), true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_printed_is_shown_and_how_it_ended_is_not() {
        let said = |it: Value| Output::plain(&it).body;
        let shell = |out: Value, err: &str| json!({"failed": false, "succeeded": true, "return_code": 0, "stdout": out, "stderr": err});
        assert_eq!(said(shell(json!("up 3 days\n"), "")), "up 3 days");
        assert_eq!(said(shell(json!("up"), "warned")), "up\nwarned");
        assert_eq!(said(shell(json!({"a": 1}), "")), "{\n  \"a\": 1\n}");
        assert_eq!(said(shell(json!(""), "")), "");
        assert_eq!(
            said(json!({"web-1": shell(json!("up"), ""), "web-2": shell(json!("a\nb"), "")})),
            "web-1: up\nweb-2:\na\nb"
        );
        assert_eq!(
            said(json!({"status_code": 200, "body": "ok", "parsed": false, "headers": {"x": "y"}})),
            "status_code: 200\nbody: ok"
        );
        assert_eq!(said(json!({"output": {"said": "hello", "none": null}, "errors": []})), "said: hello");
        assert_eq!(said(json!({"output": null, "errors": []})), "");
        assert_eq!(said(json!({"failed": false, "succeeded": true, "return_code": 0})), "");
    }

    #[test]
    fn a_template_parts_its_lead_from_the_body() {
        let written = |it: &str| {
            let it = Output::written(it);
            (it.lead, it.body)
        };
        let pair = |lead: &str, body: &str| (lead.to_owned(), body.to_owned());
        assert_eq!(written("Salt said{~} pong"), pair("Salt said", "pong"));
        assert_eq!(written("a{~}b{~}c"), pair("a", "b"));
        assert_eq!(written("done\n"), pair("done", ""));
        assert_eq!(written("a\nb\n"), pair("", "a\nb"));
    }

    #[test]
    fn a_long_output_keeps_both_ends_and_says_what_is_left_out() {
        let text: String = (1..=1_000).map(|it| format!("line {it}\n")).collect();
        let (shown, left_out) = cut(&text);
        assert!(left_out && shown.starts_with("line 1\nline 2\n"), "{shown}");
        assert!(shown.contains("line 10\n… 8") && shown.ends_with("line 1000"), "{shown}");
        assert!(shown.contains(" characters left out …\nline 981\n"), "{shown}");
        let (shown, left_out) = cut(&"ä".repeat(100_000));
        assert!(left_out && shown.chars().count() < 2_500, "{}", shown.len());
        assert!(shown.contains("… 97600 characters left out …"), "{shown}");
        assert_eq!(cut("a\nb\n"), ("a\nb".to_owned(), false));
        let uneven = format!("first\n{}", "x".repeat(5_000));
        let (shown, _) = cut(&uneven);
        assert!(shown.starts_with("first\nx") && shown.ends_with('x'), "{shown}");
    }
}
