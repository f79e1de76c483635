//! `sensor list|show`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CONFIG, out};
use crate::{
    config,
    content::{Catalogue, Sensor},
    library::Library,
    message::words,
};

/// See the sensors of the content, and which rules listen to them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper sensor list\n  lockkeeper sensor show github.GithubRepositorySensor"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(Show),
}

/// List all sensors
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper sensor list")]
struct List {
    #[command(flatten)]
    content: Content,
}

/// Show a sensor with its triggers, as JSON
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper sensor show github.GithubRepositorySensor")]
struct Show {
    /// As pack.Class
    reference: String,
    #[command(flatten)]
    content: Content,
}

#[derive(Debug, Args)]
struct Content {
    /// The configuration that names the content
    #[arg(long, default_value = CONFIG)]
    config: PathBuf,
}

impl Content {
    fn load(&self) -> anyhow::Result<Catalogue> {
        Ok(Library::new(config::load(&self.config)?.content).load().catalogue)
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::List(List { content }) => out::say(&table(&content.load()?))?,
        Command::Show(Show { reference, content }) => {
            let catalogue = content.load()?;
            let found = catalogue.sensors.iter().find(|it| it.reference() == *reference);
            let sensor = found.ok_or_else(|| anyhow!(words::sensor::unknown(reference)))?;
            out::say(&serde_json::to_string_pretty(&shown(&catalogue, sensor))?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Rules that are on and listen to something of this sensor.
fn listeners(catalogue: &Catalogue, sensor: &Sensor) -> Vec<String> {
    let heard = catalogue.rules.iter().filter(|it| it.enabled && sensor.triggers.contains(&it.trigger.kind));
    heard.map(crate::rule::Rule::reference).collect()
}

fn table(catalogue: &Catalogue) -> String {
    let head = ["sensor", "enabled", "triggers", "rules that listen", "description"].map(str::to_owned);
    let mut cells: Vec<[String; 5]> = catalogue
        .sensors
        .iter()
        .map(|it| {
            let description = it.description.lines().next().unwrap_or_default().to_owned();
            [
                it.reference(),
                it.enabled.to_string(),
                it.triggers.join(", "),
                listeners(catalogue, it).join(", "),
                description,
            ]
        })
        .collect();
    cells.sort_unstable();
    out::columns(std::iter::once(head).chain(cells))
}

fn shown(catalogue: &Catalogue, sensor: &Sensor) -> Value {
    let declared = sensor.triggers.iter().filter_map(|it| catalogue.triggers.get(it)).map(|it| {
        json!({
            "type": it.reference,
            "description": it.description,
            "payload_schema": it.payload_schema,
            "parameters_schema": it.parameters_schema,
        })
    });
    json!({
        "ref": sensor.reference(),
        "pack": sensor.pack,
        "class_name": sensor.class,
        "description": sensor.description,
        "enabled": sensor.enabled,
        "entry_point": sensor.entry_point,
        "poll_interval": sensor.poll_interval,
        "trigger_types": declared.collect::<Vec<_>>(),
        "rules": listeners(catalogue, sensor),
    })
}
