//! Regular expressions. Python's syntax goes to the `regex` crate: linear time, no look-around, no back-references.

use std::rc::Rc;

use regex::{Captures, Regex};

use crate::expression::pack::regex as python;

use super::super::fault::Fault;
use super::super::frame::Frame;
use super::super::key::Key;
use super::super::spec::{Args, Res};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    table.function(
        "regex",
        "pattern:str ignoreCase:any=false multiLine:any=false dotAll:any=false",
        |_, a| {
            let flags = [(1, 'i'), (2, 'm'), (3, 's')];
            let flags: String = flags.iter().filter(|(at, _)| a.truth(*at)).map(|it| it.1).collect();
            let pattern = a.text(0)?;
            let pattern = if flags.is_empty() { pattern.to_string() } else { format!("(?{flags}){pattern}") };
            compile(&pattern).map(|it| Value::Pattern(Rc::new(it)))
        },
    );
    table.method("matches", "regexp:regex string:str", |_, a| {
        Ok(Value::Bool(regex(&a, 0)?.is_match(&a.text(1)?)))
    });
    table.method("matches", "string:str regexp:str", |_, a| {
        Ok(Value::Bool(compile(&a.text(1)?)?.is_match(&a.text(0)?)))
    });
    table.method("search", "regexp:regex string:str selector:fn=null", |vm, a| {
        let (regex, text) = (regex(&a, 0)?, a.text(1)?);
        match regex.captures(&text) {
            Some(found) => shown(vm, &a, &regex, &text, &found),
            None => Ok(Value::Null),
        }
    });
    table.method("searchAll", "regexp:regex string:str selector:fn=null", |vm, a| {
        let (regex, text) = (regex(&a, 0)?, a.text(1)?);
        let found = regex.captures_iter(&text).map(|found| shown(vm, &a, &regex, &text, &found));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Value::list(found)
    });
    table.method("split", "regexp:regex string:str maxSplit:int=0", |vm, a| {
        split(vm, &*regex(&a, 0)?, &a.text(1)?, a.int(2)?)
    });
    table.method("split", "string:str regexp:regex maxSplit:int=0", |vm, a| {
        split(vm, &*regex(&a, 1)?, &a.text(0)?, a.int(2)?)
    });
    table.method("replace", "regexp:regex string:str repl:str count:int=0", |vm, a| {
        let template = python::template(&a.text(2)?);
        replace(vm, &*regex(&a, 0)?, &a.text(1)?, a.int(3)?, |_, it| Ok(python::expand(&template, it)))
    });
    table.method("replace", "string:str regexp:regex repl:str count:int=0", |vm, a| {
        let template = python::template(&a.text(2)?);
        replace(vm, &*regex(&a, 1)?, &a.text(0)?, a.int(3)?, |_, it| Ok(python::expand(&template, it)))
    });
    table.method("replaceBy", "regexp:regex string:str repl:fn count:int=0", |vm, a| {
        let regex = regex(&a, 0)?;
        let text = a.text(1)?;
        replace(vm, &regex, &text, a.int(3)?, |vm, it| {
            selected(vm, &a, &regex, &text, it).map(|it| it.to_text())
        })
    });
    table.method("replaceBy", "string:str regexp:regex repl:fn count:int=0", |vm, a| {
        let regex = regex(&a, 1)?;
        let text = a.text(0)?;
        replace(vm, &regex, &text, a.int(3)?, |vm, it| {
            selected(vm, &a, &regex, &text, it).map(|it| it.to_text())
        })
    });
    table.function("escapeRegex", "string:str", |_, a| Ok(Value::text(escape(&a.text(0)?))));
    table.function("isRegex", "value", |_, a| Ok(Value::Bool(matches!(a.value(0)?, Value::Pattern(_)))));
}

fn compile(pattern: &str) -> Result<Regex, Fault> {
    python::compile(pattern, false)
}

