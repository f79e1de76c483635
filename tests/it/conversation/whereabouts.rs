//! `where`: every host of the inventory, by what was confirmed of it.

use lockkeeper::demo::Terms;

use crate::support::shop::open_on;

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_were_never_confirmed_or_are_listed_no_more_are_said_as_such() {
    let dir = tempfile::TempDir::new().unwrap();
    let terms = Terms { interval: "100ms".to_owned(), duration: "500ms".to_owned(), ..Terms::default() };
    let (world, bot) = open_on(dir.path(), &terms).await;
    let table = bot.ask("ann", "!where shop", |text| text.contains("What runs where")).await;
    for host in ["canary-1", "web-1", "web-2", "web-3"] {
        let row = table.lines().find(|it| it.contains(host)).unwrap();
        assert!(row.contains("not recorded"), "{table}");
    }

    let commit = world.commit_good(2).await.unwrap();
    bot.ask("ann", "!deploy shop", |text| text.contains("May #1 shop")).await;
    bot.player.say("bea", "!approve 1");
    bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;
    let inventory = world.dir().join("config/environments.yaml");
    let text = std::fs::read_to_string(&inventory).unwrap();
    let without: Vec<&str> = text.lines().filter(|it| !it.trim().starts_with("web-3:")).collect();
    std::fs::write(&inventory, without.join("\n").replace(", web-3", "")).unwrap();
    let gone = |text: &str| text.contains("no longer listed");
    let table = world
        .until(crate::support::house::PATIENCE, async || {
            let table = bot.ask("ann", "!where", |text| text.contains("What runs where")).await;
            gone(&table).then_some(table)
        })
        .await
        .unwrap();
    let row = table.lines().find(|it| it.contains("web-3 (no longer listed)")).unwrap();
    assert!(row.contains(&format!("#1 {}", commit.short())) && row.ends_with("ann"), "{table}");
    let row = table.lines().find(|it| it.contains("web-1")).unwrap();
    assert!(row.contains(&format!("#1 {}", commit.short())), "{table}");
    bot.stop().await;
    world.end().await.unwrap();
}
