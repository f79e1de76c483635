use super::super::fault::Fault;
use super::super::spec::{Args, Res, Slot};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    table.function("let", "*args:any **", |_, a| {
        let frame = a.frame.child()?;
        for (at, value) in a.rest_values().into_iter().enumerate() {
            frame.set(&(at + 1).to_string(), value);
        }
        for (name, value) in &a.named {
            frame.set(name, value.clone());
        }
        Ok(Value::Frame(frame))
    });
    table.function("with", "*args:any", |_, a| {
        let frame = a.frame.child()?;
        for (at, value) in a.rest_values().into_iter().enumerate() {
            frame.set(&(at + 1).to_string(), value);
        }
        Ok(Value::Frame(frame))
    });
    table.function("def", "name:str func:fn", |_, a| {
        let frame = a.frame.child()?;
        let mut body = a.lambda(1)?;
        // The function sees itself: it may call itself.
        body.frame = frame.clone();
        frame.define(&a.text(0)?, body);
        Ok(Value::Frame(frame))
    });
    table.method("unpack", "sequence:iter *args:str", unpack);
    table.method("assert", "obj condition:fn message:str=none", |vm, a| {
        let value = a.value(0)?;
        let value = vm.memorize(value);
        if vm.apply(&a.lambda(1)?, vec![value.clone()])?.truthy() {
            return Ok(value);
        }
        let message = a.text(2).map_or_else(|_| "Assertion failed".to_owned(), |it| it.to_string());
        Err(Fault::new("AssertionError", message))
    });
    table.function("call", "name:str args:seq kwargs:map receiver=none", call);
}

fn unpack(vm: &mut Vm<'_>, args: Args) -> Res {
    let names: Vec<String> = args
        .rest
        .iter()
        .map(|slot| match slot {
            Slot::Value(value) => value.to_text(),
            Slot::Lambda(_) | Slot::Rule(..) | Slot::Absent => String::new(),
        })
        .collect();
    let frame = args.frame.child()?;
    let items = vm.iterate(&args.value(0)?)?;
    let mut values = Vec::new();
    while let Some(item) = items.next(vm)? {
        values.push(item);
        if !names.is_empty() && values.len() > names.len() {
            break;
        }
    }
    if names.is_empty() {
        for (at, value) in values.into_iter().enumerate() {
            frame.set(&(at + 1).to_string(), value);
        }
        return Ok(Value::Frame(frame));
    }
    if names.len() != values.len() {
        return Err(Fault::value(format!("Cannot unpack {} elements into {}", values.len(), names.len())));
    }
    for (name, value) in names.iter().zip(values) {
        frame.set(name, value);
    }
    Ok(Value::Frame(frame))
}

/// Calls a function by its name.
fn call(vm: &mut Vm<'_>, args: Args) -> Res {
    use super::super::ast::Node;
    use super::super::spec::Arg;
    let name = args.text(0)?;
    let mut call: Vec<Arg> = vm.collect(&args.value(1)?)?.into_iter().map(Arg::Value).collect();
    if let Value::Dict(named) = args.value(2)? {
        for (key, value) in &named.map {
            let Value::Text(key) = key.value() else { continue };
            let rule = Node::Rule(Node::Keyword(key.clone()).into(), Node::Const(value.clone()).into());
            call.push(Arg::Node(rule.into()));
        }
    }
    vm.enter()?;
    let value = match (name.starts_with('#'), call.as_slice()) {
        (true, [Arg::Value(left), Arg::Value(right)]) => {
            vm.call_values(&name, args.given(3), vec![left.clone(), right.clone()])
        }
        _ => vm.call(&name, args.given(3), call, &args.frame),
    };
    vm.leave();
    value
}
