//! All YAML we read, parsed and checked: packs of actions, workflows, aliases and rules, the one-file shorthand, and
//! the settings of people, environments and apps. Text comes in, a [`Catalogue`], [`Settings`] and [`Diagnostic`]s
//! come out; reading files is the `library`'s work.

mod action;
mod app;
mod catalogue;
mod diagnostic;
mod duration;
mod environment;
mod pack;
mod rule;
mod settings;
mod source;

pub use action::{Action, Argument, Parameter, ParameterKind, Part, RunnerName};
pub use app::{
    App, AppEnvironment, Canary, Health, OnFail, Package, Pool, PoolCall, Probe, Repository, Rollout,
    Scripts, Service,
};
pub use catalogue::{Catalogue, Workflow};
pub use diagnostic::{Diagnostic, Severity};
pub use duration::{DurationText, parse_duration};
pub use environment::{Connection, Environment, Environments, Host, Role};
pub use pack::Pack;
pub use rule::Rule;
pub use settings::Settings;
pub use source::SourceFile;

pub use crate::yaml::Dialect;
