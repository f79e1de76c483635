//! `lockkeeper key`: through the bot where one runs, and without one.

use std::io::Write as _;
use std::process::{Output, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use lockkeeper::control::Keys;
use lockkeeper::control::wire::{Covered, KeyRequest, Reply, WireKey, WirePut};
use lockkeeper::datastore::Asker;
use lockkeeper::secret::{Sealer, Secret};
use lockkeeper::store::{Store, datastore::Datastore};
use serde_json::{Value, json};

use super::{Place, lockkeeper, stderr, stdout};

const HIDDEN: &str = "correct-horse-battery";

fn place() -> Place {
    let place = Place::new();
    let config = place.path().join("config");
    std::fs::write(config.join("store.key"), "3a".repeat(32)).unwrap();
    let file = config.join("lockkeeper.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{text}datastore: {{key: 'file:store.key'}}\n")).unwrap();
    place
}

/// The store that a bot left there.
fn left_by_a_bot(place: Place) -> Place {
    assert_eq!(place.serve().stops(), Some(0));
    place
}

/// Asks with something on standard input.
fn given(place: &Place, arguments: &[&str], input: &str) -> Output {
    let config = place.config();
    let mut all = arguments.to_vec();
    all.extend(["--config", &config]);
    let mut command = lockkeeper(&all);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    stdout(output).trim_end().to_owned()
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", stdout(output));
    assert!(!format!("{}{}", stdout(output), stderr(output)).contains(HIDDEN));
    stderr(output)
}

