use std::rc::Rc;

use super::super::fault::Fault;
use super::super::spec::{Args, Res};
use super::super::value::Value;
use super::super::vm::Vm;
use super::Table;

pub(super) fn add(table: &mut Table) {
    table.function("concat", "*args:str", |vm, a| {
        let mut out = String::new();
        for part in a.rest_values() {
            let part = part.to_text();
            vm.charge_text(out.len() + part.len())?;
            out.push_str(&part);
        }
        Ok(Value::text(out))
    });
    table.method("toUpper", "string:str", |vm, a| {
        let text = a.text(0)?;
        vm.charge_text(text.len())?;
        Ok(Value::text(text.to_uppercase()))
    });
    table.method("toLower", "string:str", |vm, a| {
        let text = a.text(0)?;
        vm.charge_text(text.len())?;
        Ok(Value::text(text.to_lowercase()))
    });
    table.both("len", "string:str", |_, a| Ok(Value::Int(a.text(0)?.chars().count() as i128)));
    table.method("split", "string:str separator:str?=null maxSplits:int=-1", split);
    table.method("rightSplit", "string:str separator:str?=null maxSplits:int=-1", right_split);
    table.method("join", "sequence:iter separator:str", |vm, a| join(vm, &a.value(0)?, &a.text(1)?));
    table.method("join", "separator:str sequence:iter", |vm, a| join(vm, &a.value(1)?, &a.text(0)?));
    table.function("str", "value:any", |vm, a| str(vm, &a.value(0)?));
    table.method("trim", "string:str chars:str?=null", |_, a| trim(&a, true, true).map(Value::text));
    table.method("trimLeft", "string:str chars:str?=null", |_, a| trim(&a, true, false).map(Value::text));
    table.method("trimRight", "string:str chars:str?=null", |_, a| trim(&a, false, true).map(Value::text));
    table.both("norm", "string:str? chars:str?=null", |_, a| match a.value(0)? {
        Value::Null => Ok(Value::Null),
        _ => trim(&a, true, true).map(|it| if it.is_empty() { Value::Null } else { Value::text(it) }),
    });
    table.both("isEmpty", "string:str? trim:bool=true chars:str?=null", |_, a| {
        let Some(text) = a.maybe_text(0)? else { return Ok(Value::Bool(true)) };
        let text = if a.truth(1) {
            strip(&text, a.maybe_text(2)?.as_deref(), true, true).to_owned()
        } else {
            text.to_string()
        };
        Ok(Value::Bool(text.is_empty()))
    });
    table.method("replace", "string:str old:str new:str count:int=-1", |vm, a| {
        replace(vm, &a.text(0)?, &a.text(1)?, &a.text(2)?, a.int(3)?).map(Value::text)
    });
    table.method("replace", "string:str replacements:map count:int=-1", replace_all);
    add_places(table);
}

fn add_places(table: &mut Table) {
    table.method("substring", "string:str start:int length:int=-1", substring);
    table.method("indexOf", "string:str sub:str start:int=0", |_, a| find(&a, None, Side::First));
    table.method("indexOf", "string:str sub:str start:int length:int", |_, a| {
        find(&a, Some(a.int(3)?), Side::First)
    });
    table.method("lastIndexOf", "string:str sub:str start:int=0", |_, a| find(&a, None, Side::Last));
    table.method("lastIndexOf", "string:str sub:str start:int length:int", |_, a| {
        find(&a, Some(a.int(3)?), Side::Last)
    });
    table.method("toCharArray", "string:str", |vm, a| {
        let text = a.text(0)?;
        vm.charge(text.len())?;
        Value::tuple(text.chars().map(|it| Value::text(it.to_string())).collect())
    });
    table.function("characters", CHARACTERS, characters);
    table.function("isString", "arg", |_, a| Ok(Value::Bool(matches!(a.value(0)?, Value::Text(_)))));
    table.method("startsWith", "string:str *prefixes:str", |_, a| {
        let text = a.text(0)?;
        Ok(Value::Bool(a.rest_values().iter().any(|it| text.starts_with(&it.to_text()))))
    });
    table.method("endsWith", "string:str *suffixes:str", |_, a| {
        let text = a.text(0)?;
        Ok(Value::Bool(a.rest_values().iter().any(|it| text.ends_with(&it.to_text()))))
    });
    table.function("hex", "num:num?", |_, a| match a.value(0)? {
        Value::Int(it) if it < 0 => Ok(Value::text(format!("-{:#x}", it.unsigned_abs()))),
        Value::Int(it) => Ok(Value::text(format!("{it:#x}"))),
        other => Err(Fault::kind(format!("'{}' object cannot be interpreted as an integer", other.class()))),
    });
}

