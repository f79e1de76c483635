//! `history APP`

use serde_json::Value;

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer, view},
    message::words::{self, overview::Past},
    store::execution::Execution,
};

/// Entries listed: one for each deployment, promotion and rollback.
const MOST: i64 = 10;

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let app =
        match subject::reader(&live, order.call).and_then(|_| subject::app(&live, order.required("app"))) {
            Ok(app) => app,
            Err(answer) => return Ok(answer),
        };
    let mut rows = Vec::new();
    for (release, root) in bot.engine().store().releases_by_root(&app.app, MOST).await? {
        let root = bot.engine().store().load_execution(root).await?;
        let view = view::execution(bot, root.id).await?;
        let by = root.context.get("requester").and_then(Value::as_str);
        rows.push(Past {
            number: release.number,
            what: what(&root),
            commit: if release.commit.is_known() {
                release.commit.short().to_owned()
            } else {
                "-".to_owned()
            },
            by: by.map_or_else(|| release.requester.to_string(), str::to_owned),
            at: root.created_at.strftime("%Y-%m-%d %H:%M").to_string(),
            outcome: view.ending.unwrap_or_else(|| {
                view.waits.map_or_else(|| view.status.to_string(), |it| it.as_str().to_owned())
            }),
        });
    }
    Ok(Answer::say(words::overview::history(app.app.as_str(), &rows)))
}

fn what(root: &Execution) -> String {
    let to = root.context.get("environment").and_then(Value::as_str).unwrap_or_default();
    words::overview::step(root.action.as_str(), to)
}
