//! The crash matrix: a release is killed before and after its commits, one by one, started again, and seen through by
//! somebody outside. It has to end as the release that nobody killed, or stop and say what nobody saw, and what to do.
//!
//! Needs `--features crash-points` (`src/store/point.rs`). `CRASH_STRIDE=n` takes every n-th kill of all (1: all of
//! them); the kills around order, verdict, grant and rollout are always taken. `CRASH_WORLDS=n` at a time.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends at the first surprise; the table is its report"
)]

#[path = "../it/support/trial.rs"]
#[expect(dead_code, reason = "the kills by name use the rest")]
mod trial;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use lockkeeper::demo::Program;
use tempfile::TempDir;

use trial::{Outcome, Played, Trial};

/// Every how many kills one is taken, if nobody says.
const STRIDE: usize = 23;
/// Worlds at a time, if nobody says: most of a release is waiting.
const WORLDS: usize = 4;

/// What is written in the commits that matter most: killed before and after each of them, always.
const NAMED: [&str; 16] = [
    "inbox insert",
    "release insert",
    "release update",
    "release.install running, counter update, attempt insert running on canary-1",
    "attempt update succeeded on canary-1, execution update release.install succeeded",
    "look insert",
    "evidence insert",
    "gate insert",
    "permission insert",
    "permission update",
    "release.upload running, clearance insert, counter update, attempt insert running on web-1",
    "release.install running, clearance insert, counter update, attempt insert running on web-1",
    "release.install running, clearance insert, counter update, attempt insert running on web-2",
    "attempt update succeeded on web-2, execution update release.install succeeded",
    "execution update release.confirm running",
    "execution update release.production succeeded",
];
/// Killed once more while it takes up what the first kill left.
const TWICE: [&str; 6] = [
    "after of release.install running, counter update, attempt insert running on canary-1\nbefore 1",
    "after of gate insert\nbefore 1",
    "before of permission insert\nafter 1",
    "after of permission update\nbefore 1",
    "after of release.install running, clearance insert, counter update, attempt insert running on web-2\nafter 1",
    "before of attempt update succeeded on web-2, execution update release.install succeeded\nbefore 1",
];

/// One row of the table.
struct Row {
    plan: String,
    /// What was being committed at the last kill.
    committing: String,
    result: Result<Played, String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_killed_at_any_commit_ends_as_if_it_had_not_been_or_says_what_nobody_saw() {
    let started = Instant::now();
    let unkilled = play("").await;
    let reference = unkilled.result.unwrap();
    assert_eq!((reference.outcome, reference.deaths), (Outcome::Done, 0), "{}", reference.first);
    let kills = kills(unkilled.commits);
    println!("{} commits in a release that nobody killed; {} kills", unkilled.commits, kills.len());

    let mut rows: Vec<Row> = stream::iter(kills)
        .map(|plan| async move {
            let Trace { result, committing, .. } = play(&plan).await;
            Row { plan, committing, result }
        })
        .buffered(number("CRASH_WORLDS", WORLDS))
        .collect()
        .await;
    for row in &mut rows {
        row.judge(&reference);
    }
    print(&rows);
    println!("{} kills in {} s", rows.len(), started.elapsed().as_secs());
    let bad: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("killed {}: {}\n", shown(&row.plan), row.result.as_ref().err()?)))
        .collect();
    assert!(bad.is_empty(), "{} of {} kills came to a bad end:\n{}", bad.len(), rows.len(), bad.join("\n"));
}

/// The plans of all kills that are taken.
fn kills(commits: usize) -> Vec<String> {
    let all: Vec<String> =
        (1..=commits).flat_map(|at| [format!("before {at}"), format!("after {at}")]).collect();
    let named = NAMED.iter().flat_map(|it| [format!("before of {it}"), format!("after of {it}")]);
    let strided = all.into_iter().step_by(number("CRASH_STRIDE", STRIDE).max(1));
    let twice = TWICE.iter().map(|it| (*it).to_owned());
    named.chain(twice).chain(strided).collect()
}

fn number(name: &str, otherwise: usize) -> usize {
    let given = lockkeeper::config::environment().find(|it| it.0 == name);
    given.and_then(|it| it.1.parse().ok()).unwrap_or(otherwise)
}

struct Trace {
    result: Result<Played, String>,
    /// How many the first bot made.
    commits: usize,
    /// What the last commit of each bot that was killed wrote.
    committing: String,
}

/// A release whose bots die as the plan says.
async fn play(plan: &str) -> Trace {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("plan"), plan).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"))
        .with_variable("LOCKKEEPER_CRASH", &folder.path().display().to_string());
    let result = match Trial::set(program).await {
        Ok(trial) => trial.play().await,
        Err(error) => Err(error),
    };
    let boots = boots(folder.path());
    let killed = plan.lines().count().min(boots.len().saturating_sub(1));
    let committing: Vec<&str> =
        boots[..killed].iter().filter_map(|it| it.last().map(String::as_str)).collect();
    Trace {
        // Its backtrace says nothing.
        result: result.map_err(|error| format!("{error:#}")),
        commits: boots.first().map_or(0, Vec::len),
        committing: committing.join(" | then "),
    }
}

/// What each start committed, in order. Numbers begin anew with each start.
fn boots(folder: &Path) -> Vec<Vec<String>> {
    let mut boots: Vec<Vec<String>> = Vec::new();
    for line in fs::read_to_string(folder.join("commits")).unwrap_or_default().lines() {
        let (number, written) = line.split_once(' ').unwrap_or((line, ""));
        if number == "1" {
            boots.push(Vec::new());
        }
        boots.last_mut().unwrap().push(format!("{number} {written}"));
    }
    boots
}

impl Row {
    /// Beyond what every trial checks: the kill happened, and the end is the same as without it.
    fn judge(&mut self, reference: &Played) {
        let Ok(played) = &self.result else { return };
        let kills = u32::try_from(self.plan.lines().count()).unwrap_or(u32::MAX);
        let named = self.plan.contains(" of ");
        let fault = if kills < played.deaths {
            Some(format!("the bot ended {} times", played.deaths))
        } else if named && played.deaths < kills {
            Some("this point was never reached".to_owned())
        } else if played.outcome == Outcome::Done && played.artifact != reference.artifact {
            Some(format!("hosts run {}, not {}", played.artifact, reference.artifact))
        } else {
            None
        };
        if let Some(fault) = fault {
            self.result = Err(fault);
        }
    }

    fn outcome(&self) -> String {
        match &self.result {
            Err(error) => format!("BAD: {}", error.lines().next().unwrap_or_default()),
            Ok(it) if it.deaths == 0 => "over before".to_owned(),
            Ok(it) => match it.outcome {
                Outcome::Done => "done".to_owned(),
                Outcome::Unseen => format!("stopped, told; done after {}", it.orders[1..].join(", ")),
            },
        }
    }
}

fn shown(plan: &str) -> String {
    plan.replace(" of ", " ").replace('\n', ", then ")
}

fn print(rows: &[Row]) {
    const WRITTEN: usize = 150;
    println!("| boundary | what was being committed | outcome |\n|---|---|---|");
    for row in rows {
        let written: String = row.committing.chars().take(WRITTEN).collect();
        println!("| {} | {written} | {} |", shown(&row.plan), row.outcome());
    }
    let outcomes: BTreeSet<String> = rows.iter().map(Row::outcome).collect();
    for outcome in outcomes {
        println!("{:>4} × {outcome}", rows.iter().filter(|it| it.outcome() == outcome).count());
    }
}
