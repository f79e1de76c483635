//! Presses, forms and commands, and what Discord takes as an answer to each: once, in time, of the right kind.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use lockkeeper::clock::{Clock as _, SystemClock};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::rest::{Refusal, check, find, keep};
use super::{APPLICATION, BOT, FakeDiscord, GUILD, Interaction, Posted, Unread, World, rules, whole_message};

const UNKNOWN: Refusal = (404, 10_062);
const ANSWERED_ALREADY: Refusal = (400, 40_060);
const WRONG_FORM: Refusal = (400, 50_035);

/// A form that is open in front of somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    pub user: String,
    pub channel: String,
    /// The message whose button opened it.
    pub message: Option<String>,
    pub view: Value,
}

/// Something that somebody pressed or typed: the interaction's id.
pub type Pressed = String;

/// Where interactions are posted to, and with what they are signed.
#[derive(Clone)]
pub(super) struct Posts {
    url: String,
    key: std::sync::Arc<Ed25519KeyPair>,
    /// Keeps connections, so that posts take no longer than they take.
    client: reqwest::Client,
}

/// Answers that this kind of interaction may have
/// (<https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type>).
fn allowed(kind: u64) -> &'static [u64] {
    match kind {
        2 => &[4, 5, 9],
        3 => &[4, 5, 6, 7, 9],
        4 => &[8],
        5 => &[4, 5, 6, 7],
        _ => &[],
    }
}

/// Takes an answer, and does what it says.
pub(super) fn answer(world: &mut World, id: &str, body: &Value) -> Result<Value, Refusal> {
    let within = world.answer_within;
    let Some(known) = world.interactions.get_mut(id) else { return Err(UNKNOWN) };
    if known.answered.is_some() {
        world.faulty_calls.push(format!("a second answer to interaction {id}: {body}"));
        return Err(ANSWERED_ALREADY);
    }
    if within < known.made.elapsed() {
        return Err(UNKNOWN);
    }
    let kind = body["type"].as_u64().unwrap_or(0);
    let interaction = known.clone();
    if !allowed(interaction.kind).contains(&kind) {
        world.faulty_calls.push(format!("a wrong answer to {interaction:?}: {body}"));
        return Err(WRONG_FORM);
    }
    act(world, id, &interaction, kind, &body["data"])?;
    if let Some(known) = world.interactions.get_mut(id) {
        known.answered = Some(Instant::now());
    }
    Ok(Value::Null)
}

fn act(world: &mut World, id: &str, by: &Interaction, kind: u64, data: &Value) -> Result<(), Refusal> {
    match kind {
        4 => {
            check(world, data)?;
            let aside = data["flags"].as_u64().is_some_and(|it| it & 64 != 0);
            let place = if aside { format!("token-{id}") } else { by.channel.clone() };
            let shown = keep(world, &place, data).id;
            let posted = find(world, &place, &shown)?;
            posted.only_for = posted.only_for.take().or_else(|| aside.then(|| by.user.clone()));
            let posted = posted.clone();
            world.unread.push(Unread::Post(posted));
        }
        7 => {
            check(world, data)?;
            let pressed = world.messages.iter_mut().find(|it| Some(&it.id) == by.message.as_ref());
            let pressed = pressed.ok_or((404, 10_008))?;
            for (key, value) in data.as_object().into_iter().flatten() {
                pressed.body[key] = value.clone();
            }
            pressed.edits += 1;
            let edited = pressed.clone();
            world.unread.push(Unread::Edit(edited));
        }
        8 => {
            if let Some(why) = rules::choices(data) {
                world.faulty_calls.push(why);
                return Err(WRONG_FORM);
            }
            world.choices.insert(id.to_owned(), data["choices"].clone());
        }
        9 => {
            if let Some(why) = rules::form(data) {
                world.faulty_calls.push(why);
                return Err(WRONG_FORM);
            }
            let (user, channel) = (by.user.clone(), by.channel.clone());
            world.forms.push(Form { user, channel, message: by.message.clone(), view: data.clone() });
        }
        _ => {}
    }
    Ok(())
}

