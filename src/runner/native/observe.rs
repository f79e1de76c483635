//! `observe`: which digest each host says it runs.
//!
//! Parameters: `hosts` (`[{host, url}]`), `digest_field`. Result: `{hosts: {host: digest or null}, errors: {host:
//! text}}`. A host that does not say is null: unknown, never assumed. It succeeds whatever the hosts say.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};

use crate::id::Digest;
use crate::runner::attempt::{Attempt, Stop, fields};

/// How long one host may take to answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The most that is read of an answer.
const ANSWER_BYTES: usize = 64 << 10;

pub(super) async fn perform(attempt: &Attempt) -> Result<Value, Stop> {
    let Some(Value::Array(items)) = attempt.request.parameters.get("hosts") else {
        return Err(Stop::failed("parameter `hosts` is not a list of {host, url}"));
    };
    let field = attempt.text("digest_field").unwrap_or("digest");
    let (mut hosts, mut errors) = (Map::new(), Map::new());
    let asking: Vec<_> = items.iter().map(|it| ask_host(attempt, it, field)).collect();
    let asking = stream::iter(asking).buffered(16).collect::<Vec<_>>();
    for asked in attempt.within(async { Ok(asking.await) }).await? {
        let (host, answer) = asked?;
        match answer {
            Answer { digest: Some(digest), .. } => {
                hosts.insert(host, digest.as_str().into());
            }
            Answer { fault, .. } => {
                errors.insert(host.clone(), fault.unwrap_or_else(|| "it did not say".to_owned()).into());
                hosts.insert(host, Value::Null);
            }
        }
    }
    Ok(fields([("hosts", hosts.into()), ("errors", errors.into())]))
}

async fn ask_host(attempt: &Attempt, item: &Value, field: &str) -> Result<(String, Answer), Stop> {
    let (Some(host), Some(url)) = (item["host"].as_str(), item["url"].as_str()) else {
        return Err(Stop::failed("an entry of `hosts` has no host or no url"));
    };
    Ok((host.to_owned(), ask(attempt, url, Some(field), ANSWER_TIMEOUT).await))
}

/// What a host's URL said.
pub(super) struct Answer {
    /// The status was 2xx.
    pub(super) is_good: bool,
    /// The digest in the named field, if it is one.
    pub(super) digest: Option<Digest>,
    /// What was wrong.
    pub(super) fault: Option<String>,
}

/// Asks one URL once.
pub(super) async fn ask(
    attempt: &Attempt,
    url: &str,
    digest_field: Option<&str>,
    patience: Duration,
) -> Answer {
    let asked = tokio::time::timeout(patience, fetch(attempt, url)).await;
    let fault = |text: String| Answer { is_good: false, digest: None, fault: Some(text) };
    let (status, body) = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return fault(format!("{url}: {}", chain(&error))),
        Err(_) => return fault(format!("{url}: no answer within {:.1} s", patience.as_secs_f64())),
    };
    if !status.is_success() {
        return fault(format!("{url} answered {}", status.as_u16()));
    }
    let Some(field) = digest_field else {
        return Answer { is_good: true, digest: None, fault: None };
    };
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let said = field.split('.').try_fold(&json, |value, name| value.get(name)).and_then(Value::as_str);
    match said.map(Digest::parse) {
        Some(Ok(digest)) => Answer { is_good: true, digest: Some(digest), fault: None },
        Some(Err(error)) => Answer { is_good: true, digest: None, fault: Some(format!("{url}: {error}")) },
        None => Answer {
            is_good: true,
            digest: None,
            fault: Some(format!("{url} answered without the field `{field}`")),
        },
    }
}

async fn fetch(attempt: &Attempt, url: &str) -> Result<(reqwest::StatusCode, Vec<u8>), reqwest::Error> {
    let mut answer = attempt.deps.http.get(url).send().await?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() > ANSWER_BYTES {
            break;
        }
    }
    Ok((answer.status(), body))
}

/// reqwest says what failed in the error and why in its sources.
pub(in crate::runner) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
