//! All YAML we read, parsed and checked: packs of actions, workflows, aliases and rules, the one-file shorthand, and
//! the settings of people, environments and apps. Text comes in, a [`Catalogue`], [`Settings`] and [`Diagnostic`]s
//! come out; reading files is the `library`'s work.

mod action;
mod app;
mod bind;
mod catalogue;
mod diagnostic;
mod environment;
mod load;
mod native;
mod pack;
mod parameter;
mod report;
mod rule;
mod runner;
pub mod settings;
mod shell;
mod source;

pub use action::{Action, Argument, CHANGES_HOSTS, Parameter, ParameterKind, Part, RunnerName};
pub(crate) use app::parse_place;
pub use app::{
    App, AppEnvironment, Canary, Health, Package, Pool, PoolCall, Probe, Repository, Rollout, Scripts,
    Service,
};
pub use bind::{BindError, Bound};
pub use catalogue::{Catalogue, Workflow};
pub use diagnostic::{Diagnostic, Severity};
pub use environment::{Connection, Environment, Environments, Host, Role};
pub use load::{SHORTHAND_PACK, expand, load};
pub use native::{EVERYDAY, NativeCommand, NativeOption, native_commands};
pub use pack::Pack;
pub use report::report;
pub use rule::Rule;
pub use runner::{OVERRIDABLE, Performer, RunnerKind, runner_kind, runner_names};
pub use settings::Settings;
pub use source::SourceFile;

pub use crate::yaml::Dialect;

/// What stands in for the value of a secret parameter in messages.
pub(crate) const MASKED: &str = "********";
