//! The rehearsal: a world of real parts in one fresh folder, all of it local processes that end with the rehearsal.
//!
//! - [`repository`]: a git repository of the sample app `shop`;
//! - [`shop`]: that app, a small HTTP server; [`supervisor`]: the hosts it runs on, their load balancer and traffic;
//! - [`world`]: all of it together, with the bot's configuration;
//! - `call`: asking local servers.

mod call;
mod pack;
mod part;
mod program;
pub mod repository;
mod settings;
pub mod shop;
pub mod supervisor;
pub mod world;

pub use part::{Part, SHOP, SUPERVISOR};
pub use program::Program;
pub use repository::{Author, Release, Repository};
pub use world::{Terms, Version, World};
