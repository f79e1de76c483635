//! What Slack refuses in a message, and what it would make of the text in one.

use serde_json::Value;

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |it| it.encode_utf16().count())
}

/// Why Slack would refuse these blocks.
pub fn refusal(blocks: &Value) -> Option<(&'static str, String)> {
    let Some(blocks) = blocks.as_array() else { return Some(("invalid_blocks_format", "not a list".into())) };
    if blocks.is_empty() || 50 < blocks.len() {
        return Some(("invalid_blocks", format!("{} blocks", blocks.len())));
    }
    if let Some(why) = blocks.iter().find_map(block) {
        return Some(("invalid_blocks", why));
    }
    let ids: Vec<&str> = blocks.iter().filter_map(|it| it["block_id"].as_str()).collect();
    let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
    if unique.len() != ids.len() || ids.iter().any(|it| it.is_empty() || 255 < it.len()) {
        return Some(("invalid_blocks", format!("ids of 1 to 255 characters, each once: {ids:?}")));
    }
    let total: usize = blocks.iter().map(|it| it.to_string().encode_utf16().count()).sum();
    (13_000 < total).then(|| ("msg_blocks_too_long", format!("{total} characters")))
}

fn block(block: &Value) -> Option<String> {
    match block["type"].as_str() {
        Some("header") => text(&block["text"], "plain_text", 150),
        Some("section") => {
            let fields = block["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
            if fields.is_empty() == block["text"].is_null() || 10 < fields.len() {
                return Some(format!("a section needs text or 1 to 10 fields: {block}"));
            }
            let own = if fields.is_empty() { text(&block["text"], "mrkdwn", 3_000) } else { None };
            own.or_else(|| fields.iter().find_map(|it| text(it, "mrkdwn", 2_000)))
        }
        Some("context") => {
            let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
            if elements.is_empty() || 10 < elements.len() {
                return Some("a context needs 1 to 10 elements".into());
            }
            elements.iter().find_map(|it| text(it, "mrkdwn", 3_000))
        }
        Some("actions") => {
            let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
            let ids: std::collections::BTreeSet<String> =
                elements.iter().map(|it| it["action_id"].to_string()).collect();
            if elements.is_empty() || 25 < elements.len() || ids.len() != elements.len() {
                return Some("actions need 1 to 25 elements, each with an id of its own".into());
            }
            elements.iter().find_map(button)
        }
        other => Some(format!("this fake knows no block {other:?}")),
    }
}

pub(super) fn text(text: &Value, kind: &str, longest: usize) -> Option<String> {
    let size = length(&text["text"]);
    let right = text["type"] == kind && 0 < size && size <= longest;
    (!right).then(|| format!("{kind} of 1 to {longest} characters, not {size}: {text}"))
}

fn button(button: &Value) -> Option<String> {
    if button["type"] != "button" || 255 < length(&button["action_id"]) || 2_000 < length(&button["value"]) {
        return Some(format!("not a button: {button}"));
    }
    if !matches!(button["style"].as_str(), None | Some("primary" | "danger")) {
        return Some(format!("no such style: {button}"));
    }
    let confirm = &button["confirm"];
    let asked = if confirm.is_null() {
        None
    } else {
        text(&confirm["title"], "plain_text", 100)
            .or_else(|| text(&confirm["text"], "plain_text", 300))
            .or_else(|| text(&confirm["confirm"], "plain_text", 30))
            .or_else(|| text(&confirm["deny"], "plain_text", 30))
    };
    text(&button["text"], "plain_text", 75).or(asked)
}

/// Everything that Slack would make active: mentions and links, each as it stands between `<` and `>`.
pub fn active(message: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(&message["blocks"], &mut found);
    scan(message["text"].as_str().unwrap_or_default(), &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| collect(it, found)),
        Value::Object(object) => {
            if value["type"] == "mrkdwn" {
                assert_eq!(value["verbatim"], true, "outside text would be searched for links: {value}");
                scan(value["text"].as_str().unwrap_or_default(), found);
            }
            object.values().for_each(|it| collect(it, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn scan(text: &str, found: &mut Vec<String>) {
    for part in text.split('<').skip(1) {
        found.push(part.split('>').next().unwrap_or_default().to_owned());
    }
}

/// All words of a message, as people read them.
pub fn words(message: &Value) -> String {
    let mut words = Vec::new();
    read(&message["blocks"], &mut words);
    words.join("\n").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn read(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| read(it, words)),
        Value::Object(object) => {
            if let (Some("mrkdwn" | "plain_text"), Some(text)) =
                (value["type"].as_str(), value["text"].as_str())
            {
                words.push(text.to_owned());
            }
            object.values().for_each(|it| read(it, words));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
