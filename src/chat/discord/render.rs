//! Cards as embeds and buttons (<https://docs.discord.com/developers/resources/message>).
//!
//! Limits: content 2,000; ten embeds with 6,000 characters in sum, each a title of 256, a description of 4,096,
//! 25 fields of 256 and 1,024, a footer of 2,048; five rows of five buttons with a label of 80 and an id of 100.

use serde_json::Value;
use serenity::builder::{
    CreateActionRow, CreateAllowedMentions, CreateButton, CreateEmbed, CreateEmbedFooter,
    CreateInteractionResponseFollowup, CreateMessage, EditMessage,
};
use serenity::model::application::ButtonStyle as Style;
use serenity::model::channel::Nonce;
use serenity::model::id::UserId;

use super::super::layout::{Chunk, Limits, lay, one_piece, plain_piece, units};
use super::rest::id;
use super::text::{Markdown, mentionable};
use crate::message::{Block, Button, Card, Span, Text, Tone, card::ButtonStyle};

const LIMITS: Limits =
    Limits { page: 3_900, total: 5_900, chunks: 60, overhead: 2, fields: 25, label: 256, value: 1_024 };
const CONTENT_MAX: usize = 2_000;
const DESCRIPTION_MAX: usize = 4_096;
const EMBEDS_MAX: usize = 10;
const FIELDS_MAX: usize = 25;
const TITLE_MAX: usize = 256;
const LONG_TITLE_MAX: usize = 1_500;
const FOOTER_MAX: usize = 1_000;
const IF_CUT_MAX: usize = 1_000;
const LABEL_MAX: usize = 80;
const CUSTOM_ID_MAX: usize = 100;
const ROW: usize = 5;
const ROWS_MAX: usize = 5;
const MENTIONS_MAX: usize = 50;
/// The marker and what joins the parts.
const FURNITURE: usize = 60;

/// A drawn card.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// `content`, `embeds`, `components` and `allowed_mentions`, as an edit sends them; a new message has the same.
    pub body: Value,
    /// Something did not fit, and so the buttons were withheld.
    pub cut: bool,
    content: String,
    embeds: Vec<CreateEmbed>,
    rows: Vec<CreateActionRow>,
    mentions: CreateAllowedMentions,
}

impl Rendered {
    fn new(
        content: String,
        embeds: Vec<CreateEmbed>,
        rows: Vec<CreateActionRow>,
        mentions: CreateAllowedMentions,
        cut: bool,
    ) -> Self {
        let mut drawn = Self { body: Value::Null, cut, content, embeds, rows, mentions };
        drawn.body = serde_json::to_value(drawn.edit()).unwrap_or_default();
        drawn
    }

    pub(super) fn edit(&self) -> EditMessage {
        EditMessage::new()
            .content(self.content.clone())
            .embeds(self.embeds.clone())
            .components(self.rows.clone())
            .allowed_mentions(self.mentions.clone())
    }

    pub(super) fn message(&self) -> CreateMessage {
        CreateMessage::new()
            .content(self.content.clone())
            .embeds(self.embeds.clone())
            .components(self.rows.clone())
            .allowed_mentions(self.mentions.clone())
    }

    /// A new message that stands once, however often it is sent.
    pub(super) fn message_once(&self, nonce: String) -> CreateMessage {
        self.message().nonce(Nonce::String(nonce)).enforce_nonce(true)
    }

    /// Only for who pressed something.
    pub(super) fn follow_up(&self) -> CreateInteractionResponseFollowup {
        CreateInteractionResponseFollowup::new()
            .content(self.content.clone())
            .embeds(self.embeds.clone())
            .components(self.rows.clone())
            .allowed_mentions(self.mentions.clone())
            .ephemeral(true)
    }
}

/// Nobody is rung but these.
pub(super) fn ringing(users: &[UserId]) -> CreateAllowedMentions {
    CreateAllowedMentions::new().users(users.iter().copied()).replied_user(false)
}

