//! Conversations: what people say, and what they see. One file per behaviour.

mod release;
mod talk;
mod workflow;
