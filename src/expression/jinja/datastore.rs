//! `st2kv` in templates: called as orquesta's function, walked into as StackStorm's `KeyValueLookup`
//! (`st2common/services/keyvalues.py`).

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, from_args};
use minijinja::{Environment, Error, State, Value};

use crate::expression::datastore::{DatastoreView, decrypt_nothing};
use crate::expression::pack::ledger;
use crate::expression::yaql::fault::Fault;

use super::convert;

/// The name `st2kv` itself.
#[derive(Debug)]
pub(super) struct Datastore(pub(super) DatastoreView);

/// `st2kv.system.a`, `st2kv.system.a.b`: a key that may go on. It prints as its value; where there is none, as nothing.
#[derive(Debug)]
pub(super) struct Lookup {
    view: DatastoreView,
    key: String,
}

impl Object for Datastore {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let scope = key.as_str().filter(|it| matches!(*it, "system" | "user"))?;
        Some(Value::from_object(Lookup { view: self.0.clone(), key: scope.to_owned() }))
    }

    /// `st2kv('system.x', decrypt=true, default='y')`.
    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (key, named): (Value, Kwargs) = from_args(args)?;
        let wrong = |why: &'static str| convert::carry(Fault::kind(why));
        let key = key.as_str().ok_or_else(|| wrong("Given key is not typeof string."))?;
        let decrypt = match named.get::<Option<Value>>("decrypt")? {
            None => false,
            Some(it) => bool::try_from(it).map_err(|_| wrong("Decrypt parameter is not typeof bool."))?,
        };
        let default: Option<Value> = if named.has("default") { Some(named.get("default")?) } else { None };
        match (self.0.value(key, decrypt).map_err(convert::carry)?, default) {
            (Some(text), _) => Ok(Value::from(text)),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(convert::carry(ledger::no_such_key(key))),
        }
    }
}

impl Object for Lookup {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    /// A text at once where no key goes on from here: so it compares and joins as one.
    fn get_value(self: &Arc<Self>, name: &Value) -> Option<Value> {
        let next = Lookup { view: self.view.clone(), key: format!("{}.{}", self.key, name.as_str()?) };
        let text = next.view.text(&next.key).map(Value::from);
        Some(text.filter(|_| !next.view.goes_on(&next.key)).unwrap_or_else(|| Value::from_object(next)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Lookup {
    pub(super) fn text(&self) -> &str {
        self.view.text(&self.key).unwrap_or_default()
    }
}

pub(super) fn add_filter(env: &mut Environment<'static>) {
    env.add_filter("decrypt_kv", |state: &mut State<'_, '_>, value: Value| decrypt(state, &value));
}

fn decrypt(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let text = match value.downcast_object_ref::<Lookup>() {
        // The original's words (`st2common/expressions/functions/datastore.py`).
        Some(it) if it.text().is_empty() => {
            let why = format!(
                "Referenced datastore item \"st2kv.{}\" doesn't exist or it contains an empty string",
                it.key
            );
            return Err(convert::carry(Fault::value(why)));
        }
        Some(it) => it.text().to_owned(),
        None => convert::text(value),
    };
    let datastore = state.lookup("st2kv");
    let decrypted = match datastore.as_ref().and_then(|it| it.downcast_object_ref::<Datastore>()) {
        Some(datastore) => datastore.0.decrypt(&text),
        None => decrypt_nothing(&text),
    };
    decrypted.map_err(convert::carry)
}
