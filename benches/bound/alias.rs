//! Messages against aliases, in memory, one thread.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lockkeeper::alias::{
    ActionAlias, AliasFormat, Compat, Format, Index, Mode, Outcome, ParameterKind, cast,
};
use lockkeeper::content::{Action, Catalogue};
use lockkeeper::id::ActionRef;
use lockkeeper::library::Library;
use serde_json::Map;

use super::report::{Bound, Row, Times, length, micros, millis, rate};

/// Messages measured, each by itself.
const MESSAGES: usize = 20_000;
const WARM_UP: usize = 2_000;
/// How long throughput is measured.
const WHILE: Duration = Duration::from_secs(2);
/// Characters of hostile text: as long as a message can be in Discord. It takes time in proportion to its length.
const HOSTILE: usize = 4_000;
/// As long as a message can be in Slack.
const HOSTILE_LONG: usize = 40_000;

/// Aliases that share all their words but one, as a team's commands do.
fn aliases(count: usize) -> Vec<ActionAlias> {
    let alias = |number| ActionAlias {
        name: format!("deploy_{number}"),
        pack: "bench".into(),
        action_ref: "core.echo".into(),
        formats: vec![AliasFormat::from_text(format!(
            "deploy app{number} to {{{{message}}}} {{{{version=latest}}}}"
        ))],
        ..ActionAlias::default()
    };
    (0..count).map(alias).collect()
}

fn index(count: usize) -> anyhow::Result<Index> {
    let (index, faults) = Index::build(aliases(count));
    ensure!(faults.is_empty(), "a format is no format: {}", faults[0]);
    Ok(index)
}

/// A different alias each time, so that no cache knows the answer.
fn hit(number: usize, count: usize) -> String {
    format!("deploy app{} to production v{number}", number * 7_919 % count)
}

/// What somebody mistyped: it is searched in vain, and something like it is proposed.
fn miss(number: usize, count: usize) -> String {
    format!("depoly app{} to production v{number}", number * 7_919 % count)
}

fn find(
    index: &Index,
    count: usize,
    text: fn(usize, usize) -> String,
    matches: bool,
) -> anyhow::Result<Times> {
    let mut times = Vec::with_capacity(MESSAGES);
    for number in 0..WARM_UP + MESSAGES {
        let message = text(number, count);
        let begun = Instant::now();
        let outcome = black_box(index.find(black_box(&message), Mode::Strict, Compat::Mended));
        let took = begun.elapsed();
        ensure!(matches!(outcome, Outcome::Matched(_)) == matches, "`{message}` meant something else");
        if WARM_UP <= number {
            times.push(took);
        }
    }
    Ok(Times::new(times))
}

/// One message against 100 and 10,000 aliases, understood and not.
pub fn many() -> anyhow::Result<Vec<Row>> {
    let (few, many) = (index(100)?, index(10_000)?);
    let mut rows = Vec::new();
    for (name, text, matches) in
        [("understood", hit as fn(usize, usize) -> String, true), ("mistyped", miss, false)]
    {
        let (few, many) = (find(&few, 100, text, matches)?, find(&many, 10_000, text, matches)?);
        let note = format!(
            "{}; against 100: {}; {WARM_UP} for warming up; one thread",
            many.summary(),
            length(few.median())
        );
        let what = format!("one message against 10,000 aliases, {name}, median");
        rows.push(Row::new(what, micros(many.median()), Bound::AtMost(50.0), "µs", note));
        let what = format!("the same against the time for 100, {name}");
        let times = micros(many.median()) / micros(few.median());
        rows.push(Row::new(what, times, Bound::AtMost(3.0), "times", "both medians of this run"));
    }
    Ok(rows)
}

/// A format and a text that make a backtracking matcher try for ever.
fn traps(length: usize) -> Vec<(&'static str, String)> {
    let long = |piece: &str| piece.repeat(length / piece.len());
    vec![
        ("deploy {{app}}", format!("deploy web {}!", long("a=b   "))),
        ("deploy {{a}} to {{b}} on {{c}} x", long("deploy x to ")),
        ("(a*)*b", long("a")),
        ("deploy {{app}} {{env=x}} z", format!("deploy {}", long("to  "))),
    ]
}

