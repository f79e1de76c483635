//! Filters that Jinja2 has and `minijinja` has not, or prints in its own words.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters};

use super::{convert, function, guard};

/// No filter makes a text of more bytes.
const TEXT_MAX: usize = 4 * 1024 * 1024;

/// Puts a look at the arguments before filters that run over whole lists.
macro_rules! guarded {
    ($env:ident, $($name:literal as $hidden:literal = $filter:path),+ $(,)?) => {
        $(
            $env.add_filter($hidden, $filter);
            $env.add_filter($name, |state: &mut State<'_, '_>, args: Rest<Value>| {
                args.iter().try_for_each(guard::items)?;
                state.apply_filter($hidden, &args)
            });
        )+
    };
}

fn add_guarded(env: &mut Environment<'static>) {
    guarded!(
        env,
        "list" as "_list" = filters::list,
        "sort" as "_sort" = filters::sort,
        "unique" as "_unique" = filters::unique,
        "map" as "_map" = filters::map,
        "reverse" as "_reverse" = filters::reverse,
        "batch" as "_batch" = filters::batch,
        "slice" as "_slice" = filters::slice,
        "sum" as "_sum" = filters::sum,
        "min" as "_min" = filters::min,
        "max" as "_max" = filters::max,
        "last" as "_last" = filters::last,
        "select" as "_select" = filters::select,
        "reject" as "_reject" = filters::reject,
        "selectattr" as "_selectattr" = filters::selectattr,
        "rejectattr" as "_rejectattr" = filters::rejectattr,
        "groupby" as "_groupby" = filters::groupby,
        "tojson" as "_tojson" = filters::tojson,
        "pprint" as "_pprint" = filters::pprint,
        "chain" as "_chain" = filters::chain,
    );
    env.add_filter("_format", filters::format);
    env.add_filter("format", |state: &mut State<'_, '_>, args: Rest<Value>| {
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
    // Secrets come decrypted with the datastore.
    env.add_filter("decrypt_kv", |value: Value| value);
    env.add_filter("indent", indent);
    env.add_filter("xmlattr", xmlattr);
    env.add_test("callable", |value: &Value| value.as_object().is_some() && value.try_iter().is_err());
}

fn default_of(args: &[Value], options: &Kwargs, otherwise: Value) -> Result<Value, Error> {
    let named = options.get::<Option<Value>>("default")?;
    options.get::<Option<Value>>("base")?;
    options.assert_all_used()?;
    Ok(args.first().cloned().or(named).unwrap_or(otherwise))
}

/// Jinja2's: what is no number is the default, 0 unless told otherwise.
fn int(value: &Value, args: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let default = default_of(&args, &options, Value::from(0))?;
    let parsed = match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => return Ok(value.clone()),
        ValueKind::Number => f64::try_from(value.clone()).ok().and_then(whole),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim();
            text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
        }
        _ => None,
    };
    Ok(parsed.map_or(default, Value::from))
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

fn bounded(text: String) -> Result<String, Error> {
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

fn xmlattr(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    for key in value.try_iter()? {
        let item = value.get_item(&key)?;
        if item.is_none() || item.is_undefined() {
            continue;
        }
        let text = convert::text(&item).replace('&', "&amp;").replace('"', "&#34;");
        let text = text.replace('<', "&lt;").replace('>', "&gt;");
        out.push_str(&format!(" {}=\"{text}\"", convert::text(&key)));
    }
    bounded(out)
}
