//! Two accounts that become one person, and two again.

use std::time::Duration;

use super::{echo, length, list, refusal::standing_text};
use crate::{
    identity::{CODE_LIFE, LinkRefusal},
    message::card::{Card, Text, Tone},
};

/// The code, for the one who asked for it.
pub fn code(prefix: &str, person: &str, code: &str) -> Card {
    Card::say(
        Text::plain(format!(
            "Say this to me in a direct message from your other account, within {}: ",
            length(CODE_LIFE)
        ))
        .code(format!("{prefix}link {code}")),
    )
    .text(format!(
        "Whoever says it is {person} from then on, with all that {person} may do. Give it to nobody."
    ))
}

/// The same message once the code can be said no more.
pub fn code_gone(prefix: &str) -> Card {
    Card::say(
        Text::plain("This code can be said no more. ").code(format!("{prefix}link")).and(" gives another."),
    )
}

/// A link that was asked for where others read.
pub fn only_direct(prefix: &str) -> Card {
    Card::refuse(
        Text::plain("A code is for your eyes only. Say ")
            .code(format!("{prefix}link"))
            .and(" to me in a direct message, in Slack or Discord."),
    )
}

/// A good code, said where others read.
pub fn overheard(prefix: &str) -> Card {
    Card::refuse(
        Text::plain(
            "Others could read that code, so it is void and nothing was linked. Ask for another with ",
        )
        .code(format!("{prefix}link"))
        .and(", and say that one to me in a direct message."),
    )
}

/// What stands after `link` is no code.
pub fn not_a_code(prefix: &str, typed: &str) -> Card {
    Card::refuse(
        Text::default()
            .code(echo(typed))
            .and(" is no code. Say ")
            .code(format!("{prefix}link"))
            .and(" from the account that I know; it is given one, like ")
            .code("K7QF-3MZX-9TRA")
            .and(". Say that one from your other account."),
    )
}

/// No such code can be said now. That it is wrong, used and too old reads the same.
pub fn no_such_code(prefix: &str) -> Card {
    Card::refuse(
        Text::plain(format!(
            "That code is wrong, was said already or is older than {}. Ask for another with ",
            length(CODE_LIFE)
        ))
        .code(format!("{prefix}link"))
        .and(" from the account that I know."),
    )
}

/// Too many wrong codes.
pub fn too_many(wait: Duration) -> Card {
    Card::refuse(format!("That were too many wrong codes. I look at none of yours for {}.", length(wait)))
}

/// Why two accounts stay two.
pub fn refused(prefix: &str, it: &LinkRefusal) -> Card {
    Card::refuse(match it {
        LinkRefusal::Standing(standing) => {
            Text::plain(format!("I link no accounts of {}.", standing_text(*standing)))
        }
        LinkRefusal::NotListed => Text::plain("Only an account that ")
            .code("config/people.yaml")
            .and(" lists is given a code, and this one is not. Say ")
            .code(format!("{prefix}link"))
            .and(" from the one that is, and then the code from here."),
        LinkRefusal::SameAccount => Text::plain(
            "This is the account that was given the code. Say it from your other one, on the other platform.",
        ),
        LinkRefusal::SamePlatform(platform) => Text::plain(format!(
            "That code was given on {platform} too: it links accounts of two platforms. It is void, and whoever was given it knows."
        )),
        LinkRefusal::OffererGone => {
            Text::plain("Whoever was given that code is not who they were. It is void, and nothing was linked.")
        }
        LinkRefusal::OffererUnresolved => {
            Text::plain("I cannot ask now about the account that was given that code. Say it again in a minute.")
        }
        LinkRefusal::AlreadyOne => Text::plain("These two accounts are one person already; ")
            .code(format!("{prefix}whoami"))
            .and(" shows it."),
        LinkRefusal::IsSomebody(person) => Text::plain(format!(
            "This account is {person}, and cannot be somebody else too. The code is void, and whoever was given it knows."
        )),
        LinkRefusal::WasSomebody => Text::plain(
            "This account was linked to somebody else before, so only an administrator can give it to you, in ",
        )
        .code("config/people.yaml")
        .and(". The code is void, and whoever was given it knows."),
        LinkRefusal::HasOne(platform) => Text::plain(format!(
            "Whoever was given that code has another account on {platform} already. It is void, and they know."
        )),
    })
}

/// To the account that was given the code: it reached somebody whom it was not for.
pub fn burnt(prefix: &str, account: &str, called: &str, overheard: bool) -> Card {
    let why = if overheard {
        "said your code where others could read it"
    } else {
        "said your code, and it is not yours"
    };
    Card::titled(Tone::Bad, "Your code is void").text(
        Text::default()
            .code(account)
            .and(format!(" (called {called}) {why}. Nothing was linked. Ask for another with "))
            .code(format!("{prefix}link"))
            .and("."),
    )
}

/// To the account that said the code.
pub fn linked(prefix: &str, person: &str, listed: &str) -> Card {
    Card::say(
        Text::plain(format!("This account is {person} from now on, together with "))
            .code(listed)
            .and(". ")
            .code(format!("{prefix}whoami"))
            .and(" shows it, ")
            .code(format!("{prefix}unlink"))
            .and(" ends it."),
    )
}

/// To the account that was given the code.
pub fn linked_elsewhere(prefix: &str, account: &str, called: &str) -> Card {
    Card::titled(Tone::Good, "Your accounts are linked")
        .text(Text::default().code(account).and(format!(
            " (called {called}) said your code: it is you from now on, with all that you may do."
        )))
        .text(
            Text::plain("Was that not you? Say ")
                .code(format!("{prefix}unlink"))
                .and(" at once, and tell an administrator."),
        )
}

/// To both, once they are two.
pub fn unlinked(prefix: &str, person: &str, listed: &str, account: &str, by: &str) -> Card {
    Card::say(
        Text::default()
            .code(account)
            .and(format!(" is {person} no more; "))
            .code(listed)
            .and(" still is. It was ended from ")
            .code(by)
            .and(". ")
            .code(format!("{prefix}link"))
            .and(" links them again."),
    )
}

/// There is no link to end.
pub fn nothing_linked(prefix: &str) -> Card {
    Card::refuse(
        Text::plain("No account is linked to this one. ")
            .code(format!("{prefix}whoami"))
            .and(" shows yours; those of ")
            .code("config/people.yaml")
            .and(" only an administrator can take away."),
    )
}

/// Several links, or none that was named.
pub fn which(prefix: &str, accounts: &[String]) -> Card {
    let example = accounts.first().map_or("", String::as_str);
    Card::refuse(
        Text::plain(format!("Which one? Linked: {}. Say ", list(accounts)))
            .code(format!("{prefix}unlink {example}"))
            .and("."),
    )
}
