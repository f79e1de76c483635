//! The first release, made without the bot: what stands on the hosts before anybody asks for anything.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::Context;
use flate2::{Compression, GzBuilder};

use crate::id::Digest;

/// Packs these files of a folder, by sorted path, with nothing in the archive that depends on when or where.
pub(super) fn pack(folder: &Path, files: &[&str], artifacts: &Path) -> anyhow::Result<Digest> {
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::default());
    let mut archive = tar::Builder::new(gzip);
    let mut files = files.to_vec();
    files.sort_unstable();
    for path in files {
        let bytes = fs::read(folder.join(path)).with_context(|| format!("cannot read {path}"))?;
        let executable = fs::metadata(folder.join(path))?.permissions().mode() & 0o100 != 0;
        let mut header = tar::Header::new_gnu();
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_size(bytes.len() as u64);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, path, bytes.as_slice())?;
    }
    let bytes = archive.into_inner()?.finish()?;
    let digest = Digest::of(&bytes);
    fs::create_dir_all(artifacts)?;
    let mut file = fs::File::create(artifacts.join(format!("{digest}.tar.gz")))?;
    file.write_all(&bytes)?;
    Ok(digest)
}

/// Lays an artifact on a host as an installation would: `artifacts/`, `releases/<digest>/`, `current`.
pub(super) fn lay(artifacts: &Path, digest: &Digest, app_dir: &Path) -> anyhow::Result<()> {
    let archive = artifacts.join(format!("{digest}.tar.gz"));
    let release = app_dir.join("releases").join(digest.as_str());
    fs::create_dir_all(&release)?;
    fs::create_dir_all(app_dir.join("artifacts"))?;
    fs::copy(&archive, app_dir.join("artifacts").join(format!("{digest}.tar.gz")))?;
    tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(&archive)?)).unpack(&release)?;
    fs::write(release.join("DIGEST"), format!("{digest}\n"))?;
    symlink(Path::new("releases").join(digest.as_str()), app_dir.join("current"))?;
    Ok(())
}
