//! Why something failed: what, where, and what to do.

use super::{count, list};
use crate::{
    message::card::{Card, Text},
    status::Status,
};

/// Hosts whose reasons stand in one line.
const HOSTS_SHOWN: usize = 5;

/// What failed, and what its log ends with.
#[derive(Clone, Debug)]
pub struct Failure {
    pub step: String,
    pub error: String,
    pub log: String,
    /// It may have happened or not.
    pub unseen: bool,
}

/// What a workflow could not work out: an expression, an input, a list that is none.
#[derive(Clone, Debug)]
pub struct Fault {
    pub workflow: String,
    pub task: Option<String>,
    pub message: String,
}

/// Adds what failed to a card.
pub(super) fn show(card: Card, failure: &Failure) -> Card {
    let card = card.text(what_failed(failure));
    if failure.log.is_empty() { card } else { card.code(failure.log.as_str()) }
}

fn what_failed(failure: &Failure) -> Text {
    let text = Text::default().bold(failure.step.as_str());
    if !failure.unseen {
        return text.and(" failed: ").and(failure.error.as_str());
    }
    text.and(": nobody saw how it ended (")
        .and(failure.error.as_str())
        .and("). It may have happened or not, so it is not tried again by itself.")
}

/// A workflow that cannot go on by itself.
pub(super) fn fault(it: &Fault) -> Text {
    let place = it.task.as_ref().map_or(String::new(), |task| format!(", task {task}"));
    let message = it.message.trim_end_matches('.');
    Text::plain("The workflow ")
        .code(it.workflow.as_str())
        .and(format!("{place}, could not go on: {message}. Mend it, then ask for it again."))
}

/// A program's end, where it said nothing itself.
pub fn exit_code(code: i64) -> String {
    format!("it ended with exit code {code}")
}

/// The same without a code.
pub fn ended_as(status: Status) -> String {
    format!("it ended as {status}")
}

/// An HTTP server's answer that is no success.
pub fn answered(code: i64) -> String {
    let hint = match code {
        300..=399 => "; it redirects, and `allow_redirects` is off",
        401 | 403 | 407 => "; look at the credentials it is called with",
        404 | 410 => "; look at the address it is called at",
        500..=599 => "; look at its own log",
        _ => "",
    };
    format!("the server answered {code}{hint}")
}

/// What failed on each host.
pub fn of_hosts(reasons: &[(&str, String)]) -> String {
    let said = |(host, reason): &(&str, String)| format!("{host}: {reason}");
    let mut texts: Vec<String> = reasons.iter().take(HOSTS_SHOWN).map(said).collect();
    let names: Vec<&str> = reasons.iter().skip(HOSTS_SHOWN).map(|(host, _)| *host).collect();
    if !names.is_empty() {
        texts.push(format!("and on {} ({})", count(names.len(), "other host"), list(&names)));
    }
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_saw_is_not_called_a_failure() {
        let said = |unseen| {
            let (step, error) = ("install".to_owned(), "lockkeeper ended while it ran".to_owned());
            what_failed(&Failure { step, error, log: String::new(), unseen }).to_string()
        };
        assert_eq!(said(false), "install failed: lockkeeper ended while it ran");
        assert_eq!(
            said(true),
            "install: nobody saw how it ended (lockkeeper ended while it ran). It may have happened or not, so it is not \
             tried again by itself."
        );
    }

    #[test]
    fn every_host_says_its_own_reason_as_far_as_a_line_goes() {
        let names: Vec<String> = (1..=7).map(|it| format!("web-{it}")).collect();
        let reasons: Vec<(&str, String)> = names.iter().map(|it| (it.as_str(), exit_code(3))).collect();
        assert_eq!(of_hosts(&reasons[..1]), "web-1: it ended with exit code 3");
        let all = of_hosts(&reasons);
        assert!(
            all.contains("; web-5: it ended with exit code 3; and on 2 other hosts (web-6 and web-7)"),
            "{all}"
        );
    }

    #[test]
    fn a_fault_says_where_it_is_and_what_to_do() {
        let (workflow, message) = ("trial.go".to_owned(), "no key 'x'.".to_owned());
        let fault = fault(&Fault { workflow, task: Some("one".to_owned()), message });
        assert_eq!(
            fault.to_string(),
            "The workflow `trial.go`, task one, could not go on: no key 'x'. Mend it, then ask for it again."
        );
    }
}