/// The same, whoever holds the store.
fn keys_come_and_go(place: &Place) {
    assert_eq!(good(&place.ask(&["key", "set", "region", "eu-1"])), "system.region is set");
    assert_eq!(good(&place.ask(&["key", "get", "region"])), "eu-1");
    assert_eq!(
        good(&given(place, &["key", "set", "token", "-", "--encrypt"], &format!("{HIDDEN}\n"))),
        "system.token is set"
    );
    assert_eq!(good(&place.ask(&["key", "get", "token"])), "********");
    assert_eq!(good(&place.ask(&["key", "get", "token", "--decrypt"])), HIDDEN);
    let own = good(&place.ask(&["key", "set", "color", "red", "--scope", "user", "--ttl", "1h", "--json"]));
    let own: Value = serde_json::from_str(&own).unwrap();
    assert_eq!((own["user"].as_str(), own["scope"].as_str()), (Some("ann"), Some("st2kv.user")));
    assert!(own["expire_timestamp"].is_string(), "{own}");
    good(&place.ask(&["key", "set", "color", "blue", "--user", "bea"]));
    let listed: Value = serde_json::from_str(&good(&place.ask(&["key", "list", "--json"]))).unwrap();
    let names: Vec<String> =
        listed.as_array().unwrap().iter().map(|it| format!("{}={}", it["name"], it["value"])).collect();
    assert_eq!(names, [r#""region"="eu-1""#, r#""token"="********""#, r#""color"="red""#]);
    let table = good(&place.ask(&["key", "list", "--prefix", "to"]));
    assert!(table.contains("system.token  ********  yes") && !table.contains("region"), "{table}");
    assert!(
        refused(&place.ask(&["key", "set", "token", HIDDEN, "--encrypt"]))
            .contains("write `-` for the value")
    );
    assert!(
        refused(&given(place, &["key", "set", "token", "-", "-e"], "short")).contains("8 characters or more")
    );
    assert!(refused(&place.ask(&["key", "get", "absent"])).contains("There is no key `system.absent`"));
    assert_eq!(good(&place.ask(&["key", "delete", "region"])), "system.region is removed");
    assert!(refused(&place.ask(&["key", "delete", "region"])).contains("There is no key"));
}

#[test]
fn keys_come_and_go_without_a_bot() {
    keys_come_and_go(&left_by_a_bot(place()));
}

#[test]
fn keys_come_and_go_through_a_running_bot() {
    let place = place();
    let bot = place.serve();
    keys_come_and_go(&place);
    assert_eq!(bot.stops(), Some(0));
    // What the bot kept is there without it.
    assert_eq!(good(&place.ask(&["key", "get", "token", "--decrypt"])), HIDDEN);
}

/// Made by whoever calls, the store would be theirs, and the bot's user could not write it.
#[test]
fn where_there_is_no_store_none_is_made() {
    let place = place();
    for command in [&["key", "set", "region", "eu-1"][..], &["key", "list"]] {
        let error = refused(&place.ask(command));
        assert!(error.contains("there is no store at ") && error.contains("lockkeeper serve"), "{error}");
        assert!(!place.path().join("data").exists(), "{command:?}");
    }
}

#[test]
fn a_listing_of_stackstorm_is_loaded_as_a_whole_or_not_at_all() {
    let place = left_by_a_bot(place());
    let file = place.path().join("keys.json");
    let path = file.display().to_string();
    let entry = |name: &str, secret: bool| json!({"name": name, "value": HIDDEN, "scope": "st2kv.system", "secret": secret, "encrypted": false, "uid": "x"});
    std::fs::write(&file, json!([entry("a", false), {"name": "b", "value": {"x": 1}}]).to_string()).unwrap();
    assert!(refused(&place.ask(&["key", "load", &path])).contains("entry 2 (`b`): `value` is no text"));
    assert!(!good(&place.ask(&["key", "list"])).contains("system.a"));
    std::fs::write(&file, json!([entry("a", false), entry("b", true)]).to_string()).unwrap();
    assert_eq!(good(&place.ask(&["key", "load", &path])), "system.a is set\nsystem.b is set");
    let yaml = place.path().join("keys.yaml");
    std::fs::write(&yaml, "- name: c\n  value: [1, yes]\n  scope: user\n").unwrap();
    good(&place.ask(&["key", "load", "--convert", &yaml.display().to_string()]));
    assert_eq!(good(&place.ask(&["key", "get", "c", "-s", "user"])), "[1,true]");
    // What was listed loads again.
    let listed = good(&place.ask(&["key", "list", "--decrypt", "--json"]));
    std::fs::write(&file, listed).unwrap();
    good(&place.ask(&["key", "load", &path]));
    assert_eq!(good(&place.ask(&["key", "get", "b", "--decrypt"])), HIDDEN);
    assert_eq!(good(&place.ask(&["key", "get", "b"])), "********");
}

#[test]
fn a_secret_without_a_key_says_what_to_do() {
    let place = left_by_a_bot(Place::new());
    let error = refused(&given(&place, &["key", "set", "token", "-", "--encrypt"], HIDDEN));
    assert!(
        error.contains("datastore: {key: file:PATH}") && error.contains("openssl rand -base64 32"),
        "{error}"
    );
    let help = good(&lockkeeper(&["key", "set", "--help"]).output().unwrap());
    assert!(help.contains("cat token | lockkeeper key set github_token - --encrypt"), "{help}");
}

#[tokio::test]
async fn whoever_may_not_is_told_who_may() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}", dir.path().join("it.db").display())).await.unwrap();
    let sealer = Sealer::new(&Secret::new("3a".repeat(32))).unwrap();
    let datastore = Datastore::new(store.clone(), Some(Arc::new(sealer)));
    let ask = async |person: &str, may_all: bool, request: KeyRequest| {
        let asker = Asker { name: person.to_owned(), person: Some(person.into()), may_all };
        let keys =
            Keys { keys: &datastore, asker: &asker, writers: &["sre".into()], now: Timestamp::UNIX_EPOCH };
        keys.answer(request).await
    };
    let key = |scope: &str, user: Option<&str>| WireKey {
        scope: scope.into(),
        user: user.map(Into::into),
        name: "token".into(),
    };
    let put = |key: WireKey| KeyRequest::Put {
        puts: vec![WirePut { key, value: Covered::new(HIDDEN), secret: true, ttl_ms: None }],
    };
    let why = |replies: Vec<Reply>| match replies.as_slice() {
        [Reply::Refused { card }] => card.to_string(),
        other => panic!("{other:?}"),
    };
    let system = || key("system", None);
    assert!(why(ask("ann", false, put(system())).await).contains("change the keys of the system"));
    assert!(store.recent_acts(9).await.unwrap().is_empty());
    assert!(matches!(ask("bea", true, put(system())).await.as_slice(), [Reply::Key(_)]));
    let seen = ask("ann", false, KeyRequest::Get { key: system(), decrypt: false }).await;
    assert!(matches!(&seen[..], [Reply::Key(it)] if it["value"] == "********"), "{seen:?}");
    let denied = why(ask("ann", false, KeyRequest::Get { key: system(), decrypt: true }).await);
    assert!(denied.contains("decrypt the secrets of the system") && denied.contains("sre"), "{denied}");
    assert!(why(ask("ann", false, KeyRequest::Delete { key: system() }).await).contains("change the keys"));
    assert!(matches!(ask("ann", false, put(key("user", None))).await.as_slice(), [Reply::Key(_)]));
    let others = key("user", Some("ann"));
    assert!(
        why(ask("cid", false, KeyRequest::Get { key: others.clone(), decrypt: false }).await)
            .contains("of ann")
    );
    let list =
        KeyRequest::List { scope: None, user: Some("ann".into()), prefix: String::new(), decrypt: false };
    assert!(why(ask("cid", false, list).await).contains("see the keys of ann"));
    let acts: Vec<String> = store
        .recent_acts(9)
        .await
        .unwrap()
        .into_iter()
        .map(|(_, who, act, what)| format!("{who} {act} {what}"))
        .collect();
    assert_eq!(acts, ["ann key.create user:ann/token", "bea key.create system/token"]);
    assert!(!format!("{:?}", put(others)).contains(HIDDEN), "no log shows it");
}
