//! Functions that make one value of a collection.

use super::super::fault::Fault;
use super::super::frame::Lambda;
use super::super::key::equal;
use super::super::spec::{Args, Res};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    table.both("any", "collection:iter predicate:fn=null", |vm, a| some(vm, &a, true));
    table.both("all", "collection:iter predicate:fn=null", |vm, a| some(vm, &a, false));
    table.both("len", "collection:iterator", count);
    table.method("count", "collection:iter", count);
    table.method("sum", "collection:iter initial=none", |vm, a| fold(vm, &a, "#operator_+"));
    table.method("max", "collection:iter initial=none", |vm, a| fold(vm, &a, "max"));
    table.method("min", "collection:iter initial=none", |vm, a| fold(vm, &a, "min"));
    for name in ["aggregate", "reduce"] {
        table.method(name, "collection:iter selector:fn seed=none", |vm, a| {
            let selector = a.lambda(1)?;
            reduce(vm, &a.value(0)?, a.given(2), |vm, x, y| vm.apply(&selector, vec![x, y]))
        });
    }
    table.method("accumulate", "collection:iter selector:fn seed=none", accumulate);
    table.method("first", "collection:iter default:any=none", |vm, a| {
        let first = vm.iterate(&a.value(0)?)?.next(vm)?;
        first.or(a.given(1)).ok_or_else(|| Fault::new("StopIteration", ""))
    });
    table.method("last", "collection:iter default:any=none", |vm, a| {
        let items = vm.iterate(&a.value(0)?)?;
        let mut last = a.given(1);
        while let Some(item) = items.next(vm)? {
            last = Some(item);
        }
        last.ok_or_else(|| Fault::new("StopIteration", ""))
    });
    table.method("single", "collection:iter", |vm, a| {
        let items = vm.iterate(&a.value(0)?)?;
        let only = items.next(vm)?.ok_or_else(|| Fault::new("StopIteration", ""))?;
        match items.next(vm)? {
            None => Ok(only),
            Some(_) => Err(Fault::new("StopIteration", "Collection contains more than one item")),
        }
    });
    table.method("contains", "collection:iter value:any", |vm, a| {
        super::sequence::holds(vm, &a.value(0)?, &a.value(1)?).map(Value::Bool)
    });
    table.method("indexOf", "collection:iter item", |vm, a| {
        let item = a.value(1)?;
        position(vm, &a, false, |_, it| Ok(equal(it, &item)))
    });
    table.method("lastIndexOf", "collection:iter item", |vm, a| {
        let item = a.value(1)?;
        position(vm, &a, true, |_, it| Ok(equal(it, &item)))
    });
    table.method("indexWhere", "collection:iter predicate:fn", |vm, a| {
        let predicate = a.lambda(1)?;
        position(vm, &a, false, |vm, it| Ok(vm.apply(&predicate, vec![it.clone()])?.truthy()))
    });
    table.method("lastIndexWhere", "collection:iter predicate:fn", |vm, a| {
        let predicate = a.lambda(1)?;
        position(vm, &a, true, |vm, it| Ok(vm.apply(&predicate, vec![it.clone()])?.truthy()))
    });
}

/// `any` looks for a hit, `all` for a miss. Without a predicate `any` asks only whether there is an item.
fn some(vm: &mut Vm<'_>, args: &Args, wanted: bool) -> Res {
    let predicate = args.maybe_lambda(1);
    let items = vm.iterate(&args.value(0)?)?;
    while let Some(item) = items.next(vm)? {
        let hit = match &predicate {
            Some(predicate) => vm.apply(predicate, vec![item])?.truthy(),
            None => wanted || item.truthy(),
        };
        if hit == wanted {
            return Ok(Value::Bool(wanted));
        }
    }
    Ok(Value::Bool(!wanted))
}

fn count(vm: &mut Vm<'_>, args: Args) -> Res {
    let items = vm.iterate(&args.value(0)?)?;
    let mut count = 0;
    while items.next(vm)?.is_some() {
        count += 1;
    }
    Ok(Value::Int(count))
}

fn fold(vm: &mut Vm<'_>, args: &Args, function: &str) -> Res {
    reduce(vm, &args.value(0)?, args.given(1), |vm, a, b| vm.call_values(function, None, vec![a, b]))
}

fn reduce(
    vm: &mut Vm<'_>,
    collection: &Value,
    seed: Option<Value>,
    mut step: impl FnMut(&mut Vm<'_>, Value, Value) -> Res,
) -> Res {
    let items = vm.iterate(collection)?;
    let first = match seed {
        Some(seed) => Some(seed),
        None => items.next(vm)?,
    };
    let mut total = first.ok_or_else(|| Fault::kind("reduce() of empty iterable with no initial value"))?;
    while let Some(item) = items.next(vm)? {
        total = step(vm, total, item)?;
    }
    Ok(total)
}

fn accumulate(vm: &mut Vm<'_>, args: Args) -> Res {
    let selector: Lambda = args.lambda(1)?;
    let items = vm.iterate(&args.value(0)?)?;
    let first = match args.given(2) {
        Some(seed) => Some(seed),
        None => items.next(vm)?,
    };
    let mut total =
        first.ok_or_else(|| Fault::kind("accumulate() of empty sequence with no initial value"))?;
    let mut out = vec![total.clone()];
    while let Some(item) = items.next(vm)? {
        total = vm.apply(&selector, vec![total, item])?;
        out.push(total.clone());
    }
    Value::list(out)
}

fn position(
    vm: &mut Vm<'_>,
    args: &Args,
    last: bool,
    mut hit: impl FnMut(&mut Vm<'_>, &Value) -> Result<bool, Fault>,
) -> Res {
    let items = vm.iterate(&args.value(0)?)?;
    let (mut found, mut at) = (-1, 0);
    while let Some(item) = items.next(vm)? {
        if hit(vm, &item)? {
            found = at;
            if !last {
                break;
            }
        }
        at += 1;
    }
    Ok(Value::Int(found))
}
