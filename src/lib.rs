//! Lockkeeper: a ChatOps release bot. The rooms, from the ground up (a room imports lower floors only):
//!
//! 0. base: [`id`], [`status`], [`clock`], [`duration`], [`secret`], [`yaml`], [`config`]
//! 1. domain, pure: [`expression`], [`alias`], [`workflow`], [`identity`], [`gate`], [`rollout`], [`retention`],
//!    [`datastore`], [`rule`], [`content`], [`release`], [`message`], [`pace`]
//! 2. [`store`]: the only SQL
//! 3. edges: [`chat`], [`runner`], [`sensor`], [`metric`], [`inventory`], [`library`]
//! 4. service: [`engine`], [`bot`]
//! 5. surface: [`http`], [`control`]
//! 6. assembly: [`boot`], [`cli`]; the rehearsal: [`demo`]

pub mod clock;
pub mod config;
pub mod duration;
pub mod id;
pub mod secret;
pub mod status;
pub mod yaml;

pub mod alias;
pub mod content;
pub mod datastore;
pub mod expression;
pub mod gate;
pub mod identity;
pub mod message;
pub mod pace;
pub mod release;
pub mod retention;
pub mod rollout;
pub mod rule;
pub mod workflow;

pub mod store;

pub mod chat;
pub mod inventory;
pub mod library;
pub mod metric;
pub mod runner;
pub mod sensor;

pub mod bot;
pub mod engine;

pub mod control;
pub mod http;

pub mod boot;
pub mod cli;
pub mod demo;
