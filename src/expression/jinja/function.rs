//! orquesta's and StackStorm's functions for templates.
//!
//! The engine wants functions that own what they use; the scope is only lent. So a function answers from what is
//! [`Known`], writes down what it misses, and the run starts again with the answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Kwargs, Rest, Serde};
use minijinja::{Environment, Error, Value};

use crate::expression::pack::{self, Call, ledger};
use crate::expression::yaql::fault::Fault;
use crate::expression::{DatastoreView, Scope};

use super::convert;
use super::datastore::Datastore;

type Question = (String, Option<u64>);

/// Everything that functions may answer with.
pub(super) struct Known {
    context: Arc<serde_json::Map<String, serde_json::Value>>,
    visible: Value,
    item: Value,
    result: Option<Value>,
    current: Option<(String, u64)>,
    datastore: DatastoreView,
    asked: Arc<Mutex<Asked>>,
}

#[derive(Default)]
struct Asked {
    statuses: BTreeMap<Question, String>,
    records: BTreeMap<(Option<String>, Option<u64>), Result<serde_json::Value, Fault>>,
    missing: Vec<Missing>,
}

enum Missing {
    Status(Question),
    Record(Option<String>, Option<u64>),
}

impl Known {
    /// Takes from the scope what the text mentions.
    pub(super) fn new(text: &str, scope: &Scope<'_>) -> Result<Self, Fault> {
        let wants = |name: &str| text.contains(name);
        let context = if wants("ctx") { scope.context.clone() } else { serde_json::Map::new() };
        let visible = context.iter().filter(|(name, _)| !name.starts_with("__"));
        let visible =
            Value::from_pairs(visible.map(|(name, value)| (name.as_str(), Value::from(Serde(value)))));
        let result = scope.task.filter(|_| wants("result")).map(|task| Value::from(Serde(task.result)));
        Ok(Self {
            context: Arc::new(context),
            visible,
            item: scope
                .item
                .filter(|_| wants("item"))
                .map_or(Value::from(()), |item| Value::from(Serde(item))),
            result,
            current: scope.task.map(|task| (task.id.to_owned(), task.route)),
            datastore: scope.host.datastore.clone(),
            asked: Arc::default(),
        })
    }

    /// Answers what was missing; false when nothing was.
    pub(super) fn answer(&self, scope: &Scope<'_>) -> bool {
        let mut asked = lock(&self.asked);
        let missing = std::mem::take(&mut asked.missing);
        for question in &missing {
            match question {
                Missing::Status((task, route)) => {
                    let status = ledger::status(scope, task, *route);
                    asked.statuses.insert((task.clone(), *route), status);
                }
                Missing::Record(task, route) => {
                    let record = ledger::record(scope, task.as_deref(), *route);
                    asked.records.insert((task.clone(), *route), record);
                }
            }
        }
        !missing.is_empty()
    }
}

fn lock(asked: &Mutex<Asked>) -> MutexGuard<'_, Asked> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops the run; the answer is fetched and the run starts again.
fn ask(asked: &Mutex<Asked>, question: Missing) -> Error {
    lock(asked).missing.push(question);
    convert::carry(Fault::limit("an answer is missing"))
}

fn status_of(asked: &Mutex<Asked>, task: String, route: Option<u64>) -> Result<String, Error> {
    let known = lock(asked).statuses.get(&(task.clone(), route)).cloned();
    known.ok_or_else(|| ask(asked, Missing::Status((task, route))))
}

/// The names that an expression sees.
pub(super) fn names(known: &Known) -> Value {
    let mut names: BTreeMap<&'static str, Value> = BTreeMap::new();
    for &name in pack::NAMES {
        let function = move |args: Rest<Value>, named: Kwargs| forward(name, &args, &named);
        names.insert(name, Value::from_function(function));
    }
    add_context(known, &mut names);
    add_tasks(known, &mut names);
    Value::from_pairs(names)
}

fn add_context(known: &Known, names: &mut BTreeMap<&'static str, Value>) {
    let (context, visible) = (Arc::clone(&known.context), known.visible.clone());
    let ctx = move |key: Option<Value>| match key.filter(Value::is_true) {
        None => Ok(visible.clone()),
        Some(key) => {
            let name = convert::text(&key);
            let value = ledger::variable_in(&context, &name).map_err(convert::carry)?;
            Ok(Value::from(Serde(value)))
        }
    };
    names.insert("ctx", Value::from_function(ctx));
    let item = known.item.clone();
    let item = move |key: Option<Value>| match key.filter(Value::is_true) {
        None => Ok(item.clone()),
        Some(_) if item.kind() != minijinja::value::ValueKind::Map => {
            Err(convert::carry(ledger::item_is_no_map()))
        }
        Some(key) => match item.get_item(&key) {
            Ok(value) if !value.is_undefined() => Ok(value),
            _ => Err(convert::carry(ledger::no_such_item(&convert::text(&key)))),
        },
    };
    names.insert("item", Value::from_function(item));
    names.insert("st2kv", Value::from_object(Datastore(known.datastore.clone())));
}

fn add_tasks(known: &Known, names: &mut BTreeMap<&'static str, Value>) {
    let result = known.result.clone();
    let result = move || result.clone().ok_or_else(|| convert::carry(ledger::no_current_task()));
    names.insert("result", Value::from_function(result));
    let tests: [(&'static str, &'static [&'static str]); 3] =
        [("succeeded", &["succeeded"]), ("failed", &["failed"]), ("completed", &ledger::COMPLETED)];
    for (name, wanted) in tests {
        let (asked, current) = (Arc::clone(&known.asked), known.current.clone());
        let test = move || {
            let (task, route) = current.clone().ok_or_else(|| convert::carry(ledger::no_current_task()))?;
            Ok::<bool, Error>(wanted.contains(&status_of(&asked, task, Some(route))?.as_str()))
        };
        names.insert(name, Value::from_function(test));
    }
    let asked = Arc::clone(&known.asked);
    let status = move |task: String, route: Option<u64>| status_of(&asked, task, route);
    names.insert("task_status", Value::from_function(status));
    let asked = Arc::clone(&known.asked);
    let task = move |task: Option<String>, route: Option<u64>| {
        let found = lock(&asked).records.get(&(task.clone(), route)).cloned();
        match found {
            None => Err(ask(&asked, Missing::Record(task, route))),
            Some(record) => record.map(|it| Value::from(Serde(it))).map_err(convert::carry),
        }
    };
    names.insert("task", Value::from_function(task));
}

/// The same functions as filters.
pub(super) fn add_filters(env: &mut Environment<'static>) {
    for &name in pack::NAMES {
        env.add_filter(name, move |args: Rest<Value>, named: Kwargs| forward(name, &args, &named));
    }
}

fn forward(name: &str, args: &[Value], named: &Kwargs) -> Result<Value, Error> {
    let mut call = Call::default();
    for value in args {
        call.args.push(argument(value)?);
    }
    for key in named.args() {
        call.named.insert(key.to_owned(), argument(&named.get::<Value>(key)?)?);
    }
    let answer = pack::call(name, &call).unwrap_or(Ok(serde_json::Value::Null)).map_err(convert::carry)?;
    Ok(Value::from(Serde(answer)))
}

fn argument(value: &Value) -> Result<serde_json::Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(minijinja::ErrorKind::UndefinedError));
    }
    convert::to_json(value).map_err(convert::carry)
}
