use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use crate::demo::Part;

/// Processes that a rehearsal starts for itself.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    arguments: Vec<OsString>,
}

pub(super) fn run(name: &str, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut all = vec![OsString::from(name)];
    all.extend(arguments.arguments.iter().cloned());
    let Some(part) = Part::parse(&all) else { anyhow::bail!("`{name}` is for the rehearsal's own use") };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ended = runtime.block_on(part.run());
    // A thread may be waiting for standard input to end; nobody waits for it.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}
