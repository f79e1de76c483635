//! Who is this, and may they?
//!
//! The platform authenticates an account and says its [`Standing`]; only our own [`People`] grant authority. Every
//! way in calls [`authorize`] before any handler code: handlers take an [`Authorised`], which nothing else makes. Accounts
//! that proved to be one person ([`Link`]) are theirs beside those of the file.

mod authorize;
mod code;
mod link;
mod people;
mod right;
mod standing;

pub use authorize::{Authorised, Denied, DeniedWhy, Subject, authorize};
pub use code::Code;
pub use link::{CODE_LIFE, Link, LinkRefusal, Offer, TRIES_MAX, TRIES_WITHIN, Tries, may_link, may_offer};
pub use people::{People, PeopleFault, PeopleFaults, PeopleFile, Person, PersonEntry, TERMINAL_WORKSPACE};
pub use right::{Right, Rights};
pub use standing::{Actor, Standing};
