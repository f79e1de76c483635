//! A command that lacks something: what, what was expected, an example that works.

use crate::{
    alias::{Lacking, Parameters, filled, required},
    bot::{Bot, hear::Answer},
    content::Action,
    engine::Live,
    id::ActionRef,
    message::words::{self, answer::Missing},
};

/// The answer to a message that would match if it went on.
pub(in crate::bot) fn lacking(bot: &Bot, said: &str, found: &Lacking<'_>) -> Answer {
    let live = bot.engine().live();
    let action = live.bundle.action(&ActionRef::new(found.alias.action_ref.clone()));
    let action = action.map(AsRef::as_ref);
    let rest = filled(&found.rest, |name| value(&live, action, name));
    let example = format!("{}{} {rest}", bot.0.parts.prefix, words::echo(said.trim()));
    answer(action, &found.missing, example.trim_end())
}

/// The answer to a message that leaves a place of its format blank, as `deploy shop@` does.
pub(super) fn blank(
    bot: &Bot,
    action: &Action,
    representation: &str,
    parameters: &Parameters,
) -> Option<Answer> {
    let given = |name: &str| parameters.get(name).and_then(Option::as_deref);
    let mut names = required(representation);
    if action.runner.as_str() == "bot" {
        // Of our own commands nothing given means something else than nothing said: `version=""` is no version.
        names.extend(parameters.keys().filter(|it| !names.contains(it)).cloned().collect::<Vec<_>>());
    }
    names.retain(|it| given(it).is_some_and(|it| it.trim().is_empty()));
    let blank = names;
    if blank.is_empty() {
        return None;
    }
    let live = bot.engine().live();
    let example = filled(representation, |name| match given(name).map(str::trim) {
        Some(said) if !said.is_empty() => words::echo(said),
        Some(_) | None => value(&live, Some(action), name),
    });
    Some(answer(Some(action), &blank, &format!("{}{}", bot.0.parts.prefix, example.trim_end())))
}

/// The answer to a message whose alias never asks for a parameter that its action needs: it can be given as a pair.
pub(super) fn unasked(bot: &Bot, said: &str, action: &Action, name: &str) -> Answer {
    let value = value(&bot.engine().live(), Some(action), name);
    let said = said.trim().trim_start_matches(bot.0.parts.prefix.as_str());
    let example = format!("{}{} {name}={value}", bot.0.parts.prefix, words::echo(said));
    answer(Some(action), &[name.to_owned()], &example)
}

fn answer(action: Option<&Action>, names: &[String], example: &str) -> Answer {
    let wants: Vec<_> = names.iter().map(|it| action.and_then(|action| action.wants(it))).collect();
    let missing = names.iter().zip(&wants).map(|(name, wants)| Missing {
        parameter: name,
        expected: wants.as_ref().map_or("a value", |(error, _)| error.expected.as_str()),
        description: wants.as_ref().map_or("", |(_, description)| description),
    });
    Answer::say(words::answer::missing(&missing.collect::<Vec<_>>(), example))
}

/// A value that could stand there.
fn value(live: &Live, action: Option<&Action>, name: &str) -> String {
    let first = || live.settings.apps.values().next();
    let known = match name {
        "app" => first().map(|it| it.app.to_string()),
        "version" => first().map(|it| it.repository.branch.clone()),
        "release" | "number" => Some("42".to_owned()),
        "stage" | "environment" => first().map(|it| it.canary.role.to_string()),
        _ => None,
    };
    let parameter = action.and_then(|it| it.parameters.get(name));
    let choice = parameter.and_then(|it| it.choices.first()).and_then(|it| it.as_str().map(str::to_owned));
    // "text" says less than the parameter's name.
    let kind = action.and_then(|it| it.wants(name)?.0.example).filter(|it| it != "text");
    choice.or(known).or(kind).unwrap_or_else(|| name.to_uppercase())
}
