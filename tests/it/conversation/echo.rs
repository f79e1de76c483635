//! However much somebody types, the answer stays one that can be read.

use crate::support::house::House;

/// Characters of the longest answer to one odd word.
const ANSWER_MAX: usize = 500;

const SCALE: &str = "name: scale\nrunner_type: noop\ndescription: A trial.\nparameters:\n  \
    service: {type: string, required: true}\n  times: {type: integer, required: true}\n  \
    size: {type: string, enum: [small, large], required: true}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_word_without_end_is_said_back_shortened() {
    let house = House::new();
    house.workflow("version: 1.0\ntasks: {one: {action: core.noop}}\n", "{number: {type: string}}");
    house.write("commands/trial/actions/scale.yaml", SCALE);
    house.write(
        "aliases/trial/scale.yaml",
        "name: scale\naction_ref: trial.scale\ndescription: Scales.\nformats: ['scale {{service}} {{times}} {{size}}']\n",
    );
    house.write("config/apps/shop.yaml", "app: shop\nrepository: {url: x}\nchannels: [terminal/main]\n");
    let bot = house.start().await;
    let long = "x".repeat(3_000);
    for order in [
        "link LONG",
        "notify LONG",
        "notify me LONG",
        "deploy LONG",
        "plan LONG",
        "status LONG",
        "where LONG",
        "history LONG",
        "rollback LONG",
        "promote LONG",
        "cancel LONG",
        "extend LONG 10m",
        "extend 1 LONG",
        "answer LONG yes",
        "approve LONG",
        "help LONG",
        "LONG",
        "scale LONG",
        "scale \"\" 3 LONG",
        "scale a LONG small",
        "scale a 3 LONG",
        "go 1 LONG=1",
    ] {
        let order = format!("!{}", order.replace("LONG", &long));
        let answer = bot.ask("ann", &order, |_| true).await;
        let length = answer.chars().count();
        assert!(length < ANSWER_MAX, "{} is answered with {length} characters", order.replace(&long, "LONG"));
    }
    bot.stop().await;
}
