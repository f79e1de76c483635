//! Who had a hand in a release, as the context of its root keeps it.

use serde::de::DeserializeOwned;

use super::{asker_of, commits};
use crate::{
    engine::rule_of,
    gate::{Involved, Requester},
    store::{StoreError, execution::Execution},
};

/// Everyone who had a hand in the release that this execution carries, and in those it took over from.
///
/// # Errors
/// [`StoreError::Corrupt`], if what was carried over cannot be read: then nobody knows whom four eyes bar.
pub fn involved(execution: &Execution) -> Result<Involved, StoreError> {
    let own = own(execution);
    let Some(before) = execution.context.get("involved") else { return Ok(own) };
    let before: Involved = serde_json::from_value(before.clone())
        .map_err(|error| StoreError::Corrupt { table: "execution", why: error.to_string() })?;
    Ok(before.again(own))
}

fn own(execution: &Execution) -> Involved {
    let requester = match asker_of(&execution.context) {
        Some(asker) => Requester::Person { person: asker.person, account: asker.account },
        None => match read::<String>(execution, "pusher") {
            Some(login) => Requester::Push { login },
            None => Requester::Rule { rule: rule_of(&execution.context).unwrap_or("unknown").to_owned() },
        },
    };
    let texts = |name: &str| read::<Vec<String>>(execution, name).unwrap_or_default();
    let mut involved = Involved::only(requester);
    involved.author_emails = commits(execution).into_iter().map(|it| it.email).collect();
    involved.author_emails.extend(texts("author_emails"));
    involved.pusher_logins = texts("pusher_logins").into_iter().collect();
    involved.author_logins = texts("author_logins").into_iter().collect();
    involved.range_unknown = read(execution, "range_unknown").unwrap_or(false);
    involved
}

fn read<T: DeserializeOwned>(execution: &Execution, name: &str) -> Option<T> {
    execution.context.get(name).and_then(|it| serde_json::from_value(it.clone()).ok())
}
