//! Aliases as StackStorm has them: several matches of one message, fixed parameters, two ways of matching, two of reading
//! `name=value`.

use crate::support::house::{Bot, House};

/// An action that says its `word`, and aliases of it, each file's text after its name and action.
fn house(aliases: &[(&str, &str)]) -> House {
    let house = House::new();
    house.write(
        "commands/trial/pack.yaml",
        "name: trial\ndescription: A trial.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n",
    );
    house.write(
        "commands/trial/actions/say.yaml",
        "name: say\nrunner_type: local-shell-cmd\ndescription: A trial.\nparameters:\n  \
         cmd: {default: 'echo \"it is {{word}}\"', immutable: true}\n  word: {type: string, default: hello}\n",
    );
    for (name, text) in aliases {
        let file = format!("name: {name}\naction_ref: trial.say\ndescription: Says.\n{text}\n");
        house.write(&format!("aliases/trial/{name}.yaml"), &file);
    }
    house
}

/// The words that were said, in order of the words.
async fn words(bot: &Bot) -> Vec<String> {
    let all = bot.engine.store().recent_executions(100).await.unwrap();
    let mut words: Vec<_> = all.iter().map(|it| it.parameters["word"].as_str().unwrap().to_owned()).collect();
    words.sort();
    words
}

const TICKETS: (&str, &str) = (
    "tickets",
    "formats: [{display: a ticket, representation: ['(?:\\s|^)(?P<word>[A-Z]+-\\d+)(?:\\s|$)'], match_multiple: true}]",
);

#[tokio::test(flavor = "multi_thread")]
async fn every_match_of_a_multiple_format_is_started() {
    let house = house(&[TICKETS]);
    let bot = house.start().await;
    bot.ask("ann", "!look at A-1 and B-2 or C-3", |text| text.contains("it is A-1")).await;
    for word in ["B-2", "C-3"] {
        bot.shows(0, |text| text.contains(&format!("it is {word}"))).await;
    }
    assert_eq!(words(&bot).await, ["A-1", "B-2", "C-3"]);
    let all = bot.engine.store().recent_executions(100).await.unwrap();
    let mut origins: Vec<_> = all.iter().map(|it| it.origin.as_deref().unwrap()).collect();
    origins.sort_unstable();
    assert!(origins.iter().zip(0..).all(|(it, at)| it.ends_with(&format!(":{at}"))), "{origins:?}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_asks_too_often_starts_nothing() {
    let house = house(&[TICKETS]);
    let bot = house.start().await;
    let tickets: Vec<String> = (0..21).map(|it| format!("A-{it}")).collect();
    let told =
        bot.ask("ann", &format!("!{}", tickets.join(" and ")), |text| text.contains("asks 21 times")).await;
    assert!(told.contains("one message may ask 20 times. Nothing was run"), "{told}");
    assert!(words(&bot).await.is_empty());
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_alias_sets_nobody_overrules() {
    let fixed = "formats: [say]\nimmutable_parameters: {word: 'what {{ api_user }} said'}";
    let house = house(&[("say", fixed)]);
    let bot = house.start().await;
    let told = bot.ask("ann", "!say word=other", |text| text.contains("cannot be given")).await;
    assert!(told.contains("`word` cannot be given: the alias `say` has set it. Nothing was run"), "{told}");
    assert!(words(&bot).await.is_empty());
    bot.ask("ann", "!say", |text| text.contains("it is what ann said")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_alias_sets_and_cannot_tell_is_no_parameter() {
    let house = house(&[("say", "formats: [say]\nimmutable_parameters: {word: '{{ nobody.knows }}'}")]);
    let bot = house.start().await;
    let told = bot.ask("ann", "!say", |text| text.contains("cannot be rendered")).await;
    assert!(told.contains("The alias `say` gives `word` a value that cannot be rendered"), "{told}");
    assert!(words(&bot).await.is_empty());
    bot.stop().await;
}

const TWO: [(&str, &str); 2] = [
    ("a", "formats: ['say {{word}}']\nack: {format: by a}"),
    ("b", "formats: [say moo]\nack: {format: by b}"),
];

#[tokio::test(flavor = "multi_thread")]
async fn several_aliases_that_match_are_told_and_letters_match_in_their_own_case() {
    let house = house(&TWO);
    let bot = house.start().await;
    let told = bot.ask("ann", "!say moo", |text| text.contains("could be")).await;
    assert!(told.contains("could be a and b; nothing was run"), "{told}");
    let told = bot.ask("ann", "!SAY Moo", |text| !text.contains("could be")).await;
    assert!(!told.contains("it is"), "{told}");
    assert!(words(&bot).await.is_empty());
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_first_wins_it_has_the_message_in_either_case() {
    let house = house(&TWO);
    house.also("config/lockkeeper.yaml", "aliases: {match: first}\n");
    let bot = house.start().await;
    let card = bot.ask("ann", "!SAY Moo", |text| text.contains("it is Moo")).await;
    assert!(card.contains("by a\n"), "{card}");
    assert_eq!(words(&bot).await, ["Moo"]);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_one_value_unless_stackstorms_reading_is_asked_for() {
    let house = house(&[("say", "formats: [say, 'say {{word}}']")]);
    let bot = house.start().await;
    bot.ask("ann", "!say https://x/?a=b", |text| text.contains("it is https://x/?a=b")).await;
    bot.stop().await;
    house.also("config/lockkeeper.yaml", "aliases: {compat: exact}\n");
    let bot = house.start().await;
    let told = bot.ask("ann", "!say https://x/?a=b", |text| text.contains("https://x/?a`")).await;
    assert!(told.contains("to be one of the parameters of trial.say"), "{told}");
    assert_eq!(words(&bot).await, ["https://x/?a=b"]);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_beside_a_reply_is_on_its_card() {
    let extra = "formats: [say]\n\
        ack: {format: Begun., extra: {slack: {text: 'for {{ execution.context.user }}'}}}\n\
        result: {format: 'Ended.', extra: {slack: {color: good, title: 'All {{ execution.status }}', footer: The end,\n  \
        fields: [{title: Code, value: '{{ execution.result.return_code }}', short: true}]}}}";
    let house = house(&[("say", extra)]);
    let bot = house.start().await;
    let card = bot.ask("ann", "!say", |text| text.contains("The end")).await;
    for part in ["Begun.\nfor ann\n", "Ended.\nAll succeeded\n  Code  0\nThe end\n"] {
        assert!(card.contains(part), "{part}: {card}");
    }
    bot.stop().await;
}