/// The engine's own `str`: `null`, `true`, `false`; everything else as Python prints it.
pub(super) fn str(vm: &mut Vm<'_>, value: &Value) -> Res {
    let text = match value {
        Value::Text(_) => return Ok(value.clone()),
        Value::Null => "null".to_owned(),
        Value::Bool(it) => it.to_string(),
        other => other.to_text(),
    };
    vm.charge_text(text.len())?;
    Ok(Value::text(text))
}

fn join(vm: &mut Vm<'_>, sequence: &Value, separator: &str) -> Res {
    let items = vm.iterate(sequence)?;
    let mut out = String::new();
    let mut first = true;
    while let Some(item) = items.next(vm)? {
        let text = str(vm, &item)?.to_text();
        vm.charge_text(out.len() / 64 + separator.len() + text.len())?;
        if out.len() > super::super::vm::TEXT_MAX {
            return Err(Fault::limit("text too large"));
        }
        if !first {
            out.push_str(separator);
        }
        first = false;
        out.push_str(&text);
    }
    Ok(Value::text(out))
}

/// Python's `str.strip` and its halves.
pub(super) fn strip<'a>(text: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    let strips = |it: char| chars.map_or_else(|| it.is_whitespace(), |chars| chars.contains(it));
    let text = if left { text.trim_start_matches(strips) } else { text };
    if right { text.trim_end_matches(strips) } else { text }
}

fn trim(args: &Args, left: bool, right: bool) -> Result<String, Fault> {
    let text = args.text(0)?;
    Ok(strip(&text, args.maybe_text(1)?.as_deref(), left, right).to_owned())
}

fn limit(count: i128) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn texts(vm: &mut Vm<'_>, parts: Vec<&str>) -> Res {
    vm.charge(parts.len())?;
    Value::list(parts.into_iter().map(Value::text).collect())
}

fn split(vm: &mut Vm<'_>, args: Args) -> Res {
    let text = args.text(0)?;
    let most = limit(args.int(2)?);
    let parts: Vec<&str> = match args.maybe_text(1)? {
        Some(separator) if separator.is_empty() => return Err(Fault::value("empty separator")),
        Some(separator) => text.splitn(most.saturating_add(1), &*separator).collect(),
        None => {
            let mut rest = text.trim_start();
            let mut parts = Vec::new();
            while !rest.is_empty() {
                if parts.len() == most {
                    parts.push(rest);
                    break;
                }
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                parts.push(&rest[..end]);
                rest = rest[end..].trim_start();
            }
            parts
        }
    };
    texts(vm, parts)
}

fn right_split(vm: &mut Vm<'_>, args: Args) -> Res {
    let text = args.text(0)?;
    let most = limit(args.int(2)?);
    let mut parts: Vec<&str> = match args.maybe_text(1)? {
        Some(separator) if separator.is_empty() => return Err(Fault::value("empty separator")),
        Some(separator) => text.rsplitn(most.saturating_add(1), &*separator).collect(),
        None => {
            let mut rest = text.trim_end();
            let mut parts = Vec::new();
            while !rest.is_empty() {
                if parts.len() == most {
                    parts.push(rest);
                    break;
                }
                let start = rest.char_indices().rev().find(|(_, it)| it.is_whitespace());
                let start = start.map_or(0, |(at, it)| at + it.len_utf8());
                parts.push(&rest[start..]);
                rest = rest[..start].trim_end();
            }
            parts
        }
    };
    parts.reverse();
    texts(vm, parts)
}

