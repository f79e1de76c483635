//! Integration tests: one crate, one module per subject.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests end at the first surprise and print what they count"
)]

mod adrift;
mod alias;
mod chat_discord;
mod chat_slack;
mod cli;
mod content;
mod conversation;
mod damage;
mod demo_world;
mod drawn;
mod expression;
mod fault;
mod full_disk;
mod leave;
mod lost;
mod neighbour;
mod orquesta;
mod rule;
mod runner;
mod store;
mod support;
mod terminal;
mod tidy;
mod tour;
mod votes;
mod webhook;
