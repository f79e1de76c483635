//! Integration tests: one crate, one module per subject.

mod alias;
mod runner;
mod orquesta;
