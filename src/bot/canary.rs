//! What a release that came to nothing leaves on its canary.

use serde_json::Value;

use super::Bot;
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
    if !asks || !top.status.is_ended() || top.status == Status::Succeeded {
        return Ok(None);
    }
    let plan = top.parameters.get("plan").and_then(|it| serde_json::from_value::<Plan>(it.clone()).ok());
    let Some((app, canary)) = plan.and_then(|it| Some((it.app, it.canary?))) else { return Ok(None) };
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
            Some(_) | None if is_settled(tree, row, top) => {}
            Some(_) | None => may_run.push(host),
        }
    }
    Ok(words::rollback::left_on_canary(app.as_str(), &runs, &may_run))
}

/// The artifact that was first brought to this host: the release's own, as going back comes later.
fn installed<'t>(tree: &'t [Execution], host: &HostName) -> Option<&'t str> {
    let of_host = |it: &&Execution| {
        it.action.as_str() == "release.update_host"
            && it.parameters.get("host").and_then(|it| it.get("name")).and_then(Value::as_str)
                == Some(host.as_str())
    };
    tree.iter().find(of_host)?.parameters.get("digest")?.as_str()
}

/// The rollout began: then the canary's artifact was approved.
fn went_on(tree: &[Execution]) -> bool {
    tree.iter().any(|it| it.action.as_str() == "release.production")
}

/// It was confirmed to have gone back, or somebody else changed it since.
fn is_settled(tree: &[Execution], row: Option<&Deployment>, top: &Execution) -> bool {
    let back = tree.iter().filter(|it| it.action.as_str() == "release.canary_back");
    back.into_iter().any(|it| it.status == Status::Succeeded)
        || row.is_some_and(|it| it.execution != top.id && top.created_at < it.at)
}
