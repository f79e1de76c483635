//! A condition of a rule: where in the event, how, against what.

use std::sync::LazyLock;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::expression::{DatastoreView, JsonPath};

use super::compare::kind;
use super::decide::Reason;
use super::operator::Operator;
use super::pattern::rendered;

/// Criteria within criteria: nobody writes more.
const DEPTH_MAX: usize = 8;

/// All conditions of a rule, in the order of its file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Criteria(Vec<Criterion>);

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    /// As it is written: `trigger.body.x#1`.
    pub key: String,
    /// As it is written.
    pub written: Value,
    check: Check,
}

/// Why a condition can never hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    #[error("`{key}` is no path into an event: {why}")]
    Key { key: String, why: String },
    #[error("`{0}` says no `type`, so it never holds")]
    NoType(String),
    #[error("there is no operator `{0}`")]
    UnknownOperator(String),
    #[error("`search` has no condition `{0}`; there are all, any, all2any and any2any")]
    UnknownCondition(String),
    #[error("the pattern of `search` is criteria on `item.…`, and {0} is none")]
    NoCriteria(&'static str),
    #[error("{0}")]
    Pattern(String),
    #[error("criteria lie more than {DEPTH_MAX} deep within criteria")]
    Deep,
}

#[derive(Clone, Debug, PartialEq)]
enum Check {
    Compare { path: JsonPath, operator: Operator, pattern: Value },
    Search { path: JsonPath, condition: Condition, criteria: Criteria },
    Never(Mistake),
}

/// How many items of a list have to satisfy how many criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    All,
    Any,
    AllToAny,
    AnyToAny,
}

/// What keys, patterns and ages are read from.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// An object.
    pub(super) names: &'a Value,
    pub(super) datastore: &'a DatastoreView,
    pub(super) now: Timestamp,
}

impl Around<'_> {
    fn members(&self) -> &Map<String, Value> {
        static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.names.as_object().unwrap_or(&NOTHING)
    }
}

impl Criteria {
    /// Reads the `criteria` of a rule. What is wrong stays in its place, never holds, and says why.
    pub fn parse(written: &IndexMap<String, Value>) -> Self {
        Self::read(written.iter(), 0)
    }

    fn read<'w>(written: impl Iterator<Item = (&'w String, &'w Value)>, depth: usize) -> Self {
        let criterion = |(key, it): (&String, &Value)| Criterion {
            key: key.clone(),
            written: it.clone(),
            check: check(key, it, depth).unwrap_or_else(Check::Never),
        };
        Self(written.map(criterion).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Criterion> {
        self.0.iter()
    }

    /// Those that can never hold, with the key of the outermost one that they are a part of.
    pub fn mistakes(&self) -> Vec<(&str, &Mistake)> {
        self.0
            .iter()
            .flat_map(|it| it.mistakes().into_iter().map(|mistake| (it.key.as_str(), mistake)))
            .collect()
    }

    /// Each in turn, up to the first that does not hold.
    pub(super) fn hold(&self, around: Around<'_>) -> Result<(), Reason> {
        self.0.iter().try_for_each(|it| it.holds(around))
    }
}

impl Criterion {
    fn mistakes(&self) -> Vec<&Mistake> {
        match &self.check {
            Check::Never(mistake) => vec![mistake],
            Check::Search { criteria, .. } => criteria.0.iter().flat_map(Self::mistakes).collect(),
            Check::Compare { .. } => Vec::new(),
        }
    }

    fn holds(&self, around: Around<'_>) -> Result<(), Reason> {
        let fails = |why: String| Reason::Failed { key: self.key.clone(), why };
        let found = |path: &JsonPath| match path.first(around.names) {
            Ok(value) => Ok(value.cloned().unwrap_or_default()),
            Err(why) => Err(fails(why)),
        };
        match &self.check {
            Check::Never(mistake) => Err(fails(mistake.to_string())),
            Check::Compare { path, operator, pattern } => {
                let pattern = rendered(pattern, around.members(), around.datastore)
                    .map_err(|error| fails(error.to_string()))?;
                let value = found(path)?;
                match operator.holds(&value, &pattern, around.now) {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(Reason::Differs { key: self.key.clone(), value, pattern }),
                    Err(error) => Err(fails(error.to_string())),
                }
            }
            Check::Search { path, condition, criteria } => {
                let value = found(path)?;
                let items = match &value {
                    Value::Array(items) => items.as_slice(),
                    one @ Value::Object(_) => std::slice::from_ref(one),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                        return Err(fails(format!("it searches lists, and {} is none", kind(&value))));
                    }
                };
                if condition.of(items, criteria, around) {
                    return Ok(());
                }
                let pattern = self.written.get("pattern").cloned().unwrap_or_default();
                Err(Reason::Differs { key: self.key.clone(), value, pattern })
            }
        }
    }
}

impl Condition {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "any" => Self::Any,
            "all2any" => Self::AllToAny,
            "any2any" => Self::AnyToAny,
            _ => return None,
        })
    }

    /// As there, an operator that cannot say says no.
    fn of(self, items: &[Value], criteria: &Criteria, around: Around<'_>) -> bool {
        let every_item = matches!(self, Self::All | Self::AllToAny);
        let every_criterion = matches!(self, Self::All | Self::Any);
        for item in items {
            let names = json!({ "item": item, "system": around.names["system"] });
            let of_item = Around { names: &names, ..around };
            let mut held = criteria.0.iter().map(|it| it.holds(of_item).is_ok());
            let satisfied = if every_criterion { held.all(|it| it) } else { held.any(|it| it) };
            if satisfied != every_item {
                return satisfied;
            }
        }
        every_item
    }
}

fn check(key: &str, written: &Value, depth: usize) -> Result<Check, Mistake> {
    if DEPTH_MAX < depth {
        return Err(Mistake::Deep);
    }
    // What follows makes several criteria on one field possible.
    let bare = key.split('#').next().unwrap_or_default().trim();
    let path = JsonPath::parse(bare).map_err(|why| Mistake::Key { key: key.to_owned(), why })?;
    let name = written.get("type").and_then(Value::as_str).ok_or_else(|| Mistake::NoType(key.to_owned()))?;
    let pattern = written.get("pattern").cloned().unwrap_or_default();
    if name.eq_ignore_ascii_case("search") {
        let condition = written.get("condition").and_then(Value::as_str).unwrap_or_default();
        let condition =
            Condition::parse(condition).ok_or_else(|| Mistake::UnknownCondition(condition.to_owned()))?;
        let criteria = pattern.as_object().ok_or_else(|| Mistake::NoCriteria(kind(&pattern)))?;
        let criteria = Criteria::read(criteria.iter(), depth + 1);
        return Ok(Check::Search { path, condition, criteria });
    }
    let operator = Operator::parse(name).ok_or_else(|| Mistake::UnknownOperator(name.to_owned()))?;
    if let Some(text) = pattern.as_str().filter(|it| !it.contains("{{") && !it.contains("{%")) {
        operator.check(text).map_err(|error| Mistake::Pattern(error.to_string()))?;
    }
    Ok(Check::Compare { path, operator, pattern })
}

impl Mistake {
    /// What may have been meant.
    pub fn near(&self) -> Option<&'static str> {
        match self {
            Self::UnknownOperator(name) => {
                crate::yaml::suggest(&name.to_lowercase(), Operator::NAMES.iter().copied())
            }
            Self::Key { .. }
            | Self::NoType(_)
            | Self::UnknownCondition(_)
            | Self::NoCriteria(_)
            | Self::Pattern(_)
            | Self::Deep => None,
        }
    }
}
