//! What a Python script tells argparse or click. Only what stands there as a literal is taken.

use serde_json::{Number, Value};

use super::{Said, Taken, parameter_name};

/// Reads the calls; what is computed is not seen.
pub(super) fn read(text: &str) -> Said {
    let mut said = Said { description: docstring(text), ..Said::default() };
    let mut found: Vec<(usize, Call)> = Vec::new();
    for name in ["add_argument", "click.option", "click.argument", "ArgumentParser"] {
        for (at, _) in text.match_indices(&format!("{name}(")) {
            let line = text[..at].rfind('\n').map_or(0, |it| it + 1);
            if !text[line..at].contains('#') {
                found.extend(Call::read(name, &text[at + name.len() + 1..]).map(|it| (at, it)));
            }
        }
    }
    found.sort_by_key(|it| it.0);
    for (_, call) in &found {
        if call.name == "ArgumentParser" {
            said.description = call.text("description").unwrap_or(said.description);
        } else if let Some(taken) = taken(call)
            && said.taken.iter().all(|it| it.name != taken.name)
        {
            said.taken.push(taken);
        }
    }
    said
}

/// The first line of the text that a module begins with.
fn docstring(text: &str) -> String {
    let body = text.lines().skip_while(|it| it.starts_with('#') || it.trim().is_empty());
    let body = body.collect::<Vec<_>>().join("\n");
    let quoted = ["\"\"\"", "'''"].into_iter().find_map(|it| body.strip_prefix(it)?.split_once(it));
    let said = quoted.map_or("", |it| it.0).trim();
    said.lines().next().unwrap_or_default().to_owned()
}

fn taken(call: &Call) -> Option<Taken> {
    let names: Vec<&str> = call.plain.iter().filter_map(Value::as_str).collect();
    let is_option = call.name == "click.option" || names.first()?.starts_with('-');
    let long = names.iter().find(|it| it.starts_with("--")).or(names.iter().find(|it| it.starts_with('-')));
    // click writes `--shout/--no-shout`.
    let flag = long.map(|it| it.split('/').next().unwrap_or(it).to_owned());
    let named = if is_option { flag.as_deref()? } else { names.first()? };
    let action = call.text("action").unwrap_or_default();
    if matches!(action.as_str(), "help" | "version") {
        return None;
    }
    let is_flag =
        action.starts_with("store_") || action == "count" || call.get("is_flag") == Some(&Value::Bool(true));
    let is_flag = is_flag || names.iter().any(|it| it.contains('/'));
    let (kind, choices) = if is_flag { ("boolean", Vec::new()) } else { call.kind() };
    let default = call.get("default").filter(|it| !it.is_null() && !is_flag && fits(kind, it)).cloned();
    let optional = call.text("nargs").is_some_and(|it| it == "?" || it == "*");
    let required = match call.get("required") {
        Some(Value::Bool(it)) => *it,
        Some(_) | None => !is_option && default.is_none() && !optional,
    };
    Some(Taken {
        name: parameter_name(named),
        flag: flag.filter(|_| is_option),
        kind,
        required,
        default,
        choices,
        help: call.text("help").unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
        many: action == "append" || call.get("multiple") == Some(&Value::Bool(true)),
    })
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        _ => value.is_string(),
    }
}

/// A call's arguments, as far as they are literals.
struct Call {
    name: &'static str,
    plain: Vec<Value>,
    named: Vec<(String, String)>,
    values: Vec<(String, Value)>,
}

impl Call {
    /// From behind the opening parenthesis; `None` if it is never closed.
    fn read(name: &'static str, text: &str) -> Option<Self> {
        let mut call = Self { name, plain: Vec::new(), named: Vec::new(), values: Vec::new() };
        for part in parts(text)? {
            let keyword = part.split_once('=').filter(|(key, rest)| {
                let is_name = |it: char| it.is_alphanumeric() || it == '_';
                !key.trim().is_empty() && key.trim().chars().all(is_name) && !rest.starts_with('=')
            });
            match keyword {
                Some((key, value)) => {
                    call.values.extend(literal(value).map(|it| (key.trim().to_owned(), it)));
                    call.named.push((key.trim().to_owned(), value.trim().to_owned()));
                }
                None => call.plain.extend(literal(&part)),
            }
        }
        Some(call)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|it| it.0 == name).map(|it| &it.1)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().map(str::to_owned)
    }

    /// The type in JSON schema's words, and the only values allowed.
    fn kind(&self) -> (&'static str, Vec<Value>) {
        let written = self.named.iter().find(|it| it.0 == "type").map_or("", |it| it.1.as_str());
        let list = |value: Option<Value>| value.and_then(|it| it.as_array().cloned()).unwrap_or_default();
        if let Some(inner) = written.split_once("Choice(").map(|it| it.1) {
            let first = parts(inner).and_then(|it| literal(it.first()?));
            return ("string", list(first));
        }
        let kind = match written.trim_start_matches("click.") {
            "int" | "INT" => "integer",
            "float" | "FLOAT" => "number",
            _ => "string",
        };
        (kind, list(self.get("choices").cloned()))
    }
}

