//! All YAML we read, parsed and checked: packs of actions, workflows, aliases and rules, the one-file shorthand, and
//! the settings of people, environments and apps. Text comes in, a [`Catalogue`], [`Settings`] and [`Diagnostic`]s
//! come out; reading files is the `library`'s work.

mod action;
mod app;
mod bind;
mod catalogue;
mod compare;
mod configuration;
mod configure;
mod depend;
mod diagnostic;
mod environment;
mod fill;
mod ingest;
mod load;
mod native;
mod pack;
mod parameter;
mod policy;
mod report;
mod runner;
mod sensor;
pub mod settings;
mod shell;
mod source;
mod survey;

pub use action::{Action, Argument, CHANGES_HOSTS, Parameter, ParameterKind, Part, RunnerName};
pub(crate) use app::parse_place;
pub use app::{
    App, AppEnvironment, Canary, Health, Package, Pool, PoolCall, Probe, Repository, Rollout, Scripts,
    Service,
};
pub use bind::{BindError, Bound};
pub use catalogue::{Catalogue, Chained, Workflow};
pub use compare::{Change, ChangedKind, Detail, Difference, compare, is_older};
pub use configuration::{Setting, SettingState, faults, is_reference, misfits, settings_of};
pub use configure::{Configured, configure};
pub use depend::{Dependent, DependentKind, dependents};
pub use diagnostic::{Diagnostic, Severity};
pub use environment::{Connection, Environment, Environments, Host, Role};
pub use fill::FillError;
pub use ingest::{Ingested, ingest};
pub use load::{PackNameError, SHORTHAND_PACK, expand, is_pack_name, load, pack_name};
pub use native::{NativeCommand, NativeOption, native_aliases, native_commands};
pub use pack::Pack;
pub use policy::{ActionPolicy, Beyond, Bounding, RetryOn};
pub use report::report;
pub use runner::{OVERRIDABLE, Performer, RunnerKind, runner_kind, runner_names};
pub use sensor::{Sensor, TriggerType};
pub use settings::Settings;
pub use source::SourceFile;
pub use survey::{Fit, Survey, SurveyKind, Surveyed, Why, survey};

pub use crate::yaml::Dialect;

/// What stands in for the value of a secret parameter in messages.
pub(crate) const MASKED: &str = "********";
