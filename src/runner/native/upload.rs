//! `upload`: an artifact to a host, whole or not at all, and hashed on both sides.
//!
//! Parameters: `host`, `digest`, `dir` or `app`. It becomes `<dir>/artifacts/<digest>.tar.gz` there. Result: `{host,
//! digest, bytes, path}`. A second upload of the same artifact sends nothing if the host has it already.

use std::{fs, io, path::Path};

use serde_json::Value;

use super::host::{artifact, check, sha256, verified};
use super::package::tempfile_in;
use crate::id::Digest;
use crate::inventory::Reach;
use crate::runner::attempt::{Attempt, Stop, fields};
use crate::runner::process::Stdin;
use crate::runner::transport::Host;

/// Takes the bytes on stdin; arguments: folder, digest.
const RECEIVE: &str = include_str!("upload.sh");

pub(super) async fn perform(attempt: &Attempt) -> Result<Value, Stop> {
    let host = Host::find(attempt, attempt.needed("host")?)?;
    let digest = super::digest_of(attempt)?;
    let dir = host.app_dir(attempt.text("dir"), attempt.text("app"))?;
    let source = artifact(attempt, &digest);
    let bytes = attempt.within(verified(&source, &digest)).await?;
    let path = format!("{dir}/artifacts/{digest}.tar.gz");
    match &host.reach {
        Reach::Local { .. } => {
            let (from, to, digest) = (source.clone(), path.clone(), digest.clone());
            let copying = async move {
                let copying = tokio::task::spawn_blocking(move || copy(&from, Path::new(&to), &digest));
                copying.await.map_err(Stop::failed)?.map_err(Stop::failed)
            };
            attempt.within(copying).await?;
        }
        Reach::Ssh { .. } => {
            let file = fs::File::open(&source).map_err(Stop::failed)?;
            let words = ["sh", "-c", RECEIVE, "lockkeeper-upload", &dir, digest.as_str()];
            let (ended, trouble) = host.command(attempt, &words, Stdin::File(file)).await?;
            check(attempt, &host, "the upload", ended, trouble)?;
        }
    }
    Ok(fields([
        ("host", host.name.as_str().into()),
        ("digest", digest.as_str().into()),
        ("bytes", bytes.into()),
        ("path", path.into()),
    ]))
}

fn copy(from: &Path, to: &Path, digest: &Digest) -> io::Result<()> {
    if sha256(to).is_ok_and(|(found, _)| found == digest.as_str()) {
        return Ok(());
    }
    let folder = to.parent().ok_or(io::ErrorKind::InvalidFilename)?;
    fs::create_dir_all(folder)?;
    let mut draft = tempfile_in(folder)?;
    io::copy(&mut fs::File::open(from)?, &mut draft.file)?;
    draft.keep(to)?;
    let (found, _) = sha256(to)?;
    if found != digest.as_str() {
        fs::remove_file(to)?;
        return Err(io::Error::other(format!("{} arrived with digest {found}", to.display())));
    }
    Ok(())
}
