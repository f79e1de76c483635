//! The operators of StackStorm's `st2common/operators.py`, by all of their names.

use std::fmt::Write as _;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::Value;

use crate::expression::pattern;

use super::compare::{CompareError, equal, is_in, kind, order};

/// Why an operator cannot say yes or no. Then the rule does not match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    #[error("it compares texts, and {0} is none")]
    NotText(&'static str),
    #[error(transparent)]
    Compare(#[from] CompareError),
    #[error("`{pattern}` is no pattern that can be matched in bounded time: {why}")]
    Pattern { pattern: String, why: String },
    #[error("`{0}` is no date")]
    NotDate(String),
}

/// How a value is held against a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equals,
    NotEquals,
    IgnoringCase(Text),
    Exactly(Text),
    NotContains,
    NotContainsIgnoringCase,
    Less,
    Greater,
    Wildcard,
    /// At the start, and a dot is any character.
    MatchRegex,
    Regex,
    RegexIgnoringCase,
    /// Seconds since the value's date.
    YoungerThan,
    OlderThan,
    Exists,
    NotExists,
    Inside,
    NotInside,
}

/// Where in a text another one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    Equal,
    Contains,
    Starts,
    Ends,
}

impl Operator {
    /// By any of its names, in upper or lower case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "eq" | "equals" => Self::Equals,
            "neq" | "nequals" => Self::NotEquals,
            "ieq" | "iequals" => Self::IgnoringCase(Text::Equal),
            "contains" => Self::Exactly(Text::Contains),
            "icontains" => Self::IgnoringCase(Text::Contains),
            "ncontains" => Self::NotContains,
            "incontains" => Self::NotContainsIgnoringCase,
            "startswith" => Self::Exactly(Text::Starts),
            "istartswith" => Self::IgnoringCase(Text::Starts),
            "endswith" => Self::Exactly(Text::Ends),
            "iendswith" => Self::IgnoringCase(Text::Ends),
            "lt" | "lessthan" => Self::Less,
            "gt" | "greaterthan" => Self::Greater,
            "matchwildcard" => Self::Wildcard,
            "matchregex" => Self::MatchRegex,
            "regex" => Self::Regex,
            "iregex" => Self::RegexIgnoringCase,
            "td_lt" | "timediff_lt" => Self::YoungerThan,
            "td_gt" | "timediff_gt" => Self::OlderThan,
            "exists" => Self::Exists,
            "nexists" => Self::NotExists,
            "in" | "inside" => Self::Inside,
            "nin" | "ninside" => Self::NotInside,
            _ => return None,
        })
    }

    /// All names, for what may have been meant, with that of `search`.
    pub(super) const NAMES: [&'static str; 33] = [
        "eq",
        "equals",
        "neq",
        "nequals",
        "ieq",
        "iequals",
        "contains",
        "icontains",
        "ncontains",
        "incontains",
        "startswith",
        "istartswith",
        "endswith",
        "iendswith",
        "lt",
        "lessthan",
        "gt",
        "greaterthan",
        "matchwildcard",
        "matchregex",
        "regex",
        "iregex",
        "td_lt",
        "timediff_lt",
        "td_gt",
        "timediff_gt",
        "exists",
        "nexists",
        "in",
        "inside",
        "nin",
        "ninside",
        "search",
    ];

    /// Whether a text is a pattern of its own grammar, so that it can be looked at before it is needed.
    pub(super) fn check(self, text: &str) -> Result<(), OperatorError> {
        match self {
            Self::Wildcard => compiled(&wildcard(text), text, false).map(drop),
            Self::MatchRegex => compiled(&at_start(text), text, false).map(drop),
            Self::Regex | Self::RegexIgnoringCase => compiled(text, text, false).map(drop),
            Self::Equals
            | Self::NotEquals
            | Self::IgnoringCase(_)
            | Self::Exactly(_)
            | Self::NotContains
            | Self::NotContainsIgnoringCase
            | Self::Less
            | Self::Greater
            | Self::YoungerThan
            | Self::OlderThan
            | Self::Exists
            | Self::NotExists
            | Self::Inside
            | Self::NotInside => Ok(()),
        }
    }

    /// Holds `value` against `pattern`; `now` is what ages are counted from.
    pub(super) fn holds(self, value: &Value, pattern: &Value, now: Timestamp) -> Result<bool, OperatorError> {
        match self {
            Self::Exists => return Ok(!value.is_null()),
            Self::NotExists => return Ok(value.is_null()),
            Self::NotEquals => return Ok(!equal(value, pattern)),
            _ if pattern.is_null() => return Ok(false),
            _ => {}
        }
        Ok(match self {
            Self::Equals => equal(value, pattern),
            Self::IgnoringCase(how) => how.of(&text(value)?.to_lowercase(), &text(pattern)?.to_lowercase()),
            Self::Exactly(Text::Contains) => is_in(pattern, value)?,
            Self::Exactly(how) => how.of(text(value)?, text(pattern)?),
            Self::NotContains => !is_in(pattern, value)?,
            Self::NotContainsIgnoringCase => {
                !Text::Contains.of(&text(value)?.to_lowercase(), &text(pattern)?.to_lowercase())
            }
            Self::Less => order(value, pattern)?.is_some_and(std::cmp::Ordering::is_lt),
            Self::Greater => order(value, pattern)?.is_some_and(std::cmp::Ordering::is_gt),
            Self::Wildcard => {
                let pattern = text(pattern)?;
                compiled(&wildcard(pattern), pattern, false)?.is_match(text(value)?)
            }
            Self::MatchRegex => {
                let pattern = text(pattern)?;
                compiled(&at_start(pattern), pattern, false)?.is_match(text(value)?)
            }
            Self::Regex | Self::RegexIgnoringCase => {
                let pattern = text(pattern)?;
                compiled(pattern, pattern, self == Self::RegexIgnoringCase)?.is_match(text(value)?)
            }
            Self::YoungerThan => order(&age(value, now)?, pattern)?.is_some_and(std::cmp::Ordering::is_lt),
            Self::OlderThan => order(&age(value, now)?, pattern)?.is_some_and(std::cmp::Ordering::is_gt),
            Self::Inside => is_in(value, pattern)?,
            Self::NotInside => !is_in(value, pattern)?,
            Self::Exists | Self::NotExists | Self::NotEquals => false,
        })
    }
}

