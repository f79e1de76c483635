//! Secrets: values that print as `********`, references that say where a value lies, and the masker that keeps
//! values out of everything we store or show.

mod masker;
mod reference;
mod stream;
mod value;

pub use self::masker::{MASK, Masker, SHORTEST_MASKED};
pub use self::reference::{SHORTEST_SECRET, SecretError, SecretRef};
pub use self::stream::MaskStream;
pub use self::value::Secret;