/// Draws a card within Discord's limits.
pub fn render(card: &Card) -> Rendered {
    let title = Title::of(card);
    let (footer, footer_cut) = plain_piece(&card.footer.to_string(), FOOTER_MAX);
    let (if_cut, _) = one_piece(&Markdown, &card.if_cut, IF_CUT_MAX);
    let buttons = components(&card.buttons);
    let reserved = FURNITURE + title.cost() + units(&footer) + units(&if_cut);
    let laid = lay(&Markdown, card, LIMITS, reserved);
    let mentions = mentions(card);

    let mut chunks = laid.chunks;
    if let Title::Above { text, .. } = &title {
        chunks.insert(0, Chunk::Prose(text.clone()));
    }
    if 0 < laid.cut {
        chunks.push(Chunk::Prose(format!("[… +{} ↵]", laid.cut)));
    }
    let too_many = EMBEDS_MAX < embeds(&chunks).len();
    let cut = 0 < laid.cut || title.cut() || footer_cut || too_many || buttons.is_none();
    if too_many {
        chunks.truncate(EMBEDS_MAX - 1);
        chunks.push(Chunk::Prose("[…]".to_owned()));
    }
    // What a cut card asks people to look up does not stand below it.
    let footer = if cut && !if_cut.is_empty() { String::new() } else { footer };
    if cut && !if_cut.is_empty() {
        chunks.push(Chunk::Prose(if_cut));
    }
    let rows = buttons.filter(|_| !cut).unwrap_or_default();
    let plain = matches!(title, Title::None) && footer.trim().is_empty();
    let (content, embeds) = match content(&chunks).filter(|_| plain) {
        Some(content) => (content, Vec::new()),
        None => {
            let ring: Vec<String> = mentions.iter().map(|it| format!("<@{it}>")).collect();
            (ring.join(" "), dress(embeds(&chunks), card.tone, &title, &footer))
        }
    };
    Rendered::new(content, embeds, rows, ringing(&mentions), cut)
}

enum Title {
    None,
    /// In the embed's own place.
    Inside(String),
    /// Too long, or with links and mentions, which an embed's title does not draw.
    Above {
        text: String,
        cut: bool,
    },
}

impl Title {
    fn of(card: &Card) -> Self {
        if card.title.is_empty() {
            return Self::None;
        }
        let symbol = card.tone.symbol();
        let simple =
            card.title.0.iter().all(|it| matches!(it, Span::Plain(_) | Span::Bold(_) | Span::Code(_)));
        let (text, cut) = one_piece(&Markdown, &card.title, TITLE_MAX - units(symbol) - 1);
        if simple && !cut && !text.contains('\n') {
            return Self::Inside(format!("{symbol} {text}"));
        }
        let bold = card.title.0.iter().map(|span| match span {
            Span::Plain(text) => Span::Bold(text.clone()),
            Span::Bold(_) | Span::Code(_) | Span::Link { .. } | Span::Mention(_) => span.clone(),
        });
        let (text, cut) = one_piece(&Markdown, &Text(bold.collect()), LONG_TITLE_MAX);
        Self::Above { text: format!("{symbol} {text}"), cut }
    }

    fn cost(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Inside(text) | Self::Above { text, .. } => units(text),
        }
    }

    fn cut(&self) -> bool {
        matches!(self, Self::Above { cut: true, .. })
    }
}

/// Short answers are ordinary messages.
fn content(chunks: &[Chunk]) -> Option<String> {
    let parts: Option<Vec<String>> = chunks.iter().map(prose).collect();
    let content = parts?.join("\n");
    (units(&content) <= CONTENT_MAX && !content.trim().is_empty()).then_some(content)
}

fn prose(chunk: &Chunk) -> Option<String> {
    match chunk {
        Chunk::Prose(text) => Some(text.clone()),
        Chunk::Code(code) => Some(format!("```\n{code}\n```")),
        Chunk::Fields(_) => None,
    }
}

#[derive(Default)]
struct Embed {
    description: String,
    /// Names and values.
    fields: Vec<(String, String)>,
}

