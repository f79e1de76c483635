//! Parameters written behind an action or in a `publish` line: `core.echo message=<% ctx().x %> n=1 b="x y"`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// Values that count, in the order orquesta tries them (`orquesta/utils/parameters.py`); bare words are not among
/// them and are passed over.
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"([\w]+)=(\[.*\]\s*|"[^"]*"\s*|'[^']*'\s*|[-]?\d*\.\d+|[-]?\d+|(?i:true)|(?i:false)|null|\{\{.*?\}\}|<%.*?%>)"#,
    )
    .expect("fixed pattern")
});
static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""[^"]*"|'[^']*'"#).expect("fixed pattern"));

/// The `name=value` pairs of a line, in order.
pub(crate) fn inline_parameters(text: &str) -> Vec<(String, Value)> {
    PARAMETER.captures_iter(text).map(|found| (found[1].to_owned(), inline_value(found[2].trim()))).collect()
}

/// Quoted text stays text unless it is a JSON object; everything else is JSON when it can be read as such.
fn inline_value(text: &str) -> Value {
    let quoted = QUOTED.is_match(text);
    let bare = strip_quote(strip_quote(text, '"'), '\'');
    let object = bare.starts_with('{') && bare.ends_with('}');
    if quoted && !object && !bare.is_empty() {
        return Value::from(bare);
    }
    let lower = bare.to_lowercase();
    let json = if lower == "true" || lower == "false" { lower.as_str() } else { bare };
    serde_json::from_str(json).unwrap_or_else(|_| Value::from(json))
}

fn strip_quote(text: &str, quote: char) -> &str {
    let text = text.strip_prefix(quote).unwrap_or(text);
    text.strip_suffix(quote).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pairs(text: &str) -> Value {
        inline_parameters(text).into_iter().map(|(name, value)| json!([name, value])).collect()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        assert_eq!(
            pairs(r#"core.echo m=<% ctx().x %> n=1 f=-1.5 t=TRUE z=null q="x y" l=[1,2] j={{ ctx().y }}"#),
            json!([
                ["m", "<% ctx().x %>"],
                ["n", 1],
                ["f", -1.5],
                ["t", true],
                ["z", null],
                ["q", "x y"],
                ["l", [1, 2]],
                ["j", "{{ ctx().y }}"]
            ])
        );
    }

    #[test]
    fn bare_words_are_passed_over_and_quoted_numbers_stay_text() {
        assert_eq!(pairs(r#"a=word b="1" c='{"k": 2}'"#), json!([["b", "1"], ["c", {"k": 2}]]));
    }

    #[test]
    fn a_list_that_holds_quotes_stays_text() {
        assert_eq!(pairs(r#"l=["a"]"#), json!([["l", "[\"a\"]"]]));
    }
}
