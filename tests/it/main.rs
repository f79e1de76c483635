//! Integration tests: one crate, one module per subject.

mod alias;
mod chat_discord;
mod chat_slack;
mod cli;
mod content;
mod conversation;
mod demo_world;
mod expression;
mod orquesta;
mod runner;
mod support;
mod terminal;
mod tidy;
mod webhook;
