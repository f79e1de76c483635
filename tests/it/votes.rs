//! Crowds at many gates: one decision each, and one permission for what was granted. The full number, a thousand gates
//! of fifty voters, is asked of the release build (`just bench`).

use lockkeeper::demo::Terms;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::ballots::{answer_all, copies, voters};
use crate::support::house::House;
use crate::support::shop::{self, ask, short_watch};

const GATES: usize = 60;
const VOTERS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_each_of_many_gates_makes_one_decision_and_one_permission_each() {
    let dir = tempfile::TempDir::new().unwrap();
    let world = shop::world(dir.path(), &Terms { approvals: 2, ..short_watch() }).await;
    shop::edit(&world, "config/people.yaml", "people:\n", &format!("people:\n{}", voters(VOTERS)));
    let bot = House::start_at(&world.config()).await;
    ask(&world, &bot).await;

    let rows = copies(&bot.engine, GATES).await.unwrap();
    let granted = answer_all(&bot.engine, &rows, VOTERS, 8).await.unwrap();
    let file = world.dir().join("data/lockkeeper.db");
    let mut history = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let sql = "SELECT COUNT(*) FROM permission WHERE gate_id IS NOT NULL";
    let permissions: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await.unwrap();
    assert_eq!(permissions, granted as i64);
    let sql = "SELECT COUNT(*) FROM gate WHERE decided_at IS NOT NULL AND (state = 'granted') <>
               ((SELECT COUNT(*) FROM permission WHERE gate_id = gate.id) = 1)";
    let strange: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await.unwrap();
    assert_eq!(strange, 0, "a granted gate without a permission, or a permission of another");
    let sql = "SELECT COUNT(*) FROM gate WHERE state = 'granted' AND
               (SELECT COUNT(*) FROM vote WHERE gate_id = gate.id AND act = 'approve') <> 2";
    let strange: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await.unwrap();
    assert_eq!(strange, 0, "a grant of more or fewer than two approvals");
    bot.stop().await;
    world.end().await.unwrap();
}
