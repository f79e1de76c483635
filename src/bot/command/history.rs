//! `history APP`

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer, view},
    message::words::{self, overview::Past},
};

/// Releases listed.
const MOST: i64 = 10;

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let app =
        match subject::reader(&live, order.call).and_then(|_| subject::app(&live, order.required("app"))) {
            Ok(app) => app,
            Err(answer) => return Ok(answer),
        };
    let mut rows = Vec::new();
    for it in bot.engine().store().releases(&app.app, MOST).await? {
        let view = view::execution(bot, it.execution).await?;
        rows.push(Past {
            number: it.number,
            commit: if it.commit.is_known() { it.commit.short().to_owned() } else { "-".to_owned() },
            by: it.requester.to_string(),
            at: it.created_at.strftime("%Y-%m-%d %H:%M").to_string(),
            outcome: view.ending.unwrap_or_else(|| {
                view.waits.map_or_else(|| view.status.to_string(), |it| it.as_str().to_owned())
            }),
        });
    }
    Ok(Answer::say(words::overview::history(app.app.as_str(), &rows)))
}
