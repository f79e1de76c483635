use std::rc::Rc;

use indexmap::IndexMap;

use super::super::fault::Fault;
use super::super::key::{Key, equal};
use super::super::spec::{Args, Res};
use super::super::value::{Dict, Value, View};
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    table.function("dict", "*args:rule !", |_, a| {
        let mut map = IndexMap::new();
        put_rules(&mut map, &a)?;
        Value::dict(map, true)
    });
    table.function("dict", "items:iter !", from_pairs);
    table.method("toDict", "collection:iter keySelector:fn valueSelector:fn=null", |vm, a| {
        let (key, value) = (a.lambda(1)?, a.maybe_lambda(2));
        let items = vm.iterate(&a.value(0)?)?;
        let mut map = IndexMap::new();
        while let Some(item) = items.next(vm)? {
            let key = Key::new(vm.apply(&key, vec![item.clone()])?)?;
            let value = match &value {
                Some(value) => vm.apply(value, vec![item])?,
                None => item,
            };
            map.insert(key, value);
        }
        Value::dict(map, false)
    });
    table.method("get", "dict:map key default=null", |_, a| {
        Ok(map(&a)?.map.get(&Key::new(a.value(1)?)?).cloned().unwrap_or(a.value(2)?))
    });
    table.method("set", "dict:map key value !", |vm, a| {
        let mut copy = copied(vm, &a)?;
        copy.insert(Key::new(a.value(1)?)?, a.value(2)?);
        Value::dict(copy, true)
    });
    table.method("set", "dict:map replacements:map !", |vm, a| {
        let mut copy = copied(vm, &a)?;
        if let Value::Dict(other) = a.value(1)? {
            copy.extend(other.map.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        Value::dict(copy, true)
    });
    table.method("set", "dict:map *args:rule !", |vm, a| {
        let mut copy = copied(vm, &a)?;
        put_rules(&mut copy, &a)?;
        Value::dict(copy, true)
    });
    add_views(table);
}

fn add_views(table: &mut Table) {
    table.method("keys", "dict:map", |_, a| Ok(Value::View(View::Keys, map(&a)?)));
    table.method("values", "dict:map", |_, a| Ok(Value::View(View::Values, map(&a)?)));
    table.method("items", "dict:map", |_, a| Ok(Value::View(View::Items, map(&a)?)));
    table.method("containsKey", "dict:map key:any", |_, a| {
        Ok(Value::Bool(map(&a)?.map.contains_key(&Key::new(a.value(1)?)?)))
    });
    table.method("containsValue", "dict:map value:any", |vm, a| {
        let (map, value) = (map(&a)?, a.value(1)?);
        vm.charge(map.map.len())?;
        Ok(Value::Bool(map.map.values().any(|it| equal(it, &value))))
    });
    table.function("isDict", "arg", |_, a| Ok(Value::Bool(matches!(a.value(0)?, Value::Dict(_)))));
    table.both("len", "dict:map", |_, a| Ok(Value::Int(map(&a)?.map.len() as i128)));
    table.method("delete", "dict:map *keys:any", |vm, a| {
        let keys = a.rest_values();
        without(vm, &a, keys)
    });
    table.method("deleteAll", "dict:map keys:iter", |vm, a| {
        let keys = vm.collect(&a.value(1)?)?;
        without(vm, &a, keys)
    });
    table.method(
        "mergeWith",
        "dict:map another:map listMerger:fn=null itemMerger:fn=null maxLevels:int=0",
        |vm, a| {
            let Value::Dict(other) = a.value(1)? else { return Ok(Value::Null) };
            let left = map(&a)?;
            merge(vm, &a, &left, &other, a.int(4)?)
        },
    );
}

fn map(args: &Args) -> Result<Rc<Dict>, Fault> {
    match args.value(0)? {
        Value::Dict(it) => Ok(it),
        other => Err(Fault::kind(format!("'{}' object is no mapping", other.class()))),
    }
}

fn copied(vm: &mut Vm<'_>, args: &Args) -> Result<IndexMap<Key, Value>, Fault> {
    let map = map(args)?;
    vm.charge(map.map.len())?;
    Ok(map.map.clone())
}

fn put_rules(map: &mut IndexMap<Key, Value>, args: &Args) -> Result<(), Fault> {
    for value in args.rest_values() {
        if let Value::Rule(rule) = value {
            map.insert(Key::new(rule.0.clone())?, rule.1.clone());
        }
    }
    Ok(())
}

fn from_pairs(vm: &mut Vm<'_>, args: Args) -> Res {
    let items = vm.iterate(&args.value(0)?)?;
    let mut map = IndexMap::new();
    while let Some(item) = items.next(vm)? {
        let pair = vm.iterate(&item)?;
        let stop = || Fault::new("StopIteration", "");
        let key = Key::new(pair.next(vm)?.ok_or_else(stop)?)?;
        map.insert(key, pair.next(vm)?.ok_or_else(stop)?);
        if vm.iterator_limit.is_some_and(|most| map.len() > most) {
            return Err(super::sequence::too_large(vm));
        }
    }
    Value::dict(map, true)
}

fn without(vm: &mut Vm<'_>, args: &Args, keys: Vec<Value>) -> Res {
    let mut copy = copied(vm, args)?;
    for key in keys {
        vm.charge(copy.len())?;
        copy.shift_remove(&Key::new(key)?);
    }
    Value::dict(copy, false)
}

fn merge(vm: &mut Vm<'_>, args: &Args, left: &Dict, right: &Dict, levels: i128) -> Res {
    vm.enter()?;
    vm.charge(left.map.len() + right.map.len())?;
    let mut out = IndexMap::new();
    for (key, a) in &left.map {
        let merged = match (right.map.get(key), a) {
            (None, a) => a.clone(),
            (Some(Value::Dict(b)), Value::Dict(a)) if levels != 1 => {
                merge(vm, args, a, b, (levels - 1).max(0))?
            }
            (Some(b @ (Value::Tuple(_) | Value::List(_))), Value::Tuple(_) | Value::List(_))
                if levels != 1 =>
            {
                match args.maybe_lambda(2) {
                    Some(merger) => vm.apply(&merger, vec![a.clone(), b.clone()])?,
                    None => distinct_together(vm, a, b)?,
                }
            }
            (Some(b @ (Value::Dict(_) | Value::Tuple(_) | Value::List(_))), a) if levels != 1 => {
                return Err(Fault::kind(format!(
                    "Cannot merge <class '{}'> with <class '{}'>",
                    a.class(),
                    b.class()
                )));
            }
            (Some(b), a) => match args.maybe_lambda(3) {
                Some(merger) => vm.apply(&merger, vec![a.clone(), b.clone()])?,
                None => b.clone(),
            },
        };
        out.insert(key.clone(), merged);
    }
    for (key, b) in &right.map {
        out.entry(key.clone()).or_insert_with(|| b.clone());
    }
    vm.leave();
    Value::dict(out, false)
}

fn distinct_together(vm: &mut Vm<'_>, left: &Value, right: &Value) -> Res {
    let mut items = vm.collect(left)?;
    items.extend(vm.collect(right)?);
    vm.charge(items.len())?;
    let mut seen = indexmap::IndexSet::new();
    for item in items {
        seen.insert(Key::new(item)?);
    }
    Value::tuple(seen.into_iter().map(|key| key.value().clone()).collect())
}
