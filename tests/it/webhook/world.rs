//! An app with a real repository, and a version control host that tells of its pushes.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit as _, Mac as _};
use lockkeeper::clock::from_millis;
use lockkeeper::store::execution::Execution;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::house::{Bot, House};
use crate::support::trial::until;

pub const SECRET: &str = "a webhook's secret";
pub const NOTHING: &str = "0000000000000000000000000000000000000000";

const PEOPLE: &str = "
people:
  ann: {terminal: [ann], logins: [ann-codes], emails: [ann@example.org], groups: [developers, sre]}
  dora: {terminal: [dora], logins: [dora-codes], emails: [dora@example.org], groups: [developers, sre]}
  bea: {terminal: [bea], emails: [bea@example.org], groups: [sre]}
";
const ENVIRONMENTS: &str = "
environments:
  production: {roles: {canary: {hosts: []}, app: {hosts: [web-1]}}}
hosts:
  web-1: {connection: local, address: 127.0.0.1, dir: /nowhere}
";

pub struct World {
    pub house: House,
    deliveries: AtomicU64,
}

impl World {
    /// The app `shop`, built from `main`; `more` is added to its file.
    pub fn new(more: &str) -> Self {
        let house = House::new();
        let world = Self { house, deliveries: AtomicU64::new(0) };
        let config = format!(
            "data: {}\ncontent: [..]\nhttp: {{listen: \"127.0.0.1:0\"}}\nwebhooks: {{github: {{secret: \"file:secret\"}}}}\n",
            world.house.path("data").display()
        );
        world.house.write("config/lockkeeper.yaml", &config);
        world.house.write("config/secret", SECRET);
        world.house.write("config/people.yaml", PEOPLE);
        world.house.write("config/environments.yaml", ENVIRONMENTS);
        let app = format!(
            "app: shop\nrepository: {{url: {}}}\nchannels: [terminal/main]\n\
             health: {{url: \"http://127.0.0.1:9/version\"}}\n\
             environments:\n  production:\n    gate: {{quorum: [{{group: sre, count: 1}}]}}\n    \
             who: {{deploy: [developers]}}\n{more}",
            world.repository().display()
        );
        world.house.write("config/apps/shop.yaml", &app);
        std::fs::create_dir_all(world.repository()).expect("it works");
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world
    }

    pub fn repository(&self) -> PathBuf {
        self.house.path("Shop.git")
    }

    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.repository())
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_COMMITTER_NAME", "Somebody")
            .env("GIT_COMMITTER_EMAIL", "somebody@example.org")
            .output()
            .expect("git runs");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it works").trim().to_owned()
    }

    /// Commits a build script that does this; returns the commit.
    pub fn commit(&self, author: &str, message: &str, build: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        for (name, body) in [("cisetup", "exit 0"), ("cibuild", build), ("post-inst", "exit 0")] {
            let path = format!("Shop.git/script/{name}");
            self.house.write(&path, &format!("#!/bin/sh\n# {message}\n{body}\n"));
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(self.house.path(&path), mode).expect("it works");
        }
        self.git(&["add", "--all"]);
        let author = format!("{author} <{author}@example.org>");
        self.git(&["commit", "--quiet", "--author", &author, "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// What GitHub would say about a push to `main` of this repository.
    pub fn pushed(&self, pusher: &str, before: &str, after: &str) -> Value {
        json!({
            "ref": "refs/heads/main", "before": before, "after": after, "deleted": false, "forced": false,
            "repository": {
                "full_name": "acme/shop",
                "clone_url": format!("file://{}", self.repository().display()),
                "ssh_url": null,
            },
            "pusher": { "name": pusher }, "sender": { "login": pusher },
            "commits": [{ "id": after, "message": "…",
                "author": { "name": "D", "email": null, "username": "dora-codes" } }],
        })
    }

    /// Delivers under a fresh id.
    pub async fn deliver(&self, bot: &Bot, event: &str, body: &Value) -> Response {
        let number = self.deliveries.fetch_add(1, Ordering::Relaxed);
        self.deliver_as(bot, &format!("delivery-{number}"), event, body).await
    }

    pub async fn deliver_as(&self, bot: &Bot, id: &str, event: &str, body: &Value) -> Response {
        let body = body.to_string();
        let signature = signature(SECRET, body.as_bytes());
        request(bot, id, event)
            .header("x-hub-signature-256", signature)
            .body(body)
            .send()
            .await
            .expect("it works")
    }

    /// Delivers a push and waits until it had its effect.
    pub async fn push(&self, bot: &Bot, pusher: &str, before: &str, after: &str) {
        let answer = self.deliver(bot, "push", &self.pushed(pusher, before, after)).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        drained(bot).await;
    }
}

/// An unsigned delivery without a body.
pub fn request(bot: &Bot, id: &str, event: &str) -> RequestBuilder {
    reqwest::Client::new()
        .post(format!("http://{}/webhooks/github", bot.address))
        .header("content-type", "application/json")
        .header("x-github-delivery", id)
        .header("x-github-event", event)
}

pub fn signature(secret: &str, body: &[u8]) -> String {
    let mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("it works").chain_update(body).finalize();
    format!("sha256={}", hex::encode(mac.into_bytes()))
}

/// Waits until nothing in the inbox lacks its effect.
pub async fn drained(bot: &Bot) {
    until("an empty inbox", async || {
        let counts = bot.engine.store().counts(from_millis(0)).await.expect("it works");
        (counts.inbox.waiting == 0).then_some(())
    })
    .await;
}

/// Root executions, oldest first.
pub async fn roots(bot: &Bot) -> Vec<Execution> {
    let mut roots = bot.engine.store().recent_executions(100).await.expect("it works");
    roots.reverse();
    roots
}
