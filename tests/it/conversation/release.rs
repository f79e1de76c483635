//! The main job: a release from a chat message to production.

use lockkeeper::demo::Terms;
use lockkeeper::message::Mark;

use crate::support::chat::{Chat, Person::*, Seen};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_chat, reads};

each_chat!(two_people_decide, Talk::release(Terms { approvals: 2, ..short_watch() }));

/// Who asked is refused, a stranger is refused, a vote is taken back and given again, and then there are two.
async fn two_people_decide(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop canary");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    reads!(question, @r"
    ✋ May #1 shop to production?
    artifact
    `sha256:<digest>`, now sha256:<hash>
    hosts
    web-1, web-2 and web-3 (1 at a time)
    asked by
    ann
    may approve
    2 of sre (bea, cid and emil)
    what is new
    unknown, as I do not know what runs there now; authors of any commit may not approve
    • `<hash>` Let people pay by card (Ann)
    Canary: pass: the canary is no worse than the baseline
    • ✓ errors: <measured>
    • ✓ latency: <measured>
    5 looks of 5, false alarms at most 5 % over the whole watch
    ```
    <chart>
    ```
    ```
    curl -s http://127.0.0.1:<port>/version   # canary-1
    curl -s http://127.0.0.1:<port>/version   # web-1
    curl -s http://127.0.0.1:<port>/version   # web-2
    curl -s http://127.0.0.1:<port>/version   # web-3
    ```
    Approving replaces shop on 3 hosts, 1 at a time: out of the pool, install, health of the new digest, back in. Time left: <time>. Answer with the buttons, ✅ or ⛔, `!approve 1` or `!reject 1 <why>`.
    seal <hash> · message 1 of this gate
    [Approve] [Reject]
    ");
    assert_eq!(talk.world().versions("canary").await, [Some(2)]);
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
    the_chart_hangs_below(talk, &question).await;

    talk.says(Ann, "!approve");
    let refusal = talk.sees_alone(Ann, "You asked").await;
    reads!(refusal, @"You asked for this release, so you may not approve it. Somebody else has to look at it.");
    talk.presses(Zed, &question, "Approve");
    let refusal = talk.sees_alone(Zed, "account").await;
    reads!(refusal, @"I do not know this account, so it has no vote; `!whoami` shows its ids.");

    talk.reacts(Bea, &question, Mark::Approve);
    reads!(talk.sees_alone(Bea, "Counted").await, @"Counted. #1 still needs 1 of sre.");
    talk.unreacts(Bea, &question, Mark::Approve);
    reads!(talk.sees_alone(Bea, "Taken back").await, @"Taken back. #1 still needs 2 of sre.");
    talk.presses(Bea, &question, "Approve");
    reads!(talk.sees_alone(Bea, "Counted").await, @"Counted. #1 still needs 1 of sre.");
    let halfway = talk.becomes(&question, "approved\nbea\nmissing\n1 of sre").await;
    assert_eq!(halfway.labels(), ["Approve", "Reject"]);
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
    talk.replies(Cid, &question, "approve");
    reads!(talk.sees("approved").await, @"#1: approved.");

    let answered = talk.becomes(&question, "approved by").await;
    assert_eq!(answered.labels(), [""; 0], "nobody can answer any more");
    assert!(answered.words.starts_with("✅ #1 shop to production: approved by bea and cid\n"), "{answered}");
    assert!(
        answered.to_string().contains("\nApproved <clock>; the rollout has its permission.\n"),
        "{answered}"
    );
    let done = talk.becomes(&card, "done").await;
    reads!(done, @r"
    ✅ Release #1 of shop: done
    commit
    <hash> (main)
    to
    production
    asked by
    ann
    progress
    3/3 hosts
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
    • ✔ web-2 · to sha256:<hash> · <time>
    • ✔ web-3 · to sha256:<hash> · <time>
    • ✔ ask every host what it runs · <time>
    • new: web-1, web-2 and web-3
    • old: none
    • unknown: none
    <time> · <id>
    ");
    assert!(0 < done.edits, "one card, edited in place");
    let told = talk.sees("ann: Release #1 of shop: done.").await;
    if talk.is_platform() {
        assert_eq!(
            (told.thread.as_ref(), told.rings),
            (Some(&card.id), vec![Ann]),
            "in the thread of its card"
        );
    }
    assert_eq!(talk.world().versions("app").await, [Some(2); 3]);
}

/// A PNG in the thread of the question, with words for who cannot see it, and our own marks under the question.
async fn the_chart_hangs_below(talk: &mut Talk<impl Chat>, question: &Seen) {
    let chart = talk.file("1-").await;
    assert_eq!(&chart.bytes[..8], b"\x89PNG\r\n\x1a\n");
    if talk.is_platform() {
        assert!(chart.alt.starts_with("Canary against baseline, "), "{}", chart.alt);
        assert!(["errors: pass", "latency: pass"].iter().all(|it| chart.alt.contains(it)), "{}", chart.alt);
        assert_eq!(chart.thread.as_ref(), Some(&question.id));
        assert_eq!(talk.becomes(question, "May #1").await.marks, 2);
    }
}
