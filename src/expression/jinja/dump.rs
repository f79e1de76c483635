//! Filters that write a whole value as text, as Jinja2 writes it.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Value, filters};

use crate::expression::pack::json::{Style, write};

use super::convert;
use super::filter::bounded;

pub(super) fn add(env: &mut Environment<'static>) {
    env.add_filter("tojson", tojson);
    env.add_filter("pprint", pprint);
    env.add_filter("urlencode", urlencode);
    env.add_filter("xmlattr", xmlattr);
}

/// `json.dumps` with sorted keys, safe inside HTML.
fn tojson(value: &Value, indent: Option<usize>, options: minijinja::value::Kwargs) -> Result<String, Error> {
    const INDENT_MAX: usize = 64;
    let indent = match indent {
        Some(indent) => Some(indent),
        None => options.get::<Option<usize>>("indent")?,
    };
    options.assert_all_used()?;
    let value = convert::to_json(value).map_err(convert::carry)?;
    let style = Style { indent: indent.map(|it| it.min(INDENT_MAX)), sort: true, ..Style::default() };
    let text = write(&value, &style);
    let text = text.replace('<', "\\u003c").replace('>', "\\u003e");
    bounded(text.replace('&', "\\u0026").replace('\'', "\\u0027"))
}

/// Python's words for a value, keys sorted; always on one line, where Python breaks after 80 characters.
fn pprint(value: &Value) -> Result<String, Error> {
    if value.as_str().is_some() {
        let listed = Value::from(vec![value.clone()]);
        let text = convert::text(&listed);
        return bounded(text[1..text.len() - 1].to_owned());
    }
    let sorted = convert::to_json(value).map(|mut it| {
        it.sort_all_objects();
        it
    });
    match sorted {
        Ok(value) => bounded(convert::text(&Value::from(minijinja::value::Serde(&value)))),
        Err(_) => convert::bounded_text(value),
    }
}

/// A text, or the pairs of a mapping as a query, in which a blank is a plus.
fn urlencode(value: &Value) -> Result<String, Error> {
    if value.kind() != ValueKind::Map {
        return filters::urlencode(value);
    }
    let part = |it: &Value| {
        let text = filters::urlencode(&Value::from(convert::text(it)))?;
        Ok::<String, Error>(text.replace('/', "%2F").replace("%20", "+"))
    };
    let mut pairs = Vec::new();
    for key in value.try_iter()? {
        pairs.push(format!("{}={}", part(&key)?, part(&value.get_item(&key)?)?));
    }
    bounded(pairs.join("&"))
}

fn xmlattr(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    for key in value.try_iter()? {
        let item = value.get_item(&key)?;
        if item.is_none() || item.is_undefined() {
            continue;
        }
        let text = convert::text(&item).replace('&', "&amp;").replace('"', "&#34;").replace('\'', "&#39;");
        let text = text.replace('<', "&lt;").replace('>', "&gt;");
        out.push_str(&format!(" {}=\"{text}\"", convert::text(&key)));
    }
    bounded(out)
}
