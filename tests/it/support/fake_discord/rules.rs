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

/// Why Discord would refuse these choices (<https://docs.discord.com/developers/interactions/application-commands>).
pub fn choices(data: &Value) -> Option<String> {
    let choices = list(&data["choices"]);
    let wrong =
        |it: &&Value| !(1..=100).contains(&length(&it["name"])) || !(1..=100).contains(&length(&it["value"]));
    let faulty = 25 < choices.len() || !data["choices"].is_array() || choices.iter().any(|it| wrong(&it));
    faulty.then(|| format!("choices that nobody is shown: {data}"))
}

/// Why Discord would not open this form.
pub fn form(data: &Value) -> Option<String> {
    let rows = list(&data["components"]);
    let wrong = |row: &Value| {
        let field = &row["components"][0];
        row["type"] != 1
            || list(&row["components"]).len() != 1
            || field["type"] != 4
            || !(1..=45).contains(&length(&field["label"]))
            || !(1..=100).contains(&length(&field["custom_id"]))
            || 100 < length(&field["placeholder"])
            || !matches!(field["style"].as_u64(), Some(1 | 2))
            || !(1..=4_000).contains(&field["max_length"].as_u64().unwrap_or(1))
    };
    let faulty = !(1..=45).contains(&length(&data["title"]))
        || !(1..=100).contains(&length(&data["custom_id"]))
        || !(1..=5).contains(&rows.len())
        || rows.iter().any(wrong);
    faulty.then(|| format!("not a form: {data}"))
}

/// Why Discord would not register these commands
/// (<https://docs.discord.com/developers/interactions/application-commands#application-command-object>).
pub fn commands(commands: &Value) -> Option<String> {
    let all = list(commands);
    let names: BTreeSet<&str> = all.iter().filter_map(|it| it["name"].as_str()).collect();
    if !commands.is_array() || 100 < all.len() || names.len() != all.len() {
        return Some(format!("not at most 100 commands of different names: {commands}"));
    }
    all.iter().find_map(command)
}

/// `^[-_'\p{L}\p{N}]{1,32}$` in lower case, and a description of 1 to 100 characters.
fn named(it: &Value) -> bool {
    let name = it["name"].as_str().unwrap_or_default();
    let fits = |c: char| c.is_alphanumeric() || "-_'".contains(c);
    (1..=32).contains(&name.chars().count())
        && name.chars().all(fits)
        && name == name.to_lowercase()
        && (1..=100).contains(&length(&it["description"]))
}

fn command(it: &Value) -> Option<String> {
    let options = list(&it["options"]);
    let names: BTreeSet<&str> = options.iter().filter_map(|it| it["name"].as_str()).collect();
    let late = options.windows(2).any(|it| it[0]["required"] != true && it[1]["required"] == true);
    let long = |it: &&Value| 25 < list(&it["choices"]).len() || !choices_of(it);
    let faulty = !named(it)
        || it["type"].as_u64().unwrap_or(1) != 1
        || 25 < options.len()
        || names.len() != options.len()
        || late
        || 8_000 < weight(it)
        || options.iter().any(|it| !named(it) || !matches!(it["type"].as_u64(), Some(3 | 4 | 5 | 10)))
        || options.iter().any(|it| long(&it));
    faulty.then(|| format!("not a command: {it}"))
}

/// Choices are for texts and numbers, and exclude completion.
fn choices_of(option: &Value) -> bool {
    let given = list(&option["choices"]);
    let completes = option["autocomplete"] == true;
    let chooses = matches!(option["type"].as_u64(), Some(3 | 4 | 10));
    (chooses || (given.is_empty() && !completes))
        && (!completes || given.is_empty())
        && given.iter().all(|it| (1..=100).contains(&length(&it["name"])) && !it["value"].is_null())
}

/// Names, descriptions and values together.
fn weight(it: &Value) -> usize {
    let own = length(&it["name"]) + length(&it["description"]) + length(&it["value"]);
    let below = list(&it["options"]).iter().chain(list(&it["choices"]));
    own + below.map(weight).sum::<usize>()
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
