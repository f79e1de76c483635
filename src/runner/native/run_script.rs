//! `run_script`: a script of a checkout, such as `script/cibuild`.
//!
//! Parameters: `dir` (the checkout, also the working folder), `script` (below it), `args` (list), `env`. Result as
//! `local-shell-script`.

use serde_json::Value;

use crate::runner::attempt::{Attempt, Stop};
use crate::runner::outcome::End;
use crate::runner::process::{Spec, Stdin};
use crate::runner::shell::{inside, program_for, report, text_of};

pub(super) async fn perform(attempt: &Attempt) -> Result<Value, Stop> {
    let dir = attempt.request.work_dir.join(attempt.needed("dir")?);
    let script = attempt.needed("script")?;
    let path = inside(&dir, script)
        .ok_or_else(|| Stop::failed(format_args!("`{script}` is not a path below the checkout")))?;
    check_executable(&path)?;
    let args = match attempt.request.parameters.get("args") {
        Some(Value::Array(items)) => items.iter().map(text_of).collect(),
        Some(_) | None => Vec::new(),
    };
    let program = program_for(&path, args)
        .map_err(|error| Stop::failed(format_args!("cannot read {script}: {error}")))?;
    let spec: Spec = program.into_spec(dir, attempt.environment()?, Stdin::Empty)?;
    let report = report(attempt, attempt.run(spec).await);
    match report.end {
        End::Succeeded => Ok(report.result),
        End::Failed | End::Abandoned => Err(Stop::Failed(report.result)),
        End::Unknown => Err(Stop::Lost(report.result)),
        End::Timeout => Err(Stop::Timeout(report.result)),
        End::Canceled => Err(Stop::Canceled),
    }
}

fn check_executable(path: &std::path::Path) -> Result<(), Stop> {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        Stop::failed(format_args!("cannot find {shown}: {error}; add the script to the repository, or name another in the app's `scripts`"))
    })?;
    if !metadata.is_file() {
        return Err(Stop::failed(format_args!("{shown} is not a file")));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(Stop::failed(format_args!(
            "{shown} is not executable; run `git update-index --chmod=+x` on it and commit"
        )));
    }
    Ok(())
}
