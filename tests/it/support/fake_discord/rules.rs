//! What Discord refuses in a message, and what it would make of the text in one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |it| it.encode_utf16().count())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Why Discord would refuse this body of a message.
pub fn refusal(body: &Value) -> Option<String> {
    if body["allowed_mentions"]["parse"] != json!([]) {
        return Some("everyone could be rung: `allowed_mentions.parse` is not empty".into());
    }
    let embeds = list(&body["embeds"]);
    let empty = length(&body["content"]) == 0 && embeds.is_empty() && list(&body["attachments"]).is_empty();
    if empty || 2_000 < length(&body["content"]) || 10 < embeds.len() || 25 < length(&body["nonce"]) {
        return Some(format!("empty or too long: {body}"));
    }
    let sizes: Vec<Result<usize, String>> = embeds.iter().map(embed).collect();
    let total: usize = sizes.iter().filter_map(|it| it.as_ref().ok()).sum();
    if let Some(Err(why)) = sizes.into_iter().find(Result::is_err) {
        return Some(why);
    }
    if 6_000 < total {
        return Some(format!("embeds of {total} characters"));
    }
    components(list(&body["components"]))
}

fn embed(embed: &Value) -> Result<usize, String> {
    let fields = list(&embed["fields"]);
    let (title, description) = (length(&embed["title"]), length(&embed["description"]));
    let footer = length(&embed["footer"]["text"]);
    if 256 < title || 4_096 < description || 2_048 < footer || 25 < fields.len() {
        return Err(format!("an embed's part is too long: {embed}"));
    }
    let blank = |value: &Value| value.as_str().is_none_or(|it| it.trim().is_empty());
    if title + description + fields.len() == 0
        || (!embed["description"].is_null() && blank(&embed["description"]))
    {
        return Err(format!("an embed is empty: {embed}"));
    }
    let mut total = title + description + footer;
    for field in fields {
        let (name, value) = (length(&field["name"]), length(&field["value"]));
        if blank(&field["name"]) || blank(&field["value"]) || 256 < name || 1_024 < value {
            return Err(format!("a field is empty or too long: {field}"));
        }
        total += name + value;
    }
    Ok(total)
}

fn components(rows: &[Value]) -> Option<String> {
    let buttons: Vec<&Value> = rows.iter().flat_map(|row| list(&row["components"])).collect();
    let ids: BTreeSet<String> = buttons.iter().map(|it| it["custom_id"].to_string()).collect();
    let full = rows.iter().any(|it| it["type"] != 1 || !(1..=5).contains(&list(&it["components"]).len()));
    if 5 < rows.len() || full || ids.len() != buttons.len() {
        return Some(format!("rows of 1 to 5 buttons with ids of their own: {rows:?}"));
    }
    let wrong = buttons.iter().find(|it| {
        it["type"] != 2
            || !(1..=80).contains(&length(&it["label"]))
            || !(1..=100).contains(&length(&it["custom_id"]))
            || !matches!(it["style"].as_u64(), Some(1..=4))
    });
    wrong.map(|it| format!("not a button: {it}"))
}

/// Every place of a message where markdown is read.
fn marked_up(body: &Value) -> Vec<String> {
    let mut texts = vec![body["content"].as_str().unwrap_or_default().to_owned()];
    for embed in list(&body["embeds"]) {
        for key in ["title", "description"] {
            texts.push(embed[key].as_str().unwrap_or_default().to_owned());
        }
        for field in list(&embed["fields"]) {
            texts.push(field["name"].as_str().unwrap_or_default().to_owned());
            texts.push(field["value"].as_str().unwrap_or_default().to_owned());
        }
    }
    texts
}

/// Everything that Discord would make active, code aside: mentions, links with their target, bare addresses.
pub fn active(body: &Value) -> Vec<String> {
    marked_up(body).iter().flat_map(|it| active_in(it)).collect()
}

fn active_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("```") {
            rest = rest[3..].split_once("```").map_or("", |(_, after)| after);
        } else if let Some(after) = rest.strip_prefix('`').and_then(|it| it.split_once('`')) {
            rest = after.1;
        } else if let Some(after) = rest.strip_prefix('\\') {
            rest = after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
        } else if let Some((target, after)) = rest.strip_prefix("](").and_then(|it| it.split_once(')')) {
            found.push(target.to_owned());
            rest = after;
        } else if let Some((inside, after)) = rest.strip_prefix('<').and_then(|it| it.split_once('>')) {
            found.push(inside.to_owned());
            rest = after;
        } else {
            for bare in ["https://", "http://"] {
                if rest.starts_with(bare) {
                    found.push(bare.to_owned());
                }
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// All words of a message, as people read them: a backslash before punctuation is not shown.
pub fn words(body: &Value) -> String {
    let mut texts = marked_up(body);
    for embed in list(&body["embeds"]) {
        texts.push(embed["footer"]["text"].as_str().unwrap_or_default().to_owned());
    }
    for row in list(&body["components"]) {
        texts
            .extend(list(&row["components"]).iter().filter_map(|it| it["label"].as_str().map(str::to_owned)));
    }
    texts.retain(|it| !it.is_empty());
    let mut out = String::new();
    let joined = texts.join("\n");
    let mut characters = joined.chars().peekable();
    while let Some(c) = characters.next() {
        let escapes = c == '\\' && characters.peek().is_some_and(char::is_ascii_punctuation);
        if !escapes {
            out.push(c);
        } else if let Some(next) = characters.next() {
            out.push(next);
        }
    }
    out
}