fn replace(vm: &mut Vm<'_>, text: &str, old: &str, new: &str, count: i128) -> Result<String, Fault> {
    let found = if old.is_empty() { text.chars().count() + 1 } else { text.matches(old).count() };
    let found = found.min(limit(count));
    vm.charge_text(text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(text.replacen(old, new, found))
}

fn replace_all(vm: &mut Vm<'_>, args: Args) -> Res {
    let mut text = args.text(0)?.to_string();
    let Value::Dict(replacements) = args.value(1)? else { return Ok(Value::text(text)) };
    for (old, new) in &replacements.map {
        let (old, new) = (str(vm, old.value())?.to_text(), str(vm, new)?.to_text());
        text = replace(vm, &text, &old, &new, args.int(2)?)?;
    }
    Ok(Value::text(text))
}

/// Python's slice bounds: negative ones count from the end, all are clipped.
pub(super) fn bound(at: i128, length: usize) -> usize {
    let at = if at < 0 { at + length as i128 } else { at };
    usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(length)
}

fn substring(vm: &mut Vm<'_>, args: Args) -> Res {
    let chars: Vec<char> = args.text(0)?.chars().collect();
    vm.charge(chars.len() / 16)?;
    let size = chars.len() as i128;
    let (mut start, mut length) = (args.int(1)?, args.int(2)?);
    if length < 0 {
        length = size;
    }
    if start < 0 {
        start += size;
    }
    let (from, to) = (bound(start, chars.len()), bound(start.saturating_add(length), chars.len()));
    Ok(Value::text(chars.get(from..to.max(from)).unwrap_or_default().iter().collect::<String>()))
}

#[derive(Clone, Copy)]
enum Side {
    First,
    Last,
}

/// Python's `find` and `rfind`: positions are characters.
fn find(args: &Args, length: Option<i128>, side: Side) -> Res {
    let (text, sub): (Rc<str>, Rc<str>) = (args.text(0)?, args.text(1)?);
    let size = text.chars().count();
    let mut start = args.int(2)?;
    let mut end = size as i128;
    if let Some(length) = length {
        if start < 0 {
            start += size as i128;
        }
        end = start.saturating_add(if length < 0 { size as i128 - start } else { length });
    }
    if start > size as i128 {
        return Ok(Value::Int(-1));
    }
    let (from, to) = (bound(start, size), bound(end, size));
    let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |it| it.0);
    let Some(part) = text.get(byte(from)..byte(to)) else { return Ok(Value::Int(-1)) };
    let found = match side {
        Side::First => part.find(&*sub),
        Side::Last => part.rfind(&*sub),
    };
    Ok(Value::Int(found.map_or(-1, |at| (from + part[..at].chars().count()) as i128)))
}

const CHARACTERS: &str = "digits:any=false hexdigits:any=false asciiLowercase:any=false asciiUppercase:any=false \
     asciiLetters:any=false letters:any=false octdigits:any=false punctuation:any=false printable:any=false \
     lowercase:any=false uppercase:any=false whitespace:any=false";

fn characters(_: &mut Vm<'_>, args: Args) -> Res {
    const DIGITS: &str = "0123456789";
    const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
    const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    const SPACE: &str = " \t\n\r\u{b}\u{c}";
    let sets: [&[&str]; 12] = [
        &[DIGITS],
        &[DIGITS, "abcdefABCDEF"],
        &[LOWER],
        &[UPPER],
        &[LOWER, UPPER],
        &[LOWER, UPPER],
        &["01234567"],
        &[PUNCTUATION],
        &[DIGITS, LOWER, UPPER, PUNCTUATION, SPACE],
        &[LOWER],
        &[UPPER],
        &[SPACE],
    ];
    let chosen = sets.iter().enumerate().filter(|(at, _)| args.truth(*at)).flat_map(|(_, set)| set.iter());
    let mut seen = indexmap::IndexSet::new();
    seen.extend(chosen.flat_map(|it| it.chars()));
    Value::tuple(seen.into_iter().map(|it| Value::text(it.to_string())).collect())
}
