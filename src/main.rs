//! The `lockkeeper` binary: reads its arguments, says what went wrong, ends with a code.

use std::process::ExitCode;

use lockkeeper::cli;

fn main() -> ExitCode {
    let cli = cli::parse();
    cli::log_to_stderr(&cli);
    cli::run(cli).unwrap_or_else(|error| cli::fail(&error))
}
