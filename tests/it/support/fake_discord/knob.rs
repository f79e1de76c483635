//! What a test makes of this Discord: faults, limits, absences, who is a member.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::wire::{Fault, Push, shuffled};
use super::{FakeDiscord, GUILD, person};

impl FakeDiscord {
    /// Changes what is known of a member; `null` makes them leave.
    pub fn set_member(&self, user: &str, facts: Value) {
        self.world(|it| match facts.as_object() {
            None => {
                it.members.remove(user);
            }
            Some(facts) => {
                let known = it.members.entry(user.to_owned()).or_insert_with(|| person(user, user).1);
                for (key, value) in facts {
                    known[key] = value.clone();
                }
            }
        });
    }

    /// `call` is the method and the path's first word: `POST channels`.
    pub fn fail_next(&self, call: &str, fault: Fault) {
        self.world(|it| it.faults.plan(call, fault));
    }

    pub fn rate_limit_next(&self, call: &str, retry_after: &str) {
        self.fail_next(call, Fault::RateLimit(retry_after.to_owned()));
    }

    /// The MESSAGE CONTENT intent is off in the portal: texts come empty.
    pub fn withhold_content(&self, withheld: bool) {
        self.world(|it| it.allows_content = !withheld);
    }

    /// Closes with 4014 instead of READY.
    pub fn refuse_intents(&self) {
        self.world(|it| it.refuses_intents = true);
    }

    pub fn set_starts_left(&self, left: u64) {
        self.world(|it| it.starts_left = left);
    }

    /// From now on what people say and press is told so many seconds later.
    pub fn lag(&self, seconds: i64) {
        self.world(|it| it.lag = seconds);
    }

    /// From now on our clock is so many seconds behind the bot's; ids begin anew.
    pub fn skew(&self, seconds: u64) {
        self.world(|it| (it.skew, it.number) = (seconds, 0));
    }

    /// From now on the bot may have more than one session at a time; all of them are told of everything.
    pub fn allow_several_sessions(&self) {
        self.world(|it| it.several = true);
    }

    /// How often lines want to hear from us.
    pub fn beat_every(&self, interval: Duration) {
        self.world(|it| it.heartbeat = interval);
    }

    /// No line opens; those that stand stay.
    pub fn shut_gateway(&self, shut: bool) {
        self.world(|it| it.shut = shut);
    }

    /// Nothing of Discord answers; its memory stays.
    pub fn go_away(&self) {
        self.world(|it| (it.away, it.shut) = (true, true));
        self.drop_all_lines();
    }

    pub fn come_back(&self) {
        self.world(|it| (it.away, it.shut) = (false, false));
    }

    /// Cuts every line, those without a session too.
    pub fn drop_all_lines(&self) {
        self.world(|it| {
            for line in it.all_lines.drain(..) {
                let _ = line.send(Push::Cut);
            }
        });
    }

    /// The next line that begins a session is closed with this.
    pub fn refuse_next_identify(&self, code: u16) {
        self.world(|it| it.refuses_identify = Some(code));
    }

    /// The next line that resumes one is closed with this.
    pub fn refuse_next_resume(&self, code: u16) {
        self.world(|it| it.refuses_resume = Some(code));
    }

    /// The bot may not see or speak there; commands work all the same.
    pub fn keep_out(&self, channel: &str) {
        self.world(|it| it.closed.insert(channel.to_owned()));
    }

    pub fn let_in(&self, channel: &str) {
        self.world(|it| it.closed.remove(channel));
    }

    /// Nobody may do this in a channel; a bit set.
    pub fn deny(&self, channel: &str, bits: u64) {
        let all = json!([{"id": GUILD, "type": 0, "allow": "0", "deny": bits.to_string()}]);
        self.world(|it| it.channels.get_mut(channel).expect("a channel")["permission_overwrites"] = all);
    }

    /// Sends this to every line.
    pub fn push(&self, push: Push) {
        self.world(|it| {
            for session in it.sessions.values_mut() {
                if let Some(line) = &session.line {
                    let _ = line.send(push.clone());
                }
                if matches!(push, Push::Cut | Push::Close(_) | Push::Freeze) {
                    session.line = None;
                }
            }
        });
    }

    pub fn drop_socket(&self) {
        self.push(Push::Cut);
    }

    /// The guild forgets all sessions: a resume is answered with op 9.
    pub fn forget_sessions(&self) {
        self.world(|it| it.sessions.clear());
    }

    /// Nothing that happens is told until this ends.
    pub fn hold(&self) {
        self.world(|it| it.held = Some(Vec::new()));
    }

    /// Tells of it in another order. What one person did on one message stays in its own: nothing else in these events says
    /// which came first.
    pub fn release(&self, seed: u64) {
        self.world(|it| {
            let held = it.held.take().unwrap_or_default();
            let own = |(_, data): &(String, Value)| {
                let (user, message) = (data["user_id"].as_str()?, data["message_id"].as_str()?);
                Some((user.to_owned(), message.to_owned()))
            };
            for (kind, data) in shuffled(held, seed, own) {
                it.dispatch(&kind, &data);
            }
        });
    }

    /// Sends the last event of each session once more, as a replay would.
    pub fn duplicate_last_event(&self) {
        self.world(|it| {
            for session in it.sessions.values() {
                if let (Some(line), Some(event)) = (&session.line, session.events.last()) {
                    let _ = line.send(Push::Frame(event.clone()));
                }
            }
        });
    }

    /// Any dispatch at all.
    pub fn happen(&self, kind: &str, data: Value) {
        self.world(|it| it.dispatch(kind, &data));
    }
}
