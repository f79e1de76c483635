//! StackStorm's functions, which Jinja knows too: see [`crate::expression::pack`].

use crate::expression::pack::{self, Call};

use super::super::fault::Fault;
use super::super::spec::{Args, Res};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

/// One plain function per name: the table holds no closures.
macro_rules! added {
    ($($name:literal,)+) => {
        pub(super) fn add(table: &mut Table) {
            $(table.function($name, "*args:any **", |vm, a| forward(vm, $name, &a));)+
        }
    };
}
pack::with_names!(added);

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
