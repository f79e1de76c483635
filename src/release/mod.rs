//! What a release will do, worked out before anything is done: one [`Plan`], from an app's settings and the inventory.
//!
//! The plan is the input of the release workflows, what `!plan` prints, what the gate's facts are taken from.

mod back;
mod compose;
mod plan;

pub use back::back_order;
pub use compose::{Ask, PlanError, compose, compose_build, recompose_target};
pub use plan::{
    BuildPlan, Call, HealthPlan, HostPlan, PackagePlan, Plan, RepositoryPlan, ScriptsPlan, ServicePlan,
    Stage, Watch, WatchedHost,
};
