//! Lists: building, cutting, putting in.

use super::super::fault::Fault;
use super::super::spec::{Args, Res, Type};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;
use super::string::bound;

pub(super) fn add(table: &mut Table) {
    table.function("list", "*args:any", |vm, a| {
        let items = unrolled(vm, a.rest_values())?;
        Value::tuple(items)
    });
    table.method("toList", "collection:iter", |vm, a| match a.value(0)? {
        it @ Value::Tuple(_) => Ok(it),
        other => Value::tuple(vm.collect(&other)?),
    });
    table.method("flatten", "collection:iter", |vm, a| {
        let mut out = Vec::new();
        flatten(vm, &a.value(0)?, &mut out)?;
        Value::list(out)
    });
    table.function("isList", "arg", |_, a| Ok(Value::Bool(Type::Sequence.accepts(&a.value(0)?))));
    table.both("len", "sequence:seq", |_, a| match a.value(0)? {
        Value::Tuple(it) | Value::List(it) => Ok(Value::Int(it.items.len() as i128)),
        _ => Ok(Value::Null),
    });
    table.method("delete", "collection:iter position:int count:int=1", |vm, a| {
        let (from, count) = (a.int(1)?, a.int(2)?);
        let kept = move |at: i128| !inside(at, from, count);
        edit(vm, &a, move |at, item| if kept(at) { vec![item] } else { Vec::new() })
    });
    table.method("replace", "collection:iter position:int value:any count:int=1", |vm, a| {
        let value = a.value(2)?;
        replace(vm, &a, vec![value])
    });
    table.method("replaceMany", "collection:iter position:int values:iter count:int=1", |vm, a| {
        let values = vm.collect(&a.value(2)?)?;
        replace(vm, &a, values)
    });
    table.method("insert", "collection:unset position:int value:any", |vm, a| {
        let value = a.value(2)?;
        insert(vm, &a, vec![value], false)
    });
    table.method("insert", "collection:seq position:int value:any", |vm, a| {
        let mut items = vm.collect(&a.value(0)?)?;
        items.insert(bound(a.int(1)?, items.len()), a.value(2)?);
        Value::list(items)
    });
    table.method("insertMany", "collection:iter position:int values:iter", |vm, a| {
        let values = vm.collect(&a.value(2)?)?;
        insert(vm, &a, values, true)
    });
}

/// Generators among the values give what they yield, and theirs again.
pub(super) fn unrolled(vm: &mut Vm<'_>, values: Vec<Value>) -> Result<Vec<Value>, Fault> {
    let mut out = Vec::new();
    for value in values {
        unroll(vm, value, &mut out)?;
    }
    Ok(out)
}

fn unroll(vm: &mut Vm<'_>, value: Value, out: &mut Vec<Value>) -> Result<(), Fault> {
    if !Type::Iterator.accepts(&value) {
        out.push(value);
        return Ok(());
    }
    vm.enter()?;
    let items = vm.iterate(&value)?;
    while let Some(item) = items.next(vm)? {
        unroll(vm, item, out)?;
        if vm.iterator_limit.is_some_and(|most| out.len() > most) {
            return Err(super::sequence::too_large(vm));
        }
    }
    vm.leave();
    Ok(())
}

fn flatten(vm: &mut Vm<'_>, value: &Value, out: &mut Vec<Value>) -> Result<(), Fault> {
    vm.enter()?;
    let items = vm.iterate(value)?;
    while let Some(item) = items.next(vm)? {
        if Type::Iterable.accepts(&item) {
            flatten(vm, &item, out)?;
        } else {
            out.push(item);
        }
    }
    vm.leave();
    Ok(())
}

/// Negative counts reach to the end.
fn inside(at: i128, from: i128, count: i128) -> bool {
    at >= from && (count < 0 || at < from.saturating_add(count))
}

/// Runs over a collection with positions; what the closure returns takes the item's place.
fn edit(vm: &mut Vm<'_>, args: &Args, mut place: impl FnMut(i128, Value) -> Vec<Value>) -> Res {
    let items = vm.iterate(&args.value(0)?)?;
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(item) = items.next(vm)? {
        let made = place(at, item);
        vm.charge(made.len())?;
        out.extend(made);
        at += 1;
    }
    Value::list(out)
}

/// Puts the values where the first of the replaced items was.
fn replace(vm: &mut Vm<'_>, args: &Args, values: Vec<Value>) -> Res {
    let (from, count) = (args.int(1)?, args.int(3)?);
    let mut waiting = Some(values);
    edit(
        vm,
        args,
        move |at, item| {
            if inside(at, from, count) { waiting.take().unwrap_or_default() } else { vec![item] }
        },
    )
}

fn insert(vm: &mut Vm<'_>, args: &Args, values: Vec<Value>, before_start: bool) -> Res {
    let position = args.int(1)?;
    let mut out = Vec::new();
    if before_start && position < 0 {
        out.extend(values.iter().cloned());
    }
    let items = vm.iterate(&args.value(0)?)?;
    let mut at: i128 = 0;
    while let Some(item) = items.next(vm)? {
        if at == position {
            out.extend(values.iter().cloned());
        }
        out.push(item);
        at += 1;
    }
    if position >= at {
        out.extend(values);
    }
    Value::list(out)
}
