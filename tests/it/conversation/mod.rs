//! Conversations: what people say, and what they see. One file per behaviour.

mod cancel;
mod card;
mod decide;
mod extend;
mod failure;
mod four_eyes;
mod gate;
mod guard;
mod inquiry;
mod keep;
mod link;
mod missing;
mod notify;
mod promote;
mod release;
mod reply;
mod rollback;
mod script;
mod seal;
mod secret;
mod succession;
mod talk;
mod whereabouts;
mod workflow;
