//! What stands in a card's thread once its execution has ended: whom that concerns, every host where the
//! card names some, whole logs as files, and the chart of a canary that failed. Nothing where the card says it all.

use std::io::SeekFrom;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::{
    Bot,
    attach::File,
    draw::{self, Drawn, Stands},
    failure, reply, view,
};
use crate::{
    engine::{Asker, Evidence, asker_of, card_subject},
    id::{Account, ExecutionId, Place},
    identity::Person,
    message::words::{
        execution::{self, Called, Hosts},
        output,
        sequel::{self, Lacks, View, Whole},
    },
    rollout::chart,
    runner::LOG_CUT,
    status::Status,
    store::{execution::Execution, outbox::Letter},
};

/// Names that one line of a card holds.
const NAMED: usize = 12;
/// Bytes of a log that are shown in chat: Discord takes 10 MiB from a bot
/// (<https://docs.discord.com/developers/reference#uploading-files>). Its end matters most.
const LOG_MAX: u64 = 8 << 20;

/// Draws what follows the card of `root`, below the message that this stands as.
pub(super) async fn draw(
    bot: &Bot,
    letter: &Letter<Value>,
    root: ExecutionId,
) -> anyhow::Result<Option<Drawn>> {
    let cards = bot.engine().store().letters_about::<Value>(&card_subject(root)).await?;
    let Some(card) = cards.into_iter().find(|it| it.place == letter.place) else { return Ok(None) };
    let stands = match card.message {
        Some(message) => Stands::Below(message),
        None if card.is_waiting => Stands::NotYet,
        // Its channel does not want to be told.
        None => return Ok(None),
    };
    let shown = view::execution(bot, root).await?;
    let tree = view::tree(bot, root).await?;
    let Some(top) = tree.iter().find(|it| it.id == root) else { return Ok(None) };
    let (title, named) = (execution::title(&shown), named(top));
    let mut sequel = View { hosts: shown.hosts.clone().filter(names_some), ..View::default() };
    if concerns_somebody(&tree, top) {
        sequel.ended = Some((whom(bot, &letter.place, top).await?, title.clone()));
    } else if let Some(asker) = awaits(top) {
        sequel.ended = Some((Some(told(bot, &letter.place, &asker).await?), title.clone()));
    }
    let mut files = Vec::new();
    if let Some((whole, file)) = log(bot, &tree, top, (&title, &named)).await {
        sequel.whole.push(whole);
        files.push(file);
    }
    if let Some(output) = shown.output.filter(output::is_cut) {
        let whole = Whole::Output { lines: output.body.lines().count() };
        let name = format!("{named}-output.txt");
        files.push(File::Text { name, alt: sequel::log_alt(&title, &whole), text: output.body });
        sequel.whole.push(whole);
    }
    if let Some(evidence) = view::failed_evidence(bot, &tree).await? {
        sequel.chart = true;
        files.extend(picture(&named, &evidence));
    }
    Ok(sequel::card(&sequel).map(|card| Drawn { stands, files, ..Drawn::of(card) }))
}

fn names_some(hosts: &Hosts) -> bool {
    [&hosts.new, &hosts.old, &hosts.unknown].into_iter().any(|it| NAMED < it.len())
}

/// A release that went badly by itself. That a build is broken its author is told in a message of its own.
fn concerns_somebody(tree: &[Execution], top: &Execution) -> bool {
    let is_release = top.context.contains_key("app");
    let is_build = tree.iter().any(|it| it.action.as_str() == "ci.build" && failure::is_failed_itself(it));
    is_release && failure::is_failed_itself(top) && !view::is_superseded(tree) && !is_build
}

/// Whoever asked for a release that went well: the card says so too, but an edit rings nobody's bell.
fn awaits(top: &Execution) -> Option<Asker> {
    let is_release = top.context.contains_key("app");
    asker_of(&top.context).filter(|_| is_release && top.status == Status::Succeeded)
}

/// Rung where they asked, if they want to be; in other places it is only said who waited for it.
async fn told(bot: &Bot, place: &Place, asker: &Asker) -> anyhow::Result<Called> {
    let live = bot.engine().live();
    let here = asker.account.platform == place.platform && asker.account.workspace == place.workspace;
    match live.settings.people.by_name(&asker.person) {
        Some(person) if here => draw::called(bot, person, &asker.account).await,
        Some(_) | None => Ok(Called::Named(asker.person.clone())),
    }
}

/// Who asked for it or pushed it, by an account of this very place.
async fn whom(bot: &Bot, place: &Place, top: &Execution) -> anyhow::Result<Option<Called>> {
    let live = bot.engine().live();
    let people = &live.settings.people;
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let asker = top.context.get("asker").and_then(|it| text(&it["person"]));
    let pusher = top.context.get("pusher").and_then(text);
    let person: Option<&Person> = match (asker, pusher) {
        (Some(name), _) => people.by_name(&name.as_str().into()),
        (None, Some(login)) => people.by_login(&login),
        (None, None) => None,
    };
    let here = |it: &&Account| it.platform == place.platform && it.workspace == place.workspace;
    let Some((person, account)) = person.and_then(|it| Some((it, it.accounts.iter().find(here)?))) else {
        return Ok(None);
    };
    draw::called(bot, person, account).await.map(Some)
}

