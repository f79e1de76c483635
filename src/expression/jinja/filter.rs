//! Filters that Jinja2 has and `minijinja` has not, or prints in its own words.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters};

use super::wrap::wordwrap;
use super::{convert, datastore, dump, function, guard};

/// No filter makes a text of more bytes.
const TEXT_MAX: usize = 4 * 1024 * 1024;

/// Puts a look at the arguments before filters that run over whole lists, and gives a name to arguments that Jinja2
/// takes by place too.
macro_rules! guarded {
    ($env:ident, $($name:literal as $hidden:literal = $filter:path, $places:expr);+ $(;)?) => {
        $(
            $env.add_filter($hidden, $filter);
            $env.add_filter($name, |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
                let args = by_name(args.into_values(), &$places)?;
                args.iter().filter(|it| !it.is_kwargs()).try_for_each(guard::items)?;
                state.apply_filter($hidden, &args)
            });
        )+
    };
}

/// The arguments after the value as keyword arguments of these names; all of them as they are where no names are given.
fn by_name(mut args: Vec<Value>, places: &[&'static str]) -> Result<Vec<Value>, Error> {
    if places.is_empty() {
        return Ok(args);
    }
    let named = args.pop_if(|it| it.is_kwargs()).map(Kwargs::try_from).transpose()?;
    let placed = args.split_off(args.len().min(1));
    if places.len() < placed.len() {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let mut all: Vec<(String, Value)> =
        places.iter().zip(placed).map(|(name, it)| ((*name).to_owned(), it)).collect();
    if let Some(named) = &named {
        for name in named.args() {
            all.push((name.to_owned(), named.get::<Value>(name)?));
        }
    }
    if !all.is_empty() {
        args.push(Kwargs::from_iter(all).into());
    }
    Ok(args)
}

fn add_guarded(env: &mut Environment<'static>) {
    const AS_THEY_ARE: [&str; 0] = [];
    guarded!(
        env,
        "list" as "_list" = filters::list, AS_THEY_ARE;
        "sort" as "_sort" = filters::sort, ["reverse", "case_sensitive", "attribute"];
        "unique" as "_unique" = filters::unique, ["case_sensitive", "attribute"];
        "dictsort" as "_dictsort" = filters::dictsort, ["case_sensitive", "by", "reverse"];
        "map" as "_map" = filters::map, AS_THEY_ARE;
        "reverse" as "_reverse" = filters::reverse, AS_THEY_ARE;
        "batch" as "_batch" = filters::batch, AS_THEY_ARE;
        "slice" as "_slice" = filters::slice, AS_THEY_ARE;
        "sum" as "_sum" = filters::sum, AS_THEY_ARE;
        "min" as "_min" = filters::min, ["case_sensitive", "attribute"];
        "max" as "_max" = filters::max, ["case_sensitive", "attribute"];
        "last" as "_last" = filters::last, AS_THEY_ARE;
        "select" as "_select" = filters::select, AS_THEY_ARE;
        "reject" as "_reject" = filters::reject, AS_THEY_ARE;
        "selectattr" as "_selectattr" = filters::selectattr, AS_THEY_ARE;
        "rejectattr" as "_rejectattr" = filters::rejectattr, AS_THEY_ARE;
        "groupby" as "_groupby" = filters::groupby, AS_THEY_ARE;
        "chain" as "_chain" = filters::chain, AS_THEY_ARE;
    );
    env.add_filter("_format", filters::format);
    env.add_filter("format", |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        guard::format_text(args.first().and_then(Value::as_str).unwrap_or_default())?;
        state.apply_filter("_format", &args)
    });
}

pub(super) fn add(env: &mut Environment<'static>) {
    add_guarded(env);
    function::add_filters(env);
    env.add_filter("string", convert::bounded_text);
    env.add_filter("join", join);
    env.add_filter("replace", replace);
    env.add_filter("truncate", truncate);
    env.add_filter("center", center);
    env.add_filter("wordcount", |value: &Value| {
        let text = convert::text(value);
        text.split(|it: char| !(it.is_alphanumeric() || it == '_')).filter(|it| !it.is_empty()).count()
    });
    env.add_filter("int", int);
    env.add_filter("float", float);
    env.add_test("sequence", |value: &Value| {
        matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map)
    });
    env.add_filter("forceescape", |state: &mut State<'_, '_>, value: Value| {
        state.apply_filter("escape", &[value])
    });
    env.add_filter("filesizeformat", minijinja_contrib::filters::filesizeformat);
    env.add_filter("striptags", minijinja_contrib::filters::striptags);
    datastore::add_filter(env);
    env.add_filter("indent", indent);
    env.add_filter("wordwrap", wordwrap);
    dump::add(env);
    env.add_test("callable", |value: &Value| value.as_object().is_some() && value.try_iter().is_err());
}

fn default_of(args: &[Value], options: &Kwargs, otherwise: Value) -> Result<Value, Error> {
    let named = options.get::<Option<Value>>("default")?;
    options.assert_all_used()?;
    Ok(args.first().cloned().or(named).unwrap_or(otherwise))
}

/// Jinja2's: what is no number is the default, 0 unless told otherwise.
fn int(value: &Value, args: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let base = match args.get(1) {
        Some(it) => it.as_usize(),
        None => options.get::<Option<usize>>("base")?,
    };
    let default = default_of(&args, &options, Value::from(0))?;
    let parsed = match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => return Ok(value.clone()),
        ValueKind::Number => f64::try_from(value.clone()).ok().and_then(whole),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim();
            let in_base = base.filter(|it| *it != 10).and_then(|it| based(text, it));
            in_base.or_else(|| text.parse().ok()).or_else(|| text.parse().ok().and_then(whole))
        }
        _ => None,
    };
    Ok(parsed.map_or(default, Value::from))
}

