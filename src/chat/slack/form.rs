//! Forms: pressing Reject opens a modal that asks why, and its submission is the press
//! (<https://docs.slack.dev/surfaces/modals>). A modal that is closed again says nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::events::Own;
use crate::gate::Reason;
use crate::id::{MessageId, MessageRef};
use crate::message::{Delivery, Form, Incoming, PressedAct, words};

/// A `trigger_id` opens a view for this long (<https://docs.slack.dev/interactivity/handling-user-interaction>).
pub(super) const OPEN_MAX: Duration = Duration::from_secs(3);

const CALLBACK: &str = "reason";
const BLOCK: &str = "why";
const INPUT: &str = "text";

/// A press whose form is to be opened.
pub(super) struct Asked {
    pub(super) press: Delivery,
    /// Of `views.open`.
    pub(super) body: Value,
}

/// What a form has to remember of the press that opened it. Slack keeps it, and shows it to nobody.
#[derive(Debug, Serialize, Deserialize)]
struct Pressed {
    act: String,
    channel: String,
    ts: String,
    thread: Option<String>,
}

/// Whether a form has to be opened first; else the delivery as it was.
pub(super) fn wanted(payload: &Value, delivery: Delivery) -> Result<Asked, Box<Delivery>> {
    let (Incoming::Pressed { message, act, reason: None }, Some(trigger)) =
        (&delivery.incoming, payload["trigger_id"].as_str())
    else {
        return Err(Box::new(delivery));
    };
    if !PressedAct::decode(act).is_some_and(|it| it.wants_reason()) {
        return Err(Box::new(delivery));
    }
    let pressed = Pressed {
        act: act.clone(),
        channel: message.place.channel.to_string(),
        ts: message.message.to_string(),
        thread: message.place.thread.as_ref().map(ToString::to_string),
    };
    let body = json!({"trigger_id": trigger, "view": view(&words::gate::reject_form(), &json!(pressed).to_string())});
    Ok(Asked { press: delivery, body })
}

/// A modal with one field (<https://docs.slack.dev/reference/views/modal-views>): title and buttons have at most 24
/// characters, `private_metadata` 3,000.
fn view(form: &Form, memory: &str) -> Value {
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    json!({
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": memory,
        "title": plain(&form.title),
        "submit": plain(&form.yes),
        "close": plain(&form.no),
        "blocks": [{
            "type": "input",
            "block_id": BLOCK,
            "label": plain(&form.question),
            "hint": plain(&form.hint),
            "element": {
                "type": "plain_text_input",
                "action_id": INPUT,
                "multiline": true,
                "min_length": 1,
                "max_length": Reason::CHARS_MAX,
                "focus_on_load": true,
            },
        }],
    })
}

/// What a submitted form is.
pub(super) enum Submission {
    Good(Box<Delivery>),
    /// The form stays open and shows this.
    Wrong(Value),
    NotOurs,
}

/// Reads `view_submission`
/// (<https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload>). A view is submitted with success
/// once, so its id is the key.
pub(super) fn submission(payload: &Value, own: &Own) -> Submission {
    let view = &payload["view"];
    let pressed = view["private_metadata"].as_str().and_then(|it| serde_json::from_str::<Pressed>(it).ok());
    let (Some(pressed), Some(user), Some(id)) =
        (pressed, payload["user"]["id"].as_str(), view["id"].as_str())
    else {
        return Submission::NotOurs;
    };
    if view["callback_id"] != CALLBACK {
        return Submission::NotOurs;
    }
    let typed = view["state"]["values"][BLOCK][INPUT]["value"].as_str().unwrap_or_default();
    let reason = match Reason::parse(typed) {
        Ok(reason) => reason,
        Err(error) => {
            let problem = words::gate::reason_wrong(error);
            return Submission::Wrong(json!({"response_action": "errors", "errors": {BLOCK: problem}}));
        }
    };
    let place = own.place(&pressed.channel, pressed.thread.as_deref());
    Submission::Good(Box::new(Delivery {
        key: format!("slack:form:{}:{id}", own.team),
        account: own.account(user),
        standing: own.standing([&payload["user"]["team_id"], &Value::Null]),
        display: user.to_owned(),
        place: place.clone(),
        at: None,
        incoming: Incoming::Pressed {
            message: MessageRef { place, message: MessageId::from(pressed.ts.as_str()) },
            act: pressed.act,
            reason: Some(reason.as_str().to_owned()),
        },
    }))
}
