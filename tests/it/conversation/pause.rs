//! A workflow that somebody holds back between its steps.

use crate::support::house::{Bot, House};

/// `one` ends when somebody lets it; `two` says that it ran.
const TWO: &str = "
version: 1.0
input: [number]
tasks:
  one:
    action: core.local cmd=\"while [ ! -e HERE/let ]; do sleep 0.02; done\"
    next: [{when: <% succeeded() %>, do: two}]
  two:
    action: core.local cmd=\"echo two >> HERE/runs\"
";

async fn begun() -> (House, Bot, String) {
    let house = House::new();
    let here = house.path("").display().to_string();
    house.workflow(&TWO.replace("HERE", here.trim_end_matches('/')), "{number: {type: string}}");
    let bot = house.start().await;
    bot.ask("ann", "!go 7", |text| text.contains("running")).await;
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    let short = root.id.to_string().rsplit('-').next().unwrap().to_owned();
    (house, bot, short)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_workflow_ends_what_runs_and_starts_nothing_until_it_is_resumed() {
    let (house, bot, short) = begun().await;
    let told = bot.ask("ann", &format!("!pause {short}"), |text| text.contains("Pausing")).await;
    assert!(told.contains(&format!("`!resume {short}` lets it go on; after 7 days it is stopped")), "{told}");
    bot.shows(0, |text| text.contains(": pausing")).await;
    house.write("let", "");
    bot.shows(0, |text| text.contains(": paused")).await;
    assert!(!house.path("runs").exists());
    bot.stop().await;

    let bot = house.start().await;
    let told = bot.ask("bea", &format!("!resume {short}"), |text| text.contains("ann")).await;
    assert!(!told.contains("goes on"), "{told}");
    bot.ask("ann", &format!("!resume {short}"), |text| text.contains("goes on")).await;
    bot.shows(0, |text| text.contains(": done")).await;
    assert!(house.path("runs").exists());
    let told = bot.ask("ann", &format!("!pause {short}"), |text| text.contains("not paused")).await;
    assert!(told.contains("it has ended already"), "{told}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_paused_is_not_resumed_and_what_is_can_be_stopped() {
    let (house, bot, short) = begun().await;
    let told = bot.ask("ann", &format!("!resume {short}"), |text| text.contains("not resumed")).await;
    assert!(told.contains("was not resumed: unable to process event"), "{told}");
    bot.ask("ann", &format!("!pause {short}"), |text| text.contains("Pausing")).await;
    house.write("let", "");
    bot.shows(0, |text| text.contains(": paused")).await;
    assert!(bot.engine.adrift().await.unwrap().is_empty());
    bot.ask("ann", &format!("!cancel {short}"), |text| text.contains("Stopping")).await;
    bot.shows(0, |text| text.contains(": stopped")).await;
    assert!(!house.path("runs").exists());
    bot.stop().await;
}
