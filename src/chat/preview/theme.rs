//! The colours and sizes of the two platforms, near enough to be known again.

use super::{Look, Weight};

/// A platform's paper and ink.
pub(super) struct Theme {
    pub(super) paper: &'static str,
    pub(super) ink: &'static str,
    pub(super) faint: &'static str,
    pub(super) link: &'static str,
    pub(super) mention: &'static str,
    pub(super) mention_paper: &'static str,
    pub(super) code: &'static str,
    pub(super) code_paper: &'static str,
    pub(super) line: &'static str,
    pub(super) box_paper: &'static str,
    pub(super) heading: f32,
    pub(super) columns: usize,
}

const SLACK: Theme = Theme {
    paper: "#ffffff",
    ink: "#1d1c1d",
    faint: "#616061",
    link: "#1264a3",
    mention: "#1264a3",
    mention_paper: "#e8f5fa",
    code: "#c01343",
    code_paper: "#f6f6f6",
    line: "#dddddd",
    box_paper: "#ffffff",
    heading: 17.0,
    columns: 2,
};

const DISCORD: Theme = Theme {
    paper: "#313338",
    ink: "#dbdee1",
    faint: "#949ba4",
    link: "#00a8fc",
    mention: "#c9cdfb",
    mention_paper: "#3c4270",
    code: "#dbdee1",
    code_paper: "#1e1f22",
    line: "#1e1f22",
    box_paper: "#2b2d31",
    heading: 15.0,
    columns: 3,
};

pub(super) fn of(look: Look) -> &'static Theme {
    match look {
        Look::Slack => &SLACK,
        Look::Discord => &DISCORD,
    }
}

/// Paper, edge and ink of a button.
pub(super) fn button(look: Look, weight: Weight) -> (&'static str, &'static str, &'static str) {
    match (look, weight) {
        (Look::Slack, Weight::Plain) => ("#ffffff", "#bbbbbb", "#1d1c1d"),
        (Look::Slack, Weight::Good) => ("#007a5a", "#007a5a", "#ffffff"),
        (Look::Slack, Weight::Danger) => ("#ffffff", "#e01e5a", "#e01e5a"),
        (Look::Discord, Weight::Plain) => ("#4e5058", "#4e5058", "#ffffff"),
        (Look::Discord, Weight::Good) => ("#248046", "#248046", "#ffffff"),
        (Look::Discord, Weight::Danger) => ("#da373c", "#da373c", "#ffffff"),
    }
}
