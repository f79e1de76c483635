//! Deliveries of a version control host: verified over their raw bytes, then read into what we act on. Nothing in
//! here waits or writes; `http` hands it bytes and stores what comes out.
//!
//! - [`signature`]: who sent it; [`delivery`]: under which key, which event; [`push`]: commits that arrived;
//! - [`address`]: whether two addresses mean the same repository.

pub mod address;
pub mod delivery;
pub mod push;
pub mod signature;

pub use address::same_repository;
pub use delivery::{Delivery, DeliveryId, Event, MalformedError};
pub use push::{Author, Push, PushedCommit};
pub use signature::{SignatureError, verify};
