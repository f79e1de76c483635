//! What upload and install share.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::id::Digest;
use crate::runner::attempt::{Attempt, Stop, fields};
use crate::runner::process::Ended;
use crate::runner::shell::report;
use crate::runner::transport::{Host, Trouble};

/// Where an artifact lies on this machine.
pub(super) fn artifact(attempt: &Attempt, digest: &Digest) -> PathBuf {
    attempt.deps.data_dir.join("artifacts").join(format!("{digest}.tar.gz"))
}

/// The artifact, its bytes compared with its name.
pub(super) async fn verified(path: &Path, digest: &Digest) -> Result<u64, Stop> {
    let owned = path.to_owned();
    let hashing = tokio::task::spawn_blocking(move || sha256(&owned)).await.map_err(Stop::failed)?;
    let (found, bytes) = hashing.map_err(|error| {
        Stop::failed(format_args!("cannot read the artifact {}: {error}; build it again", path.display()))
    })?;
    if found != digest.as_str() {
        return Err(Stop::failed(format_args!(
            "the artifact {} has digest {found}, not its name's",
            path.display()
        )));
    }
    Ok(bytes)
}

pub(super) fn sha256(path: &Path) -> std::io::Result<(String, u64)> {
    use sha2::Digest as _;
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hex::encode(hash.finalize()), bytes));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// A step on a host that did not succeed, told with the host's name; its result keeps what the host printed.
pub(super) fn check(
    attempt: &Attempt,
    host: &Host,
    what: &str,
    ended: Ended,
    trouble: Option<Trouble>,
) -> Result<Value, Stop> {
    if let Some(stop) = attempt.interruption(&ended.how, what) {
        return Err(stop);
    }
    if let Some(trouble) = trouble {
        let told = |how: &'static str| {
            let (error, host) = (trouble.text(), host.name.as_str());
            fields([("error", error.into()), ("host", host.into()), (how, true.into())])
        };
        return Err(match &trouble {
            Trouble::Unreachable(_) => Stop::Failed(told("unreachable")),
            Trouble::Lost(_) => Stop::Lost(told("lost")),
        });
    }
    let mut result = report(attempt, ended).result;
    if result["succeeded"] == Value::Bool(true) {
        return Ok(result);
    }
    let printed = |name: &str| match &result[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let last =
        printed("stderr").lines().rev().find(|it| !it.trim().is_empty()).unwrap_or_default().to_owned();
    let code = &result["return_code"];
    result["error"] = format!("{what} failed on host {} with code {code}: {last}", host.name).into();
    Err(Stop::Failed(result))
}
