//! A neutral card: one message, drawn by each platform within its own limits.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{Account, ExecutionId, GateId, Seal};

/// How a card feels. Adapters show it as a symbol and a colour, never as a colour alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    #[default]
    Neutral,
    Working,
    Waiting,
    Good,
    Bad,
}

impl Tone {
    /// The symbol that stands before a title.
    pub fn symbol(self) -> &'static str {
        match self {
            Tone::Neutral => "•",
            Tone::Working => "⏳",
            Tone::Waiting => "✋",
            Tone::Good => "✅",
            Tone::Bad => "❌",
        }
    }
}

/// A piece of text. Outside text goes into `Plain` or `Code` as it is: adapters escape it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    Plain(String),
    Bold(String),
    Code(String),
    Link {
        text: String,
        url: String,
    },
    /// Rings this person's bell; only ever made from a known account.
    Mention(Account),
}

/// One paragraph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Span>);

impl Text {
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Span::Plain(text.into())])
    }

    pub fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Plain(text.into()));
        self
    }

    pub fn bold(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Bold(text.into()));
        self
    }

    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Code(text.into()));
        self
    }

    pub fn link(mut self, text: impl Into<String>, url: impl Into<String>) -> Self {
        self.0.push(Span::Link { text: text.into(), url: url.into() });
        self
    }

    pub fn mention(mut self, account: Account) -> Self {
        self.0.push(Span::Mention(account));
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::plain(text)
    }
}

/// The text without marks: for logs, alt texts and transcripts.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for span in &self.0 {
            match span {
                Span::Plain(text) | Span::Bold(text) => f.write_str(text)?,
                Span::Code(text) => write!(f, "`{text}`")?,
                Span::Link { text, url } => write!(f, "{text} ({url})")?,
                Span::Mention(account) => write!(f, "@{}", account.user)?,
            }
        }
        Ok(())
    }
}

/// A short labelled value: app, version, hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub label: String,
    pub value: Text,
}

/// A part of a card below its title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    Text(Text),
    /// A list, one item a line.
    Lines(Vec<Text>),
    Fields(Vec<Field>),
    /// Output of a program, shown in a fixed-width font.
    Code(String),
    /// A picture of measurements: drawn text for messages, SVG for pictures, and words that go with the picture for who
    /// cannot see it.
    Chart {
        unicode: String,
        svg: String,
        alt: String,
    },
}

/// What a button does. Its text form travels through the platform and comes back in [`super::Incoming`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonAct {
    Approve { gate: GateId, seal: Seal },
    Reject { gate: GateId, seal: Seal },
    Stop { root: ExecutionId },
}

impl ButtonAct {
    /// `approve:<gate>:<first 32 digits of the seal>`, `stop:<execution>`: 77 characters at most; Discord takes 100.
    pub fn encode(&self) -> String {
        match self {
            ButtonAct::Approve { gate, seal } => format!("approve:{gate}:{}", &seal.as_str()[..32]),
            ButtonAct::Reject { gate, seal } => format!("reject:{gate}:{}", &seal.as_str()[..32]),
            ButtonAct::Stop { root } => format!("stop:{root}"),
        }
    }
}

/// A button as it came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PressedAct {
    Vote(PressedVote),
    /// Of this execution and all below it.
    Stop(ExecutionId),
}

/// An answer at a gate: which, and the digits of the seal that the message was posted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PressedVote {
    pub approves: bool,
    pub gate: GateId,
    /// The first 32.
    pub seal_digits: String,
}

impl PressedAct {
    /// Reads what [`ButtonAct::encode`] wrote; `None` for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let approves = match parts.next()? {
            "approve" => true,
            "reject" => false,
            "stop" => return ExecutionId::parse(parts.next()?).ok().map(Self::Stop),
            _ => return None,
        };
        let gate = GateId::parse(parts.next()?).ok()?;
        let seal_digits = parts.next()?.to_owned();
        (seal_digits.len() == 32).then_some(Self::Vote(PressedVote { approves, gate, seal_digits }))
    }

    /// Whether it counts only with a reason, for which a form asks.
    pub fn wants_reason(&self) -> bool {
        match self {
            Self::Vote(vote) => !vote.approves,
            Self::Stop(_) => false,
        }
    }
}

/// How strongly a button stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonStyle {
    Plain,
    Good,
    Danger,
}

/// The question asked before a button takes effect; it names what will run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    pub title: String,
    pub text: String,
    pub yes: String,
    pub no: String,
}

/// A question with a field to write in, asked before a button takes effect. Both platforms show at most 24 characters
/// of title and buttons, 45 of the question and 100 of the hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    pub title: String,
    pub question: String,
    pub hint: String,
    pub yes: String,
    pub no: String,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub label: String,
    pub style: ButtonStyle,
    pub act: ButtonAct,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    #[serde(default)]
    pub tone: Tone,
    /// Empty for a plain answer.
    #[serde(default)]
    pub title: Text,
    #[serde(default)]
    pub blocks: Vec<Block>,
    #[serde(default)]
    pub buttons: Vec<Button>,
    #[serde(default)]
    pub footer: Text,
    /// Everything here binds an answer: if an adapter has to cut any of it, it withholds the buttons
    /// and shows `if_cut` instead of them and of the footer (`reliability/invariants.md` 3).
    #[serde(default)]
    pub if_cut: Text,
    /// It says why something was not done: the command line ends with 1.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl Card {
    /// A plain answer of one paragraph.
    pub fn say(text: impl Into<Text>) -> Self {
        Self { blocks: vec![Block::Text(text.into())], ..Self::default() }
    }

    /// Says why something was not done.
    pub fn refuse(text: impl Into<Text>) -> Self {
        Self { refused: true, ..Self::say(text) }
    }

    /// The same for a card with more to it.
    pub fn as_refusal(self) -> Self {
        Self { refused: true, ..self }
    }

    pub fn titled(tone: Tone, title: impl Into<Text>) -> Self {
        Self { tone, title: title.into(), ..Self::default() }
    }

    pub fn text(mut self, text: impl Into<Text>) -> Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    pub fn lines(mut self, lines: Vec<Text>) -> Self {
        self.blocks.push(Block::Lines(lines));
        self
    }

    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.blocks.push(Block::Code(code.into()));
        self
    }

    pub fn fields(mut self, fields: Vec<(&str, Text)>) -> Self {
        let fields = fields.into_iter().map(|(label, value)| Field { label: label.to_owned(), value });
        self.blocks.push(Block::Fields(fields.collect()));
        self
    }
}

/// The card as plain text: transcripts, the command line, the fallback of a notification.
impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.title.is_empty() {
            writeln!(f, "{} {}", self.tone.symbol(), self.title)?;
        }
        for block in &self.blocks {
            match block {
                Block::Text(text) => writeln!(f, "{text}")?,
                Block::Lines(lines) => lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?,
                Block::Fields(fields) => write_fields(f, fields)?,
                Block::Code(code) => code.lines().try_for_each(|line| writeln!(f, "  │ {line}"))?,
                Block::Chart { unicode, .. } => writeln!(f, "{unicode}")?,
            }
        }
        if !self.footer.is_empty() {
            writeln!(f, "{}", self.footer)?;
        }
        Ok(())
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[Field]) -> fmt::Result {
    let width = fields.iter().map(|it| it.label.chars().count()).max().unwrap_or(0);
    fields.iter().try_for_each(|field| writeln!(f, "  {:<width$}  {}", field.label, field.value))
}
