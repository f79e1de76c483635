//! Free ports that no other rehearsal takes.
//!
//! A port that was found free is free again until its process binds it, and a rehearsal that starts in the same instant
//! may find the same one. So each is claimed by a lock on a file of its number, held as long as its world.

use std::fs::{File, OpenOptions, TryLockError};
use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context, bail};

/// Ports that are tried for one that nobody has claimed.
const TRIES: usize = 64;

/// A free port of this machine, kept from other rehearsals while this lives.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) port: u16,
    _lock: File,
}

/// So many different ports, claimed below this folder, which all rehearsals share.
///
/// # Errors
/// There is no free port, or the folder is not writable.
pub(super) fn claim(many: usize, folder: &Path) -> anyhow::Result<Vec<Claim>> {
    // Held until all are found, so that the system does not offer one twice.
    let mut held = Vec::new();
    let mut claims = Vec::new();
    let mut refused = None;
    while claims.len() < many {
        if many + TRIES <= held.len() {
            bail!("no free port: {}", refused.unwrap_or_else(|| "all are claimed".to_owned()));
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
        let port = listener.local_addr()?.port();
        held.push(listener);
        match lock(port, folder) {
            Ok(Some(lock)) => claims.push(Claim { port, _lock: lock }),
            Ok(None) => {}
            // Another user's, perhaps.
            Err(error) => refused = Some(format!("{}: {error}", folder.display())),
        }
    }
    Ok(claims)
}

/// `None` if somebody holds it. The file stays: whoever removed it could remove another's.
fn lock(port: u16, folder: &Path) -> std::io::Result<Option<File>> {
    let path = folder.join(format!("lockkeeper-demo-port-{port}"));
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_nobody_elses_until_its_world_ends() {
        let folder = tempfile::tempdir().unwrap();
        let claims = claim(6, folder.path()).unwrap();
        let ports: std::collections::BTreeSet<u16> = claims.iter().map(|it| it.port).collect();
        assert_eq!(ports.len(), 6);
        for &port in &ports {
            assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "{port} is free for its process");
            assert!(lock(port, folder.path()).unwrap().is_none(), "{port} is claimed");
        }
        drop(claims);
        assert!(ports.iter().all(|it| lock(*it, folder.path()).unwrap().is_some()));
    }
}
