//! What both fake platforms need of a wire: a WebSocket door beside the HTTP one, and faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Once;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Boot installs the TLS provider in the program; tests do it here.
pub fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// How a call goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The platform's own error code.
    Code(String),
    /// HTTP status without a body of the platform.
    Status(u16),
    /// A proxy's page, with status 200.
    Page,
    /// Too fast: `Retry-After` as given, verbatim.
    RateLimit(String),
    /// The call is done, but its answer is lost.
    AnswerLost,
    /// The answer comes this much later.
    Slow(Duration),
}

/// Faults waiting for their calls.
#[derive(Debug, Default)]
pub struct Faults(BTreeMap<String, VecDeque<Fault>>);

impl Faults {
    pub fn plan(&mut self, call: &str, fault: Fault) {
        self.0.entry(call.to_owned()).or_default().push_back(fault);
    }

    pub fn take(&mut self, call: &str) -> Option<Fault> {
        self.0.get_mut(call).and_then(VecDeque::pop_front)
    }

    pub fn left(&self) -> Vec<String> {
        self.0.iter().filter(|(_, waiting)| !waiting.is_empty()).map(|(call, _)| call.clone()).collect()
    }
}

/// A file that the bot showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub channel: String,
    /// The message whose thread it stands in.
    pub thread: Option<String>,
    pub name: String,
    /// What it shows, for who cannot see it.
    pub alt: String,
    pub bytes: Vec<u8>,
}

/// A gateway's error page.
pub fn page() -> Response {
    Html("<html><body>Sign in to the network</body></html>").into_response()
}

/// As a `Date` header has it.
pub fn http_date(at: Timestamp) -> HeaderValue {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&at).expect("a date");
    date.parse().expect("a header")
}

pub fn status(code: u16) -> Response {
    StatusCode::from_u16(code).expect("a status").into_response()
}

/// What a fake does with one of its sockets.
#[derive(Debug, Clone)]
pub enum Push {
    Frame(Value),
    Raw(String),
    Close(u16),
    /// The line is cut without a word.
    Cut,
    /// No answer to anything any more, though the line stands.
    Freeze,
}

/// What comes out of a socket.
#[derive(Debug, Clone)]
pub enum Pull {
    Frame(Value),
    /// The line is gone; with its code if it was closed.
    Ended(Option<u16>),
}

/// The server's end of one WebSocket.
pub struct Line {
    pub push: mpsc::UnboundedSender<Push>,
    pub pull: mpsc::UnboundedReceiver<Pull>,
}

/// Accepts one WebSocket; `None` if the handshake is refused or broken.
pub async fn accept(stream: TcpStream, admit: impl FnOnce(&str) -> bool + Unpin) -> Option<Line> {
    #[expect(clippy::result_large_err, reason = "the crate's own callback type")]
    let check = |request: &Request, response| {
        if admit(request.uri().query().unwrap_or_default()) {
            Ok(response)
        } else {
            Err(ErrorResponse::new(Some("ticket".to_owned())))
        }
    };
    // What happens is told at once, whether or not what happened before was received.
    stream.set_nodelay(true).ok()?;
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, check).await.ok()?;
    let (push, mut pushed) = mpsc::unbounded_channel();
    let (pulled, pull) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                order = pushed.recv() => match order {
                    Some(Push::Frame(frame)) => {
                        let _ = socket.send(Message::text(frame.to_string())).await;
                    }
                    Some(Push::Raw(text)) => {
                        let _ = socket.send(Message::text(text)).await;
                    }
                    Some(Push::Close(code)) => {
                        let frame = CloseFrame { code: code.into(), reason: "".into() };
                        let _ = socket.close(Some(frame)).await;
                    }
                    Some(Push::Freeze) => std::future::pending().await,
                    Some(Push::Cut) | None => break,
                },
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => {
                        let frame = serde_json::from_str(text.as_str()).unwrap_or(Value::Null);
                        let _ = pulled.send(Pull::Frame(frame));
                    }
                    Some(Ok(Message::Close(frame))) => {
                        let _ = pulled.send(Pull::Ended(frame.map(|it| it.code.into())));
                        return;
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break,
                },
            }
        }
        let _ = pulled.send(Pull::Ended(None));
    });
    Some(Line { push, pull })
}

/// A port of our own on loopback.
pub async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    (listener, address)
}

/// In another order, the same for the same seed; those with one key stay in theirs.
pub fn shuffled<T, K: PartialEq>(all: Vec<T>, seed: u64, key: impl Fn(&T) -> Option<K>) -> Vec<T> {
    let mut places: Vec<usize> = (0..all.len()).collect();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for at in (1..places.len()).rev() {
        // Xorshift: any spread of orders will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        places.swap(at, usize::try_from(state % (at as u64 + 1)).expect("an index"));
    }
    let keys: Vec<Option<K>> = all.iter().map(key).collect();
    for one in 0..places.len() {
        for other in one + 1..places.len() {
            let (a, b) = (places[one], places[other]);
            if b < a && keys[a].is_some() && keys[a] == keys[b] {
                places.swap(one, other);
            }
        }
    }
    let mut all: Vec<Option<T>> = all.into_iter().map(Some).collect();
    places.into_iter().map(|at| all[at].take().expect("each once")).collect()
}
