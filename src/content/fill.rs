//! What a rule gives its action: templates over the event, filled in. Unlike what a caller types, these are an author's
//! own; what they give is never read as a template again.

use serde_json::{Map, Value};

use crate::expression::DatastoreView;
use crate::expression::template::{Undefined, printed, render_with};

use super::bind::{has_template, is_template, plain};
use super::shell::{Command, Unquotable};
use super::{Action, ParameterKind};

/// Where the variables go that a command's values travel in.
const ENVIRONMENT: &str = "env";

/// Why a parameter cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    #[error("`{parameter}` does not render: {why}")]
    Render { parameter: String, why: String },
    /// A value would become code of the shell.
    #[error("`cmd`: {0}; pass the value in `env`, or as a parameter of a script")]
    Unquotable(String),
    #[error("`env` is no object")]
    Environment,
}

impl Action {
    /// The parameters with their templates filled in from `names`. A value that is put into a command line travels as a
    /// variable, so that it is no code; one for a parameter of type text is written as StackStorm writes it.
    ///
    /// # Errors
    /// [`FillError`]: of the first that cannot be.
    pub fn fill(
        &self,
        parameters: &Map<String, Value>,
        names: &Map<String, Value>,
        datastore: &DatastoreView,
    ) -> Result<Map<String, Value>, FillError> {
        let render = |parameter: &str, text: &str| {
            render_with(text, names, datastore, Undefined::Strict).map_err(|error| FillError::Render {
                parameter: parameter.to_owned(),
                why: error.to_string(),
            })
        };
        let (mut filled, mut variables) = (Map::new(), Map::new());
        for (name, written) in parameters {
            let text = written.as_str().filter(|it| is_template(it));
            let value = match text.filter(|_| name == "cmd" && self.is_command()) {
                Some(text) => {
                    let command =
                        Command::parse(text).map_err(|fault| FillError::Unquotable(fault.to_string()))?;
                    for (variable, template) in command.variables() {
                        variables.insert(variable.to_owned(), plain(&render(name, template)?).into());
                    }
                    Value::from(command.text())
                }
                None => each_text(written, &|text| render(name, text))?,
            };
            let is_text = self.parameters.get(name).is_some_and(|it| it.kind == Some(ParameterKind::String));
            let value = if is_text && !value.is_null() { printed(&value).into() } else { value };
            filled.insert(name.clone(), value);
        }
        if !variables.is_empty() {
            match filled.entry(ENVIRONMENT).or_insert_with(|| Value::Object(Map::new())) {
                Value::Object(given) => given.extend(variables),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    return Err(FillError::Environment);
                }
            }
        }
        Ok(filled)
    }

    /// Whether these parameters could never be filled in: a value would become code.
    pub(super) fn unquotable(&self, parameters: &Map<String, Value>) -> Option<Unquotable> {
        let text = parameters.get("cmd").filter(|it| self.is_command() && has_template(it))?.as_str()?;
        Command::parse(text).err()
    }

    /// Whether its `cmd` is read by a shell.
    fn is_command(&self) -> bool {
        self.runner.as_str().ends_with("-shell-cmd")
    }
}

/// Each text with a template in it, however deep.
fn each_text(value: &Value, render: &impl Fn(&str) -> Result<Value, FillError>) -> Result<Value, FillError> {
    match value {
        Value::String(text) if is_template(text) => render(text),
        Value::Array(items) => items.iter().map(|it| each_text(it, render)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, it)| Ok((name.clone(), each_text(it, render)?)))
            .collect::<Result<_, _>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::content::{SourceFile, load};
    use crate::id::ActionRef;

    fn filled(action: &str, parameters: Value) -> Result<Value, String> {
        let pack = "name: demo\nversion: 1.0.0\ndescription: d\nauthor: me\n";
        let (catalogue, _) = load(&[
            SourceFile::text("commands/demo/pack.yaml", pack),
            SourceFile::text("commands/demo/actions/a.yaml", action),
        ]);
        let action = catalogue.action(&ActionRef::new("demo.a")).expect("an action");
        let names = json!({"trigger": {"body": {"n": 3, "list": ["a", 1], "text": "$(rm -rf /) `x` \" '"}}});
        let parameters = parameters.as_object().expect("an object");
        let filled =
            action.fill(parameters, names.as_object().expect("an object"), &DatastoreView::default());
        filled.map(Value::Object).map_err(|error| error.to_string())
    }

    const NOOP: &str =
        "name: a\nrunner_type: noop\nparameters:\n  text: {type: string}\n  any: {type: array}\n";
    const SHELL: &str = "name: a\nrunner_type: local-shell-cmd\nparameters:\n  cmd: {required: true}\n";

    #[test]
    fn a_whole_template_keeps_its_type_but_for_a_text() {
        let template = "{{ trigger.body.list }}";
        assert_eq!(
            filled(NOOP, json!({"text": template, "any": template})),
            Ok(json!({"text": "['a', 1]", "any": ["a", 1]}))
        );
        assert_eq!(
            filled(NOOP, json!({"any": ["{{trigger.body.n}}", "n={{trigger.body.n}}", {"x": true}]})),
            Ok(json!({"any": [3, "n=3", {"x": true}]}))
        );
        let error = filled(NOOP, json!({"text": "{{ trigger.body.absent }}"})).unwrap_err();
        assert!(error.starts_with("`text` does not render: "), "{error}");
    }

    #[test]
    fn nothing_that_came_in_becomes_code_of_a_shell() {
        let text = "$(rm -rf /) `x` \" '";
        assert_eq!(
            filled(SHELL, json!({"cmd": "echo \"{{ trigger.body.text }}\" >> log", "env": {"A": "b"}})),
            Ok(json!({
                "cmd": "echo \"${LOCKKEEPER_VALUE_0}\" >> log",
                "env": {"A": "b", "LOCKKEEPER_VALUE_0": text},
            }))
        );
        let error = filled(SHELL, json!({"cmd": "eval {{ trigger.body.text }}"})).unwrap_err();
        assert!(error.contains("where no quoting is safe"), "{error}");
        // What an event says is no template, either.
        assert_eq!(filled(SHELL, json!({"cmd": "true"})), Ok(json!({"cmd": "true"})));
    }
}
