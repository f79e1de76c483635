//! What orquesta adds: the context, the current task and item, other tasks, the datastore.

use crate::expression::pack::ledger;

use super::super::fault::Fault;
use super::super::spec::{Args, Res};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;
use crate::expression::Scope;

pub(super) fn add(table: &mut Table) {
    table.function("ctx", "key=null", ctx);
    table.function("item", "key=null", item);
    table.function("result", "", |vm, _| Value::from_json(ledger::current(scope(vm)?)?.result));
    table.function("succeeded", "", |vm, _| current_is(vm, &["succeeded"]));
    table.function("failed", "", |vm, _| current_is(vm, &["failed"]));
    table.function("completed", "", |vm, _| current_is(vm, &ledger::COMPLETED));
    table.function("task_status", "taskId route=null", |vm, a| {
        let scope = scope(vm)?;
        let route = route(&a)?;
        Ok(Value::text(ledger::status(scope, &a.value(0)?.to_text(), route)))
    });
    table.function("task", "taskId=null route=null", |vm, a| {
        let scope = scope(vm)?;
        let task = match a.value(0)? {
            Value::Null => None,
            task => Some(task.to_text()),
        };
        Value::from_json(&ledger::record(scope, task.as_deref(), route(&a)?)?)
    });
    table.function("st2kv", "key **", |vm, a| {
        let scope = scope(vm)?;
        let key = a.value(0)?;
        let Value::Text(key) = key else { return Err(Fault::kind("Given key is not typeof string.")) };
        let named = |name: &str| a.named.iter().find(|(it, _)| &**it == name).map(|it| it.1.clone());
        let decrypt = match named("decrypt") {
            None => false,
            Some(Value::Bool(decrypt)) => decrypt,
            Some(_) => return Err(Fault::kind("Decrypt parameter is not typeof bool.")),
        };
        match (scope.host.datastore.value(&key, decrypt)?, named("default")) {
            (Some(text), _) => Ok(Value::text(text)),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(ledger::no_such_key(&key)),
        }
    });
}

fn scope<'a>(vm: &Vm<'a>) -> Result<&'a Scope<'a>, Fault> {
    vm.scope.ok_or_else(|| Fault::evaluation("The context is not set."))
}

fn route(args: &Args) -> Result<Option<u64>, Fault> {
    match args.value(1)? {
        Value::Null => Ok(None),
        Value::Int(it) => u64::try_from(it).map(Some).map_err(|_| Fault::value("route is negative")),
        other => Err(Fault::kind(format!("route is {}, not int", other.class()))),
    }
}

fn ctx(vm: &mut Vm<'_>, args: Args) -> Res {
    let scope = scope(vm)?;
    let key = args.value(0)?;
    if !key.truthy() {
        let visible = scope.context.iter().filter(|(name, _)| !name.starts_with("__"));
        let visible = visible.map(|(name, value)| (name.clone(), value.clone())).collect();
        return Value::from_map(&visible, false);
    }
    let name = key.to_text();
    Value::from_json(ledger::variable_in(scope.context, &name)?)
}

fn item(vm: &mut Vm<'_>, args: Args) -> Res {
    let item = match scope(vm)?.item {
        Some(item) => Value::from_json(item)?,
        None => Value::Null,
    };
    let key = args.value(0)?;
    if !key.truthy() {
        return Ok(item);
    }
    match item {
        Value::Dict(map) => {
            let found = map.map.get(&super::super::key::Key::new(key.clone())?);
            found.cloned().ok_or_else(|| ledger::no_such_item(&key.to_text()))
        }
        _ => Err(ledger::item_is_no_map()),
    }
}

fn current_is(vm: &Vm<'_>, wanted: &[&str]) -> Res {
    let scope = scope(vm)?;
    let task = ledger::current(scope)?;
    let status = ledger::status(scope, task.id, Some(task.route));
    Ok(Value::Bool(wanted.contains(&status.as_str())))
}
