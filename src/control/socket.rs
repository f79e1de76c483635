//! The socket in the data folder: open to whom the configuration says, from the moment it has its name; one that a dead
//! process left is replaced.

use std::{
    fs::{self, Permissions},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, PermissionsExt, chown},
    },
    path::{Path, PathBuf},
};

use nix::unistd::Group;
use rustix::fs::{Mode, OFlags, open};
use tokio::net::{UnixListener, UnixStream};

use crate::config::OpenTo;

/// A socket's address holds 108 bytes with its end (unix(7)); a longer path goes through the folder's descriptor.
const PATH_MAX: usize = 100;

/// Why nobody can call.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("another lockkeeper answers at {}; stop it first, or give this one a data folder of its own", .0.display())]
    Taken(PathBuf),
    #[error("`control.open_to` names the group `{0}`, which this machine does not have")]
    NoGroup(String),
    #[error(
        "the control socket cannot be given to the group `{group}`; the bot's user has to be a member of it"
    )]
    NotInGroup { group: String, source: io::Error },
    #[error("the control socket {} cannot be made", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Where the socket of this data folder lies.
pub fn socket_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// A socket that is listened on; it goes with this.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Makes the socket of this data folder, which is made too if it is not there.
    ///
    /// # Errors
    /// A living process listens there already, the group is not to be had, or the disk refuses.
    pub fn bind(data: &Path, open_to: &OpenTo) -> Result<Self, SocketError> {
        let path = socket_path(data);
        let fail = |source| SocketError::Io { path: path.clone(), source };
        // Others may pass to the socket, not look around.
        fs::DirBuilder::new().recursive(true).mode(0o711).create(data).map_err(fail)?;
        if connect(data).is_ok() {
            return Err(SocketError::Taken(path));
        }
        // Made under a name that nobody knows, so that nobody meets it before it is open to whom it should be.
        let making = format!(".control.{}", std::process::id());
        let (folder, short) = reachable(data, &making).map_err(fail)?;
        drop(fs::remove_file(&short));
        let listener = UnixListener::bind(&short).map_err(fail)?;
        fs::set_permissions(&short, Permissions::from_mode(0o600)).map_err(fail)?;
        if let OpenTo::Group(group) = open_to {
            give(&short, group)?;
        }
        fs::set_permissions(&short, Permissions::from_mode(open_to.mode())).map_err(fail)?;
        fs::rename(data.join(&making), &path).map_err(fail)?;
        drop(folder);
        Ok(Self { listener, path })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

fn give(path: &Path, group: &str) -> Result<(), SocketError> {
    let found = Group::from_name(group).ok().flatten();
    let gid = found.ok_or_else(|| SocketError::NoGroup(group.to_owned()))?.gid;
    let refused = |source| SocketError::NotInGroup { group: group.to_owned(), source };
    chown(path, None, Some(gid.as_raw())).map_err(refused)
}

/// Calls whoever listens in this data folder.
pub(super) fn connect(data: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    let path = socket_path(data);
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let (folder, short) = reachable(data, name)?;
    let stream = std::os::unix::net::UnixStream::connect(short);
    drop(folder);
    stream
}

/// A path to this file that fits into a socket's address, good for as long as the folder is held open.
fn reachable(data: &Path, name: &str) -> io::Result<(Option<OwnedFd>, PathBuf)> {
    let path = data.join(name);
    if path.as_os_str().len() <= PATH_MAX {
        return Ok((None, path));
    }
    // Whoever may pass through the folder need not be able to read it.
    let folder = open(data, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()));
    Ok((Some(folder), short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_open_to_whom_it_should_be_and_is_taken_once() {
        for (open_to, mode) in [(OpenTo::Everyone, 0o666), (OpenTo::Owner, 0o600)] {
            let data = tempfile::tempdir().unwrap();
            let folder = data.path().join("data");
            let socket = Socket::bind(&folder, &open_to).unwrap();
            let mode_of = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode_of(&socket_path(&folder)), mode_of(&folder)), (mode, 0o711));
            assert!(matches!(Socket::bind(&folder, &open_to), Err(SocketError::Taken(_))));
            drop(socket);
            assert!(!socket_path(&folder).exists());
        }
    }

    #[tokio::test]
    async fn a_group_that_is_not_there_is_named() {
        let data = tempfile::tempdir().unwrap();
        let none = OpenTo::Group("no-such-group".to_owned());
        let error = Socket::bind(data.path(), &none).unwrap_err();
        assert!(matches!(error, SocketError::NoGroup(group) if group == "no-such-group"));
        assert!(!socket_path(data.path()).exists());
    }

    #[tokio::test]
    async fn what_a_dead_process_left_is_replaced() {
        let data = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(socket_path(data.path())).unwrap());
        assert!(socket_path(data.path()).exists() && connect(data.path()).is_err());
        let socket = Socket::bind(data.path(), &OpenTo::Owner).unwrap();
        assert!(connect(data.path()).is_ok());
        drop(socket);
    }

    #[tokio::test]
    async fn a_folder_deeper_than_an_address_is_long_works_too() {
        let data = tempfile::tempdir().unwrap();
        let deep = data.path().join("d".repeat(90)).join("e".repeat(90));
        let socket = Socket::bind(&deep, &OpenTo::Owner).unwrap();
        assert!(connect(&deep).is_ok());
        drop(socket);
    }
}
