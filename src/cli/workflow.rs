//! `workflow inspect FILE`, `workflow rehearse FILE --case CASE`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::json;
use crate::{workflow, yaml};

/// Look into a workflow file without running it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(Inspect),
    Rehearse(Rehearse),
}

/// Say what is wrong with a workflow, as JSON
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
struct Inspect {
    /// A workflow in orquesta's format
    file: PathBuf,
}

/// Play a workflow through with scripted results, as JSON
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper workflow rehearse release.yaml --case failing-build.json")]
struct Rehearse {
    /// A workflow in orquesta's format
    file: PathBuf,
    /// Inputs, results and requests, as JSON
    #[arg(long)]
    case: PathBuf,
}

const EXAMPLE: &str = "Example:\n  lockkeeper workflow inspect release.yaml";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Inspect(Inspect { file }) => {
            let file = file.clone();
            let found = json::on_deep_stack(move || anyhow::Ok(workflow::inspect(&read(&file)?, &[])))??;
            json::print(&found)?;
        }
        Command::Rehearse(Rehearse { file, case }) => {
            let (file, case) = (file.clone(), json::from_file(case)?);
            let told = json::on_deep_stack(move || anyhow::Ok(workflow::rehearse(&read(&file)?, &case)))??;
            json::print(&told)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let node = yaml::read_workflow(&text).map_err(|fault| {
        let place = fault.place.unwrap_or(yaml::Place::START);
        anyhow!("{}:{place}: {}", file.display(), fault.message)
    })?;
    Ok(node.to_json())
}
