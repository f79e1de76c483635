//! `serve`

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    boot::{App, Options},
    clock::SystemClock,
    config, runner,
};

/// Run the bot until it is told to stop (SIGTERM or Ctrl-C), then finish what runs
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper serve --config /etc/lockkeeper/lockkeeper.yaml --log-json")]
pub(super) struct Arguments {
    /// What an administrator decides
    #[arg(long, default_value = super::CONFIG)]
    config: PathBuf,
    /// Log one JSON object a line
    #[arg(long)]
    pub(super) log_json: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = config::load(&arguments.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = stop_on_signals().context("signals cannot be heard")?;
        match runner::adopt(stop.clone()) {
            Ok(reaping) => drop(tokio::spawn(reaping)),
            Err(error) => {
                tracing::warn!(%error, "what an attempt leaves behind cannot be seen in every case")
            }
        }
        let app = App::open(Options { config, clock: Arc::new(SystemClock), adapters: Vec::new() }).await?;
        let address = app.address()?;
        tracing::info!(%address, "ready");
        app.run(stop).await?;
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    })
}

/// Fires on the first SIGTERM or SIGINT. A second one ends the process at once, as it would without us.
fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let fired = stop.clone();
    tokio::spawn(async move {
        for asked in 0.. {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if asked == 0 {
                tracing::info!("stopping; what runs may finish");
                fired.cancel();
            } else {
                tracing::warn!("stopped without waiting; what ran is found by the next start");
                std::process::exit(1);
            }
        }
    });
    Ok(stop)
}
