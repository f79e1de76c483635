use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lockkeeper::chat::terminal::{Player, Shown};
use lockkeeper::id::{MessageId, MessageRef};
use lockkeeper::message::{Block, ButtonAct, Card, Mark, Span, Text};
use serde_json::json;

use super::super::house::{Bot, House};
use super::super::wire::Upload;
use super::{Chat, PATIENCE, Person, Seen};

/// A terminal that nobody sits at.
pub struct TerminalChat {
    player: Player,
    /// Where it lays files.
    files: OnceLock<PathBuf>,
}

/// What a terminal says of a file.
const LAID: &str = "Laid beside: ";

impl TerminalChat {
    fn message(&self, seen: &Seen) -> MessageRef {
        MessageRef { place: self.player.place().clone(), message: MessageId::from(seen.id.as_str()) }
    }
}

impl Chat for TerminalChat {
    const IS_PLATFORM: bool = false;
    const BOT: &str = "lockkeeper";

    async fn start() -> Self {
        Self { player: Player::new("main".into(), None), files: OnceLock::new() }
    }

    /// The rehearsal's own settings are for a terminal.
    fn configure(&self, _settings: &Path) {}

    async fn connect(&self, config: &Path) -> Bot {
        let data = lockkeeper::config::load(config).expect("a good configuration").data;
        let _ = self.files.set(data.join("files"));
        House::start_with(config, self.player.clone()).await
    }

    fn say(&self, who: Person, text: &str, below: Option<&Seen>) {
        match below {
            None => drop(self.player.say(who.name(), text)),
            Some(message) => self.player.say_below(who.name(), &self.message(message), text),
        }
    }

    fn press(&self, who: Person, message: &Seen, label: &str) {
        let act: ButtonAct = serde_json::from_value(message.button(label).clone()).expect("an act");
        self.player.press(who.name(), &self.message(message), &act);
    }

    fn react(&self, who: Person, message: &Seen, mark: Mark, added: bool) {
        self.player.react(who.name(), &self.message(message), mark, added);
    }

    fn shown(&self) -> Vec<Seen> {
        let all = self.player.messages();
        all.iter().map(seen).filter(|it| !it.words.starts_with(LAID)).collect()
    }

    fn uploads(&self) -> Vec<Upload> {
        let files = self.files.get().expect("a bot was started");
        let laid = std::fs::read_dir(files).into_iter().flatten().map(|it| it.expect("a file").path());
        let upload = |path: PathBuf| Upload {
            channel: String::new(),
            thread: None,
            name: path.file_name().expect("a name").to_string_lossy().into_owned(),
            alt: String::new(),
            bytes: std::fs::read(&path).expect("a file"),
        };
        laid.map(upload).collect()
    }

    async fn find<T>(&self, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        self.player.wait_for(PATIENCE, |_| attempt()).await.ok()
    }

    fn history(&self) -> String {
        self.player.history()
    }

    async fn finish(self) {}
}

fn seen(shown: &Shown) -> Seen {
    let buttons = shown.card.buttons.iter().map(|it| (it.label.clone(), json!(it.act))).collect();
    let rung = texts(&shown.card).into_iter().flat_map(|it| it.0).filter_map(|it| match it {
        Span::Mention(account) => Some(account.user.to_string()),
        Span::Plain(_) | Span::Bold(_) | Span::Code(_) | Span::Link { .. } => None,
    });
    let named = |name: &str| Person::ALL.into_iter().find(|it| it.name() == name);
    Seen {
        id: shown.message.message.to_string(),
        thread: shown.message.place.thread.as_ref().map(ToString::to_string),
        words: words(&shown.card),
        buttons,
        only_for: shown.whisper_to.as_ref().and_then(|it| named(it.as_str())),
        rings: rung.filter_map(|it| named(&it)).collect(),
        marks: 0,
        edits: shown.edits as usize,
    }
}

fn texts(card: &Card) -> Vec<Text> {
    let mut texts = vec![card.title.clone()];
    for block in &card.blocks {
        match block {
            Block::Text(text) => texts.push(text.clone()),
            Block::Lines(lines) => texts.extend(lines.iter().cloned()),
            Block::Fields(fields) => texts.extend(fields.iter().map(|it| it.value.clone())),
            Block::Code(_) | Block::Chart { .. } => {}
        }
    }
    texts
}

/// The card as the other platforms show it.
fn words(card: &Card) -> String {
    let mut lines = Vec::new();
    if !card.title.is_empty() {
        lines.push(format!("{} {}", card.tone.symbol(), card.title));
    }
    let code = |text: &str| format!("```\n{}\n```", text.trim_end_matches('\n'));
    for block in &card.blocks {
        match block {
            Block::Text(text) => lines.push(text.to_string()),
            Block::Lines(items) => lines.extend(items.iter().map(|it| format!("• {it}"))),
            Block::Fields(fields) => {
                lines.extend(fields.iter().map(|it| format!("{}\n{}", it.label, it.value)));
            }
            Block::Code(text) => lines.push(code(text)),
            Block::Chart { unicode, .. } => lines.push(code(unicode)),
        }
    }
    if !card.footer.is_empty() {
        lines.push(card.footer.to_string());
    }
    lines.join("\n")
}
