//! The files of a pack, and how well they fit.

use crate::{
    content::{self, Fit, SourceFile, Survey, Surveyed},
    message::words::{self, pack},
};

/// Looks at a pack's files in a world of others: those that are not in its folder.
pub(super) fn surveyed(files: &[SourceFile], world: &[SourceFile]) -> Survey {
    content::survey(files, world)
}

/// Only what does not just load, each with its reasons; `all`: everything.
pub(super) fn members(survey: &Survey, all: bool) -> String {
    let shown = survey.files.iter().filter(|it| all || it.fit != Fit::Loads);
    shown.map(line).collect::<Vec<_>>().join("\n")
}

fn line(it: &Surveyed) -> String {
    let stem = it.file.rsplit('/').next().unwrap_or(&it.file);
    let name = it.name.as_deref().unwrap_or(stem);
    let fit = match it.fit {
        Fit::Loads => pack::Fit::Loads,
        Fit::Differs => pack::Fit::Differs,
        Fit::Refused => pack::Fit::Refused,
    };
    words::pack::member(super::super::survey::singular(it.kind), name, fit, &it.reasons)
}
