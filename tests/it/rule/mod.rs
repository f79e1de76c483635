//! Rules, through the whole bot: what is posted, ticks or happens starts what listens to it, once, and nothing guarded.

mod chain;
mod guard;
mod hook;
mod sensor;
mod start;
mod timer;
mod tried;
pub mod world;
