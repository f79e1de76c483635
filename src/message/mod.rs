//! Everything said in chat: neutral cards that adapters render, what comes in from people, and every word a user reads.
//!
//! - [`card`]: what we say, in a form that each platform can draw;
//! - [`incoming`]: what people said, pressed and reacted, as adapters hand it to the inbox;
//! - [`notify`]: how much of what nobody asked about is told;
//! - [`spoken`]: the commands in them, as they can be said where they are shown;
//! - [`words`]: the sentences.

pub mod card;
pub mod incoming;
pub mod notify;
pub mod spoken;
pub mod words;

pub use card::{
    Block, Button, ButtonAct, Card, Confirm, Field, Form, PressedAct, PressedVote, Span, Text, Tone,
};
pub use incoming::{Delivery, Incoming, Mark, Said};
pub use spoken::USUAL;
