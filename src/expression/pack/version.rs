//! Semantic versions as the Python package `semver` 3 reads and compares them: <https://semver.org>.

use std::cmp::Ordering;

use serde_json::Value;

use super::Call;
use crate::expression::yaql::fault::Fault;

struct Version {
    numbers: [u64; 3],
    before: Option<String>,
}

/// `version_*`; `None`: no such function.
pub(super) fn call(name: &str, call: &Call) -> Option<Result<Value, Fault>> {
    let value = || call.text(0, "value").and_then(parse);
    let compared = || {
        let pattern = parse(call.text(1, "pattern")?)?;
        Ok(compare(&value()?, &pattern))
    };
    let is = |wanted: Ordering| compared().map(|it: Ordering| Value::Bool(it == wanted));
    let bump = |at: usize| {
        value().map(|it| {
            let mut numbers = it.numbers;
            // A version before a release becomes that release where nothing lower is set.
            let releases = it.before.is_some() && numbers[at + 1..].iter().all(|it| *it == 0) && at == 2;
            numbers[at] = if releases { numbers[at] } else { numbers[at].saturating_add(1) };
            numbers[at + 1..].fill(0);
            Value::String(format!("{}.{}.{}", numbers[0], numbers[1], numbers[2]))
        })
    };
    Some(match name {
        "version_compare" => compared().map(|it| Value::from(it as i8)),
        "version_more_than" => is(Ordering::Greater),
        "version_less_than" => is(Ordering::Less),
        "version_equal" => is(Ordering::Equal),
        "version_match" => value().and_then(|it| matches(&it, call.text(1, "pattern")?)),
        "version_bump_major" => bump(0),
        "version_bump_minor" => bump(1),
        "version_bump_patch" => bump(2),
        "version_strip_patch" => value().map(|it| format!("{}.{}", it.numbers[0], it.numbers[1]).into()),
        _ => return None,
    })
}

fn parse(text: &str) -> Result<Version, Fault> {
    let broken = || Fault::value(format!("{text} is not valid SemVer string"));
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, before) = rest.split_once('-').map_or((rest, None), |(core, it)| (core, Some(it)));
    let number = |it: &str| {
        let plain =
            it == "0" || (!it.starts_with('0') && !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()));
        it.parse::<u64>().ok().filter(|_| plain)
    };
    let numbers: Option<Vec<u64>> = core.split('.').map(number).collect();
    let numbers: [u64; 3] = numbers.and_then(|it| it.try_into().ok()).ok_or_else(broken)?;
    let identifiers = |text: &str, strict: bool| {
        text.split('.').all(|it| {
            let chars = !it.is_empty() && it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let padded = it.len() > 1 && it.starts_with('0') && it.bytes().all(|b| b.is_ascii_digit());
            chars && !(strict && padded)
        })
    };
    if before.is_some_and(|it| !identifiers(it, true)) || build.is_some_and(|it| !identifiers(it, false)) {
        return Err(broken());
    }
    Ok(Version { numbers, before: before.map(str::to_owned) })
}

fn compare(left: &Version, right: &Version) -> Ordering {
    left.numbers.cmp(&right.numbers).then_with(|| match (&left.before, &right.before) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let mut parts = a.split('.').zip(b.split('.')).map(|(a, b)| identifier(a, b));
            let first = parts.find(|it| *it != Ordering::Equal);
            first.unwrap_or_else(|| a.split('.').count().cmp(&b.split('.').count()))
        }
    })
}

/// Numbers are less than words.
fn identifier(left: &str, right: &str) -> Ordering {
    let digits = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
    match (digits(left), digits(right)) {
        (true, true) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.cmp(right),
    }
}

fn matches(version: &Version, pattern: &str) -> Result<Value, Fault> {
    const SIGNS: [&str; 6] = [">=", "<=", "!=", "==", ">", "<"];
    let sign = SIGNS.iter().find(|it| pattern.starts_with(**it));
    let (sign, rest) = match sign {
        Some(sign) => (*sign, &pattern[sign.len()..]),
        None if pattern.starts_with(|it: char| it.is_ascii_digit()) => ("==", pattern),
        None => {
            return Err(Fault::value(format!(
                "match_expr parameter should be in format <op><ver>, where <op> is one of \
                 ['<', '>', '==', '<=', '>=', '!=']. You provided: {}",
                super::repr(&pattern.into())
            )));
        }
    };
    let order = compare(version, &parse(rest)?);
    Ok(Value::Bool(match sign {
        ">=" => order != Ordering::Less,
        "<=" => order != Ordering::Greater,
        "!=" => order != Ordering::Equal,
        "==" => order == Ordering::Equal,
        ">" => order == Ordering::Greater,
        _ => order == Ordering::Less,
    }))
}
