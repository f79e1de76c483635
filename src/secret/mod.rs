//! Secrets: values that print as `********`, references that say where a value lies, and the masker that keeps
//! values out of everything we store or show; [`Sealer`]: what is kept of a secret that has to be kept.

mod masker;
mod reference;
mod seal;
mod stream;
mod value;

pub use self::masker::{Learnt, MASK, Masker, SHORTEST_MASKED};
pub use self::reference::{SHORTEST_SECRET, SecretError, SecretRef};
pub use self::seal::{KeyForm, SealError, Sealer, is_sealed};
pub use self::stream::MaskStream;
pub use self::value::Secret;
