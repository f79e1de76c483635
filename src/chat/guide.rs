//! What an adapter asks the bot while somebody is still at it: before a press counts, and while a command is typed.
//! Answered from memory or with one read; nothing is changed by asking.

use async_trait::async_trait;

use crate::identity::Actor;
use crate::message::Confirm;

/// A platform's own command, as far as it is filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    pub command: String,
    /// Options by name, in no order; empty ones are left out.
    pub values: Vec<(String, String)>,
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is shown.
    pub label: String,
    /// What it stands for.
    pub value: String,
}

/// The bot could not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bot could not tell: {why}")]
pub struct GuideError {
    pub why: String,
}

/// The bot, as far as adapters may ask it.
#[async_trait]
pub trait Guide: Send + Sync {
    /// What is to be asked before this press counts (`act` is what [`crate::message::ButtonAct::encode`] made); `None`
    /// where there is nothing to ask any more, so that the press itself is answered.
    async fn confirmation(&self, act: &str) -> Result<Option<Confirm>, GuideError>;

    /// The words that the command stands for, as somebody would type them; `None` if these options do not go together.
    fn phrase(&self, typed: &Typed) -> Option<String>;

    /// The words of a command as others may read them: without what they give to secret parameters.
    async fn shown(&self, words: &str) -> String {
        words.to_owned()
    }

    /// What this person could put into an option, given what they typed there so far. Strangers are told nothing.
    async fn choices(&self, typed: &Typed, option: &str, so_far: &str, who: &Actor) -> Vec<Choice>;
}

/// Knows nothing: presses are asked no questions, and a command's words are its name and options.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoGuide;

#[async_trait]
impl Guide for NoGuide {
    async fn confirmation(&self, _act: &str) -> Result<Option<Confirm>, GuideError> {
        Ok(None)
    }

    fn phrase(&self, typed: &Typed) -> Option<String> {
        let values = typed.values.iter().map(|(_, value)| value.as_str());
        Some(std::iter::once(typed.command.as_str()).chain(values).collect::<Vec<_>>().join(" "))
    }

    async fn choices(&self, _typed: &Typed, _option: &str, _so_far: &str, _who: &Actor) -> Vec<Choice> {
        Vec::new()
    }
}
