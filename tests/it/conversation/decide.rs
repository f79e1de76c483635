//! While people decide: what happens to the canary and to the world counts until the rollout begins.

use lockkeeper::demo::{Terms, World};
use lockkeeper::engine::Asked;
use lockkeeper::gate::GateState;
use lockkeeper::identity::Standing;
use lockkeeper::message::Mark;

use crate::support::chat::{Chat, Person::*};
use crate::support::house::{Bot, House};
use crate::support::roster::Roster;
use crate::support::shop::{all_ended, ask, button, edit, go_bad, open_behind, open_with, short_watch};
use crate::support::talk::{Talk, each_chat};
use crate::support::trial::{history, until};

async fn held(bot: &Bot) {
    until("the gate is held", async || {
        let gate = bot.engine.store().gates_of::<Asked>(1).await.ok()?.into_iter().next()?.body.gate;
        (gate.state() == GateState::Held).then_some(())
    })
    .await;
}

each_chat!(
    a_canary_that_goes_bad_at_the_gate_stays_refused_whatever_is_sealed_next,
    Talk::release(short_watch())
);

async fn a_canary_that_goes_bad_at_the_gate_stays_refused_whatever_is_sealed_next(
    talk: &mut Talk<impl Chat>,
) {
    talk.resets("four_eyes: true", "four_eyes: true, on_fail: hold").await;
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop canary");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    go_bad(talk.world(), "canary-1");
    held(talk.bot()).await;
    talk.says(Bea, "!approve 1");
    let refusal = talk.hears(Bea, "nobody can approve this").await;
    assert!(refusal.words.contains("The canary failed"), "{refusal}");

    // One host less is another question, and no better an answer.
    edit(
        talk.world(),
        "config/environments.yaml",
        "app: {hosts: [web-1, web-2, web-3]}",
        "app: {hosts: [web-1, web-2]}",
    );
    let again = talk.sees("message 2 of this gate").await;
    assert!(again.words.contains("hosts 3 -> 2: -web-3"), "{again}");
    assert!(again.words.contains("cannot be approved") && again.labels() != ["Approve", "Reject"], "{again}");
    talk.becomes(&question, "asked again below").await;
    talk.says(Bea, "!approve 1");
    talk.hears(Bea, "nobody can approve this").await;
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
    talk.says(Ann, "!cancel 1");
    talk.hears(Ann, "Stopping 1").await;
    talk.becomes(&again, "stopped by ann").await;
    talk.becomes(&card, "Release #1 of shop: stopped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_between_the_vote_and_the_rollout_does_not_count() {
    for (standing, said) in
        [(Some(Standing::Deactivated), "deactivated accounts"), (None, "could not tell me about")]
    {
        let dir = tempfile::TempDir::new().unwrap();
        let roster = Roster::default();
        let terms = Terms { approvals: 2, ..short_watch() };
        let (world, bot) = open_behind(dir.path(), &terms, &roster).await;
        ask(&world, &bot).await;
        bot.ask("bea", "!approve 1", |text| text.contains("still needs 1 of sre")).await;
        roster.set("bea", standing);
        bot.ask("cid", "!approve 1", |text| text.contains("#1: approved")).await;
        let card = bot.shows(0, |text| text.contains("the vote of bea no longer counts")).await;
        assert!(card.contains(said) && card.contains("1 of sre missing"), "{card}");
        assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);
        bot.stop().await;
        world.end().await.unwrap();
    }
}

each_chat!(
    an_app_that_is_gone_from_the_settings_takes_no_approval_until_it_is_back,
    Talk::release(short_watch())
);

