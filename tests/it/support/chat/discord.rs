use std::path::Path;
use std::time::{Duration, Instant};

use lockkeeper::chat::Call;
use lockkeeper::message::Mark;
use lockkeeper::message::words::chat::ANSWERED;
use serde_json::{Value, json};

use super::super::fake_discord::{BOT, FakeDiscord, GENERAL, GUILD, MEMBERS, Posted, TOKEN, rules};
use super::super::house::{Bot, House};
use super::super::wire::Upload;
use super::super::within;
use super::{Chat, PATIENCE, Person, Platform, Seen, join, move_to};

/// Asks one person whether they mean what they pressed.
fn is_question(posted: &Posted) -> bool {
    posted.buttons().iter().any(|it| it["custom_id"].as_str().is_some_and(|id| id.starts_with('y')))
}

/// A Discord guild.
pub struct DiscordChat(pub FakeDiscord);

impl DiscordChat {
    /// Lets a bot with these settings listen here too.
    pub fn join(&self, settings: &Path) {
        std::fs::write(settings.join("discord"), TOKEN).expect("a token's file");
        let section = format!("discord: {{token: file:discord, api_url: \"{}\"}}", self.0.url());
        join(settings, "discord", &section, |it| format!("{GUILD}/{}", it.account(&MEMBERS)));
    }

    fn seen(&self, posted: &Posted) -> Seen {
        let mut body = posted.body.clone();
        let rings = body["allowed_mentions"]["users"].as_array().cloned().unwrap_or_default();
        let content = body["content"].as_str().unwrap_or_default();
        let rung = rings.iter().filter_map(Value::as_str).filter(|it| content.contains(&format!("<@{it}>")));
        let rings = rung.filter_map(|it| Person::with(it, &MEMBERS)).collect();
        // Beside an embed the content only rings; buttons are told apart from words.
        if body["embeds"].as_array().is_some_and(|it| !it.is_empty()) {
            body["content"] = json!("");
        }
        body["components"] = json!([]);
        let mut words = rules::words(&body).replace('*', "");
        for (id, name) in MEMBERS {
            words = words.replace(&format!("<@{id}>"), &format!("@{name}"));
        }
        let buttons = posted.buttons().into_iter();
        Seen {
            id: posted.id.clone(),
            thread: self.0.parent(&posted.channel).map(|_| posted.channel.clone()),
            words,
            buttons: buttons.map(|it| (it["label"].as_str().unwrap_or_default().to_owned(), it)).collect(),
            only_for: posted.only_for.as_deref().and_then(|it| Person::with(it, &MEMBERS)),
            rings,
            marks: posted.reactions.values().filter(|it| it.contains(BOT)).count(),
            edits: posted.edits,
        }
    }
}

fn emoji(mark: Mark) -> &'static str {
    match mark {
        Mark::Approve => "✅",
        Mark::Reject => "⛔",
    }
}

impl Platform for DiscordChat {
    fn remove(&self, message: &Seen) {
        self.0.remove(&message.id);
    }

    fn garble(&self, message: &Seen) {
        self.0.garble(&message.id);
    }

    fn forget_nonces(&self) {
        self.0.forget_nonces();
    }

    fn mark_unheard(&self, who: Person, message: &Seen, mark: Mark, added: bool) {
        self.0.put_mark(who.account(&MEMBERS), &message.id, emoji(mark), added);
    }

    fn admit(&self, admitted: bool) {
        if admitted { self.0.let_in(GENERAL) } else { self.0.keep_out(GENERAL) }
    }

    fn demote(&self, who: Person) {
        self.0.set_member(who.account(&MEMBERS), json!({"flags": 1 << 4}));
    }

    fn lag(&self, seconds: i64) {
        self.0.lag(seconds);
    }

    fn skew(&self, seconds: u64) {
        self.0.skew(seconds);
    }

    fn imitate(&self, who: Person, like: &Seen) -> Vec<Seen> {
        let bot = json!({"author": {"id": "77", "username": "lockkeeper", "bot": true}});
        let posted =
            [json!({}), bot].map(|more| self.0.say_with(who.account(&MEMBERS), GENERAL, &like.words, more));
        posted.map(|id| Seen { id, ..like.clone() }).into()
    }

