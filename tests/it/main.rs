//! Integration tests: one crate, one module per subject.

mod alias;
mod orquesta;
mod runner;
mod chat_slack;
mod support;
mod terminal;
