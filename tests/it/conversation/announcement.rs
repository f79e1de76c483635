//! What a workflow says by itself.

use crate::support::house::House;

/// A workflow that says this in this channel.
fn saying(house: &House, input: &str) {
    house.workflow(
        &format!("version: 1.0\ninput: [number]\ntasks:\n  tell: {{action: chatops.post_message, input: {input}}}\n"),
        "{number: {type: string}}",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_says_something_where_it_was_asked_or_in_a_channel_that_has_a_name() {
    let house = House::new();
    house.also("config/lockkeeper.yaml", "channels: {\"#releases\": terminal/main}\n");
    saying(
        &house,
        "{channel: \"<% switch(ctx(number) = '2' => '#releases', ctx(number) = '3' => main, true => '') %>\", \
         message: \"shop <% ctx(number) %> is out{~}@everyone\\n#1 approved\"}",
    );
    let bot = house.start().await;
    for number in 1..=3 {
        let said = bot
            .ask("ann", &format!("!go {number}"), |it| it.contains(&format!("shop {number} is out")))
            .await;
        assert!(
            said.ends_with("\n  │ @everyone\n  │ #1 approved\nSaid by `chatops.post_message`.\n"),
            "{said:?}"
        );
        bot.shows(0, |it| it.contains("trial.go") && it.contains("done")).await;
    }
    let said = |it: &lockkeeper::chat::terminal::Shown| it.card.to_string().contains("is out");
    assert_eq!(bot.player.messages().iter().filter(|it| said(it)).count(), 3, "each once");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_nobody_named_is_not_spoken_in() {
    let house = House::new();
    saying(&house, "{channel: terminal/terminal/secrets, message: hello}");
    let bot = house.start().await;
    let card = bot.ask("ann", "!go", |it| it.contains("failed")).await;
    assert!(
        card.contains(
            "no channel is called `terminal/terminal/secrets` here; say which one it is in lockkeeper.yaml"
        ),
        "{card}"
    );
    bot.stop().await;
}
