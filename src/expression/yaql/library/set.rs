use indexmap::IndexSet;

use super::super::fault::Fault;
use super::super::key::Key;
use super::super::spec::{Args, Res};
use super::super::value::{Set, Value, View};
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    table.function("isSet", "arg", |_, a| {
        Ok(Value::Bool(matches!(a.value(0)?, Value::Set(_) | Value::View(View::Keys | View::Items, _))))
    });
    table.function("set", "*args:any", |vm, a| {
        let items = super::collection::unrolled(vm, a.rest_values())?;
        from_values(vm, items)
    });
    table.method("toSet", "collection:iter", |vm, a| {
        let items = vm.collect(&a.value(0)?)?;
        from_values(vm, items)
    });
    table.both("len", "set:set", |_, a| match a.value(0)? {
        Value::Set(it) => Ok(Value::Int(it.items.len() as i128)),
        Value::View(_, it) => Ok(Value::Int(it.map.len() as i128)),
        _ => Ok(Value::Null),
    });
    table.method("union", "left:set right:set", |_, a| {
        let (left, right) = both(&a)?;
        Value::set(left.iter().chain(&right).cloned().collect())
    });
    table.method("intersect", "left:set right:set", |_, a| {
        let (left, right) = both(&a)?;
        Value::set(left.into_iter().filter(|it| right.contains(it)).collect())
    });
    table.method("difference", "left:set right:set", |_, a| {
        let (left, right) = both(&a)?;
        Value::set(left.into_iter().filter(|it| !right.contains(it)).collect())
    });
    table.method("symmetricDifference", "left:set right:set", |_, a| {
        let (left, right) = both(&a)?;
        Value::set(left.symmetric_difference(&right).cloned().collect())
    });
    table.method("add", "set:set *values:any", |_, a| {
        let mut items = keys(&a.value(0)?)?;
        for value in a.rest_values() {
            items.insert(Key::new(value)?);
        }
        Value::set(items)
    });
    table.method("remove", "set:set *values:any", |_, a| {
        let mut items = keys(&a.value(0)?)?;
        for value in a.rest_values() {
            items.shift_remove(&Key::new(value)?);
        }
        Value::set(items)
    });
}

pub(super) fn difference(left: &Set, right: &Set) -> Res {
    Value::set(left.items.iter().filter(|it| !right.items.contains(*it)).cloned().collect())
}

fn from_values(vm: &mut Vm<'_>, values: Vec<Value>) -> Res {
    vm.charge(values.len())?;
    Value::set(values.into_iter().map(Key::new).collect::<Result<_, _>>()?)
}

fn keys(value: &Value) -> Result<IndexSet<Key>, Fault> {
    match value {
        Value::Set(it) => Ok(it.items.clone()),
        Value::View(View::Keys, it) => Ok(it.map.keys().cloned().collect()),
        other => {
            Err(Fault::new("AttributeError", format!("'{}' object has no attribute 'union'", other.class())))
        }
    }
}

fn both(args: &Args) -> Result<(IndexSet<Key>, IndexSet<Key>), Fault> {
    Ok((keys(&args.value(0)?)?, keys(&args.value(1)?)?))
}
