//! What the seal binds: all that decides what a rollout does, from the question to the first changed host.

use std::sync::Arc;

use lockkeeper::engine::{Asked, Live, Voting};
use lockkeeper::gate::{Act, Ballot, Claim, Refusal, Shown, Via};
use lockkeeper::id::AppName;
use lockkeeper::identity::{Actor, Standing};

use crate::support::shop::{ask, button, edit, open, question};
use crate::support::trial::history;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_decides_what_a_rollout_does_voids_the_question_when_it_changes() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    ask(&world, &bot).await;
    let gates = bot.engine.store().gates_of::<Asked>(1).await.unwrap();
    let names: Vec<&str> = gates[0].body.gate.facts.parameters.keys().map(String::as_str).collect();
    let bound = ["batch size", "host web-1", "host web-2", "host web-3", "install script", "service folder"];
    assert_eq!(names, bound);

    let environments = "config/environments.yaml";
    let shop = "config/apps/shop.yaml";
    // Where the host is reached; how its health is asked; how many at a time.
    let edits = [
        (
            environments,
            "web-2: {connection: local, address: 127.0.0.1",
            "web-2: {connection: local, address: localhost",
            "settings of web-2 changed",
        ),
        (shop, "consecutive: 2", "consecutive: 1", "settings of web-1 changed"),
        (shop, "canary:\n", "rollout: {batch_size: 2}\ncanary:\n", "batch size"),
        (shop, "expires_after: 30m", "expires_after: 40m", "policy"),
    ];
    for (number, (file, from, to, said)) in (2..).zip(edits) {
        edit(&world, file, from, to);
        let again = question(&bot, number).await.card.to_string();
        assert!(again.contains("earlier votes are void") && again.contains(said), "{again}");
    }
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_compared_with_the_world_of_the_moment_it_comes_in() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    let shown = ask(&world, &bot).await;
    let gate = bot.engine.store().gates_of::<Asked>(1).await.unwrap().remove(0);
    let person = bot.engine.live().settings.people.by_name(&"bea".into()).unwrap().clone();
    let ballot = Ballot {
        actor: Actor::new(person.accounts[0].clone(), Standing::Member),
        act: Act::Approve { reason: None },
        via: Via::Button,
        claim: Claim::Message(gate.seal.clone()),
        at: bot.engine.clock().now(),
    };
    let live = bot.live.now();
    let mut settings = (*live.settings).clone();
    settings.apps.get_mut(&AppName::new("shop")).unwrap().rollout.batch_size = 3;
    // No timer has looked yet: the answer itself has to.
    bot.live.replace(Live { settings: Arc::new(settings), ..(*live).clone() });
    let voting = bot.engine.vote(gate.id, ballot, Shown::Whole).await.unwrap();
    assert!(matches!(voting, Voting::Refused(Refusal::OldSeal)), "{voting:?} on {shown:?}");
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_that_was_changed_after_the_approval_reaches_no_host() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    let shown = ask(&world, &bot).await;
    let gate = bot.engine.store().gates_of::<Asked>(1).await.unwrap().remove(0);
    let artifact = world.dir().join(format!("data/artifacts/{}.tar.gz", gate.body.gate.facts.artifact));
    let mut bytes = std::fs::read(&artifact).unwrap();
    bytes.push(0);
    std::fs::write(&artifact, bytes).unwrap();
    bot.player.press("bea", &shown.message, &button(&shown, "Approve"));
    let card = bot.shows(0, |text| text.contains("not its name's")).await;
    assert!(card.contains("has digest"), "{card}");
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

/// The permission ends between the guard's look and the attempt's row.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_does_not_begin_under_a_permission_that_has_ended_meanwhile() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    let shown = ask(&world, &bot).await;
    let mut history = history(world.dir()).await.unwrap();
    let ends = "CREATE TRIGGER ends AFTER UPDATE OF used_at ON permission
                BEGIN UPDATE permission SET ended_at = NEW.used_at WHERE id = NEW.id; END";
    sqlx::query(ends).execute(&mut history).await.unwrap();
    bot.player.press("bea", &shown.message, &button(&shown, "Approve"));
    bot.shows(0, |text| text.contains("the permission for this host has ended")).await;
    let sql = "SELECT COUNT(*) FROM attempt WHERE host LIKE 'web-%'";
    let begun: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await.unwrap();
    assert_eq!(begun, 0);
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}
