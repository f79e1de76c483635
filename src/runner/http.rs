//! `http-request`: one call, as StackStorm's runner makes it.
//!
//! Parameters: `url`, `method` (POST if there is a body, else GET), `body`, `headers`, `cookies`, `params` (query),
//! `username`, `password`, `http_proxy`, `https_proxy`, `verify_ssl_cert`, `allow_redirects`, `url_hosts_whitelist` or
//! `url_hosts_blacklist`. Result: `{status_code, body, parsed, headers}`; status 200 to 206 succeeded. Sending files is
//! refused.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Method, Proxy, Url};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Stop, fields};
use super::runners::Deps;
use super::shell::text_of;
use super::{Outcome, Request, Runner};

/// The most that is kept of an answer's body.
const BODY_BYTES: usize = 4 << 20;

pub(super) struct HttpRequest {
    deps: Arc<Deps>,
}

impl HttpRequest {
    pub(super) fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[async_trait]
impl Runner for HttpRequest {
    fn name(&self) -> &'static str {
        "http-request"
    }

    fn is_repeatable(&self, parameters: &Map<String, Value>) -> bool {
        is_repeatable(parameters)
    }

    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome {
        let attempt = match Attempt::begin(request, cancel, &self.deps).await {
            Ok(attempt) => attempt,
            Err(outcome) => return outcome,
        };
        let done = attempt.within(call(&attempt)).await;
        attempt.finish(done).await
    }
}

/// By its method: RFC 9110 §9.2.2 (<https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2>). DELETE is left out: the second
/// one is answered with an error.
fn is_repeatable(parameters: &Map<String, Value>) -> bool {
    let method = method(parameters);
    ["GET", "HEAD", "OPTIONS", "TRACE", "PUT"].iter().any(|it| method.eq_ignore_ascii_case(it))
}

fn method(parameters: &Map<String, Value>) -> &str {
    let given = parameters.get("method").and_then(Value::as_str).filter(|it| !it.is_empty());
    given.unwrap_or(if body(parameters).is_some() { "POST" } else { "GET" })
}

fn body(parameters: &Map<String, Value>) -> Option<&Value> {
    parameters.get("body").filter(|it| !it.is_null())
}

async fn call(attempt: &Attempt) -> Result<Value, Stop> {
    let parameters = &attempt.request.parameters;
    let url = address(attempt)?;
    if parameters.get("file_name").is_some_and(|it| !it.is_null()) {
        return Err(Stop::failed("http-request sends no files here; send them as `body`"));
    }
    let method = method(parameters).to_ascii_uppercase();
    let method = Method::from_bytes(method.as_bytes()).map_err(Stop::failed)?;
    let mut call = client(attempt)?.request(method, url.clone()).headers(headers(attempt)?);
    if let Some(user) = attempt.text("username") {
        call = call.basic_auth(user, attempt.text("password"));
    }
    if let Some(body) = body(parameters) {
        call = call.body(text_or_json(body));
    }
    let failed = |error: reqwest::Error| {
        Stop::failed(format_args!("{url}: {}", crate::metric::chain(&error.without_url())))
    };
    let mut answer = call.send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    let headers: Map<String, Value> = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
        })
        .collect();
    let is_json = headers
        .get(CONTENT_TYPE.as_str())
        .and_then(Value::as_str)
        .is_some_and(|it| it.split(';').next().unwrap_or_default().trim() == "application/json");
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(failed)? {
        if bytes.len() + piece.len() > BODY_BYTES {
            return Err(Stop::failed(format_args!("{url} answered with more than {BODY_BYTES} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    let parsed = if is_json { serde_json::from_slice(&bytes).ok() } else { None };
    let result = fields([
        ("status_code", status.into()),
        ("parsed", parsed.is_some().into()),
        ("body", parsed.unwrap_or_else(|| String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}").into())),
        ("headers", headers.into()),
    ]);
    if (200..=206).contains(&status) { Ok(result) } else { Err(Stop::Failed(result)) }
}

/// The URL with its query, if it may be called at all.
fn address(attempt: &Attempt) -> Result<Url, Stop> {
    let mut url = Url::parse(attempt.needed("url")?).map_err(Stop::failed)?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(Stop::failed(format_args!("`{}` is neither http nor https", url.scheme())));
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    let listed = |name: &str| {
        let list = attempt.request.parameters.get(name)?.as_array()?;
        (!list.is_empty()).then(|| list.iter().any(|it| it.as_str() == Some(&host)))
    };
    match (listed("url_hosts_blacklist"), listed("url_hosts_whitelist")) {
        (Some(_), Some(_)) => {
            return Err(Stop::failed("url_hosts_blacklist and url_hosts_whitelist exclude each other"));
        }
        (Some(true), None) => return Err(Stop::failed(format_args!("host {host} is on the blacklist"))),
        (None, Some(false)) => return Err(Stop::failed(format_args!("host {host} is not on the whitelist"))),
        (Some(false), None) | (None, Some(true) | None) => {}
    }
    if let Some(Value::Object(query)) = attempt.request.parameters.get("params") {
        url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (name, text_of(value))));
    }
    Ok(url)
}

fn client(attempt: &Attempt) -> Result<Client, Stop> {
    let is = |name: &str| attempt.request.parameters.get(name).and_then(Value::as_bool);
    let redirects = match is("allow_redirects") {
        Some(true) => reqwest::redirect::Policy::limited(10),
        Some(false) | None => reqwest::redirect::Policy::none(),
    };
    let mut builder = Client::builder().redirect(redirects);
    if is("verify_ssl_cert") == Some(false) {
        builder = builder.danger_accept_invalid_certs(true);
    }
    if let Some(proxy) = attempt.text("http_proxy") {
        builder = builder.proxy(Proxy::http(proxy).map_err(Stop::failed)?);
    }
    if let Some(proxy) = attempt.text("https_proxy") {
        builder = builder.proxy(Proxy::https(proxy).map_err(Stop::failed)?);
    }
    builder.build().map_err(Stop::failed)
}

fn headers(attempt: &Attempt) -> Result<HeaderMap, Stop> {
    let mut headers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_str(text).map_err(Stop::failed);
    headers.insert(USER_AGENT, value(concat!("lockkeeper/", env!("CARGO_PKG_VERSION")))?);
    headers.insert("idempotency-key", value(&attempt.request.idempotency_key)?);
    if let Some(Value::Object(given)) = attempt.request.parameters.get("headers") {
        for (name, text) in given {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(Stop::failed)?;
            headers.insert(name, value(&text_of(text))?);
        }
    }
    if let Some(Value::Object(cookies)) = attempt.request.parameters.get("cookies") {
        let all: Vec<String> = cookies.iter().map(|(name, it)| format!("{name}={}", text_of(it))).collect();
        headers.insert(COOKIE, value(&all.join("; "))?);
    }
    let body = attempt.request.parameters.get("body");
    if matches!(body, Some(Value::Object(_) | Value::Array(_))) && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(headers)
}

fn text_or_json(body: &Value) -> String {
    match body {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_repeatable;
    use serde_json::json;

    #[test]
    fn only_what_changes_nothing_the_second_time_is_asked_for_again() {
        let repeats = |parameters: serde_json::Value| is_repeatable(parameters.as_object().unwrap());
        assert!(repeats(json!({})) && repeats(json!({"method": "put", "body": "{}"})));
        for (method, body) in [("POST", ""), ("PATCH", ""), ("DELETE", ""), ("PURGE", ""), ("", "one more")] {
            assert!(!repeats(json!({"method": method, "body": body})), "{method} {body}");
        }
    }
}
