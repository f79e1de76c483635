use std::path::Path;
use std::time::{Duration, Instant};

use lockkeeper::chat::Call;
use lockkeeper::message::Mark;
use serde_json::json;

use super::super::fake_slack::{APP_TOKEN, BOT, BOT_TOKEN, FakeSlack, GENERAL, MEMBERS, Posted, TEAM, rules};
use super::super::house::{Bot, House};
use super::super::wire::Upload;
use super::super::within;
use super::{Chat, PATIENCE, Person, Platform, Seen, join, move_to};

/// A Slack workspace.
pub struct SlackChat(pub FakeSlack);

impl SlackChat {
    /// Lets a bot with these settings listen here too.
    pub fn join(&self, settings: &Path) {
        std::fs::write(settings.join("slack-bot"), BOT_TOKEN).expect("a token's file");
        std::fs::write(settings.join("slack-app"), APP_TOKEN).expect("a token's file");
        let tokens = "bot_token: file:slack-bot, app_token: file:slack-app";
        let section = format!("slack: {{{tokens}, api_url: \"{}\"}}", self.0.url());
        join(settings, "slack", &section, |it| format!("{TEAM}/{}", it.account(&MEMBERS)));
    }

    fn seen(posted: &Posted) -> Seen {
        let blocks = posted.body["blocks"].as_array().cloned().unwrap_or_default();
        let text: Vec<_> = blocks.into_iter().filter(|it| it["type"] != "actions").collect();
        let mut words = rules::words(&json!({ "blocks": text })).replace('*', "");
        for (id, name) in MEMBERS {
            words = words.replace(&format!("<@{id}>"), &format!("@{name}"));
        }
        let rung =
            rules::active(&posted.body).into_iter().filter_map(|it| it.strip_prefix('@').map(str::to_owned));
        let buttons = posted.buttons().into_iter();
        Seen {
            id: posted.ts.clone(),
            thread: posted.thread().map(str::to_owned),
            words,
            buttons: buttons
                .map(|it| (it["text"]["text"].as_str().unwrap_or_default().to_owned(), it))
                .collect(),
            only_for: posted.only_for.as_deref().and_then(|it| Person::with(it, &MEMBERS)),
            rings: rung.filter_map(|it| Person::with(&it, &MEMBERS)).collect(),
            marks: posted.reactions.values().filter(|it| it.contains(BOT)).count(),
            edits: posted.edits,
        }
    }
}

fn emoji(mark: Mark) -> &'static str {
    match mark {
        Mark::Approve => "white_check_mark",
        Mark::Reject => "no_entry",
    }
}

impl Platform for SlackChat {
    fn remove(&self, message: &Seen) {
        self.0.remove(GENERAL, &message.id);
    }

    fn garble(&self, message: &Seen) {
        self.0.garble(GENERAL, &message.id);
    }

    /// It never did.
    fn forget_nonces(&self) {}

    fn mark_unheard(&self, who: Person, message: &Seen, mark: Mark, added: bool) {
        self.0.put_mark(who.account(&MEMBERS), GENERAL, &message.id, emoji(mark), added);
    }

    fn admit(&self, admitted: bool) {
        if admitted { self.0.invite(GENERAL) } else { self.0.keep_out(GENERAL, "is_archived") }
    }

    fn demote(&self, who: Person) {
        self.0.set_user(who.account(&MEMBERS), json!({"is_restricted": true}));
    }

    fn lag(&self, seconds: i64) {
        self.0.lag(seconds);
    }

    fn skew(&self, seconds: u64) {
        self.0.skew(seconds);
    }

    fn imitate(&self, who: Person, like: &Seen) -> Vec<Seen> {
        let bot = json!({"bot_id": "B0OTHER", "subtype": "bot_message"});
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
        self.0.all_told()
    }

    fn pretend(&self, who: Person, text: &str) {
        let said = self.0.murmur(who.account(&MEMBERS), GENERAL, "hm", 0, json!({}));
        self.0.edit(who.account(&MEMBERS), GENERAL, &said, text);
        self.0.say_with("U0OTHER", GENERAL, text, json!({"bot_id": "B0OTHER"}));
    }

    fn tell_twice(&self) {
        self.0.duplicate_next_event();
    }

    fn cut(&self) {
        self.0.drop_sockets();
    }

    fn strict_limits(&self) {
        self.0.strict_limits();
    }

    fn limit_next(&self, call: Call, pause: &str) {
        let method = match call {
            Call::Post => "chat.postMessage",
            Call::Edit => "chat.update",
            Call::Whisper => "chat.postEphemeral",
            Call::React => "reactions.add",
            Call::Upload => "files.getUploadURLExternal",
            Call::Look => "conversations.history",
        };
        self.0.rate_limit_next(method, pause);
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

impl Chat for SlackChat {
    const BOT: &str = BOT;

    async fn start() -> Self {
        let fake = FakeSlack::start().await;
        fake.echo();
        Self(fake)
    }

    fn configure(&self, settings: &Path) {
        self.join(settings);
        move_to(settings, &format!("slack/{TEAM}/{GENERAL}"));
    }

    async fn connect(&self, config: &Path) -> Bot {
        let before = self.0.opened();
        let bot = House::start_at(config).await;
        self.0.until("the bot is connected", |it| before < it.opened()).await;
        bot
    }

    fn say(&self, who: Person, text: &str, below: Option<&Seen>) {
        let more = below.map_or(json!({}), |it| json!({"thread_ts": it.id}));
        self.0.say_with(who.account(&MEMBERS), GENERAL, text, more);
    }

    fn press(&self, who: Person, message: &Seen, label: &str) {
        self.0.press_button(who.account(&MEMBERS), GENERAL, &message.id, message.button(label));
    }

    fn react(&self, who: Person, message: &Seen, mark: Mark, added: bool) {
        self.0.react(who.account(&MEMBERS), GENERAL, &message.id, emoji(mark), added);
    }

    fn shown(&self) -> Vec<Seen> {
        self.0.all_messages().iter().filter(|it| it.user == BOT).map(Self::seen).collect()
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
