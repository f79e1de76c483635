//! The socket in the data folder. It is its owner's alone; one that a dead process left is replaced.

use std::{
    fs::{self, File, Permissions},
    io,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

/// A socket's address holds 108 bytes with its end (unix(7)); a longer path goes through the folder's descriptor.
const PATH_MAX: usize = 100;

/// Why nobody can call.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("another lockkeeper answers at {}; stop it first, or give this one a data folder of its own", .0.display())]
    Taken(PathBuf),
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
    /// A living process listens there already, or the disk refuses.
    pub fn bind(data: &Path) -> Result<Self, SocketError> {
        let path = socket_path(data);
        let fail = |source| SocketError::Io { path: path.clone(), source };
        fs::create_dir_all(data).map_err(fail)?;
        if connect(data).is_ok() {
            return Err(SocketError::Taken(path));
        }
        // Made under a name that nobody knows, so that nobody meets it before it is its owner's alone.
        let making = format!(".control.{}", std::process::id());
        let (folder, short) = reachable(data, &making).map_err(fail)?;
        drop(fs::remove_file(&short));
        let listener = UnixListener::bind(&short).map_err(fail)?;
        fs::set_permissions(&short, Permissions::from_mode(0o600)).map_err(fail)?;
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
fn reachable(data: &Path, name: &str) -> io::Result<(Option<File>, PathBuf)> {
    let path = data.join(name);
    if path.as_os_str().len() <= PATH_MAX {
        return Ok((None, path));
    }
    let folder = File::open(data)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()));
    Ok((Some(folder), short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_its_owners_alone_and_is_taken_once() {
        let data = tempfile::tempdir().unwrap();
        let socket = Socket::bind(data.path()).unwrap();
        let mode = fs::metadata(socket_path(data.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(Socket::bind(data.path()), Err(SocketError::Taken(_))));
        drop(socket);
        assert!(!socket_path(data.path()).exists());
    }

    #[tokio::test]
    async fn what_a_dead_process_left_is_replaced() {
        let data = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(socket_path(data.path())).unwrap());
        assert!(socket_path(data.path()).exists() && connect(data.path()).is_err());
        let socket = Socket::bind(data.path()).unwrap();
        assert!(connect(data.path()).is_ok());
        drop(socket);
    }

    #[tokio::test]
    async fn a_folder_deeper_than_an_address_is_long_works_too() {
        let data = tempfile::tempdir().unwrap();
        let deep = data.path().join("d".repeat(90)).join("e".repeat(90));
        let socket = Socket::bind(&deep).unwrap();
        assert!(connect(&deep).is_ok());
        drop(socket);
    }
}
