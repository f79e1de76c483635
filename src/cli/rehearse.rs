use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;

use super::out;
use crate::demo::{Program, Scenario, StageOptions, Tour};

/// Rehearse a release with real parts on this machine
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper demo\n  lockkeeper demo --auto --scenario host-lost --transcript chat.txt"
)]
pub(super) struct Arguments {
    /// Play by itself and check what comes of it
    #[arg(long)]
    pub(super) auto: bool,
    /// What to play; all of it without this
    #[arg(long, requires = "auto", value_parser = scenario)]
    scenario: Option<Scenario>,
    /// Where to build it; has to be empty. A new folder below the temporary one without this
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Write down what everybody said and saw
    #[arg(long, requires = "auto")]
    transcript: Option<PathBuf>,
}

fn scenario(name: &str) -> Result<Scenario, String> {
    Scenario::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Scenario::ALL.into_iter().map(Scenario::as_str).collect();
        format!("there is {}", names.join(", "))
    })
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let dir = match &arguments.dir {
        Some(dir) => dir.clone(),
        None => std::env::temp_dir().join(format!("lockkeeper-demo-{}", uuid::Uuid::now_v7())),
    };
    if !arguments.auto {
        return tour(&dir);
    }
    let plays = arguments.scenario.map_or_else(|| Scenario::ALL.to_vec(), |it| vec![it]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    out::say(&format!("in {}", dir.display()))?;
    let mut all_good = true;
    for play in plays {
        let started = Instant::now();
        let below = if arguments.scenario.is_some() { dir.clone() } else { dir.join(play.as_str()) };
        let played = runtime.block_on(play.play(options(play, &below, arguments.transcript.as_deref())?));
        let took = started.elapsed().as_secs_f64();
        match played {
            Ok(()) => out::say(&format!("ok      {} in {took:.1} s", play.as_str()))?,
            Err(error) => {
                all_good = false;
                out::say(&format!("FAILED  {} after {took:.1} s: {error:#}", play.as_str()))?;
            }
        }
    }
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tour(dir: &Path) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let played = runtime.block_on(async {
        let tour = Tour::set(dir, Program::current()?).await?;
        super::log_to_file(&tour.log())?;
        tour.play().await
    });
    // A thread may be waiting for a line that nobody will type.
    runtime.shutdown_background();
    out::say(&format!("\n{}", played?.to_string().trim_end()))?;
    Ok(ExitCode::SUCCESS)
}

fn options(play: Scenario, dir: &Path, transcript: Option<&Path>) -> anyhow::Result<StageOptions> {
    let open = |path: &Path| {
        let file = std::fs::File::options().create(true).append(true).open(path);
        file.with_context(|| format!("cannot write {}", path.display()))
    };
    let transcript =
        transcript.map(open).transpose()?.map(|it| Box::new(it) as Box<dyn std::io::Write + Send>);
    Ok(StageOptions { dir: dir.to_owned(), program: Program::current()?, terms: play.terms(), transcript })
}
