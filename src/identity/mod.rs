//! Who is this, and may they?
//!
//! The platform authenticates an account and says its [`Standing`]; only our own [`People`] grant authority. Every
//! way in calls [`authorize`] before any handler code: handlers take an [`Authorised`], which nothing else makes.

mod authorize;
mod people;
mod right;
mod standing;

pub use authorize::{Authorised, Denied, DeniedWhy, Subject, authorize};
pub use people::{People, PeopleFault, PeopleFaults, PeopleFile, Person, PersonEntry, TERMINAL_WORKSPACE};
pub use right::{Right, Rights};
pub use standing::{Actor, Standing};
