//! The command line: one file per command. The only room that prints.
//!
//! Commands that answer with JSON (`alias`, `expression`, `workflow`) read no configuration and run in
//! [`crate::expression::Compat::Exact`]; commands about a running bot talk to it over its control socket.

mod action;
mod alias;
mod approve;
mod call;
mod card;
mod check;
mod discord;
mod doctor;
mod executions;
mod expression;
mod health;
mod json;
mod key;
mod out;
mod pack;
mod part;
mod rehearse;
mod reject;
mod rule;
mod run;
mod sensor;
mod serve;
mod slack;
mod store;
mod subject;
mod survey;
mod workflow;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::demo;

/// Where the configuration lies unless it is said.
const CONFIG: &str = "config/lockkeeper.yaml";

/// A ChatOps release bot: commands in chat, canaries judged, production behind people's approval.
#[derive(Debug, Parser)]
#[command(
    name = "lockkeeper",
    version,
    about,
    after_help = "Example:\n  lockkeeper serve --config config/lockkeeper.yaml"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Demo(rehearse::Arguments),
    Check(check::Arguments),
    Run(run::Arguments),
    Executions(executions::Arguments),
    Card(card::Arguments),
    Action(action::Arguments),
    Key(key::Arguments),
    Rule(rule::Arguments),
    Sensor(sensor::Arguments),
    Pack(pack::Arguments),
    Approve(approve::Arguments),
    Reject(reject::Arguments),
    Doctor(doctor::Arguments),
    Slack(slack::Arguments),
    Discord(discord::Arguments),
    Alias(alias::Arguments),
    Expression(expression::Arguments),
    Workflow(workflow::Arguments),
    #[command(hide = true)]
    DemoShop(part::Arguments),
    #[command(hide = true)]
    DemoSupervisor(part::Arguments),
    #[command(hide = true)]
    DemoBot(part::Arguments),
}

/// Reads the arguments; wrong ones end the process with code 2 and the usage.
pub fn parse() -> Cli {
    Cli::parse()
}

/// Logs go to standard error. `LOCKKEEPER_LOG` says what is logged, as `debug` or `lockkeeper::engine=trace`.
pub fn log_to_stderr(cli: &Cli) {
    let (default, json) = match &cli.command {
        Command::Serve(arguments) => ("info", arguments.log_json),
        Command::Check(_)
        | Command::Run(_)
        | Command::Executions(_)
        | Command::Card(_)
        | Command::Action(_)
        | Command::Key(_)
        | Command::Rule(_)
        | Command::Sensor(_)
        | Command::Pack(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Doctor(_)
        | Command::Slack(_)
        | Command::Discord(_)
        | Command::Alias(_)
        | Command::Expression(_)
        | Command::Workflow(_)
        | Command::DemoShop(_)
        | Command::DemoSupervisor(_) => ("warn", false),
        Command::Demo(arguments) if arguments.auto => ("warn", false),
        // The screen belongs to the chat; it logs to a file of its own.
        Command::Demo(_) => return,
        Command::DemoBot(_) => ("info", false),
    };
    let filter = EnvFilter::try_from_env("LOCKKEEPER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    // A line that cannot be written is lost; to complain about that on the same full disk would be a panic.
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).log_internal_errors(false);
    let log = log.with_env_filter(filter);
    if json { log.json().init() } else { log.with_target(false).init() }
}

/// Logs of a command that owns the screen go to a file.
fn log_to_file(path: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::options().create(true).append(true).open(path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    let filter = EnvFilter::try_from_env("LOCKKEEPER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_writer(Mutex::new(file)).with_ansi(false).with_target(false);
    let log = log.log_internal_errors(false);
    log.with_env_filter(filter).init();
    Ok(())
}

/// Does what was asked.
///
/// # Errors
/// What [`fail`] tells.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Executions(arguments) => executions::run(&arguments),
        Command::Card(arguments) => card::run(&arguments),
        Command::Action(arguments) => action::run(&arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Rule(arguments) => rule::run(&arguments),
        Command::Sensor(arguments) => sensor::run(&arguments),
        Command::Pack(arguments) => pack::run(&arguments),
        Command::Approve(arguments) => approve::run(&arguments),
        Command::Reject(arguments) => reject::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Slack(arguments) => slack::run(&arguments),
        Command::Discord(arguments) => discord::run(&arguments),
        Command::Alias(arguments) => alias::run(&arguments),
        Command::Expression(arguments) => expression::run(&arguments),
        Command::Workflow(arguments) => workflow::run(&arguments),
        Command::DemoShop(arguments) => part::run(demo::SHOP, &arguments),
        Command::DemoSupervisor(arguments) => part::run(demo::SUPERVISOR, &arguments),
        Command::DemoBot(arguments) => part::run(demo::BOT, &arguments),
        Command::Demo(arguments) => rehearse::run(&arguments),
    }
}

/// Tells an error with everything that led to it.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    out::complain(&format!("error: {error:#}"));
    ExitCode::FAILURE
}
