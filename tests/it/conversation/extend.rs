//! Measuring longer: at the gate, where votes become void, and before it is open.

use lockkeeper::demo::Terms;
use lockkeeper::engine::{Asked, Evidence};
use lockkeeper::rollout::Verdict;

use crate::support::chat::{Chat, Person::*};
use crate::support::house::{Bot, House};
use crate::support::shop::{ask, button, open_on, question, short_watch};
use crate::support::talk::{Talk, each_chat, reads};

/// Five looks, each at this many requests.
fn terms(requests: u32) -> Terms {
    Terms { requests, ..short_watch() }
}

each_chat!(measuring_longer_asks_again, Talk::release(Terms { approvals: 2, ..terms(10) }));

/// A vote before it counts no more, the old message leads to the new one, and votes on that one count.
async fn measuring_longer_asks_again(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop canary");
    let card = talk.sees("Release #1 of shop").await;
    let first = talk.sees("May #1 shop to production?").await;
    talk.presses(Bea, &first, "Approve");
    reads!(talk.sees_alone(Bea, "Counted").await, @"Counted. #1 still needs 1 of sre.");
    talk.says(Dora, "!extend 1 2s");
    reads!(talk.sees("Measuring").await, @"Measuring #1 for <time> more. Then it is asked again with what was seen; votes so far are void then.");
    talk.becomes(&first, "is being measured until look").await;

    let second = talk.sees("message 2 of this gate").await;
    assert!(second.words.contains("earlier votes are void: the canary was measured longer"), "{second}");
    assert_eq!(second.labels(), ["Approve", "Reject"]);
    let replaced = talk.becomes(&first, "#1 shop to production: asked again below").await;
    assert_eq!(replaced.labels(), [""; 0]);
    talk.presses(Cid, &first, "Approve");
    talk.sees_alone(Cid, "out of date").await;
    talk.presses(Cid, &second, "Approve");
    reads!(talk.sees_alone(Cid, "Counted").await, @"Counted. #1 still needs 1 of sre.");
    talk.presses(Bea, &second, "Approve");
    talk.becomes(&second, "approved by bea and cid").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
    assert_eq!(talk.world().versions("app").await, [Some(2); 3]);
}

async fn evidence(bot: &Bot) -> (Evidence, Asked) {
    let asked = bot.engine.store().gates_of::<Asked>(1).await.unwrap().remove(0).body;
    (bot.engine.store().evidence(asked.gate.facts.evidence).await.unwrap(), asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn measuring_longer_at_the_gate_voids_votes_and_asks_again_with_new_evidence() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_on(dir.path(), &Terms { approvals: 2, ..terms(10) }).await;
    let first = ask(&world, &bot).await;
    bot.player.press("bea", &first.message, &button(&first, "Approve"));
    bot.shows(0, |text| text.contains("Counted. #1 still needs 1 of sre")).await;

    let answer = bot.ask("ann", "!extend 1 2s", |text| text.contains("Measuring #1")).await;
    assert_eq!(
        answer.trim_end(),
        "Measuring #1 for 2.0 s more. Then it is asked again with what was seen; votes so far are void then."
    );
    bot.shows(0, |text| text.contains("May #1") && text.contains("is being measured until look")).await;
    let (before, asked) = evidence(&bot).await;
    let wanted = asked.looks_wanted.unwrap() as usize;
    assert!(before.looks.len() + 10 <= wanted, "{} looks, then {wanted}", before.looks.len());

    let second = question(&bot, 2).await;
    let text = second.card.to_string();
    assert!(text.contains("earlier votes are void: the canary was measured longer"), "{text}");
    assert!(text.contains(&format!("{wanted} looks of {wanted}")), "{text}");
    assert!(!text.contains("being measured"), "{text}");
    let (after, asked) = evidence(&bot).await;
    assert_eq!((after.looks.len(), asked.looks_wanted), (wanted, None));
    assert_eq!(after.looks[..before.looks.len()], before.looks[..], "nothing that was seen is forgotten");
    assert_ne!(asked.gate.seal, asked.gate.old_seals[0]);

    let so_far = bot.player.messages().len();
    bot.player.press("cid", &first.message, &button(&first, "Approve"));
    bot.shows(so_far, |text| text.contains("out of date")).await;
    bot.player.press("cid", &second.message, &button(&second, "Approve"));
    bot.shows(so_far, |text| text.contains("Counted. #1 still needs 1 of sre")).await;
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)], "one vote of two: the old is void");
    bot.player.press("bea", &second.message, &button(&second, "Approve"));
    bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;
    let late = bot.ask("ann", "!extend 1 10m", |text| text.contains("#1 waits for nobody")).await;
    assert_eq!(
        late.trim_end(),
        "#1 waits for nobody, and no canary of it is being watched. `!status` shows what is going on."
    );
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_samples_become_enough_even_over_a_restart() {
    let dir = tempfile::TempDir::new().unwrap();
    // Twenty of the thirty samples that a verdict needs.
    let (world, bot) = open_on(dir.path(), &terms(4)).await;
    let first = ask(&world, &bot).await;
    assert!(first.card.to_string().contains("insufficient"), "{}", first.card);
    assert!(first.card.buttons.iter().all(|it| it.label != "Approve"));
    bot.ask("bea", "!approve 1", |text| text.contains("Say why with")).await;
    bot.ask("bea", "!extend 1 2s", |text| text.contains("Measuring #1")).await;
    bot.stop().await;

    let bot = House::start_at(&world.config()).await;
    let second = question(&bot, 2).await;
    let (evidence, asked) = evidence(&bot).await;
    assert_eq!(asked.gate.verdict, Verdict::Pass, "{}", second.card);
    assert!(evidence.looks.len() >= 15);
    bot.player.press("bea", &second.message, &button(&second, "Approve"));
    bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_goes_on_is_made_longer_before_anybody_is_asked() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_on(dir.path(), &Terms { duration: "3s".to_owned(), ..terms(10) }).await;
    world.commit_good(2).await.unwrap();
    bot.player.say("ann", "!deploy shop canary");
    let answer = loop {
        let before = bot.player.messages().len();
        bot.player.say("ann", "!extend 1 1s");
        let answer = bot
            .shows(before, |text| text.contains("The canary of #1") || text.contains("waits for nobody"))
            .await;
        if answer.contains("The canary") {
            break answer;
        }
    };
    assert_eq!(
        answer.trim_end(),
        "The canary of #1 is watched for 1.0 s more; the question is asked after that."
    );
    let asked = question(&bot, 1).await;
    assert!(asked.card.to_string().contains("20 looks of 20"), "{}", asked.card);
    assert!(
        !bot.player.messages().iter().any(|it| it.card.footer.to_string().contains("message 2 ")),
        "asked once"
    );
    let (evidence, _) = evidence(&bot).await;
    assert_eq!(evidence.looks.len(), 20);
    bot.stop().await;
    world.end().await.unwrap();
}
