//! Interactions: presses, forms and commands, over the gateway or over HTTP alike
//! (<https://docs.discord.com/developers/interactions/receiving-and-responding>). Each is answered once, within 3 s, and
//! what it brings is stored before that.
//!
//! Discord has no confirmation dialog: pressing Approve shows a message that only the presser sees, which names what
//! will run and has a button of its own. Reject opens a form that asks why.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use serenity::http::Route;

use super::events::{self, Scene};
use super::render::act_of;
use super::rest::id;
use super::text::typed;
use super::{Ears, form};
use crate::chat::{ChatError, Choice, Intake, Typed};
use crate::gate::Reason;
use crate::id::{MessageId, MessageRef};
use crate::identity::{Actor, Standing};
use crate::message::{Delivery, Incoming, PressedAct, words};
use crate::secret::MASK;

/// What asking the bot may take: with the way there and back it has to fit into 3 s.
const ASK_MAX: Duration = Duration::from_millis(1_500);
/// Choices shown at once, and the longest (<https://docs.discord.com/developers/interactions/application-commands#application-command-object-application-command-option-choice-structure>).
const CHOICES_MAX: usize = 25;
const CHOICE_MAX: usize = 100;
/// The command that takes any words; its one option.
pub(super) const ANY: &str = "lockkeeper";
pub(super) const ANY_TEXT: &str = "text";
/// As both are typed.
pub(super) const ANY_LEAD: &str = "/lockkeeper text:";

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What<'a> {
    Command,
    /// Somebody types a command.
    Typing,
    /// Pressed below a message of ours.
    Pressed {
        act: &'a str,
    },
    /// The second press, below the question that the first one showed.
    Confirmed {
        message: &'a str,
        act: &'a str,
    },
    Back,
    /// A form was sent.
    Written {
        message: &'a str,
        act: &'a str,
    },
}

impl<'a> What<'a> {
    fn of(data: &'a Value) -> Option<Self> {
        let own = data["data"]["custom_id"].as_str();
        match (data["type"].as_u64()?, &data["data"]) {
            (2, _) => Some(Self::Command),
            (4, _) => Some(Self::Typing),
            (3, component) if component["component_type"] == 2 => {
                let own = own?;
                if own == form::BACK {
                    return Some(Self::Back);
                }
                if let Some((message, act)) = form::confirmed(own) {
                    return Some(Self::Confirmed { message, act });
                }
                act_of(own).map(|act| Self::Pressed { act })
            }
            (5, _) => form::written(own?).map(|(message, act)| Self::Written { message, act }),
            _ => None,
        }
    }

    /// Nothing has happened yet that could be lost.
    fn is_question(&self) -> bool {
        match self {
            Self::Typing | Self::Back | Self::Pressed { .. } => true,
            Self::Command | Self::Confirmed { .. } | Self::Written { .. } => false,
        }
    }
}

/// What is to be done about an interaction.
enum Turn {
    /// Answered with this, and nothing else.
    Answer(Value),
    /// Asked back with this; if Discord does not take it, the delivery is stored instead.
    Ask(Value, Box<Delivery>),
    /// Stored, then answered with this.
    Store(Box<Delivery>, Value),
}

/// The arrival of a press without another word: a deferred update.
fn noted() -> Value {
    json!({"type": 6})
}

/// Something that only who did it sees.
fn aside(text: &str) -> Value {
    json!({"type": 4, "data": {"content": text, "flags": 64, "allowed_mentions": {"parse": []}}})
}

