use super::super::spec::{Args, Slot};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    table.function("switch", "*args:lazy !", |vm, a| {
        for case in &a.rest {
            if let Slot::Rule(when, then) = case
                && vm.apply(when, Vec::new())?.truthy()
            {
                return vm.apply(then, Vec::new());
            }
        }
        Ok(Value::Null)
    });
    table.function("selectCase", "*args:fn", |vm, a| {
        let cases = results(vm, &a, |it| it.truthy())?;
        Ok(Value::Int(cases.iter().position(|it| *it).unwrap_or(cases.len()) as i128))
    });
    table.function("selectAllCases", "*args:fn", |vm, a| {
        let mut found = Vec::new();
        for (at, case) in a.rest.iter().enumerate() {
            if let Slot::Lambda(case) = case
                && vm.apply(case, Vec::new())?.truthy()
            {
                found.push(Value::Int(at as i128));
            }
        }
        Value::list(found)
    });
    table.function("examine", "*args:fn", |vm, a| {
        let mut found = Vec::new();
        for case in &a.rest {
            if let Slot::Lambda(case) = case {
                found.push(Value::Bool(vm.apply(case, Vec::new())?.truthy()));
            }
        }
        Value::list(found)
    });
    table.method("switchCase", "case:int *args:fn", |vm, a| {
        let at = usize::try_from(a.int(0)?).unwrap_or(usize::MAX);
        match a.rest.get(at).or(a.rest.last()) {
            Some(Slot::Lambda(case)) => vm.apply(case, Vec::new()),
            _ => Ok(Value::Null),
        }
    });
    table.function("coalesce", "*args:fn", |vm, a| {
        for case in &a.rest {
            if let Slot::Lambda(case) = case {
                let value = vm.apply(case, Vec::new())?;
                if !matches!(value, Value::Null) {
                    return Ok(value);
                }
            }
        }
        Ok(Value::Null)
    });
}

/// Answers of the cases up to and with the first that `stop` accepts.
fn results(
    vm: &mut Vm<'_>,
    args: &Args,
    stop: fn(&Value) -> bool,
) -> Result<Vec<bool>, super::super::fault::Fault> {
    let mut out = Vec::new();
    for case in &args.rest {
        let Slot::Lambda(case) = case else {
            out.push(false);
            continue;
        };
        let hit = stop(&vm.apply(case, Vec::new())?);
        out.push(hit);
        if hit {
            break;
        }
    }
    Ok(out)
}