/// Blocks keep their order: text after fields begins another embed.
fn embeds(chunks: &[Chunk]) -> Vec<Embed> {
    let mut embeds = vec![Embed::default()];
    for chunk in chunks {
        let embed = embeds.last_mut().expect("never empty");
        match (prose(chunk), chunk) {
            (Some(text), _) => {
                let room = units(&embed.description) + 1 + units(&text) <= DESCRIPTION_MAX;
                if room && embed.fields.is_empty() {
                    if !embed.description.is_empty() {
                        embed.description.push('\n');
                    }
                    embed.description.push_str(&text);
                } else {
                    embeds.push(Embed { description: text, fields: Vec::new() });
                }
            }
            (None, Chunk::Fields(fields)) => {
                if embed.fields.len() + fields.len() <= FIELDS_MAX {
                    embed.fields.extend(fields.iter().cloned());
                } else {
                    embeds.push(Embed { description: String::new(), fields: fields.clone() });
                }
            }
            (None, Chunk::Prose(_) | Chunk::Code(_)) => {}
        }
    }
    embeds
}

fn dress(embeds: Vec<Embed>, tone: Tone, title: &Title, footer: &str) -> Vec<CreateEmbed> {
    let last = embeds.len().saturating_sub(1);
    let alone = embeds.len() == 1;
    let dressed = embeds.into_iter().enumerate().map(|(index, embed)| {
        let mut drawn = CreateEmbed::new().colour(colour(tone));
        let inside = match title {
            Title::Inside(title) if index == 0 => Some(title),
            Title::Inside(_) | Title::None | Title::Above { .. } => None,
        };
        if alone && inside.is_none() && embed.description.is_empty() && embed.fields.is_empty() {
            drawn = drawn.description("…");
        }
        if let Some(title) = inside {
            drawn = drawn.title(title);
        }
        if !embed.description.is_empty() {
            drawn = drawn.description(embed.description);
        }
        if index == last && !footer.trim().is_empty() {
            drawn = drawn.footer(CreateEmbedFooter::new(footer));
        }
        drawn.fields(embed.fields.into_iter().map(|(name, value)| (name, value, true)))
    });
    dressed.collect()
}

fn colour(tone: Tone) -> u32 {
    match tone {
        Tone::Neutral => 0x74_7f_8d,
        Tone::Working => 0x36_8b_d6,
        Tone::Waiting => 0xe0_a0_30,
        Tone::Good => 0x2e_a0_43,
        Tone::Bad => 0xd0_3b_3b,
    }
}

/// `None` if any button could not be shown whole. Discord has no confirmation dialog.
fn components(buttons: &[Button]) -> Option<Vec<CreateActionRow>> {
    if ROW * ROWS_MAX < buttons.len() {
        return None;
    }
    let drawn: Option<Vec<CreateButton>> =
        buttons.iter().enumerate().map(|(index, it)| button(index, it)).collect();
    Some(drawn?.chunks(ROW).map(|row| CreateActionRow::Buttons(row.to_vec())).collect())
}

fn button(index: usize, button: &Button) -> Option<CreateButton> {
    let (label, cut) = plain_piece(&button.label, LABEL_MAX);
    // Ids must differ within a message, acts need not: [`act_of`] takes the number off again.
    let id = format!("{index}:{}", button.act.encode());
    let style = match button.style {
        ButtonStyle::Plain => Style::Secondary,
        ButtonStyle::Good => Style::Success,
        ButtonStyle::Danger => Style::Danger,
    };
    let whole = !cut && !label.trim().is_empty() && units(&id) <= CUSTOM_ID_MAX;
    whole.then(|| CreateButton::new(id).style(style).label(label))
}

/// The act of a button that we drew.
pub(super) fn act_of(custom_id: &str) -> Option<&str> {
    let (number, act) = custom_id.split_once(':')?;
    number.parse::<u8>().ok().map(|_| act)
}

/// The accounts whose bell the card rings: those of its mentions and no others.
fn mentions(card: &Card) -> Vec<UserId> {
    let mut texts = vec![&card.title];
    for block in &card.blocks {
        match block {
            Block::Text(text) => texts.push(text),
            Block::Lines(lines) => texts.extend(lines),
            Block::Fields(fields) => texts.extend(fields.iter().map(|it| &it.value)),
            Block::Code(_) | Block::Chart { .. } => {}
        }
    }
    let mut users: Vec<UserId> = Vec::new();
    for span in texts.iter().flat_map(|it| &it.0) {
        if let Span::Mention(account) = span
            && let Some(user) = mentionable(account)
            && users.len() < MENTIONS_MAX
            && let Ok(user) = id::<UserId>(user)
            && !users.contains(&user)
        {
            users.push(user);
        }
    }
    users
}
