//! The fake's modals (<https://docs.slack.dev/reference/views/modal-views>): a trigger opens one view within 3 s, once.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rules::text;
use super::{FakeSlack, TEAM, Unread};

const TRIGGER_LIFE: Duration = Duration::from_secs(3);

/// Triggers that were given out, and what stands open.
#[derive(Default)]
pub struct Forms {
    triggers: HashMap<String, (String, Instant)>,
    used: HashSet<String>,
    number: u64,
}

/// A view on somebody's screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    pub id: String,
    pub user: String,
    pub view: Value,
}

impl Forms {
    /// A new trigger for what this person did.
    pub fn trigger(&mut self, user: &str) -> String {
        self.number += 1;
        let trigger = format!("trigger.{}", self.number);
        self.triggers.insert(trigger.clone(), (user.to_owned(), Instant::now()));
        trigger
    }

    /// `views.open`; a second word of the refusal tells the test why.
    pub fn open(&mut self, body: &Value) -> Result<Form, (&'static str, Option<String>)> {
        let trigger = body["trigger_id"].as_str().unwrap_or_default();
        let Some((user, at)) = self.triggers.get(trigger) else { return Err(("invalid_trigger_id", None)) };
        if TRIGGER_LIFE < at.elapsed() {
            return Err(("expired_trigger_id", None));
        }
        if !self.used.insert(trigger.to_owned()) {
            return Err(("exchanged_trigger_id", None));
        }
        if let Some(why) = refusal(&body["view"]) {
            return Err(("invalid_arguments", Some(why)));
        }
        self.number += 1;
        Ok(Form { id: format!("V{}", self.number), user: user.clone(), view: body["view"].clone() })
    }
}

fn refusal(view: &Value) -> Option<String> {
    if view["type"] != "modal" || 3_000 < view["private_metadata"].as_str().unwrap_or_default().len() {
        return Some(format!("not a modal, or too much to remember: {view}"));
    }
    let input = &view["blocks"][0];
    if input["type"] != "input" || input["element"]["type"] != "plain_text_input" {
        return Some(format!("this fake knows forms of one input: {view}"));
    }
    text(&view["title"], "plain_text", 24)
        .or_else(|| text(&view["submit"], "plain_text", 24))
        .or_else(|| text(&view["close"], "plain_text", 24))
        .or_else(|| text(&input["label"], "plain_text", 2_000))
        .or_else(|| text(&input["hint"], "plain_text", 2_000))
}

impl FakeSlack {
    /// The next form on this person's screen.
    pub async fn next_form(&self, user: &str) -> Form {
        let mut take = || {
            self.take(|it| match it {
                Unread::Form(form) if form.user == user => Some(form.clone()),
                Unread::Form(_) | Unread::Post(_) | Unread::Edit(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("a form for {user}"), &mut take).await
    }

    /// Writes this into the form's field and sends it.
    pub fn submit(&self, form: &Form, text: &str) {
        self.deliver("interactive", self.submission("view_submission", form, text));
    }

    /// Closes it. Slack tells that only to apps that ask for it.
    pub fn close(&self, form: &Form) {
        if form.view["notify_on_close"] == true {
            self.deliver("interactive", self.submission("view_closed", form, ""));
        }
    }

    fn submission(&self, kind: &str, form: &Form, text: &str) -> Value {
        let input = &form.view["blocks"][0];
        let (block, action) =
            (input["block_id"].as_str().expect("an id"), input["element"]["action_id"].as_str());
        let mut view = form.view.clone();
        view["id"] = json!(form.id);
        view["state"] =
            json!({"values": {block: {action.expect("an id"): {"type": "plain_text_input", "value": text}}}});
        json!({"type": kind, "team": {"id": TEAM, "domain": "home"}, "api_app_id": "A1", "response_urls": [],
            "user": {"id": form.user, "username": "x", "name": "x", "team_id": TEAM}, "view": view})
    }

    /// What the bot answered with its acknowledgements, beyond taking note.
    pub fn replies(&self) -> Vec<Value> {
        self.look(|it| it.replies.clone())
    }
}
