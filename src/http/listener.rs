//! Connections, few enough, and none that dawdles: a caller that opens sockets and says nothing, or says it a byte at a
//! time, costs us little and keeps nobody else out for long.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How much of us callers may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at once; more wait in the system's queue.
    pub(super) connections: usize,
    /// Connections at once from one address beyond this machine; more are closed.
    pub(super) per_peer: usize,
    /// From the beginning of a connection, or the end of a request, to the end of the next request's head. Measured as a
    /// whole, not since the last byte.
    pub(super) head: Duration,
    /// How long requests under way may take at a stop.
    pub(super) last: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, per_peer: 128, head: Duration::from_secs(10), last: Duration::from_secs(10) }
    }
}

/// After a failed accept, as when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stop`, then lets requests that are under way end.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let peers = Arc::new(Peers { most: limits.per_peer, here: Mutex::default() });
    let connections = TaskTracker::new();
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places, &peers) => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, place, peer)) = accepted else { continue };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let stop = stop.clone();
        connections.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
            drop((place, peer));
        });
    }
    connections.close();
    if tokio::time::timeout(limits.last, connections.wait()).await.is_err() {
        tracing::info!("some requests were cut off by the stop");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    peers: &Arc<Peers>,
) -> Option<(TcpStream, OwnedSemaphorePermit, Option<Peer>)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            let peer = peers.enter(address.ip()).ok()?;
            Some((stream, place, peer))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

/// Connections of each address beyond this machine; a proxy here brings everybody's.
struct Peers {
    most: usize,
    here: Mutex<HashMap<IpAddr, usize>>,
}

/// It has enough connections already.
#[derive(Debug, PartialEq, Eq)]
struct Enough;

impl Peers {
    fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Option<Peer>, Enough> {
        if address.is_loopback() {
            return Ok(None);
        }
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        let count = here.entry(address).or_default();
        if *count >= self.most {
            return Err(Enough);
        }
        *count += 1;
        Ok(Some(Peer { peers: self.clone(), address }))
    }
}

/// One connection of an address; counted until this is dropped.
struct Peer {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut here = self.peers.here.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = here.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_caller_that_sends_its_head_byte_by_byte_gives_its_place_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits { connections: 1, head: Duration::from_millis(100), ..Limits::default() };
        let router = Router::new().route("/", get(async || "here"));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, limits, stop.clone()));

        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
        let dripping = tokio::spawn(async move {
            while slow.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let mut next = TcpStream::connect(address).await.unwrap();
        next.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let read = next.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(5), read).await.expect("a place in time").unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        tokio::time::timeout(Duration::from_secs(5), dripping).await.expect("it was closed").unwrap();
        stop.cancel();
        serving.await.unwrap();
    }

    #[test]
    fn an_address_has_only_so_many_connections_and_this_machine_all() {
        let peers = Arc::new(Peers { most: 2, here: Mutex::default() });
        let (away, here) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([127, 0, 0, 1]));
        let first = peers.enter(away).unwrap();
        let second = peers.enter(away).unwrap();
        assert_eq!(peers.enter(away).err(), Some(Enough));
        assert!((0..9).all(|_| peers.enter(here).is_ok()));
        drop(first);
        assert!(peers.enter(away).is_ok());
        drop(second);
        assert!(peers.here.lock().unwrap().is_empty());
    }
}
