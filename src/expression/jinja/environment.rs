use std::sync::{Arc, LazyLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use super::{convert, filter, guard};

/// How undefined names behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expression) enum Flavour {
    /// Jinja2's `StrictUndefined`: using one is an error, asking `is defined` or `default` is not.
    Strict,
    /// Prints as nothing.
    Lenient,
}

/// Instructions of one run.
const FUEL: u64 = 100_000;
/// Calls within calls.
const RECURSION_MAX: usize = 40;

static STRICT: LazyLock<Environment<'static>> = LazyLock::new(|| build(Flavour::Strict));
static LENIENT: LazyLock<Environment<'static>> = LazyLock::new(|| build(Flavour::Lenient));

pub(super) fn get(flavour: Flavour) -> &'static Environment<'static> {
    match flavour {
        Flavour::Strict => &STRICT,
        Flavour::Lenient => &LENIENT,
    }
}

fn build(flavour: Flavour) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(match flavour {
        Flavour::Strict => UndefinedBehavior::Strict,
        Flavour::Lenient => UndefinedBehavior::Chainable,
    });
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        env.set_syntax(syntax);
    }
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(RECURSION_MAX);
    env.set_debug(false);
    env.set_formatter(move |out, _state, value| {
        if value.is_undefined() && flavour == Flavour::Strict {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        let text = convert::bounded_text(value)?;
        guard::print(text.len())?;
        out.write_str(&text).map_err(Error::from)
    });
    env.set_unknown_method_callback(method);
    env.add_function("range", range);
    env.add_function("cycler", |items: minijinja::value::Rest<Value>| {
        minijinja_contrib::globals::cycler(items.0)
    });
    env.add_function("joiner", minijinja_contrib::globals::joiner);
    filter::add(&mut env);
    env
}

/// Python's methods; those of Python 2 in old templates too.
fn method(state: &mut State<'_, '_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let name = match name {
        "iteritems" => "items",
        "itervalues" => "values",
        "iterkeys" => "keys",
        "format" => {
            guard::format_text(value.as_str().unwrap_or_default())?;
            name
        }
        name => name,
    };
    for value in std::iter::once(value).chain(args) {
        guard::items(value)?;
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

/// Python's `range`: counted when read, and no JSON.
#[derive(Debug)]
pub(super) struct Range {
    start: i64,
    stop: i64,
    step: i64,
    count: usize,
}

/// Python's `repr`.
impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.step {
            1 => write!(f, "range({}, {})", self.start, self.stop),
            step => write!(f, "range({}, {}, {step})", self.start, self.stop),
        }
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = key.as_usize().filter(|at| *at < self.count)?;
        Some(Value::from(self.start + self.step * at as i64))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.count)
    }
}

fn range(start: i64, stop: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    /// More cannot be read with the fuel there is.
    const COUNT_MAX: u64 = 100_000;
    let (start, stop) = stop.map_or((0, start), |stop| (start, stop));
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "range() arg 3 must not be zero"));
    }
    let distance = i128::from(stop) - i128::from(start);
    let count = if (distance > 0) == (step > 0) {
        distance.unsigned_abs().div_ceil(u128::from(step.unsigned_abs()))
    } else {
        0
    };
    match u64::try_from(count) {
        Ok(count) if count <= COUNT_MAX => {
            Ok(Value::from_object(Range { start, stop, step, count: count as usize }))
        }
        _ => Err(Error::new(ErrorKind::InvalidOperation, "Range too big.")),
    }
}
