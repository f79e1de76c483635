//! The question a person answers.
