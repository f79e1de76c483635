//! A pack of StackStorm with Python actions and an action chain, as somebody brings it along.

use lockkeeper::datastore::{Key, Put, Scope};
use lockkeeper::secret::Secret;
use serde_json::json;

use crate::support::house::House;

/// A pack in `packs/`, of StackStorm's dialect.
fn house() -> House {
    let house = House::new();
    house.write(
        "packs/weather/pack.yaml",
        "---\nname: weather\ndescription: Weather.\nversion: 1.0.0\nauthor: me\n",
    );
    house.write(
        "packs/weather/config.schema.yaml",
        "---\ntoken: {type: string, secret: true, required: true}\nunit: {type: string, default: Celsius}\n",
    );
    let token = house.path("token");
    house.write("config/packs/weather.yaml", &format!("---\ntoken: file:{}\n", token.display()));
    house.write("token", "correct-horse-battery\n");
    house.write(
        "packs/weather/actions/ask.yaml",
        "---\nname: ask\nrunner_type: run-python\nentry_point: ask.py\nenabled: true\nparameters:\n  \
         city: {type: string, required: true}\n  days: {type: integer, default: 3}\n",
    );
    house.write(
        "packs/weather/actions/ask.py",
        "from lib.words import greeting\nfrom st2common.runners.base_action import Action\n\n\n\
         class Ask(Action):\n    def run(self, city, days):\n        self.logger.info('asking with %s' % self.config['token'])\n        \
         if city == 'Atlantis':\n            return False, 'there is no %s' % city\n        \
         print(greeting(city))\n        return {'city': city, 'degrees': days * 7, 'unit': self.config['unit']}\n",
    );
    house.write(
        "packs/weather/actions/lib/words.py",
        "def greeting(city):\n    return 'Looking at %s' % city\n",
    );
    house.write(
        "packs/weather/aliases/ask.yaml",
        "---\nname: ask\naction_ref: weather.ask\ndescription: Asks.\nformats: ['weather in {{city}}']\n\
         result: {format: '{{ execution.result.result.degrees }} degrees {{ execution.result.result.unit }}'}\n",
    );
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_action_of_a_pack_answers_in_chat_and_keeps_its_secret() {
    let house = house();
    let bot = house.start().await;
    let card = bot.ask("ann", "!weather in Oslo", |text| text.contains("done")).await;
    assert!(card.contains("21 degrees Celsius"), "{card}");
    let run = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    let result = run.result.unwrap();
    assert_eq!(result["result"], json!({"city": "Oslo", "degrees": 21, "unit": "Celsius"}));
    assert_eq!(result["stdout"], "Looking at Oslo\n");
    assert_eq!(result["stderr"], "actions.python.Ask: INFO     asking with ********\n");
    let log = std::fs::read_to_string(house.path("data/logs").join(format!("{}.log", run.id))).unwrap();
    assert!(log.contains("Looking at Oslo") && !log.contains("correct-horse"), "{log}");

    let card = bot.ask("ann", "!weather in Atlantis", |text| text.contains("failed")).await;
    assert!(card.contains("there is no Atlantis"), "{card}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_and_a_file_that_changed_stop_an_action_before_it_begins() {
    let house = house();
    std::fs::remove_file(house.path("token")).unwrap();
    let bot = house.start().await;
    let card = bot.ask("ann", "!weather in Oslo", |text| text.contains("failed")).await;
    assert!(card.contains("`token` in config/packs/weather.yaml is not to be had"), "{card}");

    house.write("token", "correct-horse-battery\n");
    let content = house.path("data/content");
    let laid_out =
        std::fs::read_dir(content).unwrap().map(|it| it.unwrap().path().join("actions/lib/words.py"));
    let words = laid_out.into_iter().find(|it| it.is_file()).unwrap();
    std::fs::write(words, "def greeting(city):\n    return 'altered'\n").unwrap();
    let card = bot.ask("ann", "!weather in Oslo", |text| text.contains("words.py")).await;
    assert!(card.contains("actions/lib/words.py holds something else"), "{card}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_configured_from_the_datastore_with_what_it_holds_then() {
    let house = house();
    house.write("datastore.key", &format!("{}\n", "5c".repeat(32)));
    let key = house.path("datastore.key");
    house.also("config/lockkeeper.yaml", &format!("datastore: {{key: 'file:{}'}}\n", key.display()));
    house.write(
        "config/packs/weather.yaml",
        "token: '{{ st2kv.system.weather_token }}'\nunit: '{{ st2kv.system.unit }}'\n",
    );
    let bot = house.start().await;
    let card = bot.ask("ann", "!weather in Oslo", |text| text.contains("failed")).await;
    assert!(card.contains("in config/packs/weather.yaml is not to be had: "), "{card}");
    assert!(card.contains("gives nothing"), "{card}");
    // What is read is a value, whatever it looks like.
    for (name, value, secret) in
        [("weather_token", "correct-horse-battery", true), ("unit", "env:HOME", false)]
    {
        let key = Key::new(Scope::System, name).unwrap();
        let put = Put { key, value: Secret::new(value), secret, ttl: None };
        bot.engine.keys().put(put, "ann", bot.engine.clock().now()).await.unwrap();
    }
    let card = bot.ask("ann", "!weather in Oslo", |text| text.contains("done")).await;
    assert!(card.contains("21 degrees env:HOME"), "{card}");
    let run = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    let result = run.result.unwrap();
    assert_eq!(result["stderr"], "actions.python.Ask: INFO     asking with ********\n");
    bot.stop().await;
}

const CHAIN: &str = "---
vars: {place: '{{ where }} harbour'}
chain:
  - name: look
    ref: weather.ask
    parameters: {city: '{{ place }}', days: '{{ days }}'}
    publish: {degrees: '{{ look.result.degrees | default(0) }}'}
    on-success: tell
    on-failure: sorry
  - name: tell
    ref: core.echo
    parameters: {message: 'It is {{ degrees }} at {{ look.result.city }} for {{ action_context.parent.user }}'}
  - name: sorry
    ref: core.ask
    parameters: {roles: [sre]}
    on-success: tell_all
  - name: tell_all
    ref: core.echo
    parameters: {message: '{{ look.result }}'}
";

#[tokio::test(flavor = "multi_thread")]
async fn an_action_chain_goes_on_over_a_question_and_a_restart() {
    let house = house();
    house.write("packs/weather/actions/chains/report.yaml", CHAIN);
    house.write(
        "packs/weather/actions/report.yaml",
        "---\nname: report\nrunner_type: action-chain\nentry_point: chains/report.yaml\nparameters:\n  \
         where: {type: string, required: true}\n  days: {type: integer, default: 2}\n",
    );
    house.write(
        "packs/weather/aliases/report.yaml",
        "---\nname: report\naction_ref: weather.report\ndescription: Tells.\nformats: ['report {{where}}']\n",
    );
    let bot = house.start().await;
    bot.ask("ann", "!report Oslo", |text| text.contains("done")).await;
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    let result = root.result.unwrap();
    assert_eq!(result["published"], json!({"degrees": "14"}));
    let tasks: Vec<_> =
        result["tasks"].as_array().unwrap().iter().map(|it| (&it["name"], &it["state"])).collect();
    assert_eq!(tasks, [(&json!("look"), &json!("succeeded")), (&json!("tell"), &json!("succeeded"))]);
    assert_eq!(result["tasks"][1]["result"]["stdout"], "It is 14 at Oslo harbour for ann");

    house.write("packs/weather/actions/ask.py", "raise SystemExit(4)\n");
    bot.stop().await;
    let bot = house.start().await;
    let question = bot.ask("ann", "!report Oslo", |text| text.contains("asks")).await;
    let id = question.split("!answer ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    bot.stop().await;
    let bot = house.start().await;
    bot.ask("bea", &format!("!answer {id} yes"), |text| text.contains("bea answered")).await;
    bot.shows(0, |text| text.contains("done")).await;
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    let tasks = root.result.unwrap()["tasks"].clone();
    let states: Vec<_> = tasks.as_array().unwrap().iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, [json!("failed"), json!("succeeded"), json!("succeeded")]);
    assert_eq!(tasks[0]["result"]["exit_code"], 4);
    bot.stop().await;
}

const KEEPER: &str = "from st2common.runners.base_action import Action\n\n\nclass Keep(Action):\n    \
    def run(self, word):\n        it = self.action_service\n        it.set_value('seen', word)\n        \
    it.set_value('token', 'c0rrect-horse-battery', local=False, encrypt=True)\n        \
    sealed = it.get_value('token', local=False)\n        opened = it.get_value('token', local=False, decrypt=True)\n        \
    print('the token is', opened)\n        \
    return {'seen': it.get_value('seen'), 'names': [one.name for one in it.list_values(local=False)],\n                \
    'sealed': sealed != opened, 'opened': opened}\n";

/// What an action keeps is there for the next one and for `lockkeeper key`; what it decrypts is covered.
#[tokio::test(flavor = "multi_thread")]
async fn a_python_action_keeps_values_and_shows_no_secret() {
    let house = house();
    house.write("datastore.key", &format!("{}\n", "5c".repeat(32)));
    let key = house.path("datastore.key");
    house.also("config/lockkeeper.yaml", &format!("datastore: {{key: 'file:{}'}}\n", key.display()));
    house.write("packs/weather/actions/keep.py", KEEPER);
    house.write(
        "packs/weather/actions/keep.yaml",
        "---\nname: keep\nrunner_type: python-script\nentry_point: keep.py\nparameters:\n  word: {type: string, required: true}\n",
    );
    house.write(
        "packs/weather/aliases/keep.yaml",
        "---\nname: keep\naction_ref: weather.keep\ndescription: Keeps.\nformats: ['keep {{word}}']\n",
    );
    let bot = house.start().await;
    bot.ask("ann", "!keep rain", |text| text.contains("weather.keep: done")).await;
    let run = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    let result = run.result.unwrap();
    let kept = json!({
        "seen": "rain", "names": ["token", "weather.Keep:seen"], "sealed": true, "opened": "********",
    });
    assert_eq!(result["result"], kept);
    assert_eq!(result["stdout"], "the token is ********\n");
    let seen = Key::local("weather", "Keep", "seen").unwrap();
    let pair = bot.engine.keys().find(&seen, bot.engine.clock().now()).await.unwrap().unwrap();
    assert_eq!((pair.shown(), pair.changed_by.as_str()), ("rain", "a Python action"));
    bot.stop().await;
    let database = std::fs::read(house.path("data/lockkeeper.db")).unwrap();
    assert!(!database.windows(13).any(|it| it == b"c0rrect-horse"), "the secret lies in the database");
}
