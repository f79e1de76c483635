//! Jinja on `minijinja`, made to answer as orquesta's `expressions/jinja.py` does on Jinja2: Python's words for values,
//! strict undefined names, expressions found by pattern and put in one by one.

mod convert;
mod datastore;
mod dump;
mod environment;
mod filter;
mod function;
mod guard;
mod wrap;

use std::sync::LazyLock;

use minijinja::Environment;
use regex::Regex;
use serde_json::{Map, Value};

use super::evaluate::{Run, as_text, expressions, has_block, language, place, strip};
use super::yaql::fault::Fault;
use super::{Compat, DatastoreView, ErrorKind, ExpressionError, Language, Scope};
use datastore::Datastore;
use function::Known;

pub(super) use environment::Flavour;

static RAW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{% raw %\}.*?\{% endraw %\}").expect("fixed pattern"));

/// How often an expression may ask the ledger for something new; each answer starts it again.
const QUESTIONS_MAX: usize = 64;
/// Steps that one run of an expression costs.
const RUN_COST: u32 = 2_000;
/// All runs of one text together.
const STEPS_MAX: u32 = 300_000;

/// The value of a text that holds Jinja.
pub(super) fn evaluate(text: &str, run: &mut Run<'_, '_>) -> Result<Value, ExpressionError> {
    let raw: Vec<&str> = RAW.find_iter(text).map(|it| it.as_str()).collect();
    let mut plain = text.to_owned();
    for (at, block) in raw.iter().enumerate() {
        plain = plain.replace(block, &format!("{{{at}}}"));
    }
    let output = expand(&plain, run)?;
    let Value::String(mut output) = output else { return Ok(output) };
    let left: Vec<&str> = match run.compat {
        Compat::Exact => expressions(Language::Jinja, &output),
        // What values brought in stays text.
        Compat::Strict => Vec::new(),
    };
    if !left.is_empty() {
        let names: Vec<&str> = left.iter().map(|it| strip(Language::Jinja, it)).collect();
        return Err(unresolved(&names.join(", ")));
    }
    if !raw.is_empty() {
        for (at, block) in raw.iter().enumerate() {
            output = output.replace(&format!("{{{at}}}"), block);
        }
        output = match run.compat {
            Compat::Exact => {
                render(&output, run.scope, Flavour::Strict).map_err(|fault| jinja_error(&output, &fault))?
            }
            Compat::Strict => output.replace("{% raw %}", "").replace("{% endraw %}", ""),
        };
    }
    Ok(output.into())
}

fn unresolved(names: &str) -> ExpressionError {
    ExpressionError::new(ErrorKind::JinjaEvaluation, format!("There are unresolved variables: {names}"))
}

fn expand(text: &str, run: &mut Run<'_, '_>) -> Result<Value, ExpressionError> {
    run.steps = run.steps.saturating_add(RUN_COST);
    if run.steps > STEPS_MAX {
        return Err(jinja_error(text, &Fault::limit("expression takes too many steps")));
    }
    if has_block(text) {
        let output = render(text, run.scope, Flavour::Strict).map_err(|fault| jinja_error(text, &fault))?;
        if run.compat == Compat::Strict || language(&output) != Some(Language::Jinja) {
            return Ok(output.into());
        }
        return run
            .again(ErrorKind::JinjaEvaluation, |run| expand(&output, run))
            .map_err(|inner| again_error(text, &inner));
    }
    let found = expressions(Language::Jinja, text);
    let whole = found.len() == 1 && found[0].len() >= text.len();
    let mut pieces = Vec::new();
    for expression in found {
        let value = calculate(strip(Language::Jinja, expression), run.scope)
            .map_err(|fault| jinja_error(expression, &fault))?;
        let value = match value {
            // An undefined name stays as it is written, and is found by the caller.
            None if run.compat == Compat::Strict => {
                return Err(unresolved(strip(Language::Jinja, expression)));
            }
            None => continue,
            Some(value) => value,
        };
        let more = value.as_str().filter(|it| language(it) == Some(Language::Jinja));
        if let Some(text) = more.filter(|_| run.compat == Compat::Exact) {
            let value = run
                .again(ErrorKind::JinjaEvaluation, |run| expand(text, run))
                .map_err(|inner| again_error(expression, &inner))?;
            if whole {
                return Ok(value);
            }
            pieces.push((expression, as_text(&value)));
        } else if whole {
            return convert::to_json(&value).map_err(|fault| jinja_error(expression, &fault));
        } else {
            let text = convert::shown(&value).map_err(|fault| jinja_error(expression, &fault))?;
            pieces.push((expression, text));
        }
    }
    place(text, &pieces, run.compat).map(Value::String)
}