async fn an_app_that_is_gone_from_the_settings_takes_no_approval_until_it_is_back(
    talk: &mut Talk<impl Chat>,
) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop canary");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    let (file, away) =
        (talk.world().dir().join("config/apps/shop.yaml"), talk.world().dir().join("shop.away"));
    std::fs::rename(&file, &away).unwrap();
    let frozen = talk.becomes(&question, "#1 shop to production: frozen").await;
    assert!(frozen.words.contains("`shop` says nothing about environment `production` any more"), "{frozen}");
    talk.says(Bea, "!approve 1");
    talk.hears(Bea, "#1 takes no approvals for now").await;
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);

    std::fs::rename(&away, &file).unwrap();
    talk.becomes(&question, "May #1 shop to production?").await;
    talk.says(Bea, "!approve 1");
    talk.sees("#1: approved").await;
    talk.becomes(&question, "approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_message_could_show_takes_the_digits_that_only_the_whole_plan_shows() {
    let dir = tempfile::TempDir::new().unwrap();
    let roster = Roster::default();
    let (world, bot) = open_behind(dir.path(), &short_watch(), &roster).await;
    let shown = ask(&world, &bot).await;
    roster.shrink();
    let refused = |text: &str| text.contains("The message could not show everything");
    bot.ask("bea", "!approve 1", refused).await;
    let before = bot.player.messages().len();
    bot.player.react("bea", &shown.message, Mark::Approve, true);
    bot.shows(before, refused).await;
    let before = bot.player.messages().len();
    bot.player.press("bea", &shown.message, &button(&shown, "Approve"));
    bot.shows(before, refused).await;

    // Whoever the machine's own user is to the bot reads the whole plan there.
    let user = std::process::Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap();
    edit(&world, "config/people.yaml", "[emil]", &format!("[emil, {}]", user.trim()));
    let plan = until("the plan is shown", async || {
        let mut show = tokio::process::Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
        show.args(["executions", "show", "1", "--config"]).arg(world.config());
        let shown = String::from_utf8(show.output().await.ok()?.stdout).ok()?;
        shown.contains("hosts").then_some(shown)
    })
    .await;
    let (_, seal) = plan.split_once("seal ").expect("a seal in the whole plan");
    assert!(plan.contains("web-1, web-2 and web-3") && plan.contains("may approve"), "{plan}");
    bot.ask("bea", &format!("!approve 1 {}", &seal[..8]), |text| text.contains("#1: approved")).await;
    bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_requires_another_takes_only_what_ran_there() {
    let dir = tempfile::TempDir::new().unwrap();
    let requires = [
        ("four_eyes: true", "four_eyes: true, requires: [staging]"),
        ("environments:\n", "environments:\n  staging:\n    who: {deploy: [developers]}\n"),
    ];
    let (world, bot) = open_with(dir.path(), &short_watch(), &[]).await;
    bot.stop().await;
    let staging = "environments:\n  staging: {protected: false, roles: {app: {hosts: [canary-1]}}}\n";
    edit(&world, "config/environments.yaml", "environments:\n", staging);
    requires.iter().for_each(|(from, to)| edit(&world, "config/apps/shop.yaml", from, to));
    let bot = House::start_at(&world.config()).await;
    world.commit_good(2).await.unwrap();

    let card =
        bot.ask("ann", "!deploy shop", |text| text.contains("production takes only what staging ran")).await;
    assert!(card.contains("`!promote 1 to staging`, then `!promote 1 to production`"), "{card}");
    assert!(bot.engine.open_gates().await.unwrap().is_empty(), "nobody is asked");
    all_ended(&bot).await;
    assert_eq!(world.versions("canary").await, [Some(1)]);

    bot.ask("ann", "!promote 1 to staging", |text| text.contains("Promotion #1 of shop: done")).await;
    assert_eq!(world.versions("canary").await, [Some(2)]);
    bot.ask("ann", "!promote 1 to production", |text| text.contains("May #1 shop to production?")).await;
    // What was there when it was asked is asked again when it begins.
    let mut history = history(world.dir()).await.unwrap();
    sqlx::query("DELETE FROM rollout WHERE environment = 'staging'").execute(&mut history).await.unwrap();
    bot.ask("bea", "!approve 1", |text| text.contains("#1: approved")).await;
    bot.shows(0, |text| text.contains("what was approved is not what is there now (production takes only"))
        .await;
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

/// Somebody puts the first version back on the canary, past the bot.
fn put_back_by_hand(world: &World) {
    let shop = world.dir().join("hosts/canary-1/shop");
    let draft = shop.join("draft");
    std::os::unix::fs::symlink(shop.join("releases").join(world.first().0.as_str()), &draft).unwrap();
    std::fs::rename(draft, shop.join("current")).unwrap();
    std::fs::write(shop.join("restart"), "").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_artifact_answers_is_no_measurement_of_the_canary() {
    let dir = tempfile::TempDir::new().unwrap();
    let terms = Terms { interval: "400ms".to_owned(), duration: "4s".to_owned(), ..Terms::default() };
    let (world, bot) = open_with(dir.path(), &terms, &[]).await;
    world.commit_good(2).await.unwrap();
    bot.player.say("ann", "!deploy shop");
    let mut history = history(world.dir()).await.unwrap();
    until("the watch has begun", async || {
        let looks: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM look").fetch_one(&mut history).await.ok()?;
        (looks > 0).then_some(())
    })
    .await;
    put_back_by_hand(&world);
    let card = bot.shows(0, |text| text.contains("May #1 shop to production?")).await;
    assert!(card.contains("broken: the measurements could not be had"), "{card}");
    assert!(card.contains("canary-1 runs another artifact"), "{card}");
    bot.ask("bea", "!approve 1", |text| text.contains("The verdict is broken")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_puts_the_canary_on_again_and_measures_anew() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_with(dir.path(), &short_watch(), &[]).await;
    ask(&world, &bot).await;
    bot.ask("bea", "!reject 1", |text| text.contains("rejected by bea")).await;
    all_ended(&bot).await;
    assert_eq!(world.versions("canary").await, [Some(1)]);

    bot.ask("ann", "!promote 1", |text| text.contains("May #1 shop to production?")).await;
    assert_eq!(world.versions("canary").await, [Some(2)]);
    let gates = bot.engine.store().gates_of::<Asked>(1).await.unwrap();
    assert_ne!(gates[0].body.gate.facts.evidence, gates[1].body.gate.facts.evidence);
    bot.ask("bea", "!reject 1", |text| text.contains("rejected by bea")).await;
    until("the canary goes back", async || (world.versions("canary").await == [Some(1)]).then_some(())).await;
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_taken_back_while_people_decide_is_an_alarm_until_it_is_measured_anew() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_with(dir.path(), &short_watch(), &[]).await;
    ask(&world, &bot).await;
    put_back_by_hand(&world);
    let frozen = bot.shows(0, |text| text.contains("#1 shop to production: frozen")).await;
    assert!(
        frozen.contains("canary-1 runs another artifact by now (`!extend` measures it anew)"),
        "{frozen}"
    );
    bot.ask("bea", "!approve 1", |text| text.contains("#1 takes no approvals for now: canary")).await;

    bot.ask("ann", "!extend 1 1s", |text| text.contains("Measuring #1")).await;
    let again = bot.shows(0, |text| text.contains("message 2 of this gate")).await;
    assert!(again.contains("May #1 shop to production?"), "{again}");
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}
