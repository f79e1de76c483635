//! Functions that YAQL and Jinja share, on JSON: StackStorm's own (`st2common/expressions/functions`) and orquesta's.

mod data;
pub(super) mod json;
pub(super) mod jsonpath;
pub(super) mod ledger;
mod path;
mod python;
pub(super) mod regex;
mod version;
mod yaml;

use serde_json::{Map, Value};

use super::yaql::fault::Fault;

pub(super) use super::python::{repr, str as text_of};

/// Arguments by place and by name.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) args: Vec<Value>,
    pub(super) named: Map<String, Value>,
}

/// Hands all names to a macro: YAQL's table wants one plain function per name, Jinja's a list.
macro_rules! with_names {
    ($with:ident) => {
        $with! {
            "json",
            "zip",
            "from_json_string",
            "to_json_string",
            "json_parse",
            "json_dump",
            "json_escape",
            "to_complex",
            "from_yaml_string",
            "to_yaml_string",
            "yaml_parse",
            "yaml_dump",
            "jsonpath_query",
            "use_none",
            "regex_match",
            "regex_replace",
            "regex_search",
            "regex_substring",
            "version_compare",
            "version_more_than",
            "version_less_than",
            "version_equal",
            "version_match",
            "version_bump_major",
            "version_bump_minor",
            "version_bump_patch",
            "version_strip_patch",
            "to_human_time_from_seconds",
            "basename",
            "dirname",
        }
    };
}
pub(super) use with_names;

macro_rules! listed {
    ($($name:literal,)+) => {
        /// The names, for Jinja's table.
        pub(super) const NAMES: &[&str] = &[$($name),+];
    };
}
with_names!(listed);

/// Calls by name; `None`: no such function.
pub(super) fn call(name: &str, call: &Call) -> Option<Result<Value, Fault>> {
    Some(match name {
        "json" => json::orquesta_json(call),
        "zip" => Ok(data::zip(call)),
        "from_json_string" | "json_parse" => json::parse(call),
        "to_json_string" | "json_dump" => json::dump(call),
        "json_escape" => json::escape(call),
        "to_complex" => {
            call.required(0, "value").map(|it| Value::String(json::write(it, &json::Style::default())))
        }
        "from_yaml_string" | "yaml_parse" => yaml::parse(call),
        "to_yaml_string" | "yaml_dump" => yaml::dump(call),
        "jsonpath_query" => jsonpath::query(call),
        "use_none" => call.required(0, "value").map(|it| data::use_none(it.clone())),
        "regex_match" => regex::matches(call, true),
        "regex_search" => regex::matches(call, false),
        "regex_replace" => regex::replace(call),
        "regex_substring" => regex::substring(call),
        "to_human_time_from_seconds" => data::human_time(call),
        "basename" => path::basename(call),
        "dirname" => path::dirname(call),
        name => return version::call(name, call),
    })
}

impl Call {
    /// The argument at a place or under its name; YAQL writes `resultIndex`, Jinja `result_index`.
    pub(super) fn get(&self, at: usize, name: &str) -> Option<&Value> {
        let same =
            |it: &str| it.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).eq(plain(name));
        self.args.get(at).or_else(|| self.named.iter().find(|(key, _)| same(key)).map(|it| it.1))
    }

    pub(super) fn required(&self, at: usize, name: &str) -> Result<&Value, Fault> {
        self.get(at, name)
            .ok_or_else(|| Fault::kind(format!("missing 1 required positional argument: '{name}'")))
    }

    pub(super) fn text(&self, at: usize, name: &str) -> Result<&str, Fault> {
        let value = self.required(at, name)?;
        value
            .as_str()
            .ok_or_else(|| Fault::kind(format!("'{name}' must be str, not {}", python::class(value))))
    }

    pub(super) fn truth(&self, at: usize, name: &str, default: bool) -> bool {
        self.get(at, name).map_or(default, python::truthy)
    }
}

fn plain(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|it| *it != '_').map(|it| it.to_ascii_lowercase())
}
