//! What an alias says beside its execution, in StackStorm's words: `ack`, `result`; and what was printed.

use crate::support::chat::{Chat, Person::*};
use crate::support::house::House;
use crate::support::talk::{Talk, each_chat, reads};

const PACK: &str = "name: trial\ndescription: A trial.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n";

/// An alias `!say …` of a shell action that runs `cmd`; `more` is added to the alias.
fn house(cmd: &str, parameters: &str, more: &str) -> House {
    let house = House::new();
    house.write("commands/trial/pack.yaml", PACK);
    let action = format!(
        "name: say\nrunner_type: local-shell-cmd\ndescription: A trial.\nparameters:\n  \
         cmd: {{default: '{cmd}', immutable: true}}\n{parameters}"
    );
    house.write("commands/trial/actions/say.yaml", &action);
    let alias = format!(
        "name: say\naction_ref: trial.say\ndescription: Says.\nformats: [\"say\", \"say {{{{word}}}}\"]\n{more}"
    );
    house.write("aliases/trial/say.yaml", &alias);
    house
}

const WORD: &str = "  word: {type: string, default: hello}\n";

async fn card(house: &House, text: &str, end: &str) -> String {
    let bot = house.start().await;
    let card = bot.ask("ann", text, |text| text.contains(end)).await;
    bot.stop().await;
    card
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_printed_is_on_the_card_and_in_executions_show() {
    let house = house("echo \"{{word}}\"; echo warned >&2", WORD, "");
    let bot = house.start().await;
    let card = bot.ask("ann", "!say 42nd", |text| text.contains("done")).await;
    assert!(card.contains("  │ 42nd\n  │ warned\n"), "{card}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_of_the_core_pack_shows_its_output() {
    let house = House::new();
    house.write(
        "aliases/core/uptime.yaml",
        "name: uptime\naction_ref: core.local\ndescription: Says.\nformats: [uptime]\n\
         immutable_parameters: {cmd: echo up 3 days}\n",
    );
    let card = card(&house, "!uptime", "done").await;
    assert!(card.contains("  │ up 3 days\n"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aliass_own_words_come_before_and_after() {
    let more = "ack: {format: 'Saying {{ execution.parameters.word }} by {{ actionalias.ref }}'}\n\
                result: {format: \"It said{~}{{ execution.result.stdout }}, {{ execution.status }}\"}\n";
    let house = house("echo \"{{word}}\"", WORD, more);
    let card = card(&house, "!say moo", "done").await;
    assert!(card.contains("Saying moo by trial.say\n"), "{card}");
    assert!(card.contains("It said\n  │ moo, succeeded\n"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_can_be_disabled() {
    let more = "ack: {enabled: false, format: acknowledged}\nresult: {enabled: false, format: resulted}\n";
    let house = house("echo printed", "", more);
    let card = card(&house, "!say", "done").await;
    for word in ["acknowledged", "resulted", "printed"] {
        assert!(!card.contains(word), "{word}: {card}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_its_own_is_said_of_a_failure_too_and_a_bad_one_is_no_failure() {
    let more = "result: {format: 'code {{ execution.result.return_code }} {{ no.such.name }}'}\n\
                ack: {format: '{{ nobody }}'}\n";
    let house = house("echo printed; exit 3", "", more);
    let card = card(&house, "!say", "failed").await;
    assert!(card.contains("code 3\n"), "{card}");
    assert!(card.contains("`ack.format` of the alias say cannot be rendered"), "{card}");
    assert!(card.contains("exit code 3"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_output_is_cut_and_says_where_the_whole_of_it_is() {
    let house = house("seq 1 5000", "", "");
    let card = card(&house, "!say", "done").await;
    assert!(card.contains("  │ 1\n") && card.contains("  │ 5000\n"), "{card}");
    assert!(card.contains("left out …") && !card.contains("  │ 2500\n"), "{card}");
    assert!(card.contains("The whole output: `lockkeeper executions tail "), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_parameter_is_covered_wherever_it_turns_up() {
    let parameters = "  word: {type: string, secret: true, default: hunter2hunter2}\n";
    let house = house("echo \"it is {{word}}\"", parameters, "");
    let card = card(&house, "!say", "done").await;
    assert!(card.contains("  │ it is ********\n"), "{card}");
    assert!(!card.contains("hunter2"), "{card}");
}

const ECHO: &str = "
version: 1.0
input: [number, {unit: seconds}]
tasks:
  one: {action: core.noop}
output: [{said: <% str(ctx().number) + ' ' + ctx().unit %>}]
";

#[tokio::test(flavor = "multi_thread")]
async fn an_actions_defaults_reach_its_workflow_and_the_output_its_card() {
    let house = House::new();
    house.workflow(ECHO, "{number: {type: integer, default: 7}, unit: {type: string}}");
    let given = card(&house, "!go 8", "done").await;
    assert!(given.contains("  │ said: 8 seconds\n"), "{given}");
    let default = card(&house, "!go", "done").await;
    assert!(default.contains("  │ said: 7 seconds\n"), "{default}");
}

const CALLING: &str = "
version: 1.0
vars: [{nothing: null}]
tasks:
  below: {action: trial.below, input: {number: <% ctx().nothing %>}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_is_not_given_what_it_needs_says_what() {
    let house = House::new();
    house.workflow(CALLING, "{}");
    house.write(
        "commands/trial/actions/below.yaml",
        "name: below\nrunner_type: orquesta\ndescription: A trial.\nentry_point: workflows/below.yaml\n\
         parameters: {number: {type: integer, required: true}}\n",
    );
    house.write("commands/trial/actions/workflows/below.yaml", ECHO);
    let card = card(&house, "!go", "failed").await;
    assert!(card.contains("below failed: trial.below: `number` wants a whole number, got nothing"), "{card}");
}

each_chat!(a_long_output_hangs_below_its_card, Talk::of(house("seq 1 5000", "", "")));

/// The card has both ends of it; the file in its thread all.
async fn a_long_output_hangs_below_its_card(talk: &mut Talk<impl Chat>) {
    talk.says(Ann, "!say");
    let card = talk.sees("trial.say").await;
    let below = talk.sees("whole output").await;
    reads!(below, @"• The whole output: 5000 lines.");
    assert_eq!((below.thread.as_ref(), below.rings.len()), (Some(&card.id), 0));
    let done = talk.becomes(&card, "trial.say: done").await;
    assert!(done.words.contains("\n5000\n") && !done.words.contains("\n2500\n"), "{done}");
    let file = talk.file("-output.txt").await;
    assert_eq!(file.bytes, (1..=5000).map(|it| it.to_string()).collect::<Vec<_>>().join("\n").into_bytes());
    if talk.is_platform() {
        assert_eq!(file.thread.as_ref(), Some(&card.id));
        assert_eq!(file.alt, "trial.say: done. The whole output: 5000 lines.");
    }
}

const PASSWORD: &str = "  word: {type: string, default: open-sesame, secret: true}\n";

each_chat!(
    a_long_log_of_a_failure_hangs_below_its_card,
    Talk::of(house("seq 1 400; echo {{word}}; exit 3", PASSWORD, ""))
);

/// The card shows how it ended; the file has the beginning, too, and no secret.
async fn a_long_log_of_a_failure_hangs_below_its_card(talk: &mut Talk<impl Chat>) {
    talk.says(Ann, "!say");
    let card = talk.sees("trial.say").await;
    let below = talk.sees("whole log").await;
    reads!(below, @"• The whole log of `trial.say`: 401 lines.");
    assert_eq!(below.thread.as_ref(), Some(&card.id));
    talk.becomes(&card, "trial.say: failed").await;
    let file = talk.file("-trial.say.log").await;
    let text = String::from_utf8(file.bytes).expect("text");
    assert!(text.starts_with("1\n2\n") && text.contains("\n399\n400\n********\n"), "{text}");
}

const WITHIN: &str = "version: 1.0
input: [word]
tasks: {print: {action: core.local, input: {env: {WORD: <% ctx().word %>}, cmd: 'seq 1 40; echo $WORD; exit 3'}}}
";

/// Between the root, which has no secret, and the command, which knows of none, a workflow was given one.
fn nested() -> House {
    let house = House::new();
    house.workflow(
        "version: 1.0\ntasks: {within: {action: trial.within, input: {word: open-sesame}}}\n",
        "{}",
    );
    let within = "name: within\nrunner_type: orquesta\ndescription: Within.\nentry_point: workflows/within.yaml\n\
                  parameters: {word: {type: string, secret: true}}\n";
    house.write("commands/trial/actions/within.yaml", within);
    house.write("commands/trial/actions/workflows/within.yaml", WITHIN);
    house
}

each_chat!(a_log_of_what_is_below_a_workflow_shows_no_secret_of_it, Talk::of(nested()));

async fn a_log_of_what_is_below_a_workflow_shows_no_secret_of_it(talk: &mut Talk<impl Chat>) {
    talk.says(Ann, "!go");
    let card = talk.sees("trial.go").await;
    talk.sees("whole log").await;
    talk.becomes(&card, "trial.go: failed").await;
    let text = String::from_utf8(talk.file(".log").await.bytes).expect("text");
    assert!(text.contains("\n39\n40\n********\n"), "{text}");
}
