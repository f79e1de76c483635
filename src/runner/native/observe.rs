//! `observe`: which digest each host says it runs.
//!
//! Parameters: `hosts` (`[{host, url}]`), `digest_field`. Result: `{hosts: {host: digest or null}, errors: {host:
//! text}}`. A host that does not say is null: unknown, never assumed. It succeeds whatever the hosts say.

use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};

use crate::metric::{ANSWER_TIMEOUT, Answer, ask};
use crate::runner::attempt::{Attempt, Stop, fields};

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
    Ok((host.to_owned(), ask(&attempt.deps.http, url, Some(field), ANSWER_TIMEOUT).await))
}
