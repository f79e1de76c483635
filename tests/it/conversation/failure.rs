//! What goes wrong is told to who can mend it, with the truth about every host.

use crate::support::chat::{Chat, Person::*};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_chat, reads};

each_chat!(what_fails_asks_nobody, Talk::release(short_watch()));

/// A build that fails rings its author; a canary that fails goes back; neither is a question to anybody.
async fn what_fails_asks_nobody(talk: &mut Talk<impl Chat>) {
    talk.world().break_next_build(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let told = talk.sees("cibuild failed").await;
    reads!(told, @r"
    ❌ shop: cibuild failed
    @dora: your commit `<hash>` “Tidy the checkout” does not build.
    it ended with exit code 1
    ```
    checking version
    checking error_rate
    checking latency_ms
    compiling cart
    compiling checkout
    checkout: line 14: `total` is not defined
    error: the shop does not build: 1 fault in checkout
    ```
    Nothing was deployed.
    ");
    assert_eq!(told.rings, [Dora]);
    let failed = talk.becomes(&card, "Release #1 of shop: failed").await;
    reads!(failed, @r"
    ❌ Release #1 of shop: failed
    commit
    <hash> (main)
    to
    production
    asked by
    ann
    brings
    `<hash>` Tidy the checkout (Dora)
    • ✔ clone at <hash> · <time>
    • ✔ cisetup · <time>
    • ✘ cibuild · <time>
    cibuild failed: it ended with exit code 1
    ```
    checking version
    checking error_rate
    checking latency_ms
    compiling cart
    compiling checkout
    checkout: line 14: `total` is not defined
    error: the shop does not build: 1 fault in checkout
    ```
    <time> · <id>
    ");
    assert_eq!(talk.world().versions("canary").await, [Some(1)]);

    talk.world().commit_with_errors(3, 0.10).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #2 of shop").await;
    reads!(talk.sees("builds again").await, @r"
    ✅ shop: builds again
    `<hash>` “Make the cart faster” by Dora builds; it was broken for <time>.
    ");
    let mut failed = talk.becomes(&card, "Release #2 of shop: the canary failed").await;
    // The watch ended at the first metric that failed; how far the other one was is chance.
    failed.words =
        failed.words.lines().filter(|it| !it.contains(" latency: ")).collect::<Vec<_>>().join("\n");
    reads!(failed, @r"
    ❌ Release #2 of shop: the canary failed
    commit
    <hash> (main)
    to
    production
    asked by
    ann
    artifact
    `sha256:<hash>`
    brings
    `<hash>` Make the cart faster (Dora)
    • ✔ clone at <hash> · <time>
    • ✔ cisetup · <time>
    • ✔ cibuild · <time>
    • ✔ package · sha256:<hash>, 5 files · <time>
    • ✔ canary-1 · to sha256:<hash> · <time>
    • ✔ ask every host what it runs · <time>
    • ✔ watch the canary · verdict fail · <time>
    • ✔ canary-1 · to sha256:<hash> · <time>
    • ✔ confirm the way back · <time>
    • ✗ errors: <measured>
    • canary: <some> requests were answered 500
    <time> · <id>
    ");
    let below = talk.sees("@ann: Release #2").await;
    reads!(below, @r"
    @ann: Release #2 of shop: the canary failed.
    • What the canary was judged on.
    ");
    assert_eq!((below.thread.as_ref(), below.rings.as_slice()), (Some(&card.id), [Ann].as_slice()));
    let chart = talk.file("2-canary").await;
    assert_eq!(&chart.bytes[..8], b"\x89PNG\r\n\x1a\n");
    if talk.is_platform() {
        assert_eq!(chart.thread.as_ref(), Some(&card.id));
        assert!(chart.alt.contains("errors: fail"), "{}", chart.alt);
    }
    assert_eq!(talk.world().versions("canary").await, [Some(1)]);
    talk.says(Bea, "!approve 2");
    reads!(talk.sees_alone(Bea, "#2").await, @"#2 has no gate, so there is nothing to answer.");
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
}

each_chat!(a_host_is_lost_and_the_rest_goes_back, Talk::release(short_watch()));

/// The rollout stops, the card says which host runs what, and one command brings back what can be reached.
async fn a_host_is_lost_and_the_rest_goes_back(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    talk.world().doom_host("web-2").await.unwrap();
    talk.says(Bea, "!approve");
    reads!(talk.sees("#1: ").await, @"#1: approved.");
    talk.becomes(&question, "#1 shop to production: approved by bea").await;
    let failed = talk.becomes(&card, "Release #1 of shop: failed").await;
    reads!(failed, @r"
    ❌ Release #1 of shop: failed
    commit
    <hash> (main)
    to
    production
    asked by
    ann
    progress
    1/3 hosts
    artifact
    `sha256:<hash>`
    brings
    `<hash>` Let people pay by card (Ann)
    • ✔ clone at <hash> · <time>
    • ✔ cisetup · <time>
    • ✔ cibuild · <time>
    • ✔ package · sha256:<hash>, 5 files · <time>
    • ✔ canary-1 · to sha256:<hash> · <time>
    • ✔ ask every host what it runs · <time>
    • ✔ watch the canary · verdict pass · <time>
    • ✔ approval · granted · <time>
    • ✔ web-1 · to sha256:<hash> · <time>
    • ✘ web-2 · to sha256:<hash>, at health · <time>
    • ✘ ask every host what it runs · <time>
    health failed: <why>
    • new: web-1
    • old: web-3
    • unknown: web-2
    It stopped; nothing more is changed. `!rollback shop` brings every reachable host back.
    <time> · <id>
    ");
    let below = talk.sees("@ann: ").await;
    reads!(below, @"@ann: Release #1 of shop: failed.");
    assert_eq!((below.thread.as_ref(), below.rings.as_slice()), (Some(&card.id), [Ann].as_slice()));
    assert_eq!(talk.world().versions("app").await, [Some(2), None, Some(1)]);

    talk.says(Ann, "!rollback shop");
    let card = talk.sees("Rollback #2 of shop").await;
    let back = talk.becomes(&card, "unknown: web-2").await;
    for line in ["• new: canary-1, web-1 and web-3", "• old: none", "• unknown: web-2"] {
        assert!(back.words.contains(line), "{back}");
    }
    reads!(talk.sees("@ann: ").await, @"@ann: Rollback #2 of shop: failed.");
    assert!(back.words.contains("\nprogress\n3/4 hosts\n"), "{back}");
    let advice = "\nWhat could be reached is back. Mend the other hosts, then say `!rollback shop` again.\n";
    assert!(back.words.contains(advice), "{back}");
    assert_eq!(talk.world().versions("app").await, [Some(1), None, Some(1)]);
}
