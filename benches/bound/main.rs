//! Every figure that the product is held to, each beside its bound, measured in one run: `just bench`.
//!
//! - [`alias`]: messages against many aliases, in memory;
//! - [`talk`]: from a message to its card, through a whole bot; [`vote`]: from an approval to what it allows;
//! - [`chats`]: the same in Slack and in Discord: events to their acknowledgements, commands to their cards, memory among
//!   many people; [`hall`]: a bot that has joined both, on the [`fakes`] of the tests;
//! - [`flow`]: durable tasks, against the [`disk`]'s own speed in the same minute;
//! - [`process`]: the binary itself, as a child: its start, its memory, its death;
//! - [`house`]: a bot in a folder; [`report`]: rows and times.
//!
//! A row over its bound ends the run with code 1.

#![allow(clippy::print_stdout, reason = "what is measured is said")]

mod alias;
#[path = "../../tests/it/support/ballots.rs"]
mod ballots;
mod chats;
mod disk;
mod fakes;
mod flow;
mod hall;
mod house;
mod process;
mod report;
mod talk;
mod vote;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};

use report::{Report, Row};

/// Measures what Lockkeeper promises about speed and size, and says what is over its bound.
#[derive(Parser)]
#[command(
    name = "bound",
    after_help = "Examples:\n  just bench\n  just bench --only alias --only hostile\n  just bench --dir /var/tmp"
)]
struct Arguments {
    /// Only this; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<Name>,
    /// Where databases are made: a folder on the disk that is to be measured
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// Go on although this is a debug build, whose figures mean nothing
    #[arg(long)]
    debug: bool,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// One message against 10,000 aliases
    Alias,
    /// Text that was written to be slow
    Hostile,
    /// From a text to an action with typed parameters, among 5,000 aliases
    Dispatch,
    /// A message to its card, 100 a second, everything on disk
    Card,
    /// An event to its acknowledgement, 100 a second, over each line and each post of Slack and Discord
    Ack,
    /// A command to the card that stands in its channel, in Slack and in Discord
    Posted,
    /// Memory of a bot among 10,000 people in Slack and 10,000 in Discord, all of whom speak
    Members,
    /// The last vote to the first attempt that it allows
    Vote,
    /// A thousand gates, fifty voters at each at once: one decision each
    Crowds,
    /// Durable tasks a second
    Tasks,
    /// A workflow over 250 and over 5,000 items
    Items,
    /// Process start to ready with 1,000 aliases
    Start,
    /// Memory of an idle bot
    Idle,
    /// SIGKILL to the next step
    Kill,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(report) if report.is_within() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    ensure!(
        !cfg!(debug_assertions) || arguments.debug,
        "this is a debug build; `just bench` makes a release build, `--debug` goes on all the same"
    );
    refuse_memory(&arguments.dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::begin();
    for name in Name::value_variants() {
        if arguments.only.is_empty() || arguments.only.contains(name) {
            let rows = runtime.block_on(measure(*name, &arguments.dir));
            report.add(rows.with_context(|| format!("{name:?}").to_lowercase())?);
        }
    }
    report.end();
    Ok(report)
}

async fn measure(name: Name, dir: &Path) -> anyhow::Result<Vec<Row>> {
    match name {
        Name::Alias => alias::many(),
        Name::Hostile => alias::hostile(),
        Name::Dispatch => alias::dispatch(),
        Name::Card => talk::card(dir).await,
        Name::Ack => chats::ack(dir).await,
        Name::Posted => chats::posted(dir).await,
        Name::Members => chats::members(dir).await,
        Name::Vote => vote::vote(dir).await,
        Name::Crowds => vote::crowds(dir).await,
        Name::Tasks => flow::tasks(dir).await,
        Name::Items => flow::items(dir).await,
        Name::Start => process::start(dir),
        Name::Idle => process::idle(dir),
        Name::Kill => process::kill(dir),
    }
}

/// What is called durable has to reach a disk.
fn refuse_memory(dir: &Path) -> anyhow::Result<()> {
    /// `TMPFS_MAGIC` and `RAMFS_MAGIC` of linux/magic.h.
    const MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
    std::fs::create_dir_all(dir)?;
    let kind = rustix::fs::statfs(dir).with_context(|| format!("cannot look at {}", dir.display()))?.f_type;
    if MEMORY.contains(&u64::try_from(kind).unwrap_or_default()) {
        bail!("{} is memory, not a disk; say --dir with a folder on a disk", dir.display());
    }
    Ok(())
}
