//! What a host says of itself, at one URL.

use std::{error::Error, time::Duration};

use serde_json::Value;

use crate::id::Digest;

/// How long one host may take to answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The most that is read of an answer.
const ANSWER_BYTES: usize = 64 << 10;

/// What a host's URL said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status was 2xx.
    pub is_good: bool,
    /// The digest in the named field, if it is one.
    pub digest: Option<Digest>,
    /// What was wrong.
    pub fault: Option<String>,
}

/// Asks one URL once. `digest_field` is a path of names, as `build.digest`; without one only the status counts.
pub async fn ask(
    http: &reqwest::Client,
    url: &str,
    digest_field: Option<&str>,
    patience: Duration,
) -> Answer {
    let asked = tokio::time::timeout(patience, fetch(http, url)).await;
    let fault = |text: String| Answer { is_good: false, digest: None, fault: Some(text) };
    let (status, body) = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return fault(format!("{url}: {}", chain(&error.without_url()))),
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

async fn fetch(http: &reqwest::Client, url: &str) -> Result<(reqwest::StatusCode, Vec<u8>), reqwest::Error> {
    let mut answer = http.get(url).send().await?;
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
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
