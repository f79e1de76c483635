//! StackStorm's functions, which Jinja knows too: see [`crate::expression::pack`].

use crate::expression::pack::{self, Call};

use super::super::fault::Fault;
use super::super::spec::{Args, Res};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

/// One plain function per name: the table holds no closures.
macro_rules! forward {
    ($table:ident, $($name:literal),+ $(,)?) => {
        $($table.function($name, "*args:any **", |vm, a| forward(vm, $name, &a));)+
    };
}

pub(super) fn add(table: &mut Table) {
    forward!(
        table,
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
    );
}

fn forward(vm: &mut Vm<'_>, name: &str, args: &Args) -> Res {
    if let ("json", [Value::Dict(dict)]) = (name, args.rest_values().as_slice())
        && dict.frozen
    {
        // The original asks for Python's own dictionary, and the engine's frozen ones are none.
        return Err(Fault::kind("Given object is not typeof string."));
    }
    let mut call = Call::default();
    for value in args.rest_values() {
        call.args.push(vm.finalize(&value)?.to_json()?);
    }
    for (name, value) in &args.named {
        call.named.insert(name.to_string(), vm.finalize(value)?.to_json()?);
    }
    let answer = pack::call(name, &call).unwrap_or_else(|| {
        Err(Fault::new("NoFunctionRegisteredException", format!("Unknown function \"{name}\"")))
    })?;
    if let serde_json::Value::String(text) = &answer {
        vm.charge_text(text.len())?;
    }
    Value::from_json(&answer)
}
