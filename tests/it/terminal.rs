//! The terminal as a chat platform, seen by the bot on one side and by people on the other.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lockkeeper::chat::terminal::{Player, Rehearsal, Surface, Terminal, TerminalSettings};
use lockkeeper::chat::{Accepted, Attachment, ChatAdapter, Intake, IntakeError};
use lockkeeper::clock::{TestClock, from_millis};
use lockkeeper::id::{GateId, MessageRef, Seal, UserId};
use lockkeeper::identity::Standing;
use lockkeeper::message::card::ButtonStyle;
use lockkeeper::message::{Button, ButtonAct, Card, Delivery, Incoming, Mark, Text, Tone};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(5);

/// A file in memory that can be read while it is written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(surface: Surface, files: &std::path::Path) -> TerminalSettings {
    TerminalSettings {
        surface,
        user: "ann".into(),
        rehearsal: Some(Rehearsal::default()),
        history: None,
        files: files.to_owned(),
        complete: Arc::new(|_| Vec::new()),
    }
}

fn terminal(surface: Surface, transcript: Option<Paper>) -> Terminal {
    let player = Player::new("main".into(), transcript.map(|it| Box::new(it) as Box<dyn Write + Send>));
    Terminal::new(settings(surface, &std::env::temp_dir()), player, TestClock::at(from_millis(7)))
}

/// An inbox in memory.
fn inbox() -> (Intake, mpsc::UnboundedReceiver<Delivery>) {
    let (sender, deliveries) = mpsc::unbounded_channel();
    let intake = Intake::new(move |delivery| {
        let sender = sender.clone();
        async move {
            sender
                .send(delivery)
                .map(|()| Accepted::New)
                .map_err(|error| IntakeError { why: error.to_string() })
        }
    });
    (intake, deliveries)
}

fn question() -> Card {
    let (gate, seal) = (GateId::from_number(1), Seal::parse(&"ab".repeat(32)).unwrap());
    let button =
        |label: &str, act| Button { label: label.into(), style: ButtonStyle::Plain, act, confirm: None };
    let mut card = Card::titled(Tone::Waiting, "May #1 shop to production?").fields(vec![
        ("artifact", Text::default().code("sha256:3f2a91c4")),
        ("hosts", "web-1, web-2".into()),
    ]);
    card.buttons = vec![
        button("Approve", ButtonAct::Approve { gate, seal: seal.clone() }),
        button("Reject", ButtonAct::Reject { gate, seal }),
    ];
    card
}

fn titled(player: &Player, title: &str) -> Option<MessageRef> {
    player.messages().into_iter().find(|it| it.card.title.to_string() == title).map(|it| it.message)
}

#[tokio::test]
async fn what_people_do_reaches_the_inbox_once_each_with_who_did_it() {
    let terminal = terminal(Surface::Hidden, None);
    let (intake, mut deliveries) = inbox();
    let stop = CancellationToken::new();
    let player = terminal.player().clone();
    let place = player.place().clone();
    let message = terminal.post(&place, &question(), "n").await.unwrap();

    player.say("ann", "!deploy shop");
    player.press("bea", &message, &question().buttons[0].act);
    player.react("cid", &message, Mark::Reject, true);
    let heard = async {
        let mut heard = Vec::new();
        while heard.len() < 3 {
            heard.push(deliveries.recv().await.unwrap());
        }
        heard
    };
    let heard = tokio::select! {
        ended = terminal.listen(intake, stop.clone()) => panic!("ended: {ended:?}"),
        heard = tokio::time::timeout(SOON, heard) => heard.unwrap(),
    };

    let users: Vec<_> = heard.iter().map(|it| it.account.user.as_str()).collect();
    assert_eq!(users, ["ann", "bea", "cid"]);
    assert!(heard.iter().all(|it| it.standing == Standing::Member && it.place == place));
    assert!(matches!(&heard[0].incoming, Incoming::Said(it) if it.text == "!deploy shop" && it.addressed));
    assert!(
        matches!(&heard[1].incoming, Incoming::Pressed { act, .. } if *act == question().buttons[0].act.encode())
    );
    assert!(matches!(&heard[2].incoming, Incoming::Reacted { mark: Mark::Reject, added: true, .. }));
    assert_eq!(terminal.heard_at(), Some(from_millis(7)));

    let again = Player::new("main".into(), None);
    let other = Terminal::new(
        settings(Surface::Hidden, &std::env::temp_dir()),
        again.clone(),
        TestClock::at(from_millis(0)),
    );
    let (intake, mut deliveries) = inbox();
    again.say("ann", "!deploy shop");
    tokio::select! {
        ended = other.listen(intake, stop) => panic!("ended: {ended:?}"),
        later = deliveries.recv() => {
            let key = later.unwrap().key;
            assert!(heard.iter().all(|it| it.key != key), "keys repeat after a restart: {key}");
        }
    }
}

