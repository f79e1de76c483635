//! push → build → what the app's channel is told.

use jiff::Timestamp;
use lockkeeper::engine::Asked;
use lockkeeper::gate::{Decision, Requester};
use lockkeeper::id::{Place, Platform};
use lockkeeper::message::Card;
use lockkeeper::status::Status;
use lockkeeper::store::Change;
use lockkeeper::store::outbox::{Priority, Wanted};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::world::{NOTHING, World, drained, roots};
use crate::support::house::Bot;
use crate::support::trial::until;

const GOOD: &str = "echo built";
const BAD: &str = "echo compiling; echo 'error: it does not add up' >&2; exit 7";

/// All messages in the channel, as plain text.
fn shown(bot: &Bot) -> Vec<String> {
    bot.player.messages().iter().map(|it| it.card.to_string()).collect()
}

fn titled(bot: &Bot, title: &str) -> Vec<String> {
    shown(bot).into_iter().filter(|it| it.contains(title)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_built_and_its_card_stands_in_the_apps_channel() {
    let world = World::new("");
    let first = world.commit("ann", "Open the shop", GOOD);
    let second = world.commit("dora", "Sell tea", GOOD);
    let bot = world.house.start().await;
    world.push(&bot, "ann-codes", &first, &second).await;
    let card = bot.shows(0, |it| it.contains("Build of shop: done")).await;
    assert!(card.contains("Sell tea (dora)"), "{card}");
    assert!(card.contains("ann-codes"), "{card}");
    let roots = roots(&bot).await;
    assert_eq!(roots.len(), 1);
    assert_eq!((roots[0].action.as_str(), roots[0].status), ("ci.build", Status::Succeeded));
    assert_eq!(roots[0].origin.as_deref(), Some("github:delivery-0:0"));
    assert_eq!(roots[0].context["requester"], "ann");
    assert_eq!(roots[0].context["commit"], second.as_str());
    assert_eq!(roots[0].context.get("release"), None);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_hosts_is_built_and_says_what_a_release_lacks() {
    let world = World::new("");
    let repository = world.repository();
    let app =
        format!("app: shop\nrepository: {{url: {}}}\nchannels: [terminal/main]\n", repository.display());
    world.house.write("config/apps/shop.yaml", &app);
    let first = world.commit("ann", "Open the shop", GOOD);
    let bot = world.house.start().await;
    world.push(&bot, "ann-codes", NOTHING, &first).await;
    let card = bot.shows(0, |it| it.contains("Build of shop: done")).await;
    assert!(card.contains("Open the shop (ann)"), "{card}");
    for order in ["!deploy shop", "!plan shop", "!rollback shop"] {
        let answer = bot.ask("ann", order, |it| it.contains("only built")).await;
        assert!(answer.contains("add `environments:` and `health:` to `config/apps/shop.yaml`"), "{answer}");
    }
    bot.stop().await;

    let place = "environments:\n  production:\n    gate: {quorum: [{group: sre, count: 1}]}\n    who: {deploy: [developers]}\n";
    world.house.write("config/apps/shop.yaml", &format!("{app}{place}"));
    let bot = world.house.start().await;
    bot.ask("ann", "!deploy shop", |it| it.contains("`shop` has no `health:`")).await;
    assert_eq!(roots(&bot).await.len(), 1);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_build_is_told_once_counted_again_and_closed_when_it_is_whole() {
    let world = World::new("");
    let first = world.commit("ann", "Open the shop", GOOD);
    let bot = world.house.start().await;
    world.push(&bot, "ann-codes", NOTHING, &first).await;
    bot.shows(0, |it| it.contains("Build of shop: done")).await;
    assert!(titled(&bot, "❌").is_empty(), "a good build rings no bell");

    let second = world.commit("dora", "Break it", BAD);
    world.push(&bot, "dora-codes", &first, &second).await;
    let told = bot.shows(0, |it| it.contains("shop: cibuild failed")).await;
    assert!(told.contains("@dora: your commit"), "{told}");
    assert!(told.contains("error: it does not add up"), "{told}");
    assert!(told.contains("Nothing was deployed."), "{told}");

    let third = world.commit("ann", "Try in vain", BAD);
    world.push(&bot, "ann-codes", &second, &third).await;
    bot.shows(0, |it| it.contains("The same failure for the 2nd time.")).await;
    assert_eq!(titled(&bot, "shop: cibuild failed").len(), 1);

    let fourth = world.commit("dora", "Mend it", GOOD);
    world.push(&bot, "dora-codes", &third, &fourth).await;
    let told = bot.shows(0, |it| it.contains("shop: builds again")).await;
    assert!(told.contains("“Mend it” by dora builds"), "{told}");

    let fifth = world.commit("dora", "Paint it", GOOD);
    world.push(&bot, "dora-codes", &fourth, &fifth).await;
    bot.shows(0, |it| it.contains("Build of shop: done") && it.contains("Paint it")).await;
    assert_eq!(titled(&bot, "shop: builds again").len(), 1);
    assert_eq!(titled(&bot, "shop: cibuild failed").len(), 1);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_has_no_second_effect() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", GOOD);
    let bot = world.house.start().await;
    let body = world.pushed("ann-codes", NOTHING, &commit);
    for said in ["stored", "known already", "known already"] {
        let answer = world.deliver_as(&bot, "one", "push", &body).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "ok": said }));
    }
    drained(&bot).await;
    bot.shows(0, |it| it.contains("Build of shop: done")).await;
    world.deliver_as(&bot, "one", "push", &body).await;
    drained(&bot).await;
    assert_eq!(roots(&bot).await.len(), 1);
    assert_eq!(titled(&bot, "Build of shop").len(), 1);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_branches_tags_deletions_and_repositories_start_nothing() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", GOOD);
    let bot = world.house.start().await;
    for (member, value) in [
        ("/ref", json!("refs/heads/feature")),
        ("/ref", json!("refs/tags/main")),
        ("/ref", json!("main")),
        ("/deleted", json!(true)),
        ("/after", json!(NOTHING)),
        ("/repository/clone_url", json!("https://github.com/acme/shop.git")),
        ("/repository", json!(null)),
    ] {
        let mut body = world.pushed("ann-codes", NOTHING, &commit);
        *body.pointer_mut(member).unwrap() = value;
        let answer = world.deliver(&bot, "push", &body).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{member}");
    }
    drained(&bot).await;
    assert!(roots(&bot).await.is_empty());
    assert!(shown(&bot).is_empty(), "{:?}", shown(&bot));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_cannot_be_had_is_told_and_nothing_runs() {
    let world = World::new("");
    world.commit("ann", "Open the shop", GOOD);
    let bot = world.house.start().await;
    let gone = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";
    world.push(&bot, "ann-codes", NOTHING, gone).await;
    let told = bot.shows(0, |it| it.contains("shop: a push was not built")).await;
    assert!(told.contains("does not have this commit (any more)"), "{told}");
    assert!(told.contains("!deploy shop@6113728f"), "{told}");
    assert!(roots(&bot).await.is_empty());
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_canary_goes_up_to_the_gate_which_neither_pusher_nor_author_may_open() {
    let world = World::new("canary: {automatic: true}\n");
    let tea = std::fs::read_to_string(world.house.path("config/apps/shop.yaml")).unwrap();
    let tea = tea.replace("app: shop", "app: tea").replace("Shop.git", "Tea.git");
    world.house.write("config/apps/tea.yaml", &tea);
    let first = world.commit("ann", "Open the shop", GOOD);
    let second = world.commit("dora", "Sell tea", GOOD);
    let bot = world.house.start().await;
    world.push(&bot, "ann-codes", &first, &second).await;
    bot.shows(0, |it| it.contains("approve")).await;
    let gate = bot.engine.store().gates_of::<Asked>(1).await.unwrap().remove(0);
    let involved = &gate.body.gate.involved;
    assert_eq!(involved.requester, Requester::Push { login: "ann-codes".into() });
    assert!(involved.author_emails.contains("dora@example.org"), "{involved:?}");
    assert!(involved.author_logins.contains("dora-codes"), "{involved:?}");
    let roots = roots(&bot).await;
    assert_eq!((roots.len(), roots[0].action.as_str()), (1, "release.deploy"));

    let release = bot.engine.store().find_release_number(1).await.unwrap().unwrap();
    assert_eq!((release.requester.as_str(), release.reference.as_str()), ("ann", "main"));
    for who in ["ann", "dora"] {
        let answer = bot.ask(who, "!approve 1", |it| it.contains("approve")).await;
        assert!(answer.contains("you may not approve it"), "{who}: {answer}");
    }
    let still = bot.engine.store().load_gate::<Asked>(gate.id).await.unwrap();
    assert_eq!(still.body.gate.decision, None);
    let other = bot.ask("bea", "!approve tea", |_| true).await;
    assert!(other.contains("No gate of tea is open"), "an app without a gate is no reason: {other}");
    // Nobody of us asked for it; who stops it stands in the record.
    let root = roots[0].id.to_string();
    let none = bot.ask("bea", &format!("!cancel {}", &root[root.len() - 3..]), |_| true).await;
    assert!(none.contains("I know no release or execution"), "{none}");
    bot.ask("dora", "!cancel 1", |it| it.contains("Stopping 1")).await;
    let closed = until("a closed gate", async || {
        let row = bot.engine.store().load_gate::<Asked>(gate.id).await.unwrap();
        row.decided_at.and(row.body.gate.decision)
    })
    .await;
    assert!(matches!(&closed, Decision::Canceled { by, .. } if by.as_str() == "dora"), "{closed:?}");
    assert!(bot.engine.store().open_gates::<Asked>().await.unwrap().is_empty());
    bot.stop().await;
}

/// Without a canary there is nothing to wait for but the question itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_takes_the_place_of_a_question_unless_somebody_has_approved_it() {
    let world = World::new("canary: {automatic: true}\n");
    let app = world.house.path("config/apps/shop.yaml");
    let text = std::fs::read_to_string(&app).unwrap().replace("count: 1", "count: 2");
    std::fs::write(&app, text).unwrap();
    world.house.also("config/people.yaml", "  cid: {terminal: [cid], groups: [sre]}\n");
    let bot = world.house.start().await;
    let mut before = NOTHING.to_owned();
    let mut pushes = async |message: &str| {
        let commit = world.commit("ann", message, GOOD);
        world.push(&bot, "ann-codes", &before, &commit).await;
        before = commit;
    };
    pushes("Open the shop").await;
    bot.shows(0, |it| it.contains("May #1 shop")).await;
    pushes("Sell tea").await;
    bot.shows(0, |it| it.contains("May #2 shop")).await;
    bot.shows(0, |it| it.contains("#1 shop to production: another release took its place: #2")).await;

    bot.ask("bea", "!approve 2", |it| it.contains("still needs 1 of sre")).await;
    pushes("Sell coffee").await;
    let card = bot.shows(0, |it| it.contains("Release #3") && it.contains("question about #2")).await;
    assert!(card.contains("approval · the question about #2 is being answered"), "{card}");
    pushes("Sell cake").await;
    bot.shows(0, |it| it.contains("Release #3 of shop: another release took its place: #4")).await;
    let open = bot.engine.store().open_gates::<Asked>().await.unwrap();
    assert_eq!(open.iter().map(|it| it.number).collect::<Vec<_>>(), [2]);
    assert!(bot.engine.adrift().await.unwrap().is_empty());
    bot.ask("bea", "!reject 2 not today", |it| it.contains("rejected by bea")).await;
    bot.shows(0, |it| it.contains("May #4 shop")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_breaks_the_build_rings_those_the_app_names() {
    let world = World::new("fallback: [sre]\n");
    let commit = world.commit("zed", "Break it", BAD);
    let bot = world.house.start().await;
    let mut body = world.pushed("zed-codes", NOTHING, &commit);
    body["commits"][0]["author"]["username"] = json!(null);
    assert_eq!(world.deliver(&bot, "push", &body).await.status(), StatusCode::ACCEPTED);
    let told = bot.shows(0, |it| it.contains("shop: cibuild failed")).await;
    assert!(told.contains("@ann, @bea, @dora: the commit `"), "{told}");
    assert!(told.contains("“Break it” by zed does not build; I know no account of theirs here."), "{told}");
    bot.stop().await;
}

/// Delivers a push and does not wait for its effect.
async fn deliver(world: &World, bot: &Bot, commit: &str) {
    let body = world.pushed("ann-codes", NOTHING, commit);
    assert_eq!(world.deliver(bot, "push", &body).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_away_is_asked_again_until_it_is_back() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", GOOD);
    let (here, away) = (world.repository(), world.house.path("away.git"));
    std::fs::rename(&here, &away).unwrap();
    let bot = world.house.start().await;
    deliver(&world, &bot, &commit).await;
    until("a try that failed", async || {
        let waiting = bot.engine.store().waiting_deliveries(Timestamp::MAX, 9).await.unwrap();
        waiting.first().filter(|it| 0 < it.tries).map(drop)
    })
    .await;
    std::fs::rename(&away, &here).unwrap();
    bot.shows(0, |it| it.contains("Build of shop: done")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_wait_for_their_repository_keep_no_person_waiting() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", GOOD);
    std::fs::rename(world.repository(), world.house.path("away.git")).unwrap();
    let bot = world.house.start().await;
    for _ in 0..300 {
        deliver(&world, &bot, &commit).await;
    }
    bot.ask("ann", "!whoami", |it| it.contains("You are ann")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_not_configured_silences_no_other() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", GOOD);
    let bot = world.house.start().await;
    let place = Place {
        platform: Platform::Slack,
        workspace: "T0NONE".into(),
        channel: "C0NONE".into(),
        thread: None,
    };
    let elsewhere = json!({ "say": { "card": Card::say("Hello"), "to": null } });
    let letters = (0..300).map(|number| {
        Change::Want(Box::new(Wanted {
            subject: format!("note:{number}"),
            place: place.clone(),
            body: elsewhere.clone(),
            priority: Priority::Now,
        }))
    });
    bot.engine.store().commit(letters.collect(), bot.engine.clock().now()).await.unwrap();
    world.push(&bot, "ann-codes", NOTHING, &commit).await;
    bot.shows(0, |it| it.contains("Build of shop: done")).await;
    bot.stop().await;
}
