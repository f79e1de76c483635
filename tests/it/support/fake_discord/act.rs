//! What people do in the guild, buttons and commands aside.

use serde_json::{Value, json};

use super::{BOT, FakeDiscord, GUILD, Posted, World, whole_message};

impl FakeDiscord {
    pub fn say(&self, user: &str, channel: &str, text: &str) -> String {
        self.say_with(user, channel, text, json!({}))
    }

    /// The direct channel of somebody with the bot.
    pub fn direct_with(&self, user: &str) -> String {
        self.world(|it| it.direct_with(user))
    }

    pub fn say_with(&self, user: &str, channel: &str, text: &str, more: Value) -> String {
        let id = self.world(World::id_done);
        let member = self.look(|it| it.members.get(user).cloned().unwrap_or(Value::Null));
        let mut event = whole_message(&id, channel, &member["user"], text);
        if event["author"].is_null() {
            event["author"] = json!({"id": user, "username": "stranger"});
        }
        if self.look(|it| it.recipient(channel).is_none()) {
            event["guild_id"] = json!(GUILD);
            let mut partial = member;
            if let Some(member) = partial.as_object_mut() {
                member.remove("user");
            }
            event["member"] = partial;
            if self.look(|it| !it.allows_content) && !text.contains(BOT) {
                event["content"] = json!("");
            }
        }
        for (key, value) in more.as_object().expect("fields") {
            event[key] = value.clone();
        }
        self.world(|it| {
            it.said.insert(id.clone(), event.clone());
            it.messages.push(Posted::new(channel, &id, user, json!({"content": text})));
        });
        self.happen("MESSAGE_CREATE", event);
        id
    }

    pub fn edit(&self, user: &str, channel: &str, id: &str, text: &str) {
        self.happen(
            "MESSAGE_UPDATE",
            json!({"id": id, "channel_id": channel, "guild_id": GUILD, "content": text,
            "author": {"id": user}, "type": 0, "edited_timestamp": "2026-11-21T00:01:00Z"}),
        );
    }

    pub fn delete(&self, channel: &str, id: &str) {
        self.remove(id);
        self.happen("MESSAGE_DELETE", json!({"id": id, "channel_id": channel, "guild_id": GUILD}));
    }

    pub fn react(&self, user: &str, channel: &str, id: &str, emoji: &str, added: bool) {
        self.put_mark(user, id, emoji, added);
        let mut event = json!({"user_id": user, "channel_id": channel, "message_id": id, "guild_id": GUILD,
            "emoji": {"id": null, "name": emoji}, "burst": false, "type": 0});
        if added {
            event["member"] = self.look(|it| it.members.get(user).cloned().unwrap_or(Value::Null));
        }
        self.happen(if added { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" }, event);
    }

    /// Makes a message show something else.
    pub fn garble(&self, id: &str) {
        self.world(|it| {
            let message = it.messages.iter_mut().find(|it| it.id == id).expect("it stands");
            (message.body["embeds"], message.body["content"]) = (json!([]), json!("?"));
        });
    }

    /// Posts are some minutes old: their nonces are forgotten.
    pub fn forget_nonces(&self) {
        self.world(|it| it.nonces.clear());
    }

    /// Removes a message, and no event tells of it. The thread below it stays.
    pub fn remove(&self, id: &str) {
        self.world(|it| it.messages.retain(|message| message.id != id));
    }

    /// Puts a mark under a message or takes it away, and no event tells of it.
    pub fn put_mark(&self, user: &str, id: &str, emoji: &str, added: bool) {
        self.world(|it| {
            let Some(message) = it.messages.iter_mut().find(|it| it.id == id) else { return };
            let users = message.reactions.entry(emoji.to_owned()).or_default();
            let _ = if added { users.insert(user.to_owned()) } else { users.remove(user) };
        });
    }

    /// A new channel where everybody is.
    #[allow(dead_code, reason = "benches have many")]
    pub fn open_channel(&self) -> String {
        let id = self.next_id();
        let channel = json!({"id": id, "type": 0, "guild_id": GUILD});
        self.world(|it| it.channels.insert(id.clone(), channel));
        id
    }

    /// A thread that a person made.
    pub fn open_thread(&self, parent: &str) -> String {
        let id = self.next_id();
        self.thread_below(parent, &id);
        id
    }

    /// The thread below a message, which bears its id; a person makes it if nobody has.
    pub fn thread_below(&self, parent: &str, message: &str) {
        let thread =
            json!({"id": message, "type": 11, "parent_id": parent, "guild_id": GUILD, "name": "talk"});
        self.world(|it| {
            it.channels.entry(message.to_owned()).or_insert(thread);
        });
    }

    /// The channel that a thread hangs in; `None` for what is no thread.
    pub fn parent(&self, channel: &str) -> Option<String> {
        self.look(|it| it.channels.get(channel)?["parent_id"].as_str().map(str::to_owned))
    }
}