    fn hold(&self) {
        self.0.hold();
    }

    fn release(&self, seed: u64) {
        self.0.release(seed);
    }

    fn all_told(&self) -> bool {
        true
    }

    fn pretend(&self, who: Person, text: &str) {
        let said = self.0.murmur(who.account(&MEMBERS), GENERAL, "hm", 0, json!({}));
        self.0.edit(who.account(&MEMBERS), GENERAL, &said, text);
        let bot = json!({"id": "100000000000000077", "username": "other", "bot": true});
        self.0.say_with("100000000000000077", GENERAL, text, json!({"author": bot}));
    }

    /// A session does not; what it replays is known (`chat_discord::line`).
    fn tell_twice(&self) {}

    fn cut(&self) {
        self.0.forget_sessions();
        self.0.drop_all_lines();
    }

    fn strict_limits(&self) {
        self.0.strict_limits();
    }

    fn limit_next(&self, call: Call, pause: &str) {
        let route = match call {
            Call::Post | Call::Upload => "POST channels",
            Call::Edit => "PATCH channels",
            Call::Whisper => "POST webhooks",
            Call::React => "PUT channels",
            Call::Look => "GET channels",
        };
        self.0.rate_limit_next(route, pause);
    }

    fn silence(&self, pause: Duration) {
        self.0.silence(pause);
    }

    fn refused(&self) -> usize {
        self.0.refused()
    }

    fn edits(&self) -> Vec<(String, Instant)> {
        self.0.edits()
    }
}

impl Chat for DiscordChat {
    const BOT: &str = BOT;

    async fn start() -> Self {
        let fake = FakeDiscord::start().await;
        fake.echo();
        Self(fake)
    }

    fn configure(&self, settings: &Path) {
        self.join(settings);
        move_to(settings, &format!("discord/{GUILD}/{GENERAL}"));
    }

    async fn connect(&self, config: &Path) -> Bot {
        let before = self.0.begun();
        let bot = House::start_at(config).await;
        self.0.until("the bot is connected", |it| before < it.begun() && it.lines() == 1).await;
        bot
    }

    fn say(&self, who: Person, text: &str, below: Option<&Seen>) {
        let channel = below.map_or(GENERAL, |it| it.id.as_str());
        if let Some(message) = below {
            self.0.thread_below(GENERAL, &message.id);
        }
        self.0.say(who.account(&MEMBERS), channel, text);
    }

    fn press(&self, who: Person, message: &Seen, label: &str) {
        let who = who.account(&MEMBERS);
        let pressed = self.0.press_button(who, GENERAL, &message.id, message.button(label));
        // Whoever presses Approve is asked whether they mean it, and they do.
        let fake = self.0.clone();
        tokio::spawn(async move {
            fake.until("the press is answered", |it| it.is_answered(&pressed)).await;
            if let Some(asked) = fake.messages(&format!("token-{pressed}")).into_iter().find(is_question) {
                fake.press_button(who, &asked.channel, &asked.id, &asked.buttons()[0]);
            }
        });
    }

    fn react(&self, who: Person, message: &Seen, mark: Mark, added: bool) {
        self.0.react(who.account(&MEMBERS), GENERAL, &message.id, emoji(mark), added);
    }

    fn shown(&self) -> Vec<Seen> {
        let said = self.0.all_messages();
        let is_file = |it: &Posted| it.body["attachments"].as_array().is_some_and(|it| !it.is_empty());
        let ours = said.iter().filter(|it| it.author == BOT && !is_file(it) && !is_question(it));
        ours.filter(|it| it.body["content"] != ANSWERED).map(|it| self.seen(it)).collect()
    }

    fn uploads(&self) -> Vec<Upload> {
        self.0.uploads()
    }

    async fn find<T>(&self, attempt: impl FnMut() -> Option<T>) -> Option<T> {
        within(PATIENCE, self.0.changed(), attempt).await
    }

    fn history(&self) -> String {
        self.0.history()
    }

    async fn finish(self) {
        self.0.skip_messages();
        self.0.finish().await;
    }
}
