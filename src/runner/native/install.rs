//! `install`: an uploaded artifact becomes what the host runs.
//!
//! Parameters: `host`, `app`, `digest`, `dir` (default: the host's folder and the app), `script` (default
//! `script/post-inst`, of the package). On the host, by one POSIX shell script:
//!
//! 1. unpack to `<dir>/releases/<digest>/` (beside it first, then renamed), with the digest in its file `DIGEST`;
//! 2. point `<dir>/current` at it, in one step;
//! 3. run the package's script in the release's folder, with arguments app and digest and the variables
//!    `LOCKKEEPER_DIGEST`, `LOCKKEEPER_HOST`, `LOCKKEEPER_DIR`;
//! 4. remove releases, with their artifacts, but for those that were installed last, of which there are as many as
//!    the configuration's `keep.releases`. The one that runs and the one before it always stay. An installation that
//!    failed removes nothing: what is there may be needed to go back.
//!
//! `current` is switched before the script because the script's work is to make a supervisor restart what `current`
//! names. If the script fails, `current` stays switched and the result says so: going back is the engine's decision,
//! and is this same act with the digest before. Result: `{host, digest, previous, switched, script,
//! removed}`.

use serde_json::Value;

use super::host::check;
use crate::runner::attempt::{Attempt, Stop};
use crate::runner::transport::{Errand, Host};

const INSTALL: &str = include_str!("install.sh");

pub(super) async fn perform(attempt: &Attempt) -> Result<Value, Stop> {
    let host = Host::find(attempt, attempt.needed("host")?)?;
    let digest = super::digest_of(attempt)?;
    let app = attempt.needed("app")?;
    let dir = host.app_dir(attempt.text("dir"), Some(app))?;
    let script = attempt.text("script").unwrap_or("script/post-inst");
    let mut variables = attempt.variables()?;
    let ours = [
        ("LOCKKEEPER_DIGEST", digest.as_str()),
        ("LOCKKEEPER_HOST", host.name.as_str()),
        ("LOCKKEEPER_DIR", &dir),
    ];
    variables.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let errand = Errand {
        script: INSTALL,
        args: vec![
            app.to_owned(),
            digest.to_string(),
            dir,
            script.to_owned(),
            attempt.deps.releases.to_string(),
        ],
        variables,
        cwd: None,
        temporary: "/tmp",
    };
    let (ended, trouble) = host.run(attempt, &errand).await?;
    let mut facts = serde_json::from_str(ended.stdout.kept.head().trim()).unwrap_or(Value::Null);
    facts["host"] = host.name.as_str().into();
    match check(attempt, &host, "the installation", ended, trouble) {
        Ok(_) => Ok(facts),
        Err(Stop::Failed(result)) => Err(Stop::Failed(with(result, &facts))),
        Err(Stop::Lost(result)) => Err(Stop::Lost(with(result, &facts))),
        Err(stop @ (Stop::Timeout(_) | Stop::Canceled)) => Err(stop),
    }
}

/// What the host said of how far it came.
fn with(mut result: Value, facts: &Value) -> Value {
    for name in ["switched", "previous", "script"] {
        result[name] = facts[name].clone();
    }
    result
}
