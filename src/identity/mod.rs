//! Who is this, and may they? Platform ids only, never names.

mod standing;

pub use standing::Standing;
