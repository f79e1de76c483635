use std::fmt;

use serde_json::Value;

use super::criterion::Around;
use super::{Event, Rule};

/// Characters of a value that a reason shows.
const SHOWN: usize = 80;

/// What an event is to a rule that listens to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided<'r> {
    pub rule: &'r Rule,
    pub outcome: Outcome,
}

/// Whether a rule starts its action.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Match,
    NoMatch(Reason),
}

/// Why a rule does not start its action.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// A criterion does not hold.
    Differs { key: String, value: Value, pattern: Value },
    /// A criterion cannot be looked at: its pattern does not render, or its operator does not take such a value.
    Failed { key: String, why: String },
    /// There are criteria, and nothing that they could be about.
    Empty,
    /// Another rule was enough.
    Backstop,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { key, value, pattern } => {
                write!(f, "`{key}` is {}, which does not fit {}", shown(value), shown(pattern))
            }
            Self::Failed { key, why } => write!(f, "`{key}` cannot be looked at: {why}"),
            Self::Empty => write!(f, "the event has no payload that criteria could be about"),
            Self::Backstop => write!(f, "it is a backstop, and another rule matched"),
        }
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(SHOWN).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// What an event is to each enabled rule that listens to it, in their order, those last that wait for all others.
pub fn decide<'r>(rules: impl IntoIterator<Item = &'r Rule>, event: Event<'_>) -> Vec<Decided<'r>> {
    let listening =
        rules.into_iter().filter(|it| it.enabled && it.trigger.hears(event.trigger, event.parameters));
    let (backstops, others): (Vec<&Rule>, Vec<&Rule>) = listening.partition(|it| it.backstop);
    let names = event.names();
    let around = Around { names: &names, datastore: event.datastore, now: event.now };
    let mut decided: Vec<Decided<'r>> =
        others.into_iter().map(|rule| Decided { rule, outcome: outcome(rule, event, around) }).collect();
    let is_matched = decided.iter().any(|it| it.outcome == Outcome::Match);
    decided.extend(backstops.into_iter().map(|rule| {
        let outcome =
            if is_matched { Outcome::NoMatch(Reason::Backstop) } else { outcome(rule, event, around) };
        Decided { rule, outcome }
    }));
    decided
}

/// Whether one rule matches an event of its trigger, whatever others do and whether it is enabled or not.
pub fn consider(rule: &Rule, event: Event<'_>) -> Outcome {
    let names = event.names();
    outcome(rule, event, Around { names: &names, datastore: event.datastore, now: event.now })
}

fn outcome(rule: &Rule, event: Event<'_>, around: Around<'_>) -> Outcome {
    if rule.criteria.is_empty() {
        return Outcome::Match;
    }
    if is_empty(event.payload) {
        return Outcome::NoMatch(Reason::Empty);
    }
    rule.criteria.hold(around).map_or_else(Outcome::NoMatch, |()| Outcome::Match)
}

/// What is false in Python.
fn is_empty(payload: &Value) -> bool {
    match payload {
        Value::Null => true,
        Value::Bool(it) => !it,
        Value::Number(it) => it.as_f64() == Some(0.0),
        Value::String(it) => it.is_empty(),
        Value::Array(it) => it.is_empty(),
        Value::Object(it) => it.is_empty(),
    }
}
