//! What is heard from outside chat. [`webhook`]: events that a version control host posts to us, or anybody to rules.

pub mod webhook;