fn regex(args: &Args, at: usize) -> Result<Rc<Regex>, Fault> {
    match args.value(at)? {
        Value::Pattern(it) => Ok(it),
        other => Err(Fault::kind(format!("'{}' object is no pattern", other.class()))),
    }
}

/// `text =~ pattern`; `None`: these two are no such pair.
pub(super) fn found(text: &Value, pattern: &Value) -> Option<Result<bool, Fault>> {
    match (text, pattern) {
        (Value::Text(text), Value::Text(pattern)) => Some(compile(pattern).map(|it| it.is_match(text))),
        (Value::Text(text), Value::Pattern(pattern)) => Some(Ok(pattern.is_match(text))),
        _ => None,
    }
}

/// The match itself, or what the selector makes of it.
fn shown(vm: &mut Vm<'_>, args: &Args, regex: &Regex, text: &str, found: &Captures<'_>) -> Res {
    vm.charge(1 + found[0].len() / 64)?;
    if args.maybe_lambda(2).is_some() {
        selected(vm, args, regex, text, found)
    } else {
        Ok(Value::text(&found[0]))
    }
}

/// `$1` (`$`) is the match, `$2` its first group: each with value, start and end.
fn selected(vm: &mut Vm<'_>, args: &Args, regex: &Regex, text: &str, found: &Captures<'_>) -> Res {
    let mut lambda = args.lambda(2)?;
    let frame: Rc<Frame> = lambda.frame.child()?;
    for (at, name) in regex.capture_names().enumerate() {
        let group = found.get(at);
        let place = |it: usize| Value::Int(text[..it].chars().count() as i128);
        let fields = [
            ("value", group.map_or(Value::Null, |it| Value::text(it.as_str()))),
            ("start", group.map_or(Value::Int(-1), |it| place(it.start()))),
            ("end", group.map_or(Value::Int(-1), |it| place(it.end()))),
        ];
        let record = fields.into_iter().map(|(name, value)| (Key::text(name), value)).collect();
        let record = Value::dict(record, false)?;
        frame.set(&(at + 1).to_string(), record.clone());
        if let Some(name) = name {
            frame.set(name, record);
        }
    }
    lambda.frame = frame;
    vm.apply(&lambda, Vec::new())
}

/// Python's `re.split`: groups of the pattern come between the parts.
fn split(vm: &mut Vm<'_>, regex: &Regex, text: &str, most: i128) -> Res {
    let most = if most <= 0 { usize::MAX } else { usize::try_from(most).unwrap_or(usize::MAX) };
    let mut parts = Vec::new();
    let mut from = 0;
    for found in regex.captures_iter(text).take(most) {
        let Some(whole) = found.get(0) else { continue };
        parts.push(Value::text(&text[from..whole.start()]));
        from = whole.end();
        parts.extend(found.iter().skip(1).map(|it| it.map_or(Value::Null, |it| Value::text(it.as_str()))));
    }
    parts.push(Value::text(&text[from..]));
    vm.charge(parts.len())?;
    Value::list(parts)
}

fn replace(
    vm: &mut Vm<'_>,
    regex: &Regex,
    text: &str,
    count: i128,
    mut with: impl FnMut(&mut Vm<'_>, &Captures<'_>) -> Result<String, Fault>,
) -> Res {
    let most = if count <= 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    let mut out = String::new();
    let mut from = 0;
    for found in regex.captures_iter(text).take(most) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&text[from..whole.start()]);
        out.push_str(&with(vm, &found)?);
        vm.charge(1)?;
        if out.len() > super::super::vm::TEXT_MAX {
            return Err(Fault::limit("text too large"));
        }
        from = whole.end();
    }
    out.push_str(&text[from..]);
    vm.charge_text(out.len())?;
    Ok(Value::text(out))
}

/// Python's `re.escape`.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for it in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(it) {
            out.push('\\');
        }
        out.push(it);
    }
    out
}
