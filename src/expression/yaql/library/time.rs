//! Instants with an offset, and spans; both in microseconds as Python's are.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::super::fault::Fault;
use super::super::spec::{Args, Res};
use super::super::value::Value;
use super::super::vm::{Vm, no_match, unknown};
use super::Table;
use super::number::as_float;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Year 1 to 9999, as Python's.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

pub(super) fn add(table: &mut Table) {
    table.function(
        "datetime",
        "year:int month:int day:int hour:int=0 minute:int=0 second:int=0 microsecond:int=0 offset:span=none",
        |_, a| {
            let part = |at: usize| a.int(at);
            civil([part(0)?, part(1)?, part(2)?, part(3)?, part(4)?, part(5)?, part(6)?], offset_of(&a, 7))
        },
    );
    table.function("datetime", "timestamp:num offset:span=none", |_, a| {
        let at = as_float(&a.value(0)?) * SECOND as f64;
        instant(at.round() as i64, offset_of(&a, 1))
    });
    table.function("datetime", "string:str format:str?=null", |_, a| {
        let text = a.text(0)?;
        match a.maybe_text(1)? {
            Some(format) => by_format(&text, &format),
            None => read(&text),
        }
    });
    table.function(
        "timespan",
        "days:int=0 hours:int=0 minutes:int=0 seconds:int=0 milliseconds:int=0 microseconds:int=0",
        |_, a| {
            let units = [DAY, 3600 * SECOND, 60 * SECOND, SECOND, 1000, 1];
            let mut total: i128 = 0;
            for (at, unit) in units.into_iter().enumerate() {
                total = total.saturating_add(a.int(at)?.saturating_mul(unit.into()));
            }
            span(i64::try_from(total).ok())
        },
    );
    table.function("now", "offset:span=none", |vm, a| {
        let now = vm.scope.map_or(0, |scope| scope.host.now.as_microsecond());
        instant(now, offset_of(&a, 0))
    });
    table.function("localtz", "", |_, _| Ok(Value::Span(0)));
    table.function("utctz", "", |_, _| Ok(Value::Span(0)));
    table.function("isDatetime", "value", |_, a| Ok(Value::Bool(matches!(a.value(0)?, Value::Time(..)))));
    table.function("isTimespan", "value", |_, a| Ok(Value::Bool(matches!(a.value(0)?, Value::Span(_)))));
    table.method("format", "dt:time format:str", |_, a| {
        let Value::Time(at, offset) = a.value(0)? else { return Ok(Value::Null) };
        let text = local(at, offset)?.to_zoned(jiff::tz::TimeZone::fixed(zone(offset)));
        let text = text.map_err(|error| Fault::value(error.to_string()))?;
        jiff::fmt::strtime::format(&*a.text(1)?, &text)
            .map(Value::text)
            .map_err(|it| Fault::value(it.to_string()))
    });
    table.method(
        "replace",
        "dt:time year:int=none month:int=none day:int=none hour:int=none minute:int=none second:int=none \
         microsecond:int=none offset:span=none",
        replace,
    );
}

fn offset_of(args: &Args, at: usize) -> i32 {
    match args.given(at) {
        Some(Value::Span(it)) => i32::try_from(it / SECOND).unwrap_or(0),
        _ => 0,
    }
}

fn zone(offset: i32) -> Offset {
    Offset::from_seconds(offset).unwrap_or(Offset::UTC)
}

fn local(at: i64, offset: i32) -> Result<DateTime, Fault> {
    let stamp = jiff::Timestamp::from_microsecond(at).map_err(|error| Fault::value(error.to_string()))?;
    Ok(zone(offset).to_datetime(stamp))
}

fn instant(at: i64, offset: i32) -> Res {
    if RANGE.contains(&at) {
        Ok(Value::Time(at, offset))
    } else {
        Err(Fault::new("OverflowError", "date value out of range"))
    }
}

fn span(micros: Option<i64>) -> Res {
    micros.map(Value::Span).ok_or_else(|| Fault::new("OverflowError", "timedelta out of range"))
}

