//! What the rehearsal says to its reader, beside the bot.

use std::path::Path;

use super::list;
use crate::message::card::{Card, Text};

/// The reader's own lines with a slash, and what each does.
pub const ORDERS: &[(&str, &str)] = &[
    ("/good", "deploy another good commit"),
    ("/break build", "deploy a commit that does not build"),
    ("/break canary", "deploy a commit of which a tenth of all requests fails"),
    ("/break host", "deploy a good commit, and let web-2 die in the middle of the rollout"),
];

/// The first thing on the screen.
pub fn greeting(dir: &Path) -> Card {
    let people = vec![
        Text::default().bold("ann").and(" asks for releases: that is you, for now"),
        Text::default().bold("bea").and(" and ").bold("cid").and(" of sre may approve them"),
        Text::default().bold("dora").and(" writes code, not always well"),
    ];
    let what = "This is Lockkeeper, rehearsing a release on this machine: a real repository, a canary and three \
                production hosts as processes, a bot, and this chat. Nothing outside this folder is touched:";
    Card::titled(crate::message::Tone::Neutral, "Welcome")
        .text(Text::plain(what).and(" ").code(dir.display().to_string()))
        .lines(people)
        .text(Text::plain("Ann has asked for a release. ").code("/quit").and(" leaves, and ends all of it."))
}

/// The first question stands above.
pub fn decide(number: i64) -> Card {
    Card::say(Text::default().bold("Now you decide. ").and("You are ann, who asked. Try:")).lines(vec![
        Text::default().code("!approve").and("  you will be refused, and told why"),
        Text::default()
            .code("/as bea")
            .and(" and then ")
            .code("!approve")
            .and("  production follows, host by host"),
        Text::default().code(format!("!reject {number} not today")).and("  as bea: nothing changes"),
        Text::default()
            .code("!where")
            .and(", ")
            .code("!plan shop")
            .and(", ")
            .code("!help")
            .and("  look around first"),
        Text::plain("in another window, the ").code("curl").and(" lines above: what each host says it runs"),
    ])
}

/// A later question stands above.
pub fn decide_again(number: i64) -> Card {
    Card::say(
        Text::plain("It waits for ")
            .code("/as bea")
            .and(" and ")
            .code("!approve")
            .and(", or ")
            .code(format!("!reject {number} why"))
            .and("."),
    )
}

/// Something has ended: what can be tried next. `back`: hosts are left that a rollback would bring back.
pub fn what_next(back: bool) -> Card {
    let mut card = Card::default();
    if back {
        card = card.text(
            Text::default()
                .bold("Not all hosts run the same now. ")
                .code("!where")
                .and(" shows it, ")
                .code("!rollback shop")
                .and(" brings back what can be reached, without a new question."),
        );
    }
    let orders = ORDERS.iter().map(|(order, does)| Text::default().code(*order).and(format!("  {does}")));
    let orders = orders.chain([Text::default().code("/quit").and("  leave")]);
    card.text(Text::default().bold("What next?")).lines(orders.collect())
}

/// What the reader's order sets in motion.
pub fn good() -> Card {
    Card::say("Ann has committed something good, and asks for it.")
}

/// As [`good`].
pub fn broken_build() -> Card {
    Card::say("Dora has committed something that does not build, and Ann asks for it.")
}

/// As [`good`].
pub fn bad_canary() -> Card {
    Card::say(
        "Dora has made the cart faster; a tenth of all requests fails now. Ann asks for it. Watch the canary.",
    )
}

/// As [`good`].
pub fn doomed_host() -> Card {
    Card::say(
        Text::plain("Ann asks for something good. Approve it as bea; ")
            .bold("web-2")
            .and(" will die while it is updated."),
    )
}

/// Only one thing at a time.
pub fn busy() -> Card {
    Card::say("Something still runs; wait until it has ended.")
}

/// Hosts that were switched off are on again.
pub fn revived(hosts: &[&str]) -> Card {
    let runs = if hosts.len() == 1 { "is on again, and runs what is on its disk" } else { "are on again" };
    Card::say(format!("{} {runs}.", list(hosts)))
}

/// The last lines.
pub fn farewell(dir: &Path) -> Card {
    Card::default()
        .text(
            Text::plain("All of it has ended. What happened stays in ")
                .code(dir.display().to_string())
                .and("."),
        )
        .text(
            Text::plain("For real: ")
                .code("lockkeeper serve --config config/lockkeeper.yaml")
                .and("; README.md says what goes into it."),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_is_told_what_this_is_and_what_to_type() {
        let all = [
            greeting(Path::new("/tmp/d")),
            decide(1),
            decide_again(2),
            what_next(true),
            farewell(Path::new("/tmp/d")),
        ];
        insta::assert_snapshot!(all.map(|it| it.to_string()).join("\n"), @"
        • Welcome
        This is Lockkeeper, rehearsing a release on this machine: a real repository, a canary and three production hosts as processes, a bot, and this chat. Nothing outside this folder is touched: `/tmp/d`
          ann asks for releases: that is you, for now
          bea and cid of sre may approve them
          dora writes code, not always well
        Ann has asked for a release. `/quit` leaves, and ends all of it.

        Now you decide. You are ann, who asked. Try:
          `!approve`  you will be refused, and told why
          `/as bea` and then `!approve`  production follows, host by host
          `!reject 1 not today`  as bea: nothing changes
          `!where`, `!plan shop`, `!help`  look around first
          in another window, the `curl` lines above: what each host says it runs

        It waits for `/as bea` and `!approve`, or `!reject 2 why`.

        Not all hosts run the same now. `!where` shows it, `!rollback shop` brings back what can be reached, without a new question.
        What next?
          `/good`  deploy another good commit
          `/break build`  deploy a commit that does not build
          `/break canary`  deploy a commit of which a tenth of all requests fails
          `/break host`  deploy a good commit, and let web-2 die in the middle of the rollout
          `/quit`  leave

        All of it has ended. What happened stays in `/tmp/d`.
        For real: `lockkeeper serve --config config/lockkeeper.yaml`; README.md says what goes into it.
        ");
    }

    #[test]
    fn what_comes_of_an_order_is_said_first() {
        let all = [good(), broken_build(), bad_canary(), doomed_host(), busy(), revived(&["web-2"])];
        insta::assert_snapshot!(all.map(|it| it.to_string()).concat(), @"
        Ann has committed something good, and asks for it.
        Dora has committed something that does not build, and Ann asks for it.
        Dora has made the cart faster; a tenth of all requests fails now. Ann asks for it. Watch the canary.
        Ann asks for something good. Approve it as bea; web-2 will die while it is updated.
        Something still runs; wait until it has ended.
        web-2 is on again, and runs what is on its disk.
        ");
    }
}
