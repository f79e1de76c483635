//! The datastore: what is written is there until its time, secrets only under their key, and never in a file in plain.

use std::sync::Arc;
use std::time::Duration;

use lockkeeper::clock::after;
use lockkeeper::datastore::{Kept, Key, Put, Scope};
use lockkeeper::secret::{MASK, Sealer, Secret};
use lockkeeper::store::Store;
use lockkeeper::store::datastore::{Datastore, DatastoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _};

use super::{NOW, open};

/// What stands nowhere else.
const HIDDEN: &str = "correct-horse-battery-staple";

fn sealer(byte: u8) -> Arc<Sealer> {
    Arc::new(Sealer::new(&Secret::new(hex::encode([byte; 32]))).unwrap())
}

fn keys(store: &Store) -> Datastore {
    Datastore::new(store.clone(), Some(sealer(1)))
}

fn put(name: &str, value: &str) -> Put {
    Put { key: Key::system(name).unwrap(), value: Secret::new(value), secret: false, ttl: None }
}

fn secret(name: &str) -> Put {
    Put { secret: true, ..put(name, HIDDEN) }
}

fn texts(pairs: &[lockkeeper::datastore::Pair]) -> Vec<String> {
    pairs.iter().map(|it| format!("{}={}", it.key.name(), it.shown())).collect()
}

#[tokio::test]
async fn a_value_is_there_until_another_is_or_it_is_removed() {
    let (_dir, store) = open().await;
    let keys = keys(&store);
    let first = keys.put(put("a", "1"), "ann", NOW).await.unwrap();
    assert!(first.was.is_none() && first.changed);
    let later = after(NOW, Duration::from_secs(5));
    let same = keys.put(put("a", "1"), "bea", later).await.unwrap();
    assert!(!same.changed && same.was.unwrap().changed_by == "ann");
    let other = keys.put(put("a", "2"), "bea", later).await.unwrap();
    assert!(other.changed);
    let found = keys.find(&Key::system("a").unwrap(), later).await.unwrap().unwrap();
    assert_eq!(found, other.now);
    assert_eq!((found.created_at, found.changed_at), (NOW, later));
    let gone = keys.remove(&found.key, "ann", later).await.unwrap().unwrap();
    assert_eq!(gone.shown(), "2");
    assert_eq!(keys.remove(&found.key, "ann", later).await.unwrap(), None);
    let acts = store.recent_acts(9).await.unwrap();
    let acts: Vec<String> =
        acts.into_iter().map(|(_, who, act, what)| format!("{who} {act} {what}")).collect();
    let told = ["ann key.delete", "bea key.update", "bea key.update", "ann key.create"];
    assert_eq!(acts, told.map(|it| format!("{it} system/a")));
}