/// Year, month, day, hour, minute, second, microsecond.
fn civil(parts: [i128; 7], offset: i32) -> Res {
    let names = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
    let small = |at: usize| {
        i16::try_from(parts[at]).map_err(|_| Fault::value(format!("{} is out of range", names[at])))
    };
    let tiny = |at: usize| {
        i8::try_from(parts[at]).map_err(|_| Fault::value(format!("{} is out of range", names[at])))
    };
    let nanos = i32::try_from(parts[6].saturating_mul(1000));
    let nanos = nanos.map_err(|_| Fault::value("microsecond must be in 0..999999"))?;
    let made = DateTime::new(small(0)?, tiny(1)?, tiny(2)?, tiny(3)?, tiny(4)?, tiny(5)?, nanos);
    at_offset(made.map_err(|error| Fault::value(error.to_string()))?, offset)
}

fn at_offset(local: DateTime, offset: i32) -> Res {
    let stamp = zone(offset).to_timestamp(local).map_err(|error| Fault::value(error.to_string()))?;
    instant(stamp.as_microsecond(), offset)
}

fn by_format(text: &str, format: &str) -> Res {
    let broken = |error: jiff::Error| Fault::value(error.to_string());
    let parsed = jiff::fmt::strtime::parse(format, text).map_err(broken)?;
    let offset = parsed.offset().map_or(0, Offset::seconds);
    at_offset(parsed.to_datetime().map_err(broken)?, offset)
}

/// ISO 8601 and what is close to it: `2015-8-29`, `20080903`, `2008-09-03 20:56`.
fn read(text: &str) -> Res {
    let text = text.trim();
    let unknown = || Fault::new("ParserError", format!("Unknown string format: {text}"));
    let (date, clock) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let mut parts = [1_i128; 7];
    parts[3..].fill(0);
    if date.len() == 8 && date.bytes().all(|it| it.is_ascii_digit()) {
        for (at, range) in [0..4, 4..6, 6..8].into_iter().enumerate() {
            parts[at] = date[range].parse().map_err(|_| unknown())?;
        }
    } else {
        let fields: Vec<&str> = date.split(['-', '/']).collect();
        let [year, month, day] = fields.as_slice() else { return Err(unknown()) };
        for (at, field) in [year, month, day].into_iter().enumerate() {
            parts[at] = field.parse().map_err(|_| unknown())?;
        }
    }
    let (clock, offset) = split_offset(clock).ok_or_else(unknown)?;
    for (at, field) in clock.split(':').filter(|it| !it.is_empty()).enumerate() {
        if at > 2 {
            return Err(unknown());
        }
        let (whole, fraction) = field.split_once('.').unwrap_or((field, ""));
        parts[3 + at] = whole.parse().map_err(|_| unknown())?;
        if !fraction.is_empty() {
            let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
            parts[6] = digits.parse().map_err(|_| unknown())?;
        }
    }
    civil(parts, offset)
}

/// The clock and the offset behind it in seconds.
fn split_offset(clock: &str) -> Option<(&str, i32)> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = clock.rfind(['+', '-']) else { return Some((clock, 0)) };
    let digits: String = clock[at + 1..].chars().filter(char::is_ascii_digit).collect();
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..4).unwrap_or("0").parse().ok()?;
    let sign = if clock[at..].starts_with('-') { -1 } else { 1 };
    Some((clock[..at].trim_end(), sign * (hours * 3600 + minutes * 60)))
}

fn replace(_: &mut Vm<'_>, args: Args) -> Res {
    let Value::Time(at, offset) = args.value(0)? else { return Ok(Value::Null) };
    let now = local(at, offset)?;
    let old: [i128; 7] = [
        now.year().into(),
        now.month().into(),
        now.day().into(),
        now.hour().into(),
        now.minute().into(),
        now.second().into(),
        at.rem_euclid(SECOND).into(),
    ];
    let mut parts = old;
    for (part, slot) in parts.iter_mut().enumerate() {
        if args.given(part + 1).is_some() {
            *slot = args.int(part + 1)?;
        }
    }
    let offset = if args.given(8).is_some() { offset_of(&args, 8) } else { offset };
    civil(parts, offset)
}