/// `GET` and `PUT` of an application's commands, everywhere or in one guild. What is kept has what Discord adds.
pub(super) fn commands(
    world: &mut World,
    method: &str,
    words: &[&str],
    body: &Value,
) -> Result<Value, Refusal> {
    let guild = match words {
        ["commands"] => String::new(),
        ["guilds", guild, "commands"] => (*guild).to_owned(),
        _ => return Err((404, 0)),
    };
    if method == "PUT" {
        if let Some(why) = rules::commands(body) {
            world.faulty_calls.push(why);
            return Err(WRONG_FORM);
        }
        let kept: Vec<Value> = body
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| {
                let mut kept = it.clone();
                kept["id"] = json!(world.next_id());
                kept["version"] = json!(world.next_id());
                kept["application_id"] = json!(APPLICATION);
                kept["default_member_permissions"] = Value::Null;
                kept["nsfw"] = json!(false);
                kept
            })
            .collect();
        world.commands.insert(guild.clone(), json!(kept));
    }
    Ok(world.commands.get(&guild).cloned().unwrap_or_else(|| json!([])))
}

impl FakeDiscord {
    /// Interactions are posted there from now on; gives the public key to verify them with.
    pub fn post_to(&self, url: &str) -> String {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
        let public = hex::encode(key.public_key().as_ref());
        let (url, client) = (url.to_owned(), reqwest::Client::new());
        self.world(|it| it.posts = Some(Posts { url, key: std::sync::Arc::new(key), client }));
        public
    }

    /// The address, once it is known; the key stays.
    pub fn move_posts(&self, url: &str) {
        self.world(|it| it.posts.as_mut().expect("a key").url = url.to_owned());
    }

    /// What Discord would sign with: timestamp and body.
    pub fn sign(&self, timestamp: &str, body: &str) -> String {
        let posts = self.look(|it| it.posts.clone()).expect("a key");
        hex::encode(posts.key.sign(format!("{timestamp}{body}").as_bytes()).as_ref())
    }

    /// An interaction's token is void after this long without an answer.
    pub fn answers_within(&self, patience: std::time::Duration) {
        self.world(|it| it.answer_within = patience);
    }

    /// Nobody need answer this one.
    pub fn give_up(&self, interaction: &str) {
        self.world(|it| it.interactions.get_mut(interaction).expect("an interaction").may_fail = true);
    }

    /// Presses the button with this label; gives the interaction's id.
    pub fn press(&self, user: &str, message: &Posted, label: &str) -> Pressed {
        let button = message.buttons().into_iter().find(|it| it["label"] == label);
        let Some(button) = button else { panic!("no button `{label}` in {:#?}", message.body) };
        self.press_button(user, &message.channel, &message.id, &button)
    }

    /// Presses a button that stands there, or stood there when the person last looked.
    pub fn press_button(&self, user: &str, at: &str, message: &str, button: &Value) -> Pressed {
        // What one person sees stands in the channel where they did something.
        let aside =
            at.strip_prefix("token-").map(|it| self.look(|world| world.interactions[it].channel.clone()));
        let bot = self.look(|it| it.members[BOT]["user"].clone());
        let channel = aside.as_deref().unwrap_or(at);
        let more = json!({"message": whole_message(message, channel, &bot, ""),
            "data": {"component_type": 2, "custom_id": button["custom_id"]}});
        self.interaction(user, channel, 3, Some(message), more)
    }

    /// Gives a command; `options` by name.
    pub fn command(&self, user: &str, channel: &str, name: &str, options: Value) -> Pressed {
        let more = json!({"data": {"id": "7", "type": 1, "name": name, "options": drawn(&options, None)}});
        self.interaction(user, channel, 2, None, more)
    }

    /// Types in the option `focused` of a command.
    pub fn type_in(&self, user: &str, channel: &str, name: &str, options: Value, focused: &str) -> Pressed {
        let more =
            json!({"data": {"id": "7", "type": 1, "name": name, "options": drawn(&options, Some(focused))}});
        self.interaction(user, channel, 4, None, more)
    }

    /// Sends a form with this in its field.
    pub fn submit(&self, form: &Form, text: &str) -> Pressed {
        let field = &form.view["components"][0]["components"][0];
        let data = json!({"custom_id": form.view["custom_id"], "components": [{"type": 1, "components":
            [{"type": 4, "custom_id": field["custom_id"], "value": text}]}]});
        self.interaction(&form.user, &form.channel, 5, form.message.as_deref(), json!({"data": data}))
    }

