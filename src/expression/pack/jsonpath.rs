//! The part of JSONPath that content uses, as `jsonpath_rw` reads it: `$.a['b'][0][*].c`, `*`, `..name`, slices.

use serde_json::Value;

use super::Call;
use crate::expression::yaql::fault::Fault;

/// `..` on a large value must not multiply without end.
const FOUND_MAX: usize = 100_000;

/// A path into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// One or more member names.
    Names(Vec<String>),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    /// `..`: here and everything below.
    Deep,
}

impl JsonPath {
    /// # Errors
    /// What the text has that is no path.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse(text).map(Self).map_err(|fault| fault.message)
    }

    /// The first value that it leads to, in the order of the document.
    ///
    /// # Errors
    /// It leads to more values than are looked at.
    pub fn first<'v>(&self, value: &'v Value) -> Result<Option<&'v Value>, String> {
        let found = find(&self.0, value).map_err(|fault| fault.message)?;
        Ok(found.first().copied())
    }
}

/// Values found, or null when there is none.
pub(super) fn query(call: &Call) -> Result<Value, Fault> {
    let steps = parse(call.text(1, "query")?)?;
    let found = find(&steps, call.required(0, "value")?)?;
    Ok(if found.is_empty() { Value::Null } else { found.into_iter().cloned().collect() })
}

fn find<'v>(steps: &[Step], value: &'v Value) -> Result<Vec<&'v Value>, Fault> {
    let mut found = vec![value];
    for step in steps {
        let mut next = Vec::new();
        for value in found {
            follow(step, value, &mut next);
        }
        if next.len() > FOUND_MAX {
            return Err(Fault::limit("too many matches"));
        }
        found = next;
    }
    Ok(found)
}

fn follow<'a>(step: &Step, value: &'a Value, out: &mut Vec<&'a Value>) {
    match step {
        Step::Names(names) => out.extend(names.iter().filter_map(|it| value.as_object()?.get(it))),
        Step::Index(at) => out.extend(value.as_array().and_then(|it| it.get(clip(*at, it.len())?))),
        Step::Slice(from, to) => {
            if let Value::Array(it) = value {
                let bound = |at: i64| if at < 0 { at + it.len() as i64 } else { at };
                let from = from.map_or(0, bound).clamp(0, it.len() as i64);
                let to = to.map_or(it.len() as i64, bound).clamp(from, it.len() as i64);
                out.extend(&it[from as usize..to as usize]);
            }
        }
        Step::All => match value {
            Value::Array(it) => out.extend(it),
            Value::Object(it) => out.extend(it.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        },
        Step::Deep => {
            out.push(value);
            match value {
                Value::Array(it) => it.iter().for_each(|it| follow(step, it, out)),
                Value::Object(it) => it.values().for_each(|it| follow(step, it, out)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
}

fn clip(at: i64, length: usize) -> Option<usize> {
    usize::try_from(if at < 0 { at + length as i64 } else { at }).ok()
}

fn parse(query: &str) -> Result<Vec<Step>, Fault> {
    let broken = || Fault::new("Exception", format!("Parse error in JSONPath: {query}"));
    let mut steps = Vec::new();
    let mut rest = query.trim();
    rest = rest.strip_prefix('$').unwrap_or(rest);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            steps.push(Step::Deep);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('.') {
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']').ok_or_else(broken)?;
            steps.push(bracket(inside.trim()).ok_or_else(broken)?);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('*') {
            steps.push(Step::All);
            rest = after;
        } else if let Some((name, after)) = quoted(rest) {
            steps.push(Step::Names(vec![name.to_owned()]));
            rest = after;
        } else {
            let end = rest.find(|it: char| !(it.is_alphanumeric() || it == '_' || it == '-' || it == '@'));
            let end = end.unwrap_or(rest.len());
            if end == 0 {
                return Err(broken());
            }
            steps.push(Step::Names(vec![rest[..end].to_owned()]));
            rest = &rest[end..];
        }
    }
    Ok(steps)
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next().filter(|it| matches!(it, '\'' | '"'))?;
    text[1..].split_once(mark)
}

fn bracket(inside: &str) -> Option<Step> {
    if inside == "*" {
        return Some(Step::All);
    }
    if let Some((name, "")) = quoted(inside) {
        return Some(Step::Names(vec![name.to_owned()]));
    }
    if let Some((from, to)) = inside.split_once(':') {
        let bound =
            |it: &str| if it.trim().is_empty() { Some(None) } else { it.trim().parse().ok().map(Some) };
        return Some(Step::Slice(bound(from)?, bound(to)?));
    }
    match inside.parse() {
        Ok(at) => Some(Step::Index(at)),
        Err(_) => Some(Step::Names(inside.split(',').map(|it| it.trim().to_owned()).collect())),
    }
}
