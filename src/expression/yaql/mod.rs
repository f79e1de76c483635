//! YAQL 3.2: parser and evaluator of our own. Semantics are those of the Python package `yaql`
//! (<https://opendev.org/openstack/yaql>), its traps included; what it cannot do here is in no content we know of:
//! delegates (off in orquesta), big integers beyond 128 bits, look-around in regular expressions.

mod ast;
pub(super) mod fault;
mod flow;
mod frame;
mod key;
mod lex;
mod library;
mod order;
mod parse;
mod spec;
mod text;
mod value;
mod vm;

use indexmap::{IndexMap, IndexSet};

use super::Scope;
use fault::Fault;
use frame::Frame;
use key::Key;
use value::{Value, View};
use vm::Vm;

/// The value of an expression.
pub(super) struct Answer(Value);

impl Answer {
    /// The text, when it is one: orquesta looks into it again.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Value::Text(it) => Some(it),
            _ => None,
        }
    }

    /// As it stands inside a longer text: Python's `str()`.
    pub(super) fn to_text(&self) -> String {
        match &self.0 {
            // Only the engine's own sets are frozen; what comes out is a plain one.
            Value::Set(set) if set.items.is_empty() => "set()".to_owned(),
            Value::Set(_) => self.0.repr().trim_start_matches("frozenset(").trim_end_matches(')').to_owned(),
            other => other.to_text(),
        }
    }

    pub(super) fn to_json(&self) -> Result<serde_json::Value, Fault> {
        self.0.to_json()
    }
}

/// Whether the text is an expression.
pub(super) fn check(source: &str) -> Result<(), Fault> {
    parse::parse(source).map(|_| ())
}

/// Functions that are called and that nobody has; none where it is no expression.
pub(super) fn unknown_functions(source: &str) -> Vec<String> {
    let Ok(node) = parse::parse(source) else { return Vec::new() };
    let mut called = Vec::new();
    node.calls(&mut called);
    let own: Vec<&str> = called.iter().filter_map(|it| it.defines).collect();
    let is_known = |name: &str| !library::overloads(name).is_empty() || own.contains(&name);
    let mut unknown: Vec<String> =
        called.iter().map(|it| it.name).filter(|it| !is_known(it)).map(str::to_owned).collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}

/// Runs one expression (without delimiters). `steps` is the bill so far and grows.
pub(super) fn evaluate(source: &str, scope: &Scope<'_>, steps: &mut u32) -> Result<Answer, Fault> {
    let node = parse::parse(source)?;
    let mut vm = Vm::new(Some(scope), *steps);
    let value = vm.eval(&node, &Frame::root()).and_then(|value| vm.finalize(&value));
    *steps = vm.steps();
    value.map(Answer)
}

impl Vm<'_> {
    /// What leaves the engine: plain lists, dictionaries and sets. Pulls every generator.
    fn finalize(&mut self, value: &Value) -> Result<Value, Fault> {
        self.enter()?;
        let value = match value {
            Value::Dict(dict) => {
                let mut map = IndexMap::new();
                for (key, value) in &dict.map {
                    map.insert(Key::new(self.finalize(key.value())?)?, self.finalize(value)?);
                }
                Value::dict(map, false)
            }
            Value::Set(_) | Value::View(View::Keys | View::Items, _) => {
                let mut items = IndexSet::new();
                for item in self.collect(value)? {
                    items.insert(Key::new(self.finalize(&item)?)?);
                }
                Value::set(items)
            }
            Value::Tuple(_)
            | Value::List(_)
            | Value::View(View::Values, _)
            | Value::Flow(_)
            | Value::Memo(_)
            | Value::Order(_) => {
                let items = self.iterate(value)?;
                let mut out = Vec::new();
                while let Some(item) = items.next(self)? {
                    out.push(self.finalize(&item)?);
                    if self.iterator_limit.is_some_and(|most| out.len() > most) {
                        return Err(Fault::new(
                            "CollectionTooLargeException",
                            format!("Collection length exceeds {} elements", out.len() - 1),
                        ));
                    }
                }
                Value::list(out)
            }
            other => Ok(other.clone()),
        };
        self.leave();
        value
    }
}

/// Evaluates with data as `$`, as the engine's own tests do.
#[cfg(test)]
fn evaluate_on(source: &str, data: &serde_json::Value) -> Result<Answer, Fault> {
    let node = parse::parse(source)?;
    let mut vm = Vm::new(None, 0);
    vm.iterator_limit = Some(100);
    let frame = Frame::root();
    frame.set("$", Value::from_json(data)?);
    let value = vm.eval(&node, &frame)?;
    vm.finalize(&value).map(Answer)
}

#[cfg(test)]
mod tests {
    use super::{Answer, evaluate_on};
    use serde_json::Value as Json;

    fn json(answer: &Answer) -> Json {
        fn plain(value: &super::Value) -> Json {
            use super::Value;
            match value {
                Value::Set(set) => {
                    let mut items: Vec<Json> = set.items.iter().map(|it| plain(it.value())).collect();
                    items.sort_by_key(ToString::to_string);
                    Json::Array(items)
                }
                Value::List(it) | Value::Tuple(it) => it.items.iter().map(plain).collect(),
                Value::Dict(it) => Json::Object(
                    it.map.iter().map(|(k, v)| (k.json_name().unwrap_or_default(), plain(v))).collect(),
                ),
                Value::Time(..) | Value::Span(_) => serde_json::json!({ "__repr__": value.to_text() }),
                other => other.to_json().unwrap_or(Json::Null),
            }
        }
        plain(&answer.0)
    }

    fn same(a: &Json, b: &Json) -> bool {
        match (a, b) {
            (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
            (Json::Array(a), Json::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Json::Object(a), Json::Object(b)) if b.contains_key("__repr__") => a.contains_key("__repr__"),
            (Json::Object(a), Json::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
            }
            _ => a == b,
        }
    }

    /// The engine's own test suite, recorded. What is left over calls functions that those tests make up.
    #[test]
    fn the_standard_library_answers_as_recorded() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/stackstorm/conformance/yaql_engine_cases.json");
        let Ok(text) = std::fs::read_to_string(path) else { return };
        let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
        let mut passed = 0;
        for case in &cases {
            let got = evaluate_on(case["expr"].as_str().unwrap(), &case["data"]);
            let good = match (&got, case.get("value")) {
                (Ok(answer), Some(wanted)) => {
                    let got = json(answer);
                    let sorted = |it: &Json| match it {
                        Json::Array(items) => {
                            let mut items = items.clone();
                            items.sort_by_key(ToString::to_string);
                            Json::Array(items)
                        }
                        other => other.clone(),
                    };
                    same(&got, wanted)
                        || (case["expr"].as_str().unwrap().contains("set(")
                            && same(&sorted(&got), &sorted(wanted)))
                }
                (Err(fault), None) => fault.class == case["error"]["type"],
                _ => false,
            };
            passed += usize::from(good);
            if !good {
                let got = got.map(|it| it.to_text()).map_err(|it| format!("{}: {}", it.class, it.message));
                println!(
                    "  {} {} on {}: {got:?}, wanted {} {}",
                    case["test"], case["expr"], case["data"], case["value"], case["error"]["type"]
                );
            }
        }
        println!("yaql_engine_cases passed {passed}/{}", cases.len());
        assert!(passed >= 660, "{passed}");
    }
}