fn jinja_error(expression: &str, fault: &Fault) -> ExpressionError {
    let message = format!("Unable to evaluate expression '{expression}'. {}: {}", fault.class, fault.message);
    ExpressionError::new(ErrorKind::JinjaEvaluation, message)
}

fn again_error(expression: &str, inner: &ExpressionError) -> ExpressionError {
    let message = format!("Unable to evaluate expression '{expression}'. {inner}");
    ExpressionError::new(ErrorKind::JinjaEvaluation, message)
}

/// Runs with what is known, asks the ledger for what was missing, and runs again.
fn with_answers<T>(
    text: &str,
    scope: &Scope<'_>,
    work: impl Fn(minijinja::Value) -> Result<T, minijinja::Error>,
) -> Result<T, Fault> {
    guard::check(text)?;
    let known = Known::new(text, scope)?;
    for _ in 0..QUESTIONS_MAX {
        guard::reset();
        match work(function::names(&known)) {
            Ok(value) => return Ok(value),
            Err(error) => match known.answer(scope) {
                true => {}
                false => return Err(convert::fault(&error)),
            },
        }
    }
    Err(Fault::limit("too many tasks asked for"))
}

fn render(text: &str, scope: &Scope<'_>, flavour: Flavour) -> Result<String, Fault> {
    let env = environment::get(flavour);
    with_answers(text, scope, |names| env.render_str(text, names))
}

/// The value of one expression; `None`: it is undefined.
fn calculate(source: &str, scope: &Scope<'_>) -> Result<Option<minijinja::Value>, Fault> {
    let env: &Environment<'static> = environment::get(Flavour::Strict);
    let value =
        with_answers(source, scope, |names| env.compile_expression_owned(source.to_owned())?.eval(names))?;
    Ok(if value.is_undefined() { None } else { Some(value) })
}

/// The fault of a text that is no template, as a whole or in one of its expressions.
pub(super) fn check(text: &str) -> Result<(), String> {
    let env = environment::get(Flavour::Strict);
    env.template_from_named_str("text", text).map(|_| ()).map_err(|error| convert::syntax(&error))
}

/// The fault of one expression without its delimiters.
pub(super) fn check_expression(source: &str) -> Result<(), String> {
    let env = environment::get(Flavour::Strict);
    env.compile_expression_owned(source.to_owned()).map(|_| ()).map_err(|error| convert::syntax(&error))
}

/// Why a template is refused before it runs, though nothing in it is misspelt.
pub(super) fn check_bounds(text: &str) -> Result<(), String> {
    guard::check(text).map_err(|fault| fault.message)
}

/// Whether a filter of this name is there.
pub(super) fn has_filter(name: &str) -> bool {
    asks(&format!("0|{name}")) != Some(minijinja::ErrorKind::UnknownFilter)
}

/// Whether a test of this name is there.
pub(super) fn has_test(name: &str) -> bool {
    asks(&format!("0 is {name}")) != Some(minijinja::ErrorKind::UnknownTest)
}

/// The engine tells of its filters and tests only when they are used.
fn asks(source: &str) -> Option<minijinja::ErrorKind> {
    let env = environment::get(Flavour::Lenient);
    let value = env.compile_expression_owned(source.to_owned()).and_then(|it| it.eval(()));
    value.err().map(|error| error.kind())
}

/// A template over plain names: action parameters, formats of alias answers.
pub(super) fn render_plain(
    text: &str,
    vars: &Map<String, Value>,
    datastore: Option<&DatastoreView>,
    flavour: Flavour,
) -> Result<Value, Fault> {
    guard::check(text)?;
    guard::reset();
    let env = environment::get(flavour);
    let names = match datastore {
        None => minijinja::Value::from(minijinja::value::Serde(vars)),
        Some(view) => {
            let st2kv = minijinja::Value::from_object(Datastore(view.clone()));
            let vars = vars.iter().map(|(name, it)| (name.as_str(), minijinja::value::Serde(it).into()));
            minijinja::Value::from_pairs(vars.chain([("st2kv", st2kv)]))
        }
    };
    let found = expressions(Language::Jinja, text);
    let whole = found.len() == 1 && found[0].len() == text.trim().len() && !has_block(text);
    if !whole {
        let rendered = env.render_str(text, names).map_err(|error| convert::fault(&error))?;
        return Ok(rendered.into());
    }
    let source = strip(Language::Jinja, found[0]).to_owned();
    let value = env.compile_expression_owned(source).and_then(|it| it.eval(names));
    let value = value.map_err(|error| convert::fault(&error))?;
    match (value.is_undefined(), flavour) {
        (true, Flavour::Strict) => {
            Err(Fault::new("UndefinedError", format!("'{}' is undefined", strip(Language::Jinja, found[0]))))
        }
        (true, Flavour::Lenient) => Ok("".into()),
        (false, _) => convert::to_json(&value),
    }
}