    fn interaction(
        &self,
        user: &str,
        channel: &str,
        kind: u64,
        message: Option<&str>,
        more: Value,
    ) -> Pressed {
        let id = self.world(World::id_done);
        let direct = self.look(|it| it.recipient(channel).is_some());
        let mut event = json!({"id": id, "application_id": APPLICATION, "type": kind, "version": 1,
            "token": format!("token-{id}"), "channel_id": channel, "locale": "en-US", "app_permissions": "0",
            "entitlements": [], "attachment_size_limit": 10_000_000});
        event["channel"] = self.look(|it| it.channels.get(channel).cloned().unwrap_or_default());
        let member = self.look(|it| it.members.get(user).cloned().unwrap_or_default());
        event["context"] = json!(if direct { 1 } else { 0 });
        if direct {
            event["user"] = member["user"].clone();
        } else {
            event["guild_id"] = json!(GUILD);
            event["member"] = member;
        }
        for (key, value) in more.as_object().expect("fields") {
            event[key] = value.clone();
        }
        let interaction = Interaction {
            user: user.to_owned(),
            kind,
            channel: channel.to_owned(),
            message: message.map(str::to_owned),
            made: Instant::now(),
            answered: None,
            may_fail: false,
        };
        self.world(|it| it.interactions.insert(id.clone(), interaction));
        match self.look(|it| it.posts.clone()) {
            Some(_) => {
                let (fake, id) = (self.clone(), id.clone());
                tokio::spawn(async move { fake.post(&id, &event).await });
            }
            None => self.happen("INTERACTION_CREATE", event),
        }
        id
    }

    /// Posts an interaction, once: Discord does not repeat it. What the post is answered with is the answer.
    async fn post(&self, id: &str, event: &Value) {
        let posts = self.look(|it| it.posts.clone()).expect("a key");
        let (body, at) = (event.to_string(), SystemClock.now().as_second().to_string());
        let signature = self.sign(&at, &body);
        let request = posts
            .client
            .post(&posts.url)
            .header("x-signature-timestamp", &at)
            .header("x-signature-ed25519", signature)
            .header("content-type", "application/json")
            .body(body);
        let Ok(response) = request.send().await else { return };
        let status = response.status().as_u16();
        self.world(|it| it.calls.push(format!("POSTED {status}")));
        if status != 200 {
            return;
        }
        let reply: Value = response.json().await.unwrap_or_default();
        let _ = self.world(|it| answer(it, id, &reply));
    }

    /// The next form that opened in front of this person.
    pub async fn next_form(&self, user: &str) -> Form {
        let mut take = || {
            // Looking is no change, and must not ring.
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            let at = world.forms.iter().position(|it| it.user == user)?;
            Some(world.forms.remove(at))
        };
        self.expect(&format!("a form for {user}"), &mut take).await
    }

    /// What was offered to somebody who typed.
    pub async fn offered(&self, interaction: &str) -> Vec<(String, String)> {
        let mut take = || {
            // Looking is no change, and must not ring.
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            world.choices.remove(interaction)
        };
        let choices = self.expect("choices", &mut take).await;
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        choices.as_array().into_iter().flatten().map(|it| (text(&it["name"]), text(&it["value"]))).collect()
    }

    /// What answers a command: for all in its channel, or for its author alone.
    pub async fn answer_to(&self, interaction: &str, channel: &str) -> Posted {
        let aside = format!("token-{interaction}");
        let mut take = || {
            self.take(|it| match it {
                Unread::Post(posted) if posted.channel == channel || posted.channel == aside => {
                    Some(posted.clone())
                }
                Unread::Post(_) | Unread::Edit(_) | Unread::File(_) => None,
            })
        };
        self.expect("an answer", &mut take).await
    }

    /// The commands that are registered in a guild; everywhere, if that is empty.
    pub fn registered(&self, guild: &str) -> BTreeSet<String> {
        let commands = self.look(|it| it.commands.get(guild).cloned().unwrap_or_default());
        commands
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["name"].as_str().map(str::to_owned))
            .collect()
    }
}

/// Options as Discord sends them.
fn drawn(options: &Value, focused: Option<&str>) -> Vec<Value> {
    let given = options.as_object().expect("options by name").iter();
    given
        .map(|(name, value)| {
            let kind = match value {
                Value::Number(_) => 4,
                Value::Bool(_) => 5,
                _ => 3,
            };
            let mut option = json!({"type": kind, "name": name, "value": value});
            if focused == Some(name.as_str()) {
                option["focused"] = json!(true);
            }
            option
        })
        .collect()
}
