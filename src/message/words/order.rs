//! What single commands answer beside what all have in common.

use std::time::Duration;

use super::{echo, list};
use crate::{
    id::GroupName,
    message::card::{Card, Text},
};

/// An alias whose action is not there.
pub fn no_action(alias: &str, action: &str) -> Card {
    Card::refuse(
        Text::default()
            .code(alias)
            .and(" belongs to the action ")
            .code(action)
            .and(", which does not exist. Nothing was run; ")
            .code("lockkeeper check")
            .and(" says where it is named."),
    )
}

/// An action of runner `bot` whose `entry_point` means nothing.
pub fn no_command(name: &str) -> Card {
    Card::refuse(Text::plain("I have no command ").code(name).and("; see ").code("lockkeeper check").and("."))
}

/// Parameters that the alias itself gives.
pub fn immutable(alias: &str, names: &[&str]) -> Card {
    let names = super::list(&names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>());
    Card::refuse(
        Text::plain(format!("{names} cannot be given: the alias "))
            .code(alias)
            .and(" has set it. Nothing was run; say it without."),
    )
}

/// A parameter that the alias gives and that has no value.
pub fn immutable_unknown(alias: &str, name: &str, why: &str) -> Card {
    Card::refuse(
        Text::plain("The alias ")
            .code(alias)
            .and(" gives ")
            .code(name)
            .and(format!(" a value that cannot be rendered: {why}. Nothing was run; mend its "))
            .code("immutable_parameters")
            .and("."),
    )
}

/// A message that asks for more than one may.
pub fn too_many(alias: &str, matches: usize, most: usize) -> Card {
    let text = Text::plain(format!("That asks {matches} times for ")).code(alias);
    Card::refuse(
        text.and(format!(", and one message may ask {most} times. Nothing was run; say it in parts.")),
    )
}

/// A message that asks several times for what the bot itself answers.
pub fn one_at_a_time(alias: &str, matches: usize) -> Card {
    let text = Text::plain(format!("That asks {matches} times for ")).code(alias);
    Card::refuse(text.and(", which I answer one at a time. Nothing was done; say one of them."))
}

/// Somebody typed a secret.
pub fn secret_typed(parameter: &str) -> Card {
    Card::refuse(where_secrets_lie(Text::default().code(parameter).and(
        " is a secret, and what is typed is read by others and kept. I kept nothing of it and ran nothing, but it has \
         been seen: change it. Then name where it lies, in ",
    )))
}

/// Something like what somebody typed takes a secret.
pub fn secret_perhaps(prefix: &str, suggestions: &[String]) -> Card {
    let card = super::answer::unknown_command(prefix, suggestions);
    card.text(where_secrets_lie(Text::plain(
        "Something like it takes a secret, and what is typed is read by others and kept; so I kept only its first \
         word. If there was a secret, it has been seen: change it. Then name where it lies, in ",
    )))
}

fn where_secrets_lie(text: Text) -> Text {
    text.code("config/environments.yaml")
        .and(" under the environment's ")
        .code("secrets:")
        .and(", as ")
        .code("TOKEN: \"env:TOKEN\"")
        .and("; what runs there under an approval has it as a variable.")
}

/// The shorthand's `who`.
pub fn members_only(groups: &[GroupName], action: &str) -> Card {
    Card::refuse(format!("Members of {} may run {action}.", list(groups)))
}

/// No release has this number, and no app this name.
pub fn no_release(name: &str) -> Card {
    Card::refuse(format!("There is no release {}.", echo(name)))
}

/// Its build did not come to its end.
pub fn never_built(number: i64) -> Card {
    Card::refuse(format!("#{number} has no artifact: its build did not finish. Deploy it anew."))
}

/// Its gate is open.
pub fn asked_already(number: i64) -> Card {
    Card::refuse(
        Text::plain(format!("#{number} is open already; answer it with "))
            .code(format!("!approve {number}"))
            .and("."),
    )
}

/// A release is meant, but this is none's number.
pub fn no_number(text: &str) -> Card {
    Card::refuse(Text::default().code(echo(text)).and(" is no release's number."))
}

/// Neither a release's number nor an execution's id.
pub fn unknown_root(text: &str) -> Card {
    Card::refuse(format!("I know no release or execution {}.", echo(text)))
}

/// The question whether Stop is meant did not open.
pub fn stop_unasked(prefix: &str, text: &str) -> Card {
    Card::refuse(
        Text::plain("The question whether you are sure did not open, so nothing was stopped. Say ")
            .code(format!("{prefix}cancel {text}"))
            .and(" instead."),
    )
}