/// The log of the visit that it failed of, where the card shows a part of it.
async fn log(
    bot: &Bot,
    tree: &[Execution],
    top: &Execution,
    (title, named): (&str, &str),
) -> Option<(Whole, File)> {
    let cause = failure::cause(tree).filter(|_| failure::is_failed_itself(top))?;
    let path = bot.engine().data().join("logs").join(format!("{}.log", cause.id));
    let (text, left_out) = match end_of(&path).await {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a log cannot be shown");
            return None;
        }
    };
    let lines = text.lines().filter(|it| !it.trim().is_empty() && *it != LOG_CUT).count();
    let lacks = lacks(&text, left_out);
    if lines <= failure::LINES && lacks.is_none() {
        return None;
    }
    let text = reply::covered(bot, &down_to(tree, cause), text).await?;
    let text = if left_out == 0 { text } else { format!("{}\n{text}", sequel::beginning_left_out(left_out)) };
    let step = failure::step(cause);
    let whole = Whole::Log { step: step.clone(), lines, lacks };
    let name = format!("{named}-{}.log", file_name(&step));
    Some((whole.clone(), File::Text { name, alt: sequel::log_alt(title, &whole), text }))
}

/// An execution and all that it is below.
fn down_to<'t>(tree: &'t [Execution], it: &'t Execution) -> Vec<&'t Execution> {
    let above = |it: &&Execution| {
        tree.iter().find(|above| it.visit.as_ref().is_some_and(|visit| visit.parent == above.id))
    };
    std::iter::successors(Some(it), above).collect()
}

/// What is missing of a log: what was cut off here, else what was not kept when it was printed.
fn lacks(text: &str, left_out: u64) -> Option<Lacks> {
    match left_out {
        0 => text.lines().next_back().filter(|it| *it == LOG_CUT).map(|_| Lacks::End),
        bytes => Some(Lacks::Beginning { bytes }),
    }
}

/// What a file ends with, from the beginning of a line, and how many bytes stand before that.
async fn end_of(path: &std::path::Path) -> std::io::Result<(String, u64)> {
    let mut file = tokio::fs::File::open(path).await?;
    let left_out = file.metadata().await?.len().saturating_sub(LOG_MAX);
    file.seek(SeekFrom::Start(left_out)).await?;
    let mut bytes = Vec::new();
    file.take(LOG_MAX).read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    if left_out == 0 {
        return Ok((text.into_owned(), 0));
    }
    let from_line = text.split_once('\n').map_or(text.as_ref(), |it| it.1);
    Ok((from_line.to_owned(), left_out))
}

fn picture(named: &str, evidence: &Evidence) -> Option<File> {
    let judgement = evidence.judgement.as_ref()?;
    Some(File::Chart {
        name: format!("{named}-canary.png"),
        svg: chart::svg(judgement, &evidence.looks),
        alt: chart::alt(judgement, &evidence.looks),
    })
}

/// What its files are named after: a release's number, or the id that its card shows.
fn named(top: &Execution) -> String {
    let number = top.context.get("number").and_then(Value::as_i64);
    number.map_or_else(|| view::short_id(top.id), |it| it.to_string())
}

/// A step's name as a part of a file's.
fn file_name(step: &str) -> String {
    step.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(60)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_an_endless_log_the_end_is_shown_from_the_beginning_of_a_line() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.log");
        let line = "0123456789abcde\n";
        std::fs::write(&path, line.repeat((LOG_MAX as usize / 16) + 3)).expect("written");
        let (text, left_out) = end_of(&path).await.expect("read");
        assert_eq!(lacks(&text, left_out), Some(Lacks::Beginning { bytes: 48 }));
        assert!(text.lines().all(|it| it == "0123456789abcde"));
        assert!((text.len() as u64) < LOG_MAX);
        std::fs::write(&path, "a\nb").expect("written");
        assert_eq!(end_of(&path).await.expect("read"), ("a\nb".to_owned(), 0));
    }

    #[test]
    fn a_log_whose_quota_was_used_up_is_not_whole() {
        assert_eq!(lacks(&format!("a\n{LOG_CUT}\n"), 0), Some(Lacks::End));
        assert_eq!(lacks(&format!("{LOG_CUT}\na\n"), 0), None, "somebody printed that");
    }

    #[test]
    fn a_file_is_named_after_its_step() {
        assert_eq!(file_name("ci/build the:thing"), "ci-build-the-thing");
    }
}
