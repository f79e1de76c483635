//! Functions that run over a collection one by one, when asked.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::{IndexMap, IndexSet};

use super::super::fault::Fault;
use super::super::key::Key;
use super::super::order::{Direction, Order};
use super::super::spec::{Args, Res, Type};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    for name in ["where", "filter"] {
        table.method(name, "collection:iter predicate:fn", filter);
    }
    for name in ["select", "map"] {
        table.method(name, "collection:iter selector:fn", select);
    }
    table.method("selectMany", "collection:iter selector:fn", select_many);
    table.both("distinct", "collection:iter keySelector:fn=null", distinct);
    table.method("takeWhile", "collection:iter predicate:fn", take_while);
    table.method("skipWhile", "collection:iter predicate:fn", skip_while);
    table.method("orderBy", "collection:iter selector:fn", |_, a| order(&a, Direction::Up));
    table.method("orderByDescending", "collection:iter selector:fn", |_, a| order(&a, Direction::Down));
    table.method("thenBy", "collection:order selector:fn", |_, a| then(&a, Direction::Up));
    table.method("thenByDescending", "collection:order selector:fn", |_, a| then(&a, Direction::Down));
    table.method(
        "groupBy",
        "collection:iter keySelector:fn valueSelector:fn=null aggregator:fn=null",
        group_by,
    );
    table.method("join", "collection1:iter collection2:iter predicate:fn selector:fn", join);
    table.method("splitWhere", "collection:iter predicate:fn", split_where);
    table.method("sliceWhere", "collection:iter predicate:fn", slice_where);
    table.method("memorize", "collection:iter", |vm, a| {
        let value = a.value(0)?;
        Ok(vm.memorize(value))
    });
}

