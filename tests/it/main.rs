//! Integration tests: one crate, one module per subject.

mod alias;
mod orquesta;
mod runner;
