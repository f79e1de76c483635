//! `rule list|show|test`

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{CONFIG, out};
use crate::{
    clock::{Clock as _, SystemClock},
    config,
    content::Catalogue,
    expression::DatastoreView,
    library::Library,
    message::words,
    rule::{Happened, Outcome, Rule, consider},
    yaml::{self, Dialect},
};

/// See the rules of the content, and try one on an event
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper rule list\n  lockkeeper rule test ops.deployed --payload event.json"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(Show),
    Test(Test),
}

/// List all rules
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper rule list")]
struct List {
    #[command(flatten)]
    content: Content,
}

/// Show a rule, as JSON
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper rule show ops.deployed")]
struct Show {
    /// As pack.rule
    reference: String,
    #[command(flatten)]
    content: Content,
}

/// Say whether an event matches a rule, and what its action would be given; ends with 1 if it does not
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo '{\"body\": {\"app\": \"shop\"}}' | lockkeeper rule test ops.deployed --payload -\n\n\
                  Nothing is started, and the datastore is not read: `st2kv` finds nothing."
)]
struct Test {
    /// As pack.rule
    reference: String,
    /// What templates read as `trigger`, as JSON or YAML; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    payload: PathBuf,
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
        Command::List(List { content }) => {
            out::say(&table(&content.load()?.rules))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Show(Show { reference, content }) => {
            let catalogue = content.load()?;
            out::say(&serde_json::to_string_pretty(&shown(find(&catalogue, reference)?))?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(it) => test(it),
    }
}

fn find<'c>(catalogue: &'c Catalogue, reference: &str) -> anyhow::Result<&'c Rule> {
    let found = catalogue.rules.iter().find(|it| it.reference() == reference);
    found.ok_or_else(|| anyhow!(words::rule::unknown(reference)))
}

fn table(rules: &[Rule]) -> String {
    let head = ["rule", "enabled", "trigger", "action", "description"].map(str::to_owned);
    let mut cells: Vec<[String; 5]> = rules
        .iter()
        .map(|it| {
            let description = it.description.lines().next().unwrap_or_default().to_owned();
            [
                it.reference(),
                it.enabled.to_string(),
                it.trigger.kind.clone(),
                it.action.to_string(),
                description,
            ]
        })
        .collect();
    cells.sort_unstable();
    out::columns(std::iter::once(head).chain(cells))
}

/// As its file has it.
fn shown(rule: &Rule) -> Value {
    let criteria: Map<String, Value> =
        rule.criteria.iter().map(|it| (it.key.clone(), it.written.clone())).collect();
    json!({
        "ref": rule.reference(),
        "pack": rule.pack,
        "name": rule.name,
        "description": rule.description,
        "enabled": rule.enabled,
        "type": { "ref": if rule.backstop { "backstop" } else { "standard" } },
        "trigger": { "type": rule.trigger.kind, "parameters": rule.trigger.parameters },
        "criteria": criteria,
        "action": { "ref": rule.action, "parameters": rule.parameters },
    })
}

fn test(it: &Test) -> anyhow::Result<ExitCode> {
    let catalogue = it.content.load()?;
    let rule = find(&catalogue, &it.reference)?;
    let happened = Happened::new(rule.trigger.clone(), payload(&it.payload)?);
    let datastore = DatastoreView::default();
    let event = happened.event(&datastore, SystemClock.now());
    if let Outcome::NoMatch(reason) = consider(rule, event) {
        out::say(&words::rule::does_not_match(&it.reference, &reason.to_string()))?;
        return Ok(ExitCode::FAILURE);
    }
    let action = catalogue.action(&rule.action);
    let action = action.ok_or_else(|| anyhow!(words::rule::NotStarted::NoAction.to_string()))?;
    let names = event.names().as_object().cloned().unwrap_or_default();
    let given = action.fill(&rule.parameters, &names, &datastore)?;
    action.bind_with(given.clone(), &Map::new(), &datastore)?;
    let given = serde_json::to_string_pretty(&given)?;
    out::say(&words::rule::matches(&it.reference, &rule.action, rule.enabled, &given))?;
    Ok(ExitCode::SUCCESS)
}

fn payload(file: &Path) -> anyhow::Result<Value> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
    };
    let node = yaml::read(&text, Dialect::Strict);
    let node = node.map_err(|fault| anyhow!("{}: {}", file.display(), fault.message))?;
    Ok(node.to_json())
}