impl Text {
    fn of(self, value: &str, pattern: &str) -> bool {
        match self {
            Self::Equal => value == pattern,
            Self::Contains => value.contains(pattern),
            Self::Starts => value.starts_with(pattern),
            Self::Ends => value.ends_with(pattern),
        }
    }
}

fn text(value: &Value) -> Result<&str, OperatorError> {
    value.as_str().ok_or_else(|| OperatorError::NotText(kind(value)))
}

fn compiled(source: &str, written: &str, ignore_case: bool) -> Result<regex::Regex, OperatorError> {
    pattern(source, ignore_case)
        .map_err(|why| OperatorError::Pattern { pattern: written.chars().take(80).collect(), why })
}

fn at_start(text: &str) -> String {
    format!(r"(?s)\A(?:{text})")
}

/// Python's `fnmatch.translate`.
fn wildcard(text: &str) -> String {
    let mut out = String::from(r"(?s)\A");
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        match (next, class_of(rest)) {
            ('*', _) => out.push_str(".*"),
            ('?', _) => out.push('.'),
            ('[', Some((class, after))) => {
                out.push_str(&class);
                rest = after;
            }
            (other, _) => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    out + r"\z"
}

/// What stands between brackets as a class, and what follows it; `None` if they do not close.
fn class_of(text: &str) -> Option<(String, &str)> {
    let (negated, inner) = text.strip_prefix('!').map_or((false, text), |it| (true, it));
    // The first one of all belongs to the class.
    let from = usize::from(inner.starts_with(']'));
    let end = from + inner[from..].find(']')?;
    let mut class = String::from(if negated { "[^" } else { "[" });
    for c in inner[..end].chars() {
        let _ = if c == '-' || c.is_alphanumeric() {
            write!(class, "{c}")
        } else {
            write!(class, "\\u{{{:x}}}", u32::from(c))
        };
    }
    class.push(']');
    Some((class, &inner[end + 1..]))
}

/// Seconds since a date, as a number.
fn age(value: &Value, now: Timestamp) -> Result<Value, OperatorError> {
    let date = text(value)?.trim();
    let at = instant(date).ok_or_else(|| OperatorError::NotDate(date.chars().take(80).collect()))?;
    Ok(Value::from(now.duration_since(at).as_secs_f64()))
}

/// A date in any of the usual ways to write one; without a zone it is UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(at) = jiff::fmt::rfc2822::parse(text) {
        return Some(at.timestamp());
    }
    let civil = text.parse::<civil::DateTime>().ok();
    let civil = civil.or_else(|| Some(text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0)));
    Some(civil?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