#[tokio::test]
async fn a_delivery_that_the_inbox_refuses_is_offered_again() {
    let terminal = terminal(Surface::Hidden, None);
    let tries = Arc::new(Mutex::new(Vec::new()));
    let stop = CancellationToken::new();
    let intake = Intake::new({
        let (tries, stop) = (tries.clone(), stop.clone());
        move |delivery: Delivery| {
            let mut tries = tries.lock().unwrap();
            tries.push(delivery.key);
            let taken = if tries.len() < 3 {
                Err(IntakeError { why: "disk full".into() })
            } else {
                Ok(Accepted::New)
            };
            if taken.is_ok() {
                stop.cancel();
            }
            async move { taken }
        }
    });
    terminal.player().say("ann", "!status");
    tokio::time::timeout(SOON, terminal.listen(intake, stop)).await.unwrap().unwrap();
    let tries = tries.lock().unwrap();
    assert!(tries.len() == 3 && tries.iter().all(|it| it == &tries[0]), "{tries:?}");
}

#[tokio::test]
async fn cards_are_written_as_rows_and_again_when_their_title_changes() {
    let paper = Paper::default();
    let terminal = terminal(Surface::Rows(Box::new(paper.clone())), None);
    let place = terminal.player().place().clone();
    let card = |title: &str, step: &str| Card::titled(Tone::Working, title).lines(vec![step.into()]);
    let message = terminal.post(&place, &card("#1 shop: running", "▸ clone"), "n").await.unwrap();
    terminal.edit(&message, &card("#1 shop: running", "✔ clone")).await.unwrap();
    terminal.edit(&message, &card("#1 shop: done", "✔ clone")).await.unwrap();
    terminal.post(&place, &question(), "m").await.unwrap();
    terminal.post(&place.in_thread(message.message.clone()), &Card::say("the log"), "o").await.unwrap();
    let bea = lockkeeper::id::Account {
        user: "bea".into(),
        platform: place.platform,
        workspace: place.workspace.clone(),
    };
    terminal.whisper(&place, &bea, &Card::say("Counted.")).await.unwrap();
    insta::assert_snapshot!(paper.text(), @"
    ⏳ #1 shop: running
         ▸ clone

    ⏳ #1 shop: done
         ✔ clone

    ✋ May #1 shop to production?
       artifact  `sha256:3f2a91c4`
       hosts     web-1, web-2
       [Approve] [Reject]  !approve !reject

    ┊ the log

    (only to bea)
    Counted.
    ");
    let shown = terminal.player().messages();
    assert_eq!((shown[0].edits, shown.len()), (2, 4));
    assert_eq!(shown[3].whisper_to, Some(UserId::from("bea")));
}

#[tokio::test]
async fn waiting_ends_with_the_change_or_with_the_whole_history() {
    let terminal = terminal(Surface::Hidden, None);
    let player = terminal.player().clone();
    let place = player.place().clone();
    let waiting = tokio::spawn({
        let player = player.clone();
        async move {
            player.wait_for(SOON, |all| all.iter().find(|it| it.edits == 1).map(|it| it.card.clone())).await
        }
    });
    let message = terminal.post(&place, &Card::say("one"), "n").await.unwrap();
    terminal.edit(&message, &Card::say("two")).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), Card::say("two"));
    player.say("ann", "!help");
    let error = player.wait_for(Duration::from_millis(20), |_| None::<()>).await.unwrap_err().to_string();
    for line in ["    one", "lockkeeper changes:", "    two", "ann> !help"] {
        assert!(error.lines().any(|it| it == line), "{line} is missing in\n{error}");
    }
}

