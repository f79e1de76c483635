//! The short words on cards: titles, steps, ends.

use super::{count, list};
use crate::{
    id::{GroupName, PersonName},
    rollout::turn::{At, By, Claim, Standing},
};

/// What an execution is about: `Release #42 of shop`, `Build of shop`, or its action.
pub fn title(action: &str, number: Option<i64>, app: Option<&str>) -> String {
    let what = match action {
        "release.rollback" | "release.canary_back" => "Rollback",
        "release.promote" => "Promotion",
        "ci.build" => "Build",
        _ => "Release",
    };
    match (number, app) {
        (Some(number), Some(app)) => format!("{what} #{number} of {app}"),
        (None, Some(app)) if what == "Build" => format!("{what} of {app}"),
        (None, Some(app)) => format!("{action} of {app}"),
        (_, None) => action.to_owned(),
    }
}

/// Who asked, where a rule did.
pub fn rule(reference: &str) -> String {
    format!("rule {reference}")
}

/// A commit by its first digits, and the name under which it was asked for, unless that is the same.
pub fn commit(short: &str, commit: &str, reference: &str) -> String {
    if commit.starts_with(reference) { short.to_owned() } else { format!("{short} ({reference})") }
}

/// Where people read about a commit: known for addresses on https alone, in the form that GitHub began
/// (<https://docs.github.com/en/pull-requests/committing-changes-to-your-project/viewing-and-comparing-commits>), GitLab
/// answers as well and Bitbucket writes with an s.
pub fn commit_page(repository: &str, commit: &str) -> Option<String> {
    let place = repository.strip_prefix("https://")?.trim_end_matches('/');
    let place = place.strip_suffix(".git").unwrap_or(place);
    let (host, path) = place.split_once('/')?;
    // What names a user or a password is nobody's to read.
    let clean = !host.is_empty() && !path.is_empty() && !place.contains(['@', '?', '#', ' ']);
    let word = if host == "bitbucket.org" { "commits" } else { "commit" };
    clean.then(|| format!("https://{place}/{word}/{commit}"))
}

/// A step of a release as people name it; `None`: the task's own name does. `is_back`: it confirms a way back.
pub fn step(action: &str, commit: &str, is_back: bool) -> Option<String> {
    Some(match action {
        "ci.checkout" => format!("clone at {commit}"),
        "package.build" => "package".to_owned(),
        "release.turn" => "wait for the canary".to_owned(),
        "release.watch" => "watch the canary".to_owned(),
        "release.gate" => "approval".to_owned(),
        "release.confirm" if is_back => "confirm the way back".to_owned(),
        "release.confirm" => "ask every host what it runs".to_owned(),
        _ => return None,
    })
}

/// A host without a name.
pub fn host() -> String {
    "host".to_owned()
}

/// An artifact, and how many files are in it.
pub fn packed(digest: &str, files: usize) -> String {
    format!("sha256:{digest}, {}", count(files, "file"))
}

/// Where a host is on its way to an artifact.
pub fn on_its_way(digest: &str, task: Option<&str>) -> String {
    let to = format!("to sha256:{digest}");
    task.map_or(to.clone(), |task| format!("{to}, at {task}"))
}

/// What the watch found.
pub fn verdict(verdict: &str) -> String {
    format!("verdict {verdict}")
}

/// Why a release ended, by how its gate was decided; `None` where the card says it elsewhere.
pub fn ending(decision: &str) -> Option<String> {
    Some(match decision {
        // The gate's own error says why nobody was asked.
        "granted" | "refused" => return None,
        "expired" => "nobody answered in time".to_owned(),
        "failed" => canary_failed(),
        "superseded" => superseded(None),
        other => other.to_owned(),
    })
}

/// Something took its place: a release of this number, or a rollback.
pub fn superseded(by: Option<(i64, bool)>) -> String {
    match by {
        Some((number, true)) => format!("rollback #{number} took its place"),
        Some((number, false)) => format!("another release took its place: #{number}"),
        None => "another release took its place".to_owned(),
    }
}

/// Who has the canary, or the door, that a release waits for; `None` if nobody has.
pub fn ahead(claims: &[Claim]) -> Option<String> {
    let texts: Vec<String> = claims.iter().map(has).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

fn has(it: &Claim) -> String {
    let number = it.number;
    match (it.by, it.at) {
        (By::Rollback, _) => format!("#{number} goes back first"),
        (By::Push | By::Person, At::Waiting) => format!("#{number} was asked for before"),
        (By::Push | By::Person, At::Changing) => format!("#{number} is at work there"),
        (By::Push | By::Person, At::Watched) => format!("#{number} is watched there"),
        (By::Push | By::Person, At::Asking(Standing::Until(at))) => {
            format!("the question about #{number} stands until {}", at.strftime("%H:%M:%S UTC"))
        }
        (By::Push | By::Person, At::Asking(Standing::Decision)) => {
            format!("the question about #{number} is being answered")
        }
    }
}

/// The canary's verdict was `fail`.
pub fn canary_failed() -> String {
    "the canary failed".to_owned()
}

/// How many of a group, and who they are.
pub fn slot(number: impl std::fmt::Display, group: &GroupName, members: &[String]) -> String {
    format!("{number} of {group} ({})", list(members))
}

/// How many of a group.
pub fn seats(number: impl std::fmt::Display, group: &GroupName) -> String {
    format!("{number} of {group}")
}

/// A gate that nobody is asked at.
pub fn quorum() -> String {
    "a quorum".to_owned()
}

/// Somebody who went past the gate.
pub fn break_glass(person: &PersonName) -> String {
    format!("{person} (break glass)")
}

/// A line that proves what a host runs.
pub fn proof(url: &str, host: &str) -> String {
    format!("curl -s {url}   # {host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_a_page_where_its_repository_is_on_the_web() {
        let page = |it| commit_page(it, "43bf");
        assert_eq!(
            page("https://github.com/a/shop.git").as_deref(),
            Some("https://github.com/a/shop/commit/43bf")
        );
        assert_eq!(
            page("https://git.example.org/a/shop/").as_deref(),
            Some("https://git.example.org/a/shop/commit/43bf")
        );
        assert_eq!(
            page("https://bitbucket.org/a/b").as_deref(),
            Some("https://bitbucket.org/a/b/commits/43bf")
        );
        for other in
            ["git@github.com:a/shop.git", "/srv/shop.git", "http://x/y", "https://x", "https://me:pw@x/y"]
        {
            assert_eq!(page(other), None, "{other}");
        }
    }

    #[test]
    fn titles_say_what_it_is_and_of_what() {
        assert_eq!(title("release.deploy", Some(42), Some("shop")), "Release #42 of shop");
        assert_eq!(title("release.canary_back", Some(42), Some("shop")), "Rollback #42 of shop");
        assert_eq!(title("ci.build", None, Some("shop")), "Build of shop");
        assert_eq!(title("trial.go", None, None), "trial.go");
    }
}
