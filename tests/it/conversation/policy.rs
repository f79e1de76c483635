//! StackStorm's policies: how many at once, and what is tried again.

use crate::support::house::{Bot, House};
use lockkeeper::status::Status;
use lockkeeper::store::execution::Execution;

/// `!go` and `!go <word>` of an action that runs `cmd`, under a policy.
fn house(cmd: &str, policy: &str) -> House {
    let house = House::new();
    house.write("packs/trial/pack.yaml", "name: trial\ndescription: d\nversion: 1.0.0\nauthor: me\n");
    house.write(
        "packs/trial/actions/go.yaml",
        &format!(
            "name: go\nrunner_type: local-shell-cmd\nparameters:\n  word: {{type: string, default: x}}\n  \
             cmd: {{default: '{cmd}', immutable: true}}\n"
        ),
    );
    house.write("packs/trial/policies/it.yaml", &format!("name: it\nresource_ref: trial.go\n{policy}"));
    house.write(
        "packs/trial/aliases/go.yaml",
        "name: go\naction_ref: trial.go\ndescription: d\nformats: [go, 'go {{word}}']\n",
    );
    house
}

async fn latest(bot: &Bot, most: i64) -> Vec<Execution> {
    bot.engine.store().recent_executions(most).await.unwrap()
}

/// Says it and gives the execution that it started.
async fn started(bot: &Bot, text: &str) -> Execution {
    let before = latest(bot, 100).await.len();
    bot.player.say("ann", text);
    for _ in 0..2_000 {
        let now = latest(bot, 100).await;
        if now.len() > before {
            return now.into_iter().next().unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nothing was started by {text}");
}

async fn reaches(bot: &Bot, it: &Execution, status: Status) -> Execution {
    for _ in 0..2_000 {
        let now = bot.engine.store().load_execution(it.id).await.unwrap();
        if now.status == status {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{} never is {status}", it.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_as_often_as_the_policy_says() {
    const THIRD: &str = "echo x >> tries; wc -l < tries; test $(wc -l < tries) -ge 3";
    let retry = |most: u32| {
        format!(
            "policy_type: action.retry\nparameters: {{retry_on: failure, max_retry_count: {most}, delay: 0}}\n"
        )
    };
    for (most, status, tries) in [(2, Status::Succeeded, 3), (1, Status::Failed, 2)] {
        let house = house(THIRD, &retry(most));
        let bot = house.start().await;
        let run = started(&bot, "!go").await;
        let run = reaches(&bot, &run, status).await;
        assert_eq!(run.result.unwrap()["stdout"], tries);
        bot.stop().await;
    }
    // A workflow sees to that itself.
    let house = house(THIRD, &retry(2));
    house.write(
        "packs/trial/actions/flow.yaml",
        "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\n",
    );
    house
        .write("packs/trial/actions/workflows/flow.yaml", "version: 1.0\ntasks: {one: {action: trial.go}}\n");
    house.write(
        "packs/trial/aliases/flow.yaml",
        "name: flow\naction_ref: trial.flow\ndescription: d\nformats: [flow]\n",
    );
    let bot = house.start().await;
    bot.ask("ann", "!flow", |text| text.contains("failed")).await;
    let root = latest(&bot, 1).await.remove(0);
    let folder = house.path("data/work").join(root.id.to_string());
    assert_eq!(std::fs::read_to_string(folder.join("tries")).unwrap(), "x\n");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_too_many_waits_for_its_turn_or_is_canceled() {
    let house = house(
        "while [ ! -e ../open ]; do sleep 0.02; done",
        "policy_type: action.concurrency.attr\nparameters: {threshold: 1, attributes: [word]}\n",
    );
    let bot = house.start().await;
    let first = started(&bot, "!go a").await;
    reaches(&bot, &first, Status::Running).await;
    let second = started(&bot, "!go a").await;
    reaches(&bot, &second, Status::Delayed).await;
    let other = started(&bot, "!go b").await;
    reaches(&bot, &other, Status::Running).await;
    let third = started(&bot, "!go a").await;
    reaches(&bot, &third, Status::Delayed).await;
    bot.ask("ann", &format!("!cancel {}", second.id), |text| text.contains("Stopping")).await;
    reaches(&bot, &second, Status::Canceled).await;
    std::fs::write(house.path("data/work/open"), "").unwrap();
    for it in [&first, &third, &other] {
        reaches(&bot, it, Status::Succeeded).await;
    }
    assert!(!house.path("data/work").join(second.id.to_string()).exists(), "it never ran");
    bot.stop().await;

    house.write(
        "packs/trial/policies/it.yaml",
        "name: it\nresource_ref: trial.go\npolicy_type: action.concurrency\nparameters: {threshold: 1, action: cancel}\n",
    );
    std::fs::remove_file(house.path("data/work/open")).unwrap();
    let bot = house.start().await;
    let first = started(&bot, "!go a").await;
    reaches(&bot, &first, Status::Running).await;
    let second = started(&bot, "!go b").await;
    let second = reaches(&bot, &second, Status::Canceled).await;
    let error = second.result.unwrap()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("as many executions of trial.go run as its policy allows"), "{error}");
    std::fs::write(house.path("data/work/open"), "").unwrap();
    reaches(&bot, &first, Status::Succeeded).await;
    bot.stop().await;
}