/// It is being stopped; `shown`: whether it has a card.
pub fn stopping(text: &str, shown: bool) -> Card {
    let stopping = Text::plain(format!("Stopping {}; ", echo(text)));
    Card::say(if shown {
        stopping.and("its card says when it has.")
    } else {
        stopping.and("no card shows it: ").code("!status").and(" lists it until it has.")
    })
}

/// Nothing new of it starts.
pub fn pausing(prefix: &str, text: &str, most: Duration) -> Card {
    Card::say(
        Text::plain(format!("Pausing {text}: what runs ends, and nothing new starts. "))
            .code(format!("{prefix}resume {text}"))
            .and(format!(" lets it go on; after {} it is stopped.", super::length(most))),
    )
}

/// It goes on.
pub fn resuming(text: &str) -> Card {
    Card::say(format!("{text} goes on."))
}

/// It cannot be paused.
pub fn not_paused(text: &str, why: &str) -> Card {
    Card::refuse(format!("{text} was not paused: {why}."))
}

/// It does not wait for anybody to let it go on.
pub fn not_resumed(text: &str, why: &str) -> Card {
    Card::refuse(format!("{text} was not resumed: {why}."))
}

/// Others wait for what a release holds.
pub fn release_goes_on(prefix: &str, text: &str) -> Card {
    Card::refuse(
        Text::plain(format!("{text} is a release, and others wait for what it holds, so it is not paused. "))
            .code(format!("{prefix}cancel {text}"))
            .and(" stops it."),
    )
}

/// An execution that cannot be run again.
pub fn not_again(text: &str, why: &str) -> Card {
    Card::refuse(format!("{text} was not run again: {why}."))
}

/// A release is asked for anew.
pub fn release_again(prefix: &str, text: &str) -> Card {
    Card::refuse(
        Text::plain(format!("{text} is a release: what was approved was approved once. Ask anew with "))
            .code(format!("{prefix}deploy"))
            .and(" or ")
            .code(format!("{prefix}promote"))
            .and("."),
    )
}

/// What a task is written like.
pub fn no_task(tasks: &[String]) -> Card {
    let text = Text::plain("A task is written ").code("name").and(" or ").code("name:route");
    Card::refuse(text.and(format!(", got {}. Nothing was run.", echo(&list(tasks)))))
}

/// A task whose items shall stay, and that does not run again.
pub fn not_among(task: &str) -> Card {
    let text = Text::plain(format!("{} stands after ", echo(task))).code("no_reset=").and(", but not after ");
    Card::refuse(text.code("tasks=").and(". Name it there too, spelled the same. Nothing was run."))
}

/// There is nothing to stop.
pub fn ended_already(text: &str) -> Card {
    Card::refuse(format!("{} has ended already.", echo(text)))
}

/// Something else holds what a command needs; `why` names it.
pub fn held(why: &str) -> Card {
    Card::refuse(format!("{} Cancel it first, or wait.", sentence(why)))
}

/// Something below says in lower case why it cannot be done.
pub fn cannot(why: &str) -> Card {
    Card::refuse(sentence(why))
}

/// A version that is none.
pub fn no_version(app: &str, reference: &str) -> Card {
    Card::refuse(
        Text::plain(format!("{app} has no branch, tag, commit or pull request "))
            .code(echo(reference))
            .and(". Nothing was run."),
    )
}

/// An inquiry that is not there.
pub fn no_question(id: &str) -> Card {
    Card::refuse(format!("No question {} is open.", echo(id)))
}

/// An inquiry has its answer.
pub fn answered(person: &str, id: &str) -> Card {
    Card::say(format!("{person} answered {id}."))
}

/// An inquiry that takes no answer any more.
pub fn not_open(id: &str) -> Card {
    Card::refuse(format!("{id} is answered already, or too late."))
}

/// An inquiry of others.
pub fn not_asked(id: &str) -> Card {
    Card::refuse(format!("{id} is for somebody else to answer."))
}

/// A response that does not fit the inquiry's schema.
pub fn unfit(id: &str, why: &str) -> Card {
    Card::refuse(format!("That does not answer {id}: {why}."))
}

/// An error's words as a sentence.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|it| it.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn an_errors_words_become_one_sentence() {
        assert_eq!(sentence("no hosts"), "No hosts.");
        assert_eq!(sentence("it stopped."), "It stopped.");
    }
}
