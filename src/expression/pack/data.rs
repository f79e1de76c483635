use serde_json::Value;

use super::Call;
use super::python::class;
use crate::expression::yaql::fault::Fault;

/// What `use_none` writes for null, so that it survives being rendered into a text
/// (`st2common/expressions/functions/data.py`).
pub(in crate::expression) const NONE: &str = "%*****__%NONE%__*****%";

pub(super) fn use_none(value: Value) -> Value {
    if value.is_null() { NONE.into() } else { value }
}

/// Rows across lists, filled up to the longest; one list alone is itself.
pub(super) fn zip(call: &Call) -> Value {
    let pad = call.named.get("pad").cloned().unwrap_or_default();
    let empty = Vec::new();
    if let [only] = call.args.as_slice() {
        return if only.is_null() { Value::Array(empty) } else { only.clone() };
    }
    let lists: Vec<&Vec<Value>> = call.args.iter().map(|it| it.as_array().unwrap_or(&empty)).collect();
    let rows = lists.iter().map(|it| it.len()).max().unwrap_or(0);
    let row = |at: usize| lists.iter().map(|list| list.get(at).unwrap_or(&pad).clone()).collect();
    Value::Array((0..rows).map(|at| Value::Array(row(at))).collect())
}

/// `3m5s`; the original's way of counting years and of calling small numbers microseconds.
pub(super) fn human_time(call: &Call) -> Result<Value, Fault> {
    let value = call.required(0, "seconds")?;
    let Some(seconds) = value.as_f64().filter(|_| value.is_number()) else {
        return Err(Fault::new("AssertionError", format!("seconds is {}", class(value))));
    };
    if seconds == 0.0 {
        return Ok("0s".into());
    }
    if seconds < 1.0 {
        return Ok(format!("{}\u{3bc}s", super::repr(value)).into());
    }
    // Python's dates end with the year 9999.
    const SECONDS_MAX: f64 = 315_537_897_599.0;
    if seconds > SECONDS_MAX {
        return Err(Fault::new("OverflowError", "date value out of range"));
    }
    let total = seconds.round_ties_even() as i64;
    let date = jiff::civil::date(1, 1, 1).checked_add(jiff::Span::new().days(total / 86_400));
    let date = date.map_err(|_| Fault::new("OverflowError", "date value out of range"))?;
    // The original shows the day of the month and forgets the month.
    let clock = total % 86_400;
    let parts = [
        (i64::from(date.year()) - 1, 'y'),
        (i64::from(date.day()) - 1, 'd'),
        (clock / 3600, 'h'),
        (clock / 60 % 60, 'm'),
        (clock % 60, 's'),
    ];
    let first = parts.iter().position(|it| it.0 != 0);
    let Some(first) = first else { return Ok("0s".into()) };
    Ok(parts[first..].iter().map(|(count, unit)| format!("{count}{unit}")).collect::<String>().into())
}
