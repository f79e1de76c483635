//! Rows or content of one flow are lost: that flow ends and says so, and every other goes on.

use std::path::Path;

use lockkeeper::id::ExecutionId;
use lockkeeper::status::Status;
use sqlx::Row as _;

use crate::support::house::{Bot, House};
use crate::support::shop::{all_ended, ask, open};
use crate::support::trial::history;

fn asking(word: &str) -> String {
    format!(
        "version: 1.0\ntasks:\n  ask: {{action: core.ask, input: {{schema: {{type: object, properties: {{{word}: {{type: boolean, required: true}}}}}}}}}}\n"
    )
}

/// Starts `!go`, and gives its root and what to answer once it asks.
async fn go(bot: &Bot) -> (ExecutionId, String) {
    let question = bot.ask("ann", "!go", |text| text.contains("asks")).await;
    let id = question.split("!answer ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    bot.shows(0, |text| text.contains("waiting for an answer")).await;
    (bot.engine.store().recent_executions(1).await.unwrap().remove(0).id, id)
}

async fn damage(dir: &Path, sql: &'static str, root: ExecutionId) {
    let mut history = history(dir).await.unwrap();
    // No program of ours could write this; a disk can.
    let guards = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
    let guards: Vec<String> = sqlx::query_scalar(guards).fetch_all(&mut history).await.unwrap();
    for guard in guards {
        let sql = sqlx::AssertSqlSafe(format!("DROP TRIGGER {guard}"));
        sqlx::query(sql).execute(&mut history).await.unwrap();
    }
    let done = sqlx::query(sql).bind(root.to_string()).execute(&mut history).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
}

/// Open rows of a tree, and how the root ended.
async fn state(dir: &Path, root: ExecutionId) -> (i64, Option<String>) {
    let mut history = history(dir).await.unwrap();
    let sql = "SELECT COUNT(*) FROM execution WHERE root_id = $1 AND ended_at IS NULL";
    let open = sqlx::query_scalar(sql).bind(root.to_string()).fetch_one(&mut history).await.unwrap();
    let row = sqlx::query("SELECT status FROM execution WHERE id = $1").bind(root.to_string());
    let row = row.fetch_optional(&mut history).await.unwrap();
    (open, row.map(|it| it.try_get("status").unwrap()))
}

/// One of two flows is damaged while no bot runs. Gives what the next one says of it, if it can say anything.
async fn one_of_two_is_damaged(sql: &'static str, said: Option<&str>) -> Option<String> {
    let house = House::new();
    house.workflow(&asking("first"), "{}");
    let bot = house.start().await;
    let (first, _) = go(&bot).await;
    bot.stop().await;
    // Other content, so that the two flows share nothing.
    house.workflow(&asking("second"), "{}");
    let bot = house.start().await;
    let (second, answer) = go(&bot).await;
    bot.stop().await;
    damage(house.dir.path(), sql, first).await;

    let bot = house.start().await;
    bot.ask("bea", &format!("!answer {answer} yes"), |text| text.contains("bea answered")).await;
    bot.shows(0, |text| text.contains("trial.go: done")).await;
    assert_eq!(bot.engine.store().load_execution(second).await.unwrap().status, Status::Succeeded, "{sql}");
    let (open, status) = state(house.dir.path(), first).await;
    assert_eq!((open, status.as_deref().unwrap_or("unknown")), (0, "unknown"), "{sql}");
    let card = match said {
        Some(said) => Some(bot.shows(0, |text| text.contains(said)).await),
        None => None,
    };
    bot.stop().await;
    // It is as good as over: nothing is left to be taken up.
    let bot = house.start().await;
    all_ended(&bot).await;
    bot.stop().await;
    card
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_whose_content_is_gone_ends_and_says_so_while_the_other_goes_on() {
    let sql = "DELETE FROM content WHERE digest = (SELECT content FROM execution WHERE id = $1)";
    let card = one_of_two_is_damaged(sql, Some("lockkeeper could not go on with it")).await.unwrap();
    assert!(card.contains("trial.go: how it ended was not seen"), "{card}");
    assert!(card.contains("does not exist") && card.contains("Look at what it left"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_whose_events_or_visits_cannot_be_read_ends_and_says_so_while_the_other_goes_on() {
    for (sql, said) in [
        ("UPDATE flow_event SET body = '{' WHERE execution_id = $1", "row of flow_event is corrupt"),
        ("UPDATE execution SET parameters = '{' WHERE parent_id = $1", "row of execution is corrupt"),
    ] {
        let card = one_of_two_is_damaged(sql, Some(said)).await.unwrap();
        assert!(card.contains("trial.go: how it ended was not seen"), "{card}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_without_its_own_row_keeps_no_other_from_going_on() {
    for sql in ["UPDATE execution SET context = '{' WHERE id = $1", "DELETE FROM execution WHERE id = $1"] {
        one_of_two_is_damaged(sql, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_cannot_be_taken_up_withdraws_its_question_and_says_how_to_go_back() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    ask(&world, &bot).await;
    let root = bot.engine.store().find_release_number(1).await.unwrap().unwrap().execution;
    bot.stop().await;
    damage(world.dir(), "UPDATE flow_event SET body = '{' WHERE execution_id = $1", root).await;

    let bot = House::start_at(&world.config()).await;
    let card = bot.shows(0, |text| text.contains("❌ Release #1 of shop: how it ended was not seen")).await;
    assert!(card.contains("canary-1 still runs this artifact, which was not approved"), "{card}");
    bot.shows(0, |text| text.contains("stopped by lockkeeper")).await;
    assert!(bot.engine.open_gates().await.unwrap().is_empty());
    bot.ask("bea", "!approve 1", |text| text.contains("#1")).await;
    bot.player.say("ann", "!rollback shop in canary");
    bot.shows(0, |text| text.contains("Rollback #2 of shop: done")).await;
    assert_eq!(world.versions("canary").await, [Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

/// What an execution runs is what it pinned: somebody else's edit below `data/content` is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_was_altered_where_it_is_laid_out_is_not_run_until_it_is_itself_again() {
    let house = House::new();
    house.workflow("version: 1.0\ntasks: {a: {action: trial.effect}}\n", "{}");
    let action = "name: effect\nrunner_type: local-shell-script\ndescription: Leaves a line.\nentry_point: effect.sh\n";
    house.write("commands/trial/actions/effect.yaml", action);
    let effects = house.path("effects");
    let script = format!("#!/bin/sh\necho done >> '{}'\n", effects.display());
    house.write("commands/trial/actions/effect.sh", &script);
    let bot = house.start().await;
    let laid_out = |it: &std::fs::DirEntry| it.path().join("actions/effect.sh");
    let content = std::fs::read_dir(house.path("data/content")).unwrap().map(Result::unwrap);
    let altered = content.map(|it| laid_out(&it)).find(|it| it.exists()).unwrap();
    std::fs::write(&altered, script.replace("done", "altered")).unwrap();
    let card = bot.ask("ann", "!go", |text| text.contains("trial.go: failed")).await;
    assert!(
        card.contains(
            "the files of pack trial are not what was loaded (actions/effect.sh holds something else)"
        ),
        "{card}"
    );
    assert!(!effects.exists());
    bot.stop().await;

    let bot = house.start().await;
    bot.ask("ann", "!go", |text| text.contains("trial.go: done")).await;
    assert_eq!(std::fs::read_to_string(&effects).unwrap(), "done\n");
    assert_eq!(std::fs::read_to_string(&altered).unwrap(), script);
    bot.stop().await;
}