impl Ears {
    /// Over the gateway: the answer is a call of its own, which holds nothing up.
    pub(super) async fn interact(self: &Arc<Self>, intake: &Intake, data: &Value, replayed: bool) {
        let Some(what) = What::of(data) else { return };
        let (ears, data) = (self.clone(), data.clone());
        if !what.is_question() {
            let Some(turn) = self.turn(intake, &data, replayed).await else { return };
            let reply = match turn {
                Turn::Answer(reply) | Turn::Ask(reply, _) => reply,
                Turn::Store(delivery, reply) => {
                    self.keep(intake, *delivery).await;
                    reply
                }
            };
            tokio::spawn(async move { drop(ears.answer(&data, &reply).await) });
            return;
        }
        // Whoever was asked while we were away has seen that it failed.
        if !replayed {
            let intake = intake.clone();
            tokio::spawn(async move { ears.question(&intake, &data).await });
        }
    }

    async fn question(self: &Arc<Self>, intake: &Intake, data: &Value) {
        let Some(turn) = self.turn(intake, data, false).await else { return };
        let (reply, unasked) = match turn {
            Turn::Answer(reply) => (reply, None),
            Turn::Ask(reply, unasked) => (reply, Some(unasked)),
            Turn::Store(delivery, reply) => {
                self.keep(intake, *delivery).await;
                (reply, None)
            }
        };
        if let (Err(_), Some(unasked)) = (self.answer(data, &reply).await, unasked) {
            self.keep(intake, *unasked).await;
        }
    }

    /// Over HTTP: what to answer the request with; `None` is nothing that we know.
    ///
    /// # Errors
    /// It was not stored, and the person is to see that.
    pub(super) async fn arrived(
        self: &Arc<Self>,
        intake: &Intake,
        data: &Value,
    ) -> Result<Option<Value>, String> {
        match self.turn(intake, data, false).await {
            Some(Turn::Answer(reply) | Turn::Ask(reply, _)) => Ok(Some(reply)),
            Some(Turn::Store(delivery, reply)) => {
                self.try_keep(intake, *delivery).await?;
                Ok(Some(reply))
            }
            None => Ok(None),
        }
    }

    async fn turn(&self, intake: &Intake, data: &Value, late: bool) -> Option<Turn> {
        let what = What::of(data)?;
        let (own, guild) = (self.own_user(), self.known_guild().unwrap_or_default());
        let parent = match what {
            What::Typing | What::Back => None,
            What::Command | What::Pressed { .. } | What::Confirmed { .. } | What::Written { .. } => {
                self.parent(data).await
            }
        };
        let scene = Scene { guild: &guild, own: &own, name: "", late, parent: parent.as_deref() };
        match what {
            What::Command => command(data, &scene, intake).await,
            What::Typing => Some(Turn::Answer(self.choices(data, &scene, intake).await)),
            What::Pressed { act } => self.pressed(act, data, &scene, intake).await,
            What::Confirmed { message, act } => {
                let delivery = press(data, &scene, message, act, None)?;
                Some(Turn::Store(Box::new(delivery), form::closed(words::chat::ANSWERED)))
            }
            What::Back => Some(Turn::Answer(form::closed(words::chat::NOT_COUNTED))),
            What::Written { message, act } => match Reason::parse(&form::text(data)) {
                Ok(reason) => {
                    let delivery = press(data, &scene, message, act, Some(reason.as_str()))?;
                    Some(Turn::Store(Box::new(delivery), noted()))
                }
                Err(error) => Some(Turn::Answer(aside(&words::gate::reason_wrong(error)))),
            },
        }
    }

