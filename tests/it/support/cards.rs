//! Random cards, with hostile words in every place.

use lockkeeper::chat::ChatAdapter;
use lockkeeper::id::{Account, GateId, Place, Platform, Seal, UserId, WorkspaceId};
use lockkeeper::message::card::ButtonStyle;
use lockkeeper::message::{
    Block, Button, ButtonAct, Card, Confirm, Delivery, Field, Incoming, Span, Text, Tone,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

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

/// Whatever is drawn, the platform gives it back as it was drawn, until something else is. `posted` and `edited` take
/// what the fake was sent.
pub async fn stand_as_drawn(
    adapter: &impl ChatAdapter,
    place: &Place,
    posted: impl AsyncFn(),
    edited: impl AsyncFn(),
) {
    let mut runner = TestRunner::deterministic();
    for number in 0..25 {
        let drawn = card().new_tree(&mut runner).expect("a card").current();
        let message = adapter.post(place, &drawn, &format!("n{number}")).await.expect("posted");
        posted().await;
        assert_eq!(adapter.stands(&message, &drawn).await, Ok(true), "{drawn:?}");
        let other = Card { buttons: vec![approve("Again")], ..Card::say("something else") };
        assert_eq!(adapter.stands(&message, &other).await, Ok(false));
        adapter.edit(&message, &other).await.expect("edited");
        edited().await;
        assert_eq!(adapter.stands(&message, &other).await, Ok(true));
    }
}

/// What readers see as it is, digits aside: none of it is hidden, and much of it has to be escaped.
const SEEN: &[char] = &[
    'a', 'e', 'k', 'z', 'R', 'ü', '漢', 'я', '😀', '<', '>', '&', '*', '_', '`', '~', '@', '#', '|', '\\',
    '[', ']', '(', ')', ':', '/', '.', '-', ' ', ' ', '\n',
];

/// So many bytes or a few less, in an order in which a part that is missing shows.
fn scribble(seed: u64, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    let mut state = seed | 1;
    loop {
        // Knuth's MMIX generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let next = SEEN[usize::try_from(state >> 33).unwrap_or(0) % SEEN.len()];
        if bytes < text.len() + next.len_utf8() {
            return text;
        }
        text.push(next);
    }
}

/// From a few bytes to a mebibyte, as often of every order of magnitude.
fn long_words() -> impl Strategy<Value = String> {
    let bytes = (1..=20_u32, 0..1_024_usize)
        .prop_map(|(power, part)| (1_usize << power) * (1_024 - part / 2) / 1_024);
    (any::<u64>(), bytes).prop_map(|(seed, bytes)| scribble(seed, bytes))
}

fn long_block() -> impl Strategy<Value = Block> {
    let text = || long_words().prop_map(Text::plain);
    prop_oneof![
        long_words().prop_map(|it| Block::Text(Text::default().bold("b").and(it.clone()).code(it))),
        vec(text(), 1..4).prop_map(Block::Lines),
        vec((long_words(), text()).prop_map(|(label, value)| Field { label, value }), 1..4)
            .prop_map(Block::Fields),
        long_words().prop_map(Block::Code),
        (long_words(), long_words()).prop_map(|(unicode, alt)| Block::Chart {
            unicode,
            svg: String::new(),
            alt
        }),
    ]
}

/// Cards up to several mebibytes, of characters that are shown as they are.
pub fn long_card() -> impl Strategy<Value = Card> {
    let short = "[a-zü漢 ]{1,60}".prop_map(Text::plain);
    let title = prop_oneof![5 => short.clone(), 1 => long_words().prop_map(Text::plain)];
    let footer = prop_oneof![5 => short, 1 => long_words().prop_map(Text::plain)];
    (title, vec(long_block(), 1..4), footer).prop_map(|(title, blocks, footer)| Card {
        tone: Tone::Waiting,
        title,
        blocks,
        buttons: vec![approve("Approve"), reject()],
        footer,
        if_cut: Text::plain("too long: type !approve 7 aaaaaaaa"),
        refused: false,
    })
}

/// Letters and digits of any script, without the look-alike of a backtick.
pub fn read(text: &str) -> String {
    text.chars().filter(|it| it.is_alphanumeric() && *it != 'ˋ').collect()
}

/// Why these words are neither the whole card nor an honest beginning of it.
pub fn dishonest(card: &Card, shown: &str, cut: bool) -> Option<String> {
    let title = read(&card.title.to_string());
    let body: String = card.blocks.iter().map(|it| read(&words_of(it))).collect();
    let (footer, instead) = (read(&card.footer.to_string()), read(&card.if_cut.to_string()));
    let mut parts = shown.split('…');
    let begins = read(parts.next().unwrap_or_default());
    let rest: Vec<String> = parts.map(read).collect();
    let whole = format!("{title}{body}");
    if !cut {
        let after = begins.strip_prefix(&whole).filter(|_| rest.is_empty());
        let said = after.is_some_and(|it| it.contains(&footer));
        return (!said).then(|| format!("it is not whole, and does not say so: {begins}"));
    }
    let told = shown.contains(&card.if_cut.to_string());
    let is_beginning = |shown_title: &str, shown_body: &str| {
        let whole = shown_body == body;
        title.starts_with(shown_title) && body.starts_with(shown_body) && (whole || shown.contains("[…"))
    };
    let honest = match rest.as_slice() {
        // Only the footer was too long, and what stands in its place says where all of it is.
        [] => begins == format!("{whole}{instead}"),
        [after] => {
            let body_cut = begins.strip_prefix(&title).is_some_and(|it| is_beginning(&title, it));
            let title_cut =
                after.strip_suffix(&instead).is_some_and(|it| it == body && is_beginning(&begins, it));
            title_cut || (body_cut && after.ends_with(&instead))
        }
        [body, after] => is_beginning(&begins, body) && after.ends_with(&instead),
        _ => false,
    };
    (!(told && honest)).then(|| format!("not an honest beginning: {begins}|{rest:?}"))
}

fn words_of(block: &Block) -> String {
    match block {
        Block::Text(text) => text.to_string(),
        Block::Lines(lines) => lines.iter().map(Text::to_string).collect(),
        Block::Fields(fields) => fields.iter().map(|it| format!("{}{}", it.label, it.value)).collect(),
        Block::Code(code) => code.clone(),
        Block::Chart { unicode, .. } => unicode.clone(),
    }
}

/// Every word of outside text in the card, as a reader must find it again: letters and digits only, since everything
/// else may be escaped.
pub fn letters(text: &str) -> String {
    text.chars().filter(|it| it.is_ascii_alphanumeric()).collect()
}