/// What commas part, up to the parenthesis that closes; those within brackets and quotes do not part.
fn parts(text: &str) -> Option<Vec<String>> {
    let (mut all, mut part, mut depth, mut quote) = (Vec::new(), String::new(), 0_usize, None);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                part.push(c);
                part.extend(chars.next());
                continue;
            }
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') => {
                while chars.peek().is_some_and(|it| *it != '\n') {
                    chars.next();
                }
                continue;
            }
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')') if depth == 0 => {
                all.push(part);
                all.retain(|it| !it.trim().is_empty());
                return Some(all);
            }
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                all.push(std::mem::take(&mut part));
                continue;
            }
            (Some(_), _) | (None, _) => {}
        }
        part.push(c);
    }
    None
}

/// A Python literal: texts (several in a row are one), numbers, booleans, lists of them.
fn literal(text: &str) -> Option<Value> {
    let text = text.trim();
    match text {
        "True" => return Some(Value::Bool(true)),
        "False" => return Some(Value::Bool(false)),
        "None" => return Some(Value::Null),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix(['[', '(']).and_then(|it| it.strip_suffix([']', ')'])) {
        // A text in parentheses is that text.
        if text.starts_with('(') && !inner.contains(',') {
            return literal(inner);
        }
        let items = parts(&format!("{inner})"))?;
        return items.iter().map(|it| literal(it)).collect::<Option<Vec<_>>>().map(Value::Array);
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    if text.starts_with(|it: char| it.is_ascii_digit() || it == '-') {
        return Number::from_f64(text.parse().ok()?).map(Value::Number);
    }
    let mut whole = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|it| *it == '\'' || *it == '"')?;
        let mut escaped = false;
        let mut end = None;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => {
                    whole.push(if c == 'n' { '\n' } else { c });
                    escaped = false;
                }
                '\\' => escaped = true,
                c if c == quote => {
                    end = Some(at + 1);
                    break;
                }
                c => whole.push(c),
            }
        }
        rest = rest[end?..].trim_start();
    }
    Some(Value::String(whole))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let line = |it: &Taken| {
            format!(
                "{} {:?} {} {} {:?} {:?} {:?}",
                it.name, it.flag, it.kind, it.required, it.default, it.choices, it.help
            )
        };
        read(text).taken.iter().map(line).collect()
    }

    #[test]
    fn argparse_is_read_with_types_defaults_and_help() {
        let text = r#"
parser = argparse.ArgumentParser(description="Scales an app, up or down")
parser.add_argument("app")  # (the app
parser.add_argument("zone", nargs="?", default='a')
parser.add_argument("-n", "--dry-run", action="store_true", help="say, don't do")
parser.add_argument("--count", type=int, default=3, help=("how many "
    "of (them)"))
parser.add_argument("--size", choices=["s", "m"], required=True)
parser.add_argument("--at", default=compute(1, 2), type=float)
# parser.add_argument("--old")
parser.add_argument("--version", action="version")
"#;
        assert_eq!(read(text).description, "Scales an app, up or down");
        assert_eq!(
            told(text),
            [
                r#"app None string true None [] """#,
                r#"zone None string false Some(String("a")) [] """#,
                r#"dry_run Some("--dry-run") boolean false None [] "say, don't do""#,
                r#"count Some("--count") integer false Some(Number(3)) [] "how many of (them)""#,
                r#"size Some("--size") string true None [String("s"), String("m")] """#,
                r#"at Some("--at") number false None [] """#,
            ]
        );
    }

    #[test]
    fn click_is_read_and_what_is_broken_is_not() {
        let text = "@click.command()\n@click.option('--env', '-e', type=click.Choice(['eu', 'us']), default='eu', help='where')\n@click.option('--shout/--no-shout', default=False)\n@click.option('-v', is_flag=True)\n@click.argument('name', type=click.INT)\ndef main(): pass\n@click.option('--never'";
        assert_eq!(
            told(text),
            [
                r#"env Some("--env") string false Some(String("eu")) [String("eu"), String("us")] "where""#,
                r#"shout Some("--shout") boolean false None [] """#,
                r#"v Some("-v") boolean false None [] """#,
                r#"name None integer true None [] """#,
            ]
        );
        assert_eq!(literal("['a', 1, 2.5, True, None]"), Some(json!(["a", 1, 2.5, true, null])));
        assert_eq!((literal("f('x')"), literal("'a"), literal("x")), (None, None, None));
    }
}
