//! `extra` of an `ack` or `result`: what StackStorm's chat adapters lay beside a message. Its texts are shown, whichever
//! adapter they were written for; colours and pictures are not.
//!
//! The keys are those of Slack's attachments, the only ones that packs use:
//! <https://docs.slack.dev/reference/messaging/attachments>.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The texts of an `extra`, each a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// Paragraphs, in order: author, title, text.
    pub texts: Vec<String>,
    /// Labels and values.
    pub fields: Vec<(String, String)>,
    pub footer: Vec<String>,
}

/// Keys that say the same as something that is read, or how wide it is drawn.
const SILENT: [&str; 7] = ["fallback", "short", "mrkdwn_in", "attachments", "fields", "ts", "slack"];
/// Keys of paragraphs, in the order in which they are shown.
const TEXTS: [&str; 5] = ["pretext", "author_name", "title", "title_link", "text"];

impl Extra {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads `extra`; also the keys that are not read, in order and each once.
    pub fn read(extra: &Value) -> (Extra, Vec<String>) {
        let (mut read, mut unread) = (Extra::default(), Vec::new());
        let Some(own) = extra.as_object() else { return (read, unread) };
        let slack = own.get("slack").and_then(Value::as_object);
        for map in std::iter::once(own).chain(slack) {
            read.add(map, &mut unread);
            let attachments = map.get("attachments").and_then(Value::as_array).into_iter().flatten();
            attachments.filter_map(Value::as_object).for_each(|it| read.add(it, &mut unread));
        }
        (read, unread)
    }

    fn add(&mut self, map: &Map<String, Value>, unread: &mut Vec<String>) {
        let text = |name: &str| map.get(name).and_then(text_of);
        self.texts.extend(TEXTS.iter().filter_map(|it| text(it)));
        self.footer.extend(text("footer"));
        for field in map.get("fields").and_then(Value::as_array).into_iter().flatten() {
            let part = |name: &str| field.get(name).and_then(text_of).unwrap_or_default();
            self.fields.push((part("title"), part("value")));
        }
        let is_read = |name: &str| TEXTS.contains(&name) || SILENT.contains(&name) || name == "footer";
        for name in map.keys().filter(|it| !is_read(it)) {
            if !unread.contains(name) {
                unread.push(name.clone());
            }
        }
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_read_wherever_they_stand_and_the_rest_is_named() {
        let (extra, unread) = Extra::read(&json!({
            "slack": {
                "color": "good", "title": "Done", "footer": "AWS", "image_url": "http://x/y.png",
                "fields": [{ "title": "Page", "value": 7, "short": true }],
                "attachments": [{ "text": "more", "color": "bad" }],
            },
        }));
        assert_eq!(extra.texts, ["Done", "more"]);
        assert_eq!(extra.fields, [("Page".to_owned(), "7".to_owned())]);
        assert_eq!(extra.footer, ["AWS"]);
        assert_eq!(unread, ["color", "image_url"]);
        assert!(Extra::read(&json!(null)).0.is_empty());
    }
}