    async fn pressed(&self, act: &str, data: &Value, scene: &Scene<'_>, intake: &Intake) -> Option<Turn> {
        let message = data["message"]["id"].as_str()?;
        let delivery = press(data, scene, message, act, None)?;
        let Some(meant) = PressedAct::decode(act) else {
            return Some(Turn::Store(Box::new(delivery), noted()));
        };
        let Incoming::Pressed { message: at, act: said, .. } = &delivery.incoming else { return None };
        let incoming = Incoming::Unasked { message: at.clone(), act: said.clone() };
        let unasked =
            Box::new(Delivery { key: format!("{}:unasked", delivery.key), incoming, ..delivery.clone() });
        if meant.wants_reason() {
            return Some(Turn::Ask(form::why(&words::gate::reject_form(), message, act), unasked));
        }
        let asked = tokio::time::timeout(ASK_MAX, intake.guide().confirmation(act)).await;
        match asked {
            Ok(Ok(Some(confirm))) => Some(Turn::Ask(form::sure(&confirm, message, act), unasked)),
            Ok(Ok(None)) => Some(Turn::Store(Box::new(delivery), noted())),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("a press is not asked back about: the bot does not say what it is for");
                Some(Turn::Store(unasked, noted()))
            }
        }
    }

    async fn choices(&self, data: &Value, scene: &Scene<'_>, intake: &Intake) -> Value {
        let nothing = json!({"type": 8, "data": {"choices": []}});
        let Some((actor, _)) = who(data, scene) else { return nothing };
        let (filled, focused) = options(data);
        let Some((option, so_far)) = focused else { return nothing };
        let guide = intake.guide();
        let asking = guide.choices(&filled, &option, &so_far, &actor);
        let found = tokio::time::timeout(ASK_MAX, asking).await.unwrap_or_default();
        let fits = |it: &Choice| it.value.chars().count() <= CHOICE_MAX && !it.value.is_empty();
        let drawn: Vec<Value> = found
            .iter()
            .filter(|it| fits(it))
            .take(CHOICES_MAX)
            .map(|it| {
                let label: String = it.label.chars().take(CHOICE_MAX).collect();
                json!({"name": label, "value": it.value})
            })
            .collect();
        json!({"type": 8, "data": {"choices": drawn}})
    }

    /// Gives Discord our one answer, and keeps the token for what is said after it.
    async fn answer(&self, data: &Value, reply: &Value) -> Result<(), ChatError> {
        let told = self.remember(data);
        let (Some(interaction), Some(token)) = (data["id"].as_str(), data["token"].as_str()) else {
            return Err(ChatError::Gone);
        };
        let route = Route::InteractionResponse { interaction_id: id(interaction)?, token };
        let answered = self.rest.post(route, reply).await.map(drop);
        match &answered {
            Ok(()) => {
                let _ = told.map(|it| it.send_replace(true));
            }
            Err(error) => tracing::warn!(%error, "discord did not take the answer to an interaction"),
        }
        answered
    }

    /// Keeps the token of what somebody did; not of what they only typed.
    pub(super) fn remember(&self, data: &Value) -> Option<tokio::sync::watch::Sender<bool>> {
        if data["type"] == 4 {
            return None;
        }
        let (channel, token) = (data["channel_id"].as_str()?, data["token"].as_str()?);
        let user = author(data)["id"].as_str()?;
        Some(self.tokens.keep(channel, user, token, self.clock.now()))
    }
}

/// In a guild it is a member, elsewhere a user.
fn author(data: &Value) -> &Value {
    if data["member"].is_object() { &data["member"]["user"] } else { &data["user"] }
}

/// Who did it, and what they are called.
fn who(data: &Value, scene: &Scene<'_>) -> Option<(Actor, String)> {
    let user = author(data);
    let account = scene.account(data, user["id"].as_str()?);
    let standing = if user["bot"] == true { Standing::Bot } else { scene.standing(data) };
    Some((Actor::new(account, standing), events::display(&data["member"], user)))
}

