//! What a release that came to nothing leaves on its canary.

use serde_json::Value;

use super::{Bot, view};
use crate::{
    id::HostName,
    message::words,
    release::Plan,
    status::Status,
    store::{deployment::Deployment, execution::Execution},
};

/// A sentence about canary hosts that run the artifact still, or may run it, although nobody approved it.
pub(super) async fn left(bot: &Bot, top: &Execution, tree: &[Execution]) -> anyhow::Result<Option<String>> {
    let asks = matches!(top.action.as_str(), "release.deploy" | "release.promote");
    // What took its place has its canary as well.
    let over = !top.status.is_ended() || top.status == Status::Succeeded || view::is_superseded(tree);
    if !asks || over {
        return Ok(None);
    }
    let plan = top.parameters.get("plan").and_then(|it| serde_json::from_value::<Plan>(it.clone()).ok());
    let Some((app, canary)) = plan.and_then(|it| Some((it.build.app, it.canary?))) else { return Ok(None) };
    let touched: Vec<(HostName, &str)> = canary
        .host_names()
        .into_iter()
        .filter_map(|host| Some((host.clone(), installed(tree, &host)?)))
        .collect();
    if touched.is_empty() || went_on(tree) {
        return Ok(None);
    }
    let confirmed = bot.engine().store().deployments(Some(&app)).await?;
    let (mut runs, mut may_run) = (Vec::new(), Vec::new());
    for (host, digest) in touched {
        let row = confirmed.iter().find(|it| it.host == host && it.environment == canary.environment);
        match row.and_then(|it| it.digest.as_ref()) {
            Some(it) if it.as_str() == digest => runs.push(host),
            Some(_) if was_asked_since(tree, &host) => {}
            Some(_) | None if is_anothers(row, top) => {}
            Some(_) | None => may_run.push(host),
        }
    }
    Ok(words::rollback::left_on_canary(app.as_str(), &runs, &may_run))
}

/// The artifact that was first brought to this host: the release's own, as going back comes later.
fn installed<'t>(tree: &'t [Execution], host: &HostName) -> Option<&'t str> {
    tree.iter().find(|it| is_of_host(it, host))?.parameters.get("digest")?.as_str()
}

fn is_of_host(it: &Execution, host: &HostName) -> bool {
    let named = it.parameters.get("host").and_then(|it| it.get("name")).and_then(Value::as_str);
    it.action.as_str() == "release.update_host" && named == Some(host.as_str())
}

/// After the last change of this host it was asked what it runs.
fn was_asked_since(tree: &[Execution], host: &HostName) -> bool {
    let names = |it: &Execution| {
        let lists = ["new", "old", "unknown"].into_iter().filter_map(|name| it.result.as_ref()?.get(name));
        lists.filter_map(Value::as_array).flatten().any(|it| it.as_str() == Some(host.as_str()))
    };
    let changed = tree.iter().rposition(|it| is_of_host(it, host));
    tree.iter().rposition(|it| it.runner == "confirm" && names(it)) > changed
}

/// The rollout began: then the canary's artifact was approved.
fn went_on(tree: &[Execution]) -> bool {
    tree.iter().any(|it| it.action.as_str() == "release.production")
}

/// Somebody else changed it since.
fn is_anothers(row: Option<&Deployment>, top: &Execution) -> bool {
    row.is_some_and(|it| it.execution != top.id && top.created_at < it.at)
}