#[tokio::test]
async fn scopes_and_prefixes_keep_names_apart() {
    let (_dir, store) = open().await;
    let keys = keys(&store);
    let user = |person: &str, name: &str| Put {
        key: Key::new(Scope::User(person.into()), name).unwrap(),
        ..put("x", person)
    };
    let all = [put("p.C:a", "1"), put("p.C:b", "2"), put("pxC:c", "3"), put("P.C:d", "4"), put("%_", "5")];
    keys.put_all(all.into(), "ann", NOW).await.unwrap();
    keys.put_all(vec![user("ann", "t"), user("bea", "t")], "ann", NOW).await.unwrap();
    let list = async |scope: &Scope, prefix: &str| texts(&keys.list(scope, prefix, NOW).await.unwrap());
    assert_eq!(list(&Scope::System, "p.C:").await, ["p.C:a=1", "p.C:b=2"]);
    assert_eq!(list(&Scope::System, "%").await, ["%_=5"]);
    assert_eq!(list(&Scope::System, "").await.len(), 5);
    assert_eq!(list(&Scope::User("ann".into()), "").await, ["t=ann"]);
    assert_eq!(list(&Scope::User("an".into()), "").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_has_expired_is_gone_before_it_is_swept() {
    let (_dir, store) = open().await;
    let keys = keys(&store);
    let minute = Duration::from_secs(60);
    keys.put(Put { ttl: Some(minute), ..put("a", "1") }, "ann", NOW).await.unwrap();
    keys.put(put("b", "2"), "ann", NOW).await.unwrap();
    let (before, then) = (after(NOW, minute - Duration::from_millis(1)), after(NOW, minute));
    let key = Key::system("a").unwrap();
    assert!(keys.find(&key, before).await.unwrap().is_some());
    assert!(keys.find(&key, then).await.unwrap().is_none());
    assert_eq!(texts(&keys.list(&Scope::System, "", then).await.unwrap()), ["b=2"]);
    assert_eq!(keys.remove(&key, "ann", then).await.unwrap(), None);
    assert_eq!(keys.sweep(before).await.unwrap(), 0);
    assert_eq!(keys.sweep(then).await.unwrap(), 1);
    // Written anew it is another one; and without a length of time it stays.
    keys.put(Put { ttl: Some(minute), ..put("b", "2") }, "ann", NOW).await.unwrap();
    let anew = keys.put(put("b", "3"), "bea", then).await.unwrap();
    assert!(anew.was.is_none() && anew.now.created_at == then && anew.now.expires_at.is_none());
    assert_eq!(keys.find(&anew.now.key, after(then, minute * 9)).await.unwrap(), Some(anew.now));
}

#[tokio::test]
async fn no_file_holds_a_secret_in_plain() {
    let (dir, store) = open().await;
    let keys = keys(&store);
    keys.put(put("open", "seen-by-anybody"), "ann", NOW).await.unwrap();
    let written = keys.put(secret("token"), "ann", NOW).await.unwrap();
    assert_eq!(written.now.shown(), MASK);
    keys.put(secret("token"), "ann", NOW).await.unwrap();
    let pair = keys.find(&written.now.key, NOW).await.unwrap().unwrap();
    assert_eq!(keys.reveal_to(&pair, "ann", NOW).await.unwrap().expose(), HIDDEN);
    assert_eq!(store.recent_acts(1).await.unwrap()[0].2, "key.decrypt");
    let whole = |dir: &std::path::Path| -> Vec<u8> {
        let files = std::fs::read_dir(dir).unwrap().map(|it| it.unwrap().path());
        files.filter(|it| it.is_file()).flat_map(|it| std::fs::read(it).unwrap()).collect()
    };
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
    let live = whole(dir.path());
    assert!(holds(&live, "seen-by-anybody"), "the log of the database is looked at too");
    assert!(!holds(&live, HIDDEN));
    drop(keys);
    drop(store);
    assert!(!holds(&whole(dir.path()), HIDDEN));
}

#[tokio::test]
async fn without_its_key_a_secret_stays_and_says_why() {
    let (_dir, store) = open().await;
    let one = keys(&store);
    let pair = one.put(secret("token"), "ann", NOW).await.unwrap().now;
    one.check_key(NOW).await.unwrap();
    let other = Datastore::new(store.clone(), Some(sealer(2)));
    for keys in [&other, &Datastore::new(store.clone(), None)] {
        assert!(matches!(keys.check_key(NOW).await, Err(DatastoreError::WrongKey { secrets: 1, .. })));
        assert!(keys.put(secret("more"), "ann", NOW).await.is_err(), "one key at a time");
        assert!(keys.reveal(&pair).is_err());
        keys.put(put("plain", "1"), "ann", NOW).await.unwrap();
    }
    let why = other.reveal(&pair).unwrap_err().to_string();
    assert!(why.contains("`system.token`") && why.contains(sealer(1).key_id()), "{why}");
    let why = Datastore::new(store.clone(), None).put(secret("x"), "ann", NOW).await.unwrap_err().to_string();
    assert!(why.contains("datastore: {key: file:PATH}"), "{why}");
    assert_eq!(one.reveal(&one.find(&pair.key, NOW).await.unwrap().unwrap()).unwrap().expose(), HIDDEN);
}

#[tokio::test]
async fn a_secret_is_bound_to_its_key_and_the_database_takes_none_in_plain() {
    let (dir, store) = open().await;
    let keys = keys(&store);
    let token = keys.put(secret("token"), "ann", NOW).await.unwrap().now;
    let Kept::Sealed(sealed) = &token.value else { panic!("{token:?}") };
    let path = dir.path().join("lockkeeper.db");
    let mut raw = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let row = |name: &str, value: &str| {
        let insert = "INSERT INTO datastore (scope, name, value, secret, created_at, changed_at, changed_by)";
        sqlx::AssertSqlSafe(format!("{insert} VALUES ('system', '{name}', '{value}', 1, 0, 0, 'x')"))
    };
    assert!(raw.execute(row("plain", HIDDEN)).await.is_err());
    raw.execute(row("mine", sealed)).await.unwrap();
    let moved = keys.find(&Key::system("mine").unwrap(), NOW).await.unwrap().unwrap();
    let why = keys.reveal(&moved).unwrap_err().to_string();
    assert!(why.contains("sealed for another place"), "{why}");
}

#[tokio::test]
async fn of_several_all_are_written_or_none() {
    let (_dir, store) = open().await;
    let keys = keys(&store);
    let short = Put { value: Secret::new("short"), ..secret("b") };
    let error = keys.put_all(vec![put("a", "1"), short], "ann", NOW).await.unwrap_err();
    assert!(error.to_string().contains("8 characters or more"), "{error}");
    assert!(keys.list(&Scope::System, "", NOW).await.unwrap().is_empty());
}
