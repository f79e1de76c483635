//! The functions of yaql 3.2's standard library and orquesta's own, by the areas of the original.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::spec::{Args, Form, Res, Spec};
use super::vm::Vm;

mod branch;
mod collection;
mod content;
mod dictionary;
mod number;
pub(super) mod operators;
mod pattern;
mod query;
mod reduce;
mod sequence;
mod set;
mod string;
mod system;
pub(super) mod time;
mod workflow;

type Run = fn(&mut Vm<'_>, Args) -> Res;

/// Functions by name; several under one name are overloads.
pub(super) struct Table(HashMap<&'static str, Vec<Spec>>);

impl Table {
    fn add(&mut self, form: Form, name: &'static str, line: &'static str, run: Run) {
        self.0.entry(name).or_default().push(Spec::read(form, line, run));
    }

    /// Called as `name(…)`.
    fn function(&mut self, name: &'static str, line: &'static str, run: Run) {
        self.add(Form::Function, name, line, run);
    }

    /// Called as `receiver.name(…)`; the receiver is the first parameter.
    fn method(&mut self, name: &'static str, line: &'static str, run: Run) {
        self.add(Form::Method, name, line, run);
    }

    /// Called either way.
    fn both(&mut self, name: &'static str, line: &'static str, run: Run) {
        self.add(Form::Both, name, line, run);
    }
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table(HashMap::new());
    branch::add(&mut table);
    collection::add(&mut table);
    content::add(&mut table);
    dictionary::add(&mut table);
    number::add(&mut table);
    pattern::add(&mut table);
    query::add(&mut table);
    reduce::add(&mut table);
    sequence::add(&mut table);
    set::add(&mut table);
    string::add(&mut table);
    system::add(&mut table);
    time::add(&mut table);
    workflow::add(&mut table);
    table
});

/// Everything called so; Python's trailing `_` does not count.
pub(super) fn overloads(name: &str) -> &'static [Spec] {
    TABLE.0.get(name.trim_end_matches('_')).map_or(&[], Vec::as_slice)
}