/// A delivery of this interaction; its id is the key, the same when Discord repeats it.
fn delivery(
    data: &Value,
    scene: &Scene<'_>,
    incoming: impl FnOnce(&Scene<'_>) -> Incoming,
) -> Option<Delivery> {
    let (Actor { account, standing }, display) = who(data, scene)?;
    let channel = data["channel_id"].as_str().or_else(|| data["channel"]["id"].as_str())?;
    let id = data["id"].as_str()?;
    Some(Delivery {
        key: format!("discord:interaction:{id}"),
        account,
        standing,
        display,
        place: scene.place(data, channel),
        at: events::made_at(id),
        incoming: incoming(scene),
    })
}

/// A press on this message of ours. Identity and key come from the interaction, never from the message's text; Discord
/// brings a press to the app that posted the button.
fn press(
    data: &Value,
    scene: &Scene<'_>,
    message: &str,
    act: &str,
    reason: Option<&str>,
) -> Option<Delivery> {
    let channel = data["channel_id"].as_str().or_else(|| data["channel"]["id"].as_str())?;
    let message = MessageRef { place: scene.place(data, channel), message: MessageId::from(message) };
    delivery(data, scene, |_| Incoming::Pressed {
        message,
        act: act.to_owned(),
        reason: reason.map(str::to_owned),
    })
}

/// The options of a command, and the one that somebody is typing in with what stands there.
fn options(data: &Value) -> (Typed, Option<(String, String)>) {
    let command = data["data"]["name"].as_str().unwrap_or_default().to_owned();
    let (mut values, mut focused) = (Vec::new(), None);
    for option in data["data"]["options"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let Some(name) = option["name"].as_str() else { continue };
        let value = match &option["value"] {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Bool(it) => it.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        if option["focused"] == true {
            focused = Some((name.to_owned(), value));
        } else if !value.is_empty() {
            values.push((name.to_owned(), value));
        }
    }
    (Typed { command, values }, focused)
}

async fn command(data: &Value, scene: &Scene<'_>, intake: &Intake) -> Option<Turn> {
    if data["data"]["type"].as_u64().is_some_and(|it| it != 1) {
        return None;
    }
    let (filled, _) = options(data);
    let phrase = if filled.command == ANY {
        let text = filled.values.iter().find(|(name, _)| name == ANY_TEXT).map(|(_, text)| text.clone());
        Some(text.unwrap_or_else(|| "help".to_owned()))
    } else {
        intake.guide().phrase(&filled)
    };
    let Some(phrase) = phrase else {
        return Some(Turn::Answer(aside(&words::chat::not_together(&filled.command))));
    };
    let (text, _) = typed(&phrase, scene.own);
    // Everybody reads it there.
    let shown = tokio::time::timeout(ASK_MAX, intake.guide().shown(&text)).await;
    let shown = super::text::quoted(shown.as_deref().unwrap_or(MASK));
    let id = data["id"].as_str()?;
    // 1 is the direct message with us, among the places outside any server.
    let direct = data["guild_id"].is_null() && data["context"] == 1;
    let delivery = delivery(data, scene, |scene| scene.words(text, true, direct, id))?;
    let reply = json!({"type": 4, "data": {"content": shown, "allowed_mentions": {"parse": []}}});
    Some(Turn::Store(Box::new(delivery), reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_acts_in_another_server_is_external() {
        let scene = Scene { guild: "1", own: "9", name: "s:1", late: false, parent: None };
        let member = json!({"user": {"id": "5", "username": "ann"}, "flags": 0});
        for (guild, standing) in [("2", Standing::External), ("1", Standing::Member)] {
            let data = json!({"id": "7", "type": 3, "guild_id": guild, "channel_id": "3", "member": member});
            let pressed = press(&data, &scene, "4", "approve:x", None).expect("a press");
            let commanded = delivery(&data, &scene, |it| it.words("help".to_owned(), true, false, "7"));
            let mark = json!({"guild_id": guild, "channel_id": "3", "message_id": "4", "user_id": "5", "member": member,
                "emoji": {"id": null, "name": "✅"}});
            let marked = events::delivery("MESSAGE_REACTION_ADD", &mark, &scene).expect("a mark");
            let said = json!({"id": "8", "guild_id": guild, "channel_id": "3", "author": {"id": "5"}, "type": 0,
                "member": member, "content": "!help"});
            let said = events::delivery("MESSAGE_CREATE", &said, &scene).expect("words");
            for heard in [pressed, commanded.expect("a command"), marked, said] {
                assert_eq!(
                    (heard.standing, heard.account.workspace.as_str()),
                    (standing, guild),
                    "{heard:?}"
                );
            }
        }
    }
}
