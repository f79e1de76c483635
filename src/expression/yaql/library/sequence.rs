//! Sources of items and ways to put several together.

use std::collections::VecDeque;

use super::super::fault::Fault;
use super::super::key::{Key, equal};
use super::super::spec::{Args, Res, Type};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    table.function("range", "stop:int", |vm, a| range(vm, 0, Some(a.int(0)?), 1));
    table.function("range", "start:int stop:int step:int=1", |vm, a| {
        range(vm, a.int(0)?, Some(a.int(1)?), a.int(2)?)
    });
    table.function("sequence", "start:int=0 step:int=1", |vm, a| range(vm, a.int(0)?, None, a.int(1)?));
    table.method("skip", "collection:iter count:int", |vm, a| slice(vm, &a, true));
    for name in ["limit", "take"] {
        table.method(name, "collection:iter count:int", |vm, a| slice(vm, &a, false));
    }
    table.both("append", "collection:iter *args:any", |vm, a| {
        let tail = Value::list(a.rest_values())?;
        chain(vm, vec![a.value(0)?, tail])
    });
    table.both("concat", "*collections:iter", |vm, a| chain(vm, a.rest_values()));
    table.both("enumerate", "collection:iter start:any=0", |vm, a| {
        let source = a.value(0)?;
        let mut at = a.int(1)?;
        let items = vm.iterate(&source)?;
        vm.lazy(&[&source], &[], move |vm| {
            let Some(item) = items.next(vm)? else { return Ok(None) };
            at += 1;
            Value::list(vec![Value::Int(at - 1), item]).map(Some)
        })
    });
    add_many(table);
}

fn add_many(table: &mut Table) {
    table.method("zip", "*collections:iter", |vm, a| zip(vm, a.rest_values(), None));
    table.method("zipLongest", "*collections:iter **", |vm, a| {
        let default = a.named.iter().find(|(name, _)| &**name == "default");
        zip(vm, a.rest_values(), Some(default.map_or(Value::Null, |it| it.1.clone())))
    });
    table.method("repeat", "value:any times:int=-1", |vm, a| {
        let (value, mut left) = (a.value(0)?, a.int(1)?);
        vm.lazy(&[&value.clone()], &[], move |_| {
            let more = left != 0;
            left -= i128::from(left > 0);
            Ok(more.then(|| value.clone()))
        })
    });
    table.method("cycle", "collection:iter", |vm, a| {
        let items = vm.collect(&a.value(0)?)?;
        let mut at = 0;
        vm.lazy(&[&a.value(0)?], &[], move |_| {
            at += 1;
            Ok(if items.is_empty() { None } else { items.get((at - 1) % items.len()).cloned() })
        })
    });
    table.method("slice", "collection:iter length:int", |vm, a| {
        let source = a.value(0)?;
        let length = non_negative(a.int(1)?)?;
        let items = vm.iterate(&source)?;
        vm.lazy(&[&source], &[], move |vm| {
            let mut part = Vec::new();
            while part.len() < length
                && let Some(item) = items.next(vm)?
            {
                part.push(item);
            }
            if part.is_empty() { Ok(None) } else { Value::tuple(part).map(Some) }
        })
    });
    table.method("splitAt", "collection:iter index:int", |vm, a| {
        let mut items = vm.collect(&a.value(0)?)?;
        let at = super::string::bound(a.int(1)?, items.len());
        let tail = Value::tuple(items.split_off(at))?;
        Value::list(vec![Value::tuple(items)?, tail])
    });
    table.method("reverse", "collection:iter", |vm, a| {
        let mut items = vm.collect(&a.value(0)?)?;
        items.reverse();
        let items = Value::list(items)?;
        vm.iterate(&items).map(Value::Flow)
    });
    table.function("isIterable", "value", |_, a| Ok(Value::Bool(Type::Iterable.accepts(&a.value(0)?))));
    table.method("defaultIfEmpty", "collection:iter default:iter", |vm, a| {
        let source = a.value(0)?;
        let source = vm.memorize(source);
        let empty = vm.iterate(&source)?.next(vm)?.is_none();
        if empty { a.value(1) } else { Ok(source) }
    });
    table.function(
        "generate",
        "initial predicate:fn producer:fn selector:fn=null decycle:bool=false",
        generate,
    );
    table.function(
        "generateMany",
        "initial producer:fn selector:fn=null decycle:bool=false depthFirst:bool=false",
        generate_many,
    );
}

pub(super) fn too_large(vm: &Vm<'_>) -> Fault {
    let most = vm.iterator_limit.unwrap_or_default();
    Fault::new("CollectionTooLargeException", format!("Collection length exceeds {most} elements"))
}

