//! `card`: cards as people see them.

use std::fs;
use std::path::{Path, PathBuf};

use super::{lockkeeper, stderr, stdout};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cards").join(name)
}

/// If it fails after a change on purpose: `lockkeeper card docs/cards/question.json --png`, and look at them.
#[test]
fn the_pictures_in_the_pages_are_what_people_see_now() {
    for card in ["question", "failed"] {
        for platform in ["slack", "discord"] {
            let dir = tempfile::tempdir().expect("a folder");
            let drawn = dir.path().join("drawn.png");
            let file = shipped(&format!("{card}.json"));
            let output = lockkeeper(&["card", "--on", platform, "--png"])
                .arg(&drawn)
                .arg(&file)
                .output()
                .expect("it runs");
            assert!(output.status.success(), "{}", stderr(&output));
            assert_eq!(stdout(&output).trim(), drawn.display().to_string());
            let (drawn, shown) =
                (fs::read(drawn).expect("drawn"), fs::read(shipped(&format!("{card}-{platform}.png"))));
            let shown = shown.expect("shipped");
            assert_eq!(drawn[..24], shown[..24], "the size of {card}-{platform}.png");
            // Elsewhere the last bit of a pixel may differ.
            assert!(
                !cfg!(target_arch = "x86_64") || drawn == shown,
                "{card}-{platform}.png shows something else"
            );
        }
    }
}

#[test]
fn a_card_without_more_is_a_page_with_both() {
    let output = lockkeeper(&["card"]).arg(shipped("question.json")).output().expect("it runs");
    assert!(output.status.success(), "{}", stderr(&output));
    let page = stdout(&output);
    assert!(page.starts_with("<!doctype html>"), "{page}");
    for part in ["<figcaption>Slack", "<figcaption>Discord", "alt=\"✋ May #1 shop to production?"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn pictures_are_named_after_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("cards.json");
    fs::copy(shipped("failed.json"), &file).expect("copied");
    let output = lockkeeper(&["card"]).arg(&file).arg("--png").output().expect("it runs");
    assert!(output.status.success(), "{}", stderr(&output));
    for name in ["cards-slack.png", "cards-discord.png"] {
        assert!(dir.path().join(name).exists(), "{name}: {}", stdout(&output));
    }
}

#[test]
fn what_is_no_card_is_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("x.json");
    let said = |text: &str| {
        fs::write(&file, text).expect("written");
        let output = lockkeeper(&["card"]).arg(&file).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{text}");
        stderr(&output)
    };
    let cases = [
        ("{", "x.json holds no cards"),
        ("{", "line 1"),
        ("[]", "the list is empty"),
        ("3", "a card is an object"),
        ("[{\"titel\": []}]", "card 1: a card has no `titel`; it has tone, title"),
        (
            "{\"blocks\": [{\"chart\": {\"unicode\": \"\", \"svg\": \"<svg\", \"alt\": \"\"}}]}",
            "the chart in block 1 is no picture",
        ),
    ];
    for (text, words) in cases {
        let said = said(text);
        assert!(said.contains(words), "{words}: {said}");
    }
    let missing = lockkeeper(&["card", "/nowhere.json"]).output().expect("it runs");
    assert!(stderr(&missing).contains("cannot read /nowhere.json"), "{}", stderr(&missing));
}
