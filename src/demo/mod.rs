//! The rehearsal: a world of real parts in one fresh folder, all of it local processes that end with the rehearsal.
//!
//! - [`repository`]: a git repository of the sample app `shop`;
//! - [`shop`]: that app, a small HTTP server; [`supervisor`]: the hosts it runs on, their load balancer and traffic;
//! - [`world`]: all of it together: `settings` of the bot, the first release (`pack`), a `port` for each server;
//! - [`scenario`]: what is played there, on a [`stage`], and what has to be true afterwards;
//! - [`tour`]: the same for a reader, who decides;
//! - `program`, `part`: the binary that all the processes are; `bot`: the bot as one of them; `call`: asking servers.

mod bot;
mod call;
mod pack;
mod part;
mod port;
mod program;
pub mod repository;
pub mod scenario;
mod settings;
pub mod shop;
pub mod stage;
pub mod supervisor;
pub mod tour;
pub mod world;

pub use part::{BOT, Part, SHOP, SUPERVISOR};
pub use program::Program;
pub use repository::{Author, Release, Repository};
pub use scenario::Scenario;
pub use stage::{Stage, StageOptions};
pub use tour::Tour;
pub use world::{Terms, Version, World};
