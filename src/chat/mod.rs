//! Chat platforms. Each adapter draws neutral cards within its platform's limits and turns what people do into
//! [`crate::message::Delivery`]s; vendor crates and vendor words stay in here.
//!
//! - [`adapter`]: what every platform can do for us, and how it can fail;
//! - [`intake`]: the door to the inbox; [`guide`]: what is asked of the bot before that;
//! - [`slack`], [`discord`], [`terminal`]: the platforms;
//! - `layout`, `inert`: a card within a platform's limits, and nothing in it that shows other than it is;
//! - `stamp`: how old a signed request may be;
//! - `signs`, `backoff`: whether a connection is alive, and when the next is tried;
//! - `skew`: how far a platform's clock stands from ours;
//! - [`png`]: charts as pictures; [`preview`]: a card as people see it.

pub mod adapter;
mod backoff;
pub mod discord;
pub mod guide;
mod inert;
pub mod intake;
mod layout;
pub mod png;
pub mod preview;
mod signs;
mod skew;
pub mod slack;
mod stamp;
pub mod terminal;

pub use adapter::{Attachment, Call, ChatAdapter, ChatError, ListenError, Lost, Marked, PRIVATE, Trouble};
pub use guide::{Choice, Guide, GuideError, Typed};
pub use intake::{Accepted, Intake, IntakeError, Memory, Spot};
