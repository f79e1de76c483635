//! What both platforms draw of one card: all of it, or a beginning that says so and takes no answer.

use lockkeeper::chat::{discord, slack};
use lockkeeper::id::{Digest, GateId, HostName, Seal};
use lockkeeper::message::Card;
use lockkeeper::message::words::execution::Commit;
use lockkeeper::message::words::gate::{Standing, View, card};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use crate::support::cards::{dishonest, letters, long_card};
use crate::support::{fake_discord, fake_slack};

/// As somebody reads it there.
struct Drawn {
    on: &'static str,
    words: String,
    buttons: usize,
    cut: bool,
    refused: Option<String>,
}

fn on_both(card: &Card) -> [Drawn; 2] {
    let slack = slack::render::render(card);
    let blocks = slack.blocks.as_array().cloned().unwrap_or_default();
    let (rows, said): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|it| it["type"] == "actions");
    let discord = discord::render::render(card);
    let mut body = discord.body.clone();
    body["components"] = json!([]);
    [
        Drawn {
            on: "Slack",
            words: fake_slack::rules::words(&json!({ "blocks": said })),
            buttons: rows.iter().map(|it| it["elements"].as_array().map_or(0, Vec::len)).sum(),
            cut: slack.cut,
            refused: fake_slack::rules::refusal(&slack.blocks).map(|(code, why)| format!("{code}: {why}")),
        },
        Drawn {
            on: "Discord",
            words: fake_discord::rules::words(&body),
            buttons: discord.body["components"][0]["components"].as_array().map_or(0, Vec::len),
            cut: discord.cut,
            refused: fake_discord::rules::refusal(&discord.body),
        },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn however_long_a_card_is_it_is_whole_or_a_beginning_that_says_so(card in long_card()) {
        for drawn in on_both(&card) {
            prop_assert_eq!(drawn.refused, None, "{}", drawn.on);
            prop_assert_eq!(drawn.buttons, if drawn.cut { 0 } else { 2 }, "{}", drawn.on);
            let why = dishonest(&card, &drawn.words, drawn.cut);
            prop_assert!(why.is_none(), "{}: {:.2000}", drawn.on, why.unwrap_or_default());
        }
    }
}

fn hosts() -> impl Strategy<Value = Vec<HostName>> {
    let name = "[a-z][a-z0-9.-]{0,40}".prop_map(HostName::new);
    prop_oneof![4 => vec(name.clone(), 1..40), 1 => vec(name, 40..600)]
}

fn commits() -> impl Strategy<Value = Vec<Commit>> {
    let commit = ("[0-9a-f]{40}", "[a-zA-Z <&*`_]{0,80}", "[A-Z][a-z]{1,12}");
    let commit =
        commit.prop_map(|(sha, subject, author)| Commit { sha, subject, author, email: String::new() });
    prop_oneof![4 => vec(commit.clone(), 0..20), 1 => vec(commit, 20..400)]
}

fn question(artifact: Digest, hosts: Vec<HostName>, commits: Vec<Commit>) -> View {
    View {
        gate: GateId::from_number(7),
        seal: Seal::try_from("a".repeat(64)).expect("a seal"),
        seal_number: 1,
        number: 42,
        app: "shop".to_owned(),
        environment: "production".to_owned(),
        artifact,
        replaces: None,
        commits,
        hosts,
        batch_size: 1,
        requester: "ann".to_owned(),
        again_by: Vec::new(),
        range_unknown: false,
        nobody_can: Vec::new(),
        quorum: vec!["1 of sre (bea and cid)".to_owned()],
        approved: Vec::new(),
        missing: Vec::new(),
        unlinked: Vec::new(),
        judgement: None,
        chart: None,
        reason_needed: false,
        standing: Standing::Open { left: std::time::Duration::from_secs(1_800) },
        looks_wanted: None,
        voided: Vec::new(),
        proofs: Vec::new(),
        marks: true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 400, ..ProptestConfig::default() })]

    /// Whoever can press Approve has read the digest, every host and every commit.
    #[test]
    fn a_question_with_buttons_shows_all_that_the_answer_binds(
        bytes in any::<[u8; 16]>(), hosts in hosts(), commits in commits(),
    ) {
        let artifact = Digest::of(&bytes);
        let view = question(artifact.clone(), hosts.clone(), commits.clone());
        for drawn in on_both(&card(&view)) {
            prop_assert_eq!(drawn.refused, None, "{}", drawn.on);
            if drawn.buttons == 0 {
                prop_assert!(drawn.cut && drawn.words.contains("Not everything fits here."), "{}", drawn.words);
                continue;
            }
            prop_assert!(!drawn.cut && drawn.words.contains(&format!("sha256:{artifact}")), "{}", drawn.words);
            // A line that is too long for one part of a message goes on in the next.
            let run = |text: &str| text.chars().filter(|it| !it.is_whitespace()).collect::<String>();
            let (words, said) = (run(&drawn.words), letters(&drawn.words));
            let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
            let named = match names.as_slice() {
                [rest @ .., last] if !rest.is_empty() => format!("{}and{last}(1at", rest.join(",")),
                all => format!("{}(1at", all.concat()),
            };
            prop_assert!(words.contains(&named), "{} lacks {named}: {words}", drawn.on);
            for commit in &commits {
                prop_assert!(words.contains(&commit.sha[..8]), "{} lacks {commit:?}", drawn.on);
                prop_assert!(said.contains(&letters(&commit.subject)), "{} lacks {commit:?}", drawn.on);
            }
        }
    }
}

#[test]
fn many_hosts_are_all_named_and_too_many_are_not_asked_about_with_buttons() {
    let named =
        |count: usize| (1..=count).map(|it| HostName::new(format!("web-{it:03}"))).collect::<Vec<_>>();
    for drawn in on_both(&card(&question(Digest::of(b""), named(60), Vec::new()))) {
        assert_eq!((drawn.buttons, drawn.cut), (2, false), "{}: {}", drawn.on, drawn.words);
        assert!(drawn.words.contains("web-059 and web-060 (1 at a time)"), "{}: {}", drawn.on, drawn.words);
    }
    for drawn in on_both(&card(&question(Digest::of(b""), named(2_000), Vec::new()))) {
        assert_eq!((drawn.buttons, drawn.cut), (0, true), "{}", drawn.on);
        assert!(drawn.words.contains("`lockkeeper executions show 42`"), "{}: {}", drawn.on, drawn.words);
    }
}
