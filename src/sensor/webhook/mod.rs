//! Deliveries of a version control host, and of whoever posts what rules listen to: verified over their raw bytes, then
//! read into what we act on. Nothing in here waits or writes; `http` hands it bytes and stores what comes out.
//!
//! - [`signature`]: who sent it; [`delivery`]: under which key, which event; [`push`]: commits that arrived;
//! - [`address`]: whether two addresses mean the same repository; [`hook`]: what rules listen to.

pub mod address;
pub mod delivery;
pub mod hook;
pub mod push;
pub mod signature;

pub use address::same_repository;
pub use delivery::{Delivery, DeliveryId, Event, MalformedError};
pub use push::{Author, Push, PushedCommit};
pub use signature::{SignatureError, verify};
