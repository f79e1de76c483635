//! What the bot has to be allowed, and what a channel leaves it
//! (<https://docs.discord.com/developers/topics/permissions#permission-overwrites>).

use serde_json::Value;
use serenity::model::permissions::Permissions;

/// What the bot does, and no more, as Discord's settings call it.
const NEEDED: [(Permissions, &str); 8] = [
    (Permissions::VIEW_CHANNEL, "View Channel"),
    (Permissions::SEND_MESSAGES, "Send Messages"),
    (Permissions::SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"),
    (Permissions::CREATE_PUBLIC_THREADS, "Create Public Threads"),
    (Permissions::EMBED_LINKS, "Embed Links"),
    (Permissions::ATTACH_FILES, "Attach Files"),
    (Permissions::ADD_REACTIONS, "Add Reactions"),
    (Permissions::READ_MESSAGE_HISTORY, "Read Message History"),
];

/// All of it.
pub(super) fn needed() -> Permissions {
    NEEDED.iter().fold(Permissions::empty(), |all, (it, _)| all | *it)
}

/// The bot in its server.
pub(super) struct Member {
    /// What its roles give it everywhere, as a bit set.
    pub(super) base: u64,
    pub(super) guild: String,
    pub(super) user: String,
    pub(super) roles: Vec<String>,
}

impl Member {
    /// What it needs and does not have in a channel, by name.
    pub(super) fn lacks(&self, channel: &Value) -> Vec<&'static str> {
        let held = Permissions::from_bits_truncate(self.base);
        if held.contains(Permissions::ADMINISTRATOR) {
            return Vec::new();
        }
        let all = channel["permission_overwrites"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of = |wanted: &dyn Fn(&str) -> bool| {
            let found = all.iter().filter(|it| it["id"].as_str().is_some_and(wanted));
            found.fold((Permissions::empty(), Permissions::empty()), |(deny, allow), it| {
                (deny | bits(&it["deny"]), allow | bits(&it["allow"]))
            })
        };
        // Everybody's first, then those of its roles together, then its own.
        let everybody = of(&|id| id == self.guild);
        let roles = of(&|id| id != self.guild && self.roles.iter().any(|role| role == id));
        let own = of(&|id| id == self.user);
        let held = [everybody, roles, own].iter().fold(held, |held, (deny, allow)| (held - *deny) | *allow);
        NEEDED.iter().filter(|(it, _)| !held.contains(*it)).map(|(_, name)| *name).collect()
    }
}

/// A bit set as Discord writes it, a number in a text.
fn bits(text: &Value) -> Permissions {
    let bits = text.as_str().and_then(|it| it.parse().ok()).unwrap_or(0);
    Permissions::from_bits_truncate(bits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn overwrite(id: &str, deny: Permissions, allow: Permissions) -> Value {
        json!({"id": id, "type": 0, "deny": deny.bits().to_string(), "allow": allow.bits().to_string()})
    }

    #[test]
    fn what_stands_nearer_to_the_bot_goes_before() {
        let bot = |base: Permissions| Member {
            base: base.bits(),
            guild: "1".to_owned(),
            user: "9".to_owned(),
            roles: vec!["5".to_owned(), "6".to_owned()],
        };
        let (files, none) = (Permissions::ATTACH_FILES, Permissions::empty());
        let lacks = |base, overwrites: &[Value]| {
            bot(base).lacks(&json!({"id": "7", "type": 0, "permission_overwrites": overwrites}))
        };
        let all = needed();
        assert_eq!(lacks(all, &[]), [""; 0]);
        assert_eq!(lacks(all - files, &[]), ["Attach Files"]);
        assert_eq!(lacks(Permissions::ADMINISTRATOR, &[overwrite("1", files, none)]), [""; 0]);
        let everybody = overwrite("1", files | Permissions::SEND_MESSAGES, none);
        assert_eq!(lacks(all, std::slice::from_ref(&everybody)), ["Send Messages", "Attach Files"]);
        let (role, other) = (overwrite("5", none, files), overwrite("6", files, none));
        assert_eq!(lacks(all, &[other.clone(), role, everybody.clone()]), ["Send Messages"]);
        let own = overwrite("9", none, files | Permissions::SEND_MESSAGES);
        assert_eq!(lacks(all, &[own, other, everybody]), [""; 0]);
        assert_eq!(lacks(all, &[overwrite("4", files, none)]), [""; 0], "a role of somebody else");
    }
}
