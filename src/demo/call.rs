//! Requests to servers on this machine: no names to resolve, no TLS.

use std::time::Duration;

use anyhow::Context;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// An answer of the rehearsal's own servers is short and quick.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Keeps connections open between requests.
#[derive(Clone)]
pub(super) struct Caller(Client<HttpConnector, Body>);

impl Caller {
    pub(super) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends one request to `127.0.0.1:<port>`.
    pub(super) async fn call(
        &self,
        method: Method,
        port: u16,
        path: &str,
        body: &str,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let url = format!("http://127.0.0.1:{port}{path}");
        let request = Request::builder().method(method).uri(&url).body(Body::from(body.to_owned()))?;
        let asked = async {
            let answer = self.0.request(request).await.with_context(|| format!("no answer from {url}"))?;
            let status = answer.status();
            let bytes = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
            anyhow::Ok((status, bytes.with_context(|| format!("half an answer from {url}"))?.to_vec()))
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, asked).await;
        answer.with_context(|| format!("no answer from {url} within {ANSWER_TIMEOUT:?}"))?
    }

    pub(super) async fn get(&self, port: u16, path: &str) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        self.call(Method::GET, port, path, "").await
    }

    /// The JSON answer of a `GET`.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        port: u16,
        path: &str,
    ) -> anyhow::Result<T> {
        let (status, body) = self.get(port, path).await?;
        anyhow::ensure!(status.is_success(), "{path} on port {port} answered {status}");
        serde_json::from_slice(&body)
            .with_context(|| format!("{path} on port {port} did not answer as it should"))
    }
}
