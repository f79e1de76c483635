//! A command that lacks something is answered with what, and with what would work.

use crate::support::house::House;

const PACK: &str = "name: trial\ndescription: A trial.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n";
const ACTION: &str = "name: scale\nrunner_type: local-shell-cmd\ndescription: A trial.\nparameters:\n  \
    cmd: {default: 'echo scaled', immutable: true}\n  service: {type: string, required: true}\n  \
    size: {type: string, enum: [small, large], required: true, description: How large it gets.}\n  \
    times: {type: integer, required: true}\n";

fn house(formats: &str) -> House {
    let house = House::new();
    house.write("commands/trial/pack.yaml", PACK);
    house.write("commands/trial/actions/scale.yaml", ACTION);
    let alias = format!("name: scale\naction_ref: trial.scale\ndescription: Scales.\nformats: {formats}\n");
    house.write("aliases/trial/scale.yaml", &alias);
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_format_still_wants_is_named_with_an_example() {
    let house = house("['scale {{service}} to {{size}} times {{times}}', 'bump {{service}} {{size}}']");
    let bot = house.start().await;
    let answer = bot.ask("ann", "!scale blog", |text| text.contains("missing")).await;
    assert_eq!(
        answer,
        "Something is missing: `size`, one of small, large (How large it gets); `times`, a whole number. Nothing was run. \
         For example: `!scale blog to small times 3`\n"
    );
    // A parameter that the action wants and no place of the format asks for is given as a pair.
    let answer = bot.ask("ann", "!bump blog large", |text| text.contains("`times`")).await;
    assert!(answer.ends_with("For example: `!bump blog large times=3`\n"), "{answer}");
    bot.ask("ann", "!bump blog large times=3", |text| text.contains("done")).await;
    // No beginning of a command is a misspelt one.
    bot.ask("ann", "!scael blog", |text| text.contains("did not understand")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_matches_everything_takes_nothing_from_the_others() {
    let house = house("['scale {{service}}']");
    house.write(
        "aliases/trial/all.yaml",
        "name: all\naction_ref: core.echo\ndescription: All.\nformats: ['{{message}}']\n",
    );
    let bot = house.start().await;
    let mine = bot.ask("ann", "!whoami", |text| text.contains("You are ann")).await;
    assert!(!mine.contains("could be"), "{mine}");
    let card = bot.ask("ann", "!hello there", |text| text.contains("done")).await;
    assert!(card.contains("core.echo") && card.contains("  │ hello there\n"), "{card}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_whose_file_is_broken_says_so_and_where() {
    let house = House::new();
    house.write(
        "config/apps/shop.yaml",
        "app: shop\nrepository: {url: x, brunch: main}\nchannels: [terminal/main]\n",
    );
    let bot = house.start().await;
    let answer = bot.ask("ann", "!deploy shop", |text| text.contains("shop")).await;
    assert!(answer.contains("config/apps/shop.yaml:2:22: error: unknown key `brunch`"), "{answer}");
    bot.ask("ann", "!deploy blog", |text| text.contains("I know no app `blog`")).await;
    bot.stop().await;
}