/// The slowest of all traps of this length.
fn worst(length: usize) -> anyhow::Result<(Times, &'static str)> {
    const ROUNDS: usize = 200;
    let mut worst: Option<(Times, &'static str)> = None;
    for (format, text) in traps(length) {
        let compiled = Format::compile(format).with_context(|| format!("`{format}` is no format"))?;
        let mut times = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS + ROUNDS / 10 {
            let begun = Instant::now();
            let _ = black_box(compiled.parse(black_box(&text), Compat::Mended));
            // The first are for warming up.
            if ROUNDS / 10 <= round {
                times.push(begun.elapsed());
            }
        }
        let times = Times::new(times);
        if worst.as_ref().is_none_or(|(slowest, _)| slowest.median() < times.median()) {
            worst = Some((times, format));
        }
    }
    worst.context("there are traps")
}

/// Text that was written to be slow.
pub fn hostile() -> anyhow::Result<Vec<Row>> {
    // Blanks between pairs can be shared out in many ways, and Python tries them all.
    let known = format!("deploy web {}!", "a=b   ".repeat(10));
    let format = Format::compile("deploy {{app}}")?;
    let measure = |_| {
        let begun = Instant::now();
        let _ = black_box(format.parse(black_box(&known), Compat::Mended));
        begun.elapsed()
    };
    let times = Times::new((0..MESSAGES).map(measure).skip(WARM_UP).collect());
    let what = "the text that takes StackStorm 21.9 s, median";
    let note = format!(
        "{}; {WARM_UP} for warming up; `deploy {{{{app}}}}`, {} characters",
        times.summary(),
        known.len()
    );
    let first = Row::new(what, millis(times.median()), Bound::AtMost(1.0), "ms", note);
    let (times, format) = worst(HOSTILE)?;
    let (long, _) = worst(HOSTILE_LONG)?;
    let note = format!(
        "the worst of {} pairs of format and text: `{format}`: {}; {HOSTILE_LONG} characters: {}",
        traps(HOSTILE).len(),
        times.summary(),
        length(long.median())
    );
    let what = format!("{HOSTILE} characters of hostile text, median of the worst");
    Ok(vec![first, Row::new(what, millis(times.median()), Bound::AtMost(1.0), "ms", note)])
}

/// From a text to an action with its parameters typed, checked and complete.
pub fn dispatch() -> anyhow::Result<Vec<Row>> {
    let index = index(5_000)?;
    let catalogue = Library::new(Vec::new()).load().catalogue;
    let texts: Vec<String> = (0..50_000).map(|number| hit(number, 5_000)).collect();
    for text in texts.iter().take(WARM_UP) {
        bound(&index, &catalogue, text)?;
    }
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < WHILE {
        for text in texts.iter().cycle().skip(count % texts.len()).take(500) {
            bound(&index, &catalogue, text)?;
        }
        count += 500;
    }
    let a_second = rate(count, begun.elapsed());
    let note = format!("{count} messages in {WHILE:?}, one thread: alias, action, parameters cast and bound");
    let what = "matching and dispatch in memory, 5,000 aliases";
    Ok(vec![Row::new(what, a_second, Bound::AtLeast(50_000.0), "messages/s", note)])
}

/// As `bot` does it, up to where something would be stored.
fn bound(index: &Index, catalogue: &Catalogue, text: &str) -> anyhow::Result<()> {
    let Outcome::Matched(found) = index.find(text, Mode::Strict, Compat::Mended) else {
        anyhow::bail!("`{text}` meant nothing")
    };
    let action: &Action =
        catalogue.action(&ActionRef::new(found.alias.action_ref.clone())).context("an action")?;
    let mut given = Map::new();
    for (name, value) in &found.parameters {
        if let Some(value) = value.as_ref().filter(|_| action.parameters.contains_key(name)) {
            given.insert(name.clone(), cast(value, ParameterKind::String, Compat::Mended)?);
        }
    }
    black_box(action.bind(given)?);
    Ok(())
}