/// Python's `int(text, base)`: the base's own prefix may stand before the digits.
fn based(text: &str, base: usize) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |it| (-1, it));
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let lower = digits.to_ascii_lowercase();
    let digits = lower.strip_prefix(prefix).unwrap_or(&lower);
    let base = u32::try_from(base).ok().filter(|it| (2..=36).contains(it))?;
    Some(sign * i128::from_str_radix(digits, base).ok()?)
}

fn whole(number: f64) -> Option<i128> {
    (number.abs() < 1e38).then_some(number as i128)
}

fn float(value: &Value, args: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let default = default_of(&args, &options, Value::from(0.0))?;
    let parsed = match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        ValueKind::String => value.as_str().unwrap_or_default().trim().parse().ok(),
        _ => None,
    };
    Ok(parsed.map_or(default, Value::from))
}

pub(super) fn bounded(text: String) -> Result<String, Error> {
    if text.len() > TEXT_MAX { Err(too_large()) } else { Ok(text) }
}

fn too_large() -> Error {
    Error::new(ErrorKind::OutOfFuel, "text too large")
}

fn join(
    state: &mut State<'_, '_>,
    value: Value,
    separator: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let value = match options.get::<Option<String>>("attribute")? {
        Some(attribute) => {
            let named = Kwargs::from_iter([("attribute", Value::from(attribute))]);
            state.apply_filter("map", &[value, Value::from(named)])?
        }
        None => value,
    };
    let separator = match separator {
        Some(separator) => separator,
        None => options.get::<Option<String>>("d")?.unwrap_or_default(),
    };
    options.assert_all_used()?;
    let mut out = String::new();
    guard::items(&value)?;
    for (at, item) in value.try_iter()?.enumerate() {
        if at > 0 {
            out.push_str(&separator);
        }
        out.push_str(&convert::text(&item));
        if out.len() > TEXT_MAX {
            return Err(too_large());
        }
    }
    Ok(out)
}

fn replace(value: &Value, old: &Value, new: &Value, count: Option<usize>) -> Result<String, Error> {
    let (text, old, new) = (convert::text(value), convert::text(old), convert::text(new));
    let found = if old.is_empty() { text.chars().count() + 1 } else { text.matches(&old).count() };
    let found = found.min(count.unwrap_or(usize::MAX));
    if text.len().saturating_add(found.saturating_mul(new.len())) > TEXT_MAX {
        return Err(too_large());
    }
    Ok(text.replacen(&old, &new, found))
}

/// Jinja2's: cuts at a word unless told otherwise; texts within the leeway stay whole.
fn truncate(value: &Value, args: Rest<Value>, options: Kwargs) -> Result<String, Error> {
    let text = convert::text(value);
    let at = |place: usize| args.get(place).cloned();
    let length = match at(0) {
        Some(length) => length,
        None => options.get::<Option<Value>>("length")?.unwrap_or_else(|| Value::from(255)),
    };
    let length =
        length.as_usize().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "length is no number"))?;
    let kill_words = match at(1) {
        Some(it) => it.is_true(),
        None => options.get::<Option<bool>>("killwords")?.unwrap_or(false),
    };
    let end = match at(2) {
        Some(it) => convert::text(&it),
        None => options.get::<Option<String>>("end")?.unwrap_or_else(|| "...".to_owned()),
    };
    let leeway = match at(3) {
        Some(it) => it.as_usize().unwrap_or(5),
        None => options.get::<Option<usize>>("leeway")?.unwrap_or(5),
    };
    options.assert_all_used()?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let kept = length.saturating_sub(end.chars().count());
    let cut: String = text.chars().take(kept).collect();
    let cut = if kill_words { &*cut } else { cut.rsplit_once(' ').map_or(&*cut, |it| it.0) };
    Ok(format!("{cut}{end}"))
}

fn center(value: &Value, width: Option<usize>) -> Result<String, Error> {
    let text = convert::text(value);
    let width = width.unwrap_or(80);
    if width > TEXT_MAX {
        return Err(too_large());
    }
    let free = width.saturating_sub(text.chars().count());
    // Python gives the odd space to the left when the width is odd.
    let left = free / 2 + (free & width & 1);
    Ok(format!("{}{text}{}", " ".repeat(left), " ".repeat(free - left)))
}

fn indent(value: &Value, args: Rest<Value>, options: Kwargs) -> Result<String, Error> {
    let text = convert::text(value);
    let width = match args.first() {
        Some(it) => it.clone(),
        None => options.get::<Option<Value>>("width")?.unwrap_or_else(|| Value::from(4)),
    };
    let first = match args.get(1) {
        Some(it) => it.is_true(),
        None => options.get::<Option<bool>>("first")?.unwrap_or(false),
    };
    let blank = match args.get(2) {
        Some(it) => it.is_true(),
        None => options.get::<Option<bool>>("blank")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    let pad = match width.as_usize() {
        Some(count) if count > 1000 => return Err(too_large()),
        Some(count) => " ".repeat(count),
        None => convert::text(&width),
    };
    let mut out = String::new();
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if (at > 0 || first) && (blank || !line.is_empty()) {
            out.push_str(&pad);
        }
        out.push_str(line);
    }
    bounded(out)
}
