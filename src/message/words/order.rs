//! What single commands answer beside what all have in common.

use super::list;
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

/// Somebody typed a secret.
pub fn secret_typed(parameter: &str) -> Card {
    Card::refuse(
        Text::default()
            .code(parameter)
            .and(
                " is a secret, and what is typed is read by others and kept. I kept nothing of it and ran nothing, but \
                 it has been seen: change it. Then name where it lies, in ",
            )
            .code("config/environments.yaml")
            .and(" under the environment's ")
            .code("secrets:")
            .and(", as ")
            .code("TOKEN: \"env:TOKEN\"")
            .and("; what runs there under an approval has it as a variable."),
    )
}

/// The shorthand's `who`.
pub fn members_only(groups: &[GroupName], action: &str) -> Card {
    Card::refuse(format!("Members of {} may run {action}.", list(groups)))
}

/// No release has this number, and no app this name.
pub fn no_release(name: &str) -> Card {
    Card::refuse(format!("There is no release {name}."))
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
    Card::refuse(Text::default().code(text).and(" is no release's number."))
}

/// Neither a release's number nor an execution's id.
pub fn unknown_root(text: &str) -> Card {
    Card::refuse(format!("I know no release or execution {text}."))
}

/// It is being stopped.
pub fn stopping(text: &str) -> Card {
    Card::say(format!("Stopping {text}; its card says when it has."))
}

/// There is nothing to stop.
pub fn ended_already(text: &str) -> Card {
    Card::refuse(format!("{text} has ended already."))
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
            .code(reference)
            .and(". Nothing was run."),
    )
}

/// An inquiry that is not there.
pub fn no_question(id: &str) -> Card {
    Card::refuse(format!("No question {id} is open."))
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
