//! Lockkeeper: a ChatOps release bot. The rooms, from the ground up (a room imports lower floors only):
//!
//! 0. base: [`id`], [`clock`], [`duration`], [`yaml`], [`secret`], [`config`]
//! 1. domain, pure: [`expression`], [`content`], [`alias`], [`workflow`], [`identity`], [`rule`], [`gate`], [`rollout`], [`retention`], [`message`]
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
pub mod store;
pub mod yaml;

pub mod alias;
pub mod boot;
pub mod bot;
pub mod cli;
pub mod content;
pub mod control;
pub mod engine;
pub mod expression;
pub mod gate;
pub mod identity;
pub mod message;
pub mod metric;
pub mod release;
pub mod retention;
pub mod rollout;
pub mod workflow;

pub mod chat;
pub mod inventory;
pub mod library;
pub mod runner;
pub mod sensor;

pub mod http;

pub mod demo;
