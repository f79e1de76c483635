use super::*;
use crate::id::{Account, GateId, Platform, Seal};
use crate::message::{Button, Text, Tone, card::ButtonAct, card::ButtonStyle};

const CHART: &str =
    r#"<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40"><rect width="80" height="40"/></svg>"#;

fn question() -> Card {
    let act = ButtonAct::Approve {
        gate: GateId::from_number(7),
        seal: Seal::parse(&"a".repeat(64)).expect("a seal"),
    };
    let button =
        |label: &str, style| Button { label: label.to_owned(), style, act: act.clone(), confirm: None };
    let ann = Account { platform: Platform::Slack, workspace: "T1".into(), user: "U1".into() };
    Card {
        tone: Tone::Waiting,
        title: "Release 7 of shop: approve?".into(),
        blocks: vec![
            Block::Text(Text::plain("a < b & ").bold("c").and(" for ").mention(ann)),
            Block::Code("line 1\n  line <2>".to_owned()),
            Block::Chart {
                unicode: "▁▂▃".to_owned(), svg: CHART.to_owned(), alt: "p99 holds".to_owned()
            },
        ],
        buttons: vec![button("Approve", ButtonStyle::Good), button("Reject", ButtonStyle::Danger)],
        footer: "id 42".into(),
        ..Card::default()
    }
    .fields(vec![("app", Text::plain("shop")), ("to", Text::plain("production"))])
}

/// The words of a part, whatever their faces.
fn words(parts: &[Part]) -> String {
    let lines = |it: &[Line]| {
        let line = |it: &Line| it.iter().map(|run| run.text.as_str()).collect::<String>();
        it.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let part = |it: &Part| match it {
        Part::Heading(it) | Part::Prose(it) | Part::Note(it) => lines(it),
        Part::Code(it) => format!("| {}", it.replace('\n', "\n| ")),
        Part::Fields(it) => it
            .iter()
            .map(|(label, value)| format!("{}={}", lines(std::slice::from_ref(label)), lines(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Part::Buttons(it) => it.iter().map(|(label, _)| format!("[{label}]")).collect::<Vec<_>>().join(" "),
        Part::Picture(..) => "picture".to_owned(),
    };
    parts.iter().map(part).collect::<Vec<_>>().join("\n")
}

#[test]
fn slack_is_read_back_as_people_see_it() {
    let message = block_kit::message(&question());
    assert_eq!(
        words(&message.below),
        "✋ Release 7 of shop: approve?\na < b & c for @U1\n| line 1\n|   line <2>\n| ▁▂▃\n\
         app=shop, to=production\n[Approve] [Reject]\nid 42"
    );
}

#[test]
fn discord_is_read_back_as_people_see_it() {
    let message = embed::message(&question());
    let boxes: Vec<String> =
        message.boxes.iter().map(|(colour, parts)| format!("{colour}\n{}", words(parts))).collect();
    assert_eq!(
        boxes,
        ["#e0a030\n✋ Release 7 of shop: approve?\na < b & c for @U1\n| line 1\n|   line <2>\n| ▁▂▃\n\
          app=shop, to=production\nid 42"]
    );
    assert_eq!(words(&message.below), "[Approve] [Reject]");
}

#[test]
fn a_preview_is_a_picture_of_every_word_and_the_same_each_time() {
    for look in Look::ALL {
        let cards = [question(), Card::say("hello <b>")];
        let drawn = svg(&cards, look).expect("drawn");
        for word in ["Release", "line 1", "production", "Approve", "hello &lt;b&gt;", "<rect width=\"80\""] {
            assert!(drawn.contains(word), "{word} is missing in {drawn}");
        }
        let png = picture(&cards, look).expect("a picture");
        assert_eq!(png, picture(&cards, look).expect("a picture"));
        assert_ne!(png, picture(&cards[..1], look).expect("a picture"));
    }
}

#[test]
fn a_chart_that_is_no_picture_is_said_by_its_block() {
    let chart = Block::Chart { unicode: String::new(), svg: "<svg".to_owned(), alt: String::new() };
    let card = Card { blocks: vec![Block::Text("x".into()), chart], ..Card::default() };
    let error = svg(&[card], Look::Slack).expect_err("refused");
    assert_eq!(error.to_string(), "the chart in block 2 is no picture");
}

#[test]
fn a_page_runs_nothing_that_a_card_says() {
    let chart =
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"><script>alert(1)</script></svg>"#;
    let chart = Block::Chart { unicode: String::new(), svg: chart.to_owned(), alt: String::new() };
    let card = Card { blocks: vec![chart, Block::Text("\"><script>".into())], ..Card::default() };
    let page = page(&[card], &Look::ALL).expect("a page");
    assert!(!page.contains("<script"), "{page}");
    assert_eq!(page.matches("<img ").count(), 2);
}
