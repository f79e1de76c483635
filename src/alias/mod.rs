//! What people say, turned into an action and its parameters.
//!
//! - [`Format`]: one pattern of an alias; [`Format::parse`] reads a message's parameters
//! - [`Index`]: all aliases; [`Index::find`] tells which one a message means, [`Index::lacking`] what it is short of
//! - [`slots`] and [`phrase`]: an alias filled in like a form
//! - [`cast`](cast()): a parameter's text to the type its action wants
//! - [`parse_batch`]: the machine-readable command
//!
//! The grammar is StackStorm's: <https://docs.stackstorm.com/chatops/aliases.html>.

mod batch;
mod cast;
mod extra;
mod fill;
mod format;
mod index;
mod lacking;
mod literal;
mod model;
mod pairs;
mod pattern;
mod piece;
mod suggest;
mod traits;

pub use batch::parse_batch;
pub use cast::{CastError, ParameterKind, cast};
pub use extra::Extra;
pub use fill::{Slot, phrase, slots};
pub use format::{Format, FormatError, Parameters, ParseError, Stream};
pub use index::{FormatFault, Index, Match, Mode, Outcome, Reading};
pub use lacking::{Lacking, filled, required};
pub use model::{ActionAlias, AliasFormat, Reply};
pub use pairs::Compat;
pub use pattern::PatternError;