/// `value.name` on anything that has no members.
pub(in super::super) fn property(name: &str, value: &Value) -> Res {
    const OF_TIME: [&str; 13] = [
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "microsecond",
        "weekday",
        "offset",
        "timestamp",
        "date",
        "time",
        "utc",
    ];
    const OF_SPAN: [&str; 6] = ["microseconds", "milliseconds", "seconds", "minutes", "hours", "days"];
    let function = format!("#property#{name}");
    match value {
        Value::Time(at, offset) if OF_TIME.contains(&name) => time_property(name, *at, *offset),
        Value::Span(it) if OF_SPAN.contains(&name) => Ok(match name {
            "microseconds" => Value::Int((*it).into()),
            "milliseconds" => Value::Float(*it as f64 / 1000.0),
            "seconds" => Value::Float(*it as f64 / 1e6),
            "minutes" => Value::Float(*it as f64 / 6e7),
            "hours" => Value::Float(*it as f64 / 3.6e9),
            _ => Value::Float(*it as f64 / 8.64e10),
        }),
        _ if OF_TIME.contains(&name) || OF_SPAN.contains(&name) => Err(no_match(&function, None)),
        _ => Err(unknown(&function, None)),
    }
}

fn time_property(name: &str, at: i64, offset: i32) -> Res {
    let here = local(at, offset)?;
    let since_midnight = (at + i64::from(offset) * SECOND).rem_euclid(DAY);
    Ok(match name {
        "year" => Value::Int(here.year().into()),
        "month" => Value::Int(here.month().into()),
        "day" => Value::Int(here.day().into()),
        "hour" => Value::Int(here.hour().into()),
        "minute" => Value::Int(here.minute().into()),
        "second" => Value::Int(here.second().into()),
        "microsecond" => Value::Int(at.rem_euclid(SECOND).into()),
        "weekday" => Value::Int(here.weekday().to_monday_zero_offset().into()),
        "offset" => Value::Span(i64::from(offset) * SECOND),
        "timestamp" => Value::Float((at - i64::from(offset) * SECOND) as f64 / 1e6),
        "date" => return instant(at - since_midnight, offset),
        "time" => Value::Span(since_midnight),
        // The original subtracts the offset and keeps the zone.
        _ => return instant(at - i64::from(offset) * SECOND, offset),
    })
}

/// Between instants, spans and numbers; `None`: no such pair.
pub(super) fn arithmetic(name: &str, left: &Value, right: &Value) -> Option<Res> {
    use Value::{Span, Time};
    let zero = || Err(Fault::new("ZeroDivisionError", "division by zero"));
    let scaled = |it: f64| span((it.abs() < 9e18).then(|| it.round_ties_even() as i64));
    Some(match (name, left, right) {
        ("#operator_+", Time(at, offset), Span(it)) | ("#operator_+", Span(it), Time(at, offset)) => {
            instant(at.saturating_add(*it), *offset)
        }
        ("#operator_-", Time(at, offset), Span(it)) => instant(at.saturating_sub(*it), *offset),
        ("#operator_-", Time(a, _), Time(b, _)) => span(a.checked_sub(*b)),
        ("#operator_+", Span(a), Span(b)) => span(a.checked_add(*b)),
        ("#operator_-", Span(a), Span(b)) => span(a.checked_sub(*b)),
        ("#operator_/", Span(_), Span(0)) => zero(),
        ("#operator_/", Span(a), Span(b)) => Ok(Value::Float(*a as f64 / *b as f64)),
        ("#operator_*", Span(a), n @ (Value::Int(_) | Value::Float(_)))
        | ("#operator_*", n @ (Value::Int(_) | Value::Float(_)), Span(a)) => scaled(*a as f64 * as_float(n)),
        ("#operator_/", Span(_), n @ (Value::Int(_) | Value::Float(_))) if as_float(n) == 0.0 => zero(),
        ("#operator_/", Span(a), n @ (Value::Int(_) | Value::Float(_))) => scaled(*a as f64 / as_float(n)),
        _ => return None,
    })
}
