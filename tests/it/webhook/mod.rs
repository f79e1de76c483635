//! What comes in over HTTP, through the whole bot: signed pushes of a real repository, and an operator's questions.

mod answers;
mod notify;
mod push;
pub mod world;
