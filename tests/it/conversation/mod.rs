//! Conversations: what people say, and what they see. One file per behaviour.

mod gate;
mod guard;
mod release;
mod talk;
mod workflow;