fn filter(vm: &mut Vm<'_>, args: Args) -> Res {
    let (source, predicate) = (args.value(0)?, args.lambda(1)?);
    let items = vm.iterate(&source)?;
    vm.lazy(&[&source], &[&predicate.clone()], move |vm| {
        while let Some(item) = items.next(vm)? {
            if vm.apply(&predicate, vec![item.clone()])?.truthy() {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn select(vm: &mut Vm<'_>, args: Args) -> Res {
    let (source, selector) = (args.value(0)?, args.lambda(1)?);
    let items = vm.iterate(&source)?;
    vm.lazy(&[&source], &[&selector.clone()], move |vm| match items.next(vm)? {
        Some(item) => vm.apply(&selector, vec![item]).map(Some),
        None => Ok(None),
    })
}

fn select_many(vm: &mut Vm<'_>, args: Args) -> Res {
    let (source, selector) = (args.value(0)?, args.lambda(1)?);
    let items = vm.iterate(&source)?;
    let mut inner = None;
    vm.lazy(&[&source], &[&selector.clone()], move |vm| {
        loop {
            if let Some(flow) = &inner {
                let flow: &super::super::flow::Flow = flow;
                match flow.next(vm)? {
                    Some(item) => return Ok(Some(item)),
                    None => inner = None,
                }
            }
            let Some(item) = items.next(vm)? else { return Ok(None) };
            let made = vm.apply(&selector, vec![item])?;
            if !Type::Iterable.accepts(&made) {
                return Ok(Some(made));
            }
            inner = Some(vm.iterate(&made)?);
        }
    })
}

fn distinct(vm: &mut Vm<'_>, args: Args) -> Res {
    let (source, selector) = (args.value(0)?, args.maybe_lambda(1));
    let items = vm.iterate(&source)?;
    let mut seen = IndexSet::new();
    let held: Vec<_> = selector.iter().cloned().collect();
    vm.lazy(&[&source], &held.iter().collect::<Vec<_>>(), move |vm| {
        while let Some(item) = items.next(vm)? {
            let key = match &selector {
                Some(selector) => vm.apply(selector, vec![item.clone()])?,
                None => item.clone(),
            };
            if seen.insert(Key::new(key)?) {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn take_while(vm: &mut Vm<'_>, args: Args) -> Res {
    let (source, predicate) = (args.value(0)?, args.lambda(1)?);
    let items = vm.iterate(&source)?;
    let mut over = false;
    vm.lazy(&[&source], &[&predicate.clone()], move |vm| {
        if over {
            return Ok(None);
        }
        let Some(item) = items.next(vm)? else { return Ok(None) };
        over = !vm.apply(&predicate, vec![item.clone()])?.truthy();
        Ok((!over).then_some(item))
    })
}

fn skip_while(vm: &mut Vm<'_>, args: Args) -> Res {
    let (source, predicate) = (args.value(0)?, args.lambda(1)?);
    let items = vm.iterate(&source)?;
    let mut started = false;
    vm.lazy(&[&source], &[&predicate.clone()], move |vm| {
        while let Some(item) = items.next(vm)? {
            started = started || !vm.apply(&predicate, vec![item.clone()])?.truthy();
            if started {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn order(args: &Args, direction: Direction) -> Res {
    let source = args.value(0)?;
    let depth = source.depth() + 1;
    let fields = vec![(args.lambda(1)?, direction)];
    Ok(Value::Order(Rc::new(RefCell::new(Order { source, fields, sorted: None, depth }))))
}

fn then(args: &Args, direction: Direction) -> Res {
    let value = args.value(0)?;
    if let Value::Order(order) = &value {
        order.borrow_mut().fields.push((args.lambda(1)?, direction));
    }
    Ok(value)
}

/// `[key, [values]]` pairs. An aggregator gets the values; one that fails on them is tried on the whole pair, as it
/// was before yaql 1.1.
fn group_by(vm: &mut Vm<'_>, args: Args) -> Res {
    let (key, value, aggregator) = (args.lambda(1)?, args.maybe_lambda(2), args.maybe_lambda(3));
    let items = vm.iterate(&args.value(0)?)?;
    let mut groups: IndexMap<Key, Vec<Value>> = IndexMap::new();
    while let Some(item) = items.next(vm)? {
        let member = match &value {
            Some(value) => vm.apply(value, vec![item.clone()])?,
            None => item.clone(),
        };
        let key = Key::new(vm.apply(&key, vec![item])?)?;
        groups.entry(key).or_default().push(member);
    }
    let mut failed: Option<Fault> = None;
    let mut old_style = true;
    let mut out = Vec::new();
    for (key, values) in groups {
        let values = Value::list(values)?;
        let Some(aggregator) = &aggregator else {
            out.push(Value::tuple(vec![key.value().clone(), values])?);
            continue;
        };
        if failed.is_none() {
            match vm.apply(aggregator, vec![values.clone()]) {
                Ok(result) => {
                    old_style = old_style && looks_like_pair(&values, &result);
                    out.push(Value::tuple(vec![key.value().clone(), result])?);
                    continue;
                }
                Err(fault) if is_fallback(&fault) => failed = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        let pair = Value::tuple(vec![key.value().clone(), values])?;
        let again = if old_style { vm.apply(aggregator, vec![pair]).ok() } else { None };
        match again {
            Some(result @ (Value::Tuple(_) | Value::List(_))) if vm.collect(&result)?.len() == 2 => {
                out.push(result)
            }
            _ => return Err(failed.unwrap_or_else(|| Fault::kind("aggregator failed"))),
        }
    }
    Value::list(out)
}

fn is_fallback(fault: &Fault) -> bool {
    matches!(fault.class, "NoMatchingMethodException" | "NoMatchingFunctionException" | "IndexError")
}

fn looks_like_pair(values: &Value, result: &Value) -> bool {
    let items = |value: &Value| match value {
        Value::Tuple(it) | Value::List(it) => it.items.clone(),
        _ => Vec::new(),
    };
    let (values, result) = (items(values), items(result));
    values.len() == 2 && result.len() == 2 && super::super::key::equal(&values[0], &result[0])
}

fn join(vm: &mut Vm<'_>, args: Args) -> Res {
    let (left, right) = (args.value(0)?, args.value(1)?);
    let right = vm.memorize(right);
    let (predicate, selector) = (args.lambda(2)?, args.lambda(3)?);
    let mut out = Vec::new();
    let lefts = vm.iterate(&left)?;
    while let Some(a) = lefts.next(vm)? {
        let rights = vm.iterate(&right)?;
        while let Some(b) = rights.next(vm)? {
            if vm.apply(&predicate, vec![a.clone(), b.clone()])?.truthy() {
                out.push(vm.apply(&selector, vec![a.clone(), b])?);
            }
        }
    }
    Value::list(out)
}

fn split_where(vm: &mut Vm<'_>, args: Args) -> Res {
    let predicate = args.lambda(1)?;
    let mut out = Vec::new();
    let mut part = Vec::new();
    for item in vm.collect(&args.value(0)?)? {
        if vm.apply(&predicate, vec![item.clone()])?.truthy() {
            out.push(Value::tuple(std::mem::take(&mut part))?);
        } else {
            part.push(item);
        }
    }
    if !part.is_empty() {
        out.push(Value::tuple(part)?);
    }
    Value::list(out)
}

fn slice_where(vm: &mut Vm<'_>, args: Args) -> Res {
    let predicate = args.lambda(1)?;
    let mut out = Vec::new();
    let mut part = Vec::new();
    let mut before: Option<Value> = None;
    for item in vm.collect(&args.value(0)?)? {
        let now = vm.apply(&predicate, vec![item.clone()])?;
        if before.as_ref().is_some_and(|before| !super::super::key::equal(before, &now)) {
            out.push(Value::tuple(std::mem::take(&mut part))?);
        }
        part.push(item);
        before = Some(now);
    }
    if !part.is_empty() {
        out.push(Value::tuple(part)?);
    }
    Value::list(out)
}
