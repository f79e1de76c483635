//! `check --stackstorm DIR`

use std::{path::Path, process::ExitCode};

use anyhow::ensure;

use super::out;
use crate::{
    content::{self, Fit, Survey, SurveyKind},
    library,
    message::words::{
        self,
        survey::{Row, Why, report, table},
    },
};

/// Counts, and reasons; ends with 1 if something could not be read or does not load.
pub(super) fn run(dir: &Path) -> anyhow::Result<ExitCode> {
    ensure!(dir.is_dir(), "there is no folder {}", dir.display());
    let dir = dir.canonicalize()?;
    let (files, unread) = library::installation(&dir);
    for it in &unread {
        out::complain(&it.to_string());
    }
    let survey = content::survey(&files, &library::carried());
    out::say(&text(&survey))?;
    let is_whole = unread.is_empty() && survey.files.iter().all(|it| it.fit != Fit::Refused);
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report on an installation.
fn text(survey: &Survey) -> String {
    told(survey, report)
}

/// The counts alone.
pub(super) fn counts(survey: &Survey) -> String {
    told(survey, |rows, _, _| table(rows)).trim_end().to_owned()
}

fn told(survey: &Survey, words: impl Fn(&[Row], &[Why], &[Why]) -> String) -> String {
    let row = |kind: SurveyKind| Row {
        what: name(kind),
        loads: survey.count(kind, Fit::Loads),
        differs: survey.count(kind, Fit::Differs),
        refused: survey.count(kind, Fit::Refused),
    };
    let whys = |fit: Fit| -> Vec<Why> {
        let why = |it: content::Why<'_>| Why {
            what: it.files.first().map_or("", |it| name(it.kind)),
            files: it.files.len(),
            examples: it.files.iter().map(|it| it.file.clone()).collect(),
            reason: it.reason,
        };
        survey.whys(fit).into_iter().map(why).collect()
    };
    words(&SurveyKind::ALL.map(row), &whys(Fit::Refused), &whys(Fit::Differs))
}

/// One of them.
pub(super) fn singular(kind: SurveyKind) -> &'static str {
    words::survey::singular(name(kind))
}

fn name(kind: SurveyKind) -> &'static str {
    match kind {
        SurveyKind::Pack => "packs",
        SurveyKind::Action => "actions",
        SurveyKind::Workflow => "workflows",
        SurveyKind::Alias => "aliases",
        SurveyKind::Rule => "rules",
        SurveyKind::Sensor => "sensors",
        SurveyKind::Trigger => "triggers",
        SurveyKind::Policy => "policies",
    }
}
