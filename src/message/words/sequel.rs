//! What stands below a card in its thread once its execution has ended.

use super::{count, execution::Called, execution::Hosts};
use crate::{
    id::HostName,
    message::card::{Card, Text},
};

/// A log or an output that the card shows only a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The log of this step, or what there is of it, and how many lines that has.
    Log { step: String, lines: usize, lacks: Option<Lacks> },
    /// What the execution gave.
    Output { lines: usize },
}

/// What a log does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// The file has more than a chat takes: so many bytes at its beginning are left out.
    Beginning { bytes: u64 },
    /// More was printed than is kept of an attempt.
    End,
}

/// Everything that the thread is told.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Whom its end concerns, and the card's title.
    pub ended: Option<(Option<Called>, String)>,
    /// Hosts that the card names only in part.
    pub hosts: Option<Hosts>,
    pub whole: Vec<Whole>,
    /// A chart hangs below.
    pub chart: bool,
}

/// Draws it; `None` if the card says everything and nobody has to be told.
pub fn card(view: &View) -> Option<Card> {
    let mut card = Card::default();
    if let Some((whom, title)) = &view.ended {
        let called = whom.clone().map(|it| it.in_text(Text::default()).and(": "));
        card = card.text(called.unwrap_or_default().and(format!("{title}.")));
    }
    if let Some(hosts) = &view.hosts {
        let line =
            |name: &str, hosts: &[HostName]| (!hosts.is_empty()).then(|| Text::plain(all(name, hosts)));
        let lines = [("new", &hosts.new), ("old", &hosts.old), ("unknown", &hosts.unknown)];
        card = card.lines(lines.into_iter().filter_map(|(name, it)| line(name, it)).collect());
    }
    let files =
        view.whole.iter().map(whole).chain(view.chart.then(|| Text::plain("What the canary was judged on.")));
    let files: Vec<Text> = files.collect();
    if !files.is_empty() {
        card = card.lines(files);
    }
    (!card.blocks.is_empty()).then_some(card)
}

fn all(name: &str, hosts: &[HostName]) -> String {
    let hosts: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
    format!("{name}: {}", hosts.join(", "))
}

fn whole(it: &Whole) -> Text {
    match it {
        Whole::Log { step, lines, lacks } => {
            let (what, rest) = match lacks {
                None => ("The whole log of ", String::new()),
                Some(Lacks::Beginning { bytes }) => (
                    "The end of the log of ",
                    format!(" The first {} are too much for a chat.", super::size(*bytes)),
                ),
                Some(Lacks::End) => (
                    "The beginning of the log of ",
                    " More was printed than is kept; the end was not kept here.".to_owned(),
                ),
            };
            Text::plain(what).code(step.as_str()).and(format!(": {}.{rest}", count(*lines, "line")))
        }
        Whole::Output { lines } => Text::plain(format!("The whole output: {}.", count(*lines, "line"))),
    }
}

/// What a file with a log shows, for who cannot open it.
pub fn log_alt(title: &str, it: &Whole) -> String {
    format!("{title}. {}", whole(it))
}

/// The first line of a log whose beginning would be too much for a chat.
pub fn beginning_left_out(bytes: u64) -> String {
    format!("[the first {} are left out; `lockkeeper executions tail` has them]", super::size(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PersonName;

    #[test]
    fn an_end_that_concerns_nobody_with_nothing_left_out_says_nothing() {
        assert_eq!(card(&View::default()), None);
    }

    #[test]
    fn an_end_says_to_whom_and_what_hangs_below() {
        let log = |lacks| Whole::Log { step: "cibuild".to_owned(), lines: 5_000, lacks };
        let hosts = Hosts {
            new: vec!["web-1".into(), "web-2".into()],
            old: Vec::new(),
            unknown: vec!["web-3".into()],
        };
        let view = View {
            ended: Some((
                Some(Called::Named(PersonName::new("ann"))),
                "Release #7 of shop: failed".to_owned(),
            )),
            hosts: Some(hosts),
            whole: vec![log(None), Whole::Output { lines: 1 }],
            chart: true,
        };
        assert_eq!(
            card(&view).expect("something").to_string(),
            "ann: Release #7 of shop: failed.\n  new: web-1, web-2\n  unknown: web-3\n  \
             The whole log of `cibuild`: 5000 lines.\n  The whole output: 1 line.\n  What the canary was judged on.\n"
        );
        let lacks = |it| log_alt("x", &log(Some(it)));
        assert_eq!(
            [lacks(Lacks::Beginning { bytes: 48 }), lacks(Lacks::End)],
            [
                "x. The end of the log of `cibuild`: 5000 lines. The first 48 B are too much for a chat.",
                "x. The beginning of the log of `cibuild`: 5000 lines. More was printed than is kept; the end was not \
                 kept here."
            ]
        );
        let nobody = View { ended: Some((None, "x.say: failed".to_owned())), ..View::default() };
        assert_eq!(card(&nobody).expect("something").to_string(), "x.say: failed.\n");
    }
}