#[tokio::test]
async fn the_transcript_tells_who_said_and_who_saw_what() {
    let paper = Paper::default();
    let terminal = terminal(Surface::Hidden, Some(paper.clone()));
    let place = terminal.player().place().clone();
    terminal.player().say("ann", "!approve\x1b[2J");
    let ann = lockkeeper::id::Account {
        user: "ann".into(),
        platform: place.platform,
        workspace: place.workspace.clone(),
    };
    terminal
        .whisper(&place, &ann, &Card::say("You asked for this release, so you may not approve it."))
        .await
        .unwrap();
    let message = terminal.post(&place, &question(), "n").await.unwrap();
    terminal.player().press("bea", &message, &question().buttons[0].act);
    insta::assert_snapshot!(paper.text(), @r"
    ann> !approve\u{1b}[2J
    lockkeeper (only to ann):
        You asked for this release, so you may not approve it.
    lockkeeper:
        ✋ May #1 shop to production?
           artifact  `sha256:3f2a91c4`
           hosts     web-1, web-2
           [Approve] [Reject]  !approve !reject
    bea> [Approve]
    ");
}

#[tokio::test]
async fn an_upload_is_laid_beside_under_a_harmless_name() {
    let dir = tempfile::tempdir().unwrap();
    let player = Player::new("main".into(), None);
    let terminal =
        Terminal::new(settings(Surface::Hidden, dir.path()), player.clone(), TestClock::at(from_millis(0)));
    let file = Attachment {
        name: "../../etc/chart.png".into(),
        media_type: "image/png".into(),
        bytes: vec![1, 2, 3],
        alt: "latency of canary and baseline".into(),
    };
    terminal.upload(player.place(), &file).await.unwrap();
    let laid: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(laid.len(), 1);
    assert_eq!(std::fs::read(&laid[0]).unwrap(), [1, 2, 3]);
    let said = player.messages()[0].card.to_string();
    assert!(said.contains(&laid[0].display().to_string()), "{said}");
}

#[tokio::test]
async fn a_player_goes_on_with_a_bot_that_was_started_again_in_another_process() {
    let player = Player::new("main".into(), None);
    let mut kept = None;
    for start in 1..=2 {
        // What the child would do with its standard streams.
        let (bot_out, told) = tokio::io::duplex(1 << 16);
        let (heard, bot_in) = tokio::io::duplex(1 << 16);
        let line = player.connect(told, heard);
        let message =
            kept.get_or_insert_with(|| MessageRef { place: player.place().clone(), message: "m1".into() });
        let told = if start == 1 {
            serde_json::json!({"posted": {"message": message, "card": Card::titled(Tone::Waiting, "May #1?"), "whisper_to": null}})
        } else {
            serde_json::json!({"edited": {"message": message, "card": Card::titled(Tone::Good, "#1 approved")}})
        };
        let mut bot_out = bot_out;
        tokio::io::AsyncWriteExt::write_all(&mut bot_out, format!("{told}\n").as_bytes()).await.unwrap();
        player.wait_for(SOON, |all| all.iter().find(|it| it.edits + 1 == start).map(|_| ())).await.unwrap();
        player.say("bea", "!approve");
        let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(bot_in));
        // The first bot acknowledged nothing, so the second hears that again, under the same key and first.
        for number in 1..=start {
            let line = lines.next_line().await.unwrap().unwrap();
            let delivery: Delivery = serde_json::from_str(&line).unwrap();
            assert!(delivery.key.ends_with(&format!(":{number}")), "{}", delivery.key);
            if start == 2 {
                let taken = serde_json::json!({"taken": {"key": delivery.key}});
                tokio::io::AsyncWriteExt::write_all(&mut bot_out, format!("{taken}\n").as_bytes())
                    .await
                    .unwrap();
            }
        }
        drop(bot_out);
        line.told_all().await;
    }
    assert!(titled(&player, "#1 approved").is_some());
    assert_eq!(player.messages().len(), 1, "the same message, changed by the second bot");
    assert_eq!(player.taken().len(), 2, "{:?}", player.taken());
}
