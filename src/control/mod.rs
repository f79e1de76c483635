//! The command line's way to a running bot: a Unix socket in the data folder, one request a connection. Who asks is
//! the operating system's word: the peer's user is the terminal account of that name, and meets the same doors as
//! anybody in chat.
//!
//! - [`wire`]: requests and replies, a line of JSON each; [`client`]: asking;
//! - `socket`: where it lies and whom it is open to; `peer`: who asks; `door`: who is let in;
//! - [`desk`]: the chat of one answer; `answer`: one request to its end; `tail`: logs as they grow;
//! - `key`: the datastore, also where no bot runs.

mod answer;
pub mod client;
pub mod desk;
mod door;
mod key;
mod peer;
mod socket;
mod tail;
pub mod wire;

use std::{sync::Arc, time::Duration};

use tokio::{net::UnixStream, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::bot::Bot;
use door::Door;

pub use desk::Desk;
pub use key::Keys;
pub use peer::own_account;
pub use socket::{Socket, SocketError, socket_path};

/// Connections at the same time; more wait in the system's own queue.
const CONNECTIONS_MAX: usize = 128;
/// Between two tries when no connection can be taken, as when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// Names of the configuration's secrets that have another value than the one that is used.
pub type Stale = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// Who answers.
#[derive(Clone)]
pub struct Served {
    pub bot: Bot,
    pub desk: Option<Arc<Desk>>,
    pub stale: Stale,
}

/// Answers callers until `stop`.
pub async fn serve(socket: Socket, served: Served, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let door = Door::new();
    let tasks = TaskTracker::new();
    loop {
        let connection = tokio::select! {
            connection = socket.accept() => connection,
            () = stop.cancelled() => break,
        };
        let stream: UnixStream = match connection {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a call from the command line could not be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = connections.clone().acquire_owned().await else { break };
        let (served, door, stop) = (served.clone(), door.clone(), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = answer::answer(&served, &door, stream) => {}
                () = stop.cancelled() => {}
            }
            drop(place);
        });
    }
    tasks.close();
    tasks.wait().await;
}
