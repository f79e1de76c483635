//! Python's `re` for alias formats, matched in linear time.
//!
//! A format is a Python regular expression (StackStorm compiles it with `re.DOTALL`), so its syntax and its
//! choice among several possible matches are those of <https://docs.python.org/3.11/library/re.html>. What Python
//! explores by unbounded backtracking is explored here at most once per (instruction, position).
//! Not supported, and refused as an invalid pattern: back-references, conditional groups, atomic groups and
//! possessive repeats, `\N{...}`, named groups inside look-arounds.

mod class;
mod compile;
mod node;
mod parse;
mod run;

pub(crate) use class::{fold, is_space, is_word};
pub(crate) use compile::Program;
pub(crate) use node::{Node, has_beginning_anchor, has_ending_anchor};
pub use parse::PatternError;
pub(crate) use parse::parse;
pub(crate) use run::{Match, Matcher};
