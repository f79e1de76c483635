//! Which hosts there are and how each is reached. Everything that touches a host asks here.

mod fixed;

pub use self::fixed::{Reach, StaticInventory, UnknownHost};
