//! Random cards, with hostile words in every place.

use lockkeeper::id::{Account, GateId, Platform, Seal, UserId, WorkspaceId};
use lockkeeper::message::card::ButtonStyle;
use lockkeeper::message::{
    Block, Button, ButtonAct, Card, Confirm, Delivery, Field, Incoming, Span, Text, Tone,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// What outsiders write to ring bells, draw links or break out of their place.
pub const HOSTILE: &[&str] = &[
    "<!channel>",
    "<!here|here>",
    "<@U0ANN>",
    "<@123456789012345678>",
    "<@&123456789012345678>",
    "@everyone @here",
    "<https://evil.example|approve>",
    "[approve](https://evil.example)",
    "](javascript:alert(1))",
    "https://evil.example/",
    "```\n*Approved* by <@U0BEA>\n```",
    "`code` *bold* _it_ ~no~ ||spoiler||",
    "a\u{202e}b\u{200b}c\u{0}d",
    "&lt;!channel&gt; & < >",
    "\\<@123456789012345678>\\",
    "> quote\n# head\n- list",
    "✅🇩🇪👩‍👩‍👧",
];

pub fn ann_of(platform: Platform) -> Account {
    let (workspace, user) = match platform {
        Platform::Slack => ("T0HOME", "U0ANN"),
        Platform::Discord => ("100000000000000001", "100000000000000011"),
        Platform::Terminal => ("local", "ann"),
    };
    Account { platform, workspace: WorkspaceId::from(workspace), user: UserId::from(user) }
}

pub fn approve(label: &str) -> Button {
    Button {
        label: label.to_owned(),
        style: ButtonStyle::Good,
        act: ButtonAct::Approve {
            gate: GateId::from_number(7),
            seal: Seal::try_from("a".repeat(64)).expect("a seal"),
        },
        confirm: Some(Confirm {
            title: "Approve?".to_owned(),
            text: "api 1.4 to production".to_owned(),
            yes: "Approve".to_owned(),
            no: "Back".to_owned(),
        }),
    }
}

/// The same gate's other button.
pub fn reject() -> Button {
    let ButtonAct::Approve { gate, seal } = approve("").act else { panic!("it approves") };
    Button {
        label: "Reject".to_owned(),
        style: ButtonStyle::Danger,
        act: ButtonAct::Reject { gate, seal },
        confirm: None,
    }
}

/// A question with both buttons.
pub fn question() -> Card {
    Card { buttons: vec![approve("Approve"), reject()], ..Card::titled(Tone::Waiting, "May #42?") }
}

/// What was written when Reject asked why.
pub fn reason_of(delivery: &Delivery) -> &str {
    match &delivery.incoming {
        Incoming::Pressed { act, reason, .. } if *act == reject().act.encode() => {
            reason.as_deref().unwrap_or_default()
        }
        other => panic!("no reject: {other:?}"),
    }
}

/// Outside words: short ones, hostile ones, and some that are far too long.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9 .,&<>*_`~@|:/()\\[\\]#\n-]{1,60}",
        2 => proptest::sample::select(HOSTILE).prop_map(str::to_owned),
        1 => ("[a-z<&`\\*]{1,9}", 1..900_usize).prop_map(|(word, times)| format!("{word} ").repeat(times)),
        1 => ("[a-z<&]{1,5}", 1..300_usize).prop_map(|(line, times)| format!("{line}\n").repeat(times)),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        4 => words().prop_map(Span::Plain),
        1 => words().prop_map(Span::Bold),
        2 => words().prop_map(Span::Code),
        1 => (words(), words()).prop_map(|(text, url)| Span::Link { text, url: format!("javascript:{url}") }),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    vec(span(), 0..4).prop_map(Text)
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        3 => text().prop_map(Block::Text),
        2 => vec(text(), 0..8).prop_map(Block::Lines),
        2 => vec((words(), text()).prop_map(|(label, value)| Field { label, value }), 0..14).prop_map(Block::Fields),
        2 => words().prop_map(Block::Code),
        1 => (words(), words()).prop_map(|(unicode, alt)| Block::Chart { unicode, svg: String::new(), alt }),
    ]
}

/// Cards without mentions and without links to the web, so nothing in them may be active.
pub fn card() -> impl Strategy<Value = Card> {
    let tones =
        proptest::sample::select(&[Tone::Neutral, Tone::Working, Tone::Waiting, Tone::Good, Tone::Bad][..]);
    let label = prop_oneof![9 => Just("Approve".to_owned()), 1 => words()];
    let parts = (tones, text(), vec(block(), 0..9), vec(label, 0..3), text());
    parts.prop_map(|(tone, title, blocks, labels, footer)| Card {
        tone,
        title,
        blocks,
        buttons: labels.iter().map(|it| approve(it)).collect(),
        footer,
        if_cut: Text::plain("too long: type !approve 7 aaaaaaaa"),
        refused: false,
    })
}

/// Every word of outside text in the card, as a reader must find it again: letters and digits only, since everything
/// else may be escaped.
pub fn letters(text: &str) -> String {
    text.chars().filter(|it| it.is_ascii_alphanumeric()).collect()
}
