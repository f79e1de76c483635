//! What people say, turned into an action and its parameters.

mod batch;
mod format;
mod model;
mod pairs;
mod pattern;

pub use batch::parse_batch;
pub use format::{Format, FormatError, Parameters, ParseError, Stream};
pub use model::{ActionAlias, AliasFormat, Reply};
pub use pairs::Compat;
pub use pattern::PatternError;
