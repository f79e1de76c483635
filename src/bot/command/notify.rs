//! `notify [me] [all|failures only|nothing]`: how much is told here unasked, and whether the speaker is rung. In a
//! direct message it is about the speaker without `me`.

use super::{Order, link::name, subject};
use crate::{
    bot::{Bot, hear::Answer},
    engine::Live,
    id::Place,
    message::{notify::Wants, words},
    store::{Change, audit, notify::Whose},
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let (call, live) = (order.call, bot.engine().live());
    let prefix = bot.0.parts.prefix.as_str();
    let leave = match subject::reader(&live, call) {
        Ok(leave) => leave,
        Err(answer) => return Ok(answer),
    };
    let said = order.text("what").unwrap_or_default();
    let (is_me, wish) = match said.split_once(char::is_whitespace).unwrap_or((said, "")) {
        (first, rest) if first.eq_ignore_ascii_case("me") => (true, rest.trim()),
        _ => (call.is_direct(), said),
    };
    let here = call.delivery.place.channel();
    let whose = if is_me { Whose::Person(leave.person().clone()) } else { Whose::Channel(here.clone()) };
    let wants = match (wish, Wants::parse(wish)) {
        ("", _) => {
            let wants = bot.engine().store().wants(&whose).await?;
            return Ok(answer(prefix, &live, &whose, &here, wants, false));
        }
        (_, Some(wants)) => wants,
        (unknown, None) => return Ok(Answer::whisper(words::notify::unknown(prefix, unknown, is_me))),
    };
    let entry = audit::Entry {
        actor: leave.person().to_string(),
        act: "notify",
        subject: whose.key(),
        body: serde_json::json!({ "wants": wants.as_str(), "from": name(leave.account()) }),
    };
    let changes = vec![Change::Notify(Box::new(whose.clone()), wants), Change::Audit(entry)];
    Ok(Answer { changes, ..answer(prefix, &live, &whose, &here, wants, true) })
}

/// Everybody sees how a channel is set; what one person wants is between us.
fn answer(prefix: &str, live: &Live, whose: &Whose, here: &Place, wants: Wants, changed: bool) -> Answer {
    match whose {
        Whose::Person(_) => Answer::whisper(words::notify::person(prefix, wants, changed)),
        Whose::Channel(_) => {
            let apps =
                live.settings.apps.values().filter(|it| it.channels.iter().any(|it| it.channel() == *here));
            let apps: Vec<String> = apps.map(|it| it.app.to_string()).collect();
            Answer::say(words::notify::channel(prefix, wants, changed, &apps))
        }
    }
}