/// Python's `in`.
pub(super) fn holds(vm: &mut Vm<'_>, collection: &Value, value: &Value) -> Result<bool, Fault> {
    if let Value::Set(set) = collection {
        return Ok(set.items.contains(&Key::new(value.clone())?));
    }
    let items = vm.iterate(collection)?;
    while let Some(item) = items.next(vm)? {
        if equal(&item, value) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn range(vm: &mut Vm<'_>, start: i128, stop: Option<i128>, step: i128) -> Res {
    if step == 0 && stop.is_some() {
        return Err(Fault::value("range() arg 3 must not be zero"));
    }
    let mut next = Some(start);
    vm.lazy(&[], &[], move |_| {
        let Some(now) = next else { return Ok(None) };
        if stop.is_some_and(|stop| if step > 0 { now >= stop } else { now <= stop }) {
            return Ok(None);
        }
        next = now.checked_add(step);
        Ok(Some(Value::Int(now)))
    })
}

fn non_negative(count: i128) -> Result<usize, Fault> {
    usize::try_from(count)
        .map_err(|_| Fault::value("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize."))
}

fn slice(vm: &mut Vm<'_>, args: &Args, skip: bool) -> Res {
    let source = args.value(0)?;
    let count = args.int(1)?;
    let mut left = usize::try_from(count).map_err(|_| {
        let which = if skip { "Indices" } else { "Stop argument" };
        Fault::value(format!("{which} for islice() must be None or an integer: 0 <= x <= sys.maxsize."))
    })?;
    let items = vm.iterate(&source)?;
    vm.lazy(&[&source], &[], move |vm| {
        if !skip {
            if left == 0 {
                return Ok(None);
            }
            left -= 1;
            return items.next(vm);
        }
        while left > 0 {
            left -= 1;
            if items.next(vm)?.is_none() {
                left = 0;
                return Ok(None);
            }
        }
        items.next(vm)
    })
}

/// One after another.
pub(super) fn chain(vm: &mut Vm<'_>, parts: Vec<Value>) -> Res {
    let held: Vec<Value> = parts.clone();
    let mut parts = VecDeque::from(parts);
    let mut current: Option<super::super::flow::Flow> = None;
    vm.lazy(&held.iter().collect::<Vec<_>>(), &[], move |vm| {
        loop {
            if let Some(flow) = &current
                && let Some(item) = flow.next(vm)?
            {
                return Ok(Some(item));
            }
            let Some(part) = parts.pop_front() else {
                current = None;
                return Ok(None);
            };
            current = Some(vm.iterate(&part)?);
        }
    })
}

/// Tuples of one item each; up to the shortest, or filled up to the longest.
fn zip(vm: &mut Vm<'_>, parts: Vec<Value>, fill: Option<Value>) -> Res {
    let mut flows = Vec::new();
    for part in &parts {
        flows.push(vm.iterate(part)?);
    }
    vm.lazy(&parts.iter().collect::<Vec<_>>(), &[], move |vm| {
        let mut row = Vec::with_capacity(flows.len());
        let mut alive = false;
        for flow in &flows {
            match (flow.next(vm)?, &fill) {
                (Some(item), _) => {
                    alive = true;
                    row.push(item);
                }
                (None, Some(fill)) => row.push(fill.clone()),
                (None, None) => return Ok(None),
            }
        }
        if alive { Value::tuple(row).map(Some) } else { Ok(None) }
    })
}

fn generate(vm: &mut Vm<'_>, args: Args) -> Res {
    let (predicate, producer) = (args.lambda(1)?, args.lambda(2)?);
    let selector = args.maybe_lambda(3);
    let mut seen = args.truth(4).then(indexmap::IndexSet::new);
    let mut state = Some(args.value(0)?);
    let initial = args.value(0)?;
    let mut first = true;
    vm.lazy(&[&initial], &[&args.lambda(1)?, &args.lambda(2)?], move |vm| {
        let Some(mut now) = state.take() else { return Ok(None) };
        if !first {
            now = vm.apply(&producer, vec![now])?;
        }
        first = false;
        if !vm.apply(&predicate, vec![now.clone()])?.truthy() {
            return Ok(None);
        }
        if let Some(seen) = &mut seen
            && !seen.insert(Key::new(now.clone())?)
        {
            return Ok(None);
        }
        state = Some(now.clone());
        match &selector {
            Some(selector) => vm.apply(selector, vec![now]).map(Some),
            None => Ok(Some(now)),
        }
    })
}

fn generate_many(vm: &mut Vm<'_>, args: Args) -> Res {
    let producer = args.lambda(1)?;
    let selector = args.maybe_lambda(2);
    let mut seen = args.truth(3).then(indexmap::IndexSet::new);
    let depth_first = args.truth(4);
    let initial = args.value(0)?;
    let mut queue = VecDeque::from([initial.clone()]);
    vm.lazy(&[&initial], &[&args.lambda(1)?], move |vm| {
        while let Some(item) = queue.pop_front() {
            if let Some(seen) = &mut seen
                && !seen.insert(Key::new(item.clone())?)
            {
                continue;
            }
            let shown = match &selector {
                Some(selector) => vm.apply(selector, vec![item.clone()])?,
                None => item.clone(),
            };
            let produced = vm.apply(&producer, vec![item])?;
            let produced = vm.collect(&produced)?;
            vm.charge(produced.len())?;
            if depth_first {
                for it in produced.into_iter().rev() {
                    queue.push_front(it);
                }
            } else {
                queue.extend(produced);
            }
            return Ok(Some(shown));
        }
        Ok(None)
    })
}
