//! What is asked back before a press counts: a message with a button of its own, or a form
//! (<https://docs.discord.com/developers/components/reference>). Both carry, in their ids, which message was pressed and
//! what for; ids have at most 100 characters, and only we can make them.

use serde_json::{Value, json};

use super::text::escape;
use crate::gate::Reason;
use crate::message::{Confirm, Form};

pub(super) const BACK: &str = "back";
const SURE: char = 'y';
const WHY: char = 'w';
const INPUT: &str = "text";

fn id(kind: char, message: &str, act: &str) -> String {
    format!("{kind}{message}:{act}")
}

fn read(kind: char, id: &str) -> Option<(&str, &str)> {
    let (message, act) = id.strip_prefix(kind)?.split_once(':')?;
    super::text::is_snowflake(message).then_some((message, act))
}

/// The message and act of a press that was confirmed.
pub(super) fn confirmed(id: &str) -> Option<(&str, &str)> {
    read(SURE, id)
}

/// The message and act of a press whose reason was written.
pub(super) fn written(id: &str) -> Option<(&str, &str)> {
    read(WHY, id)
}

/// The question whether it is meant, for who pressed alone.
pub(super) fn sure(confirm: &Confirm, message: &str, act: &str) -> Value {
    let button = |id: &str, style: u8, label: &str| json!({"type": 2, "style": style, "label": label, "custom_id": id});
    let content = format!("**{}**\n{}", escape(&confirm.title), escape(&confirm.text));
    json!({"type": 4, "data": {
        "flags": 64,
        "content": content,
        "allowed_mentions": {"parse": []},
        "components": [{"type": 1, "components": [
            button(&id(SURE, message, act), 3, &confirm.yes),
            button(BACK, 2, &confirm.no),
        ]}],
    }})
}

/// The question in the place of [`sure`]'s message, once it was answered.
pub(super) fn closed(text: &str) -> Value {
    json!({"type": 7, "data": {"content": text, "components": [], "allowed_mentions": {"parse": []}}})
}

/// A modal with one field: titles and labels have at most 45 characters, placeholders 100. Discord writes the buttons.
pub(super) fn why(form: &Form, message: &str, act: &str) -> Value {
    json!({"type": 9, "data": {
        "custom_id": id(WHY, message, act),
        "title": form.title,
        "components": [{"type": 1, "components": [{
            "type": 4,
            "custom_id": INPUT,
            "style": 2,
            "label": form.question,
            "placeholder": form.hint,
            "min_length": 1,
            "max_length": Reason::CHARS_MAX,
            "required": true,
        }]}],
    }})
}

/// What was written into the field of a form that was sent. It stands in a row, or in a label of newer forms.
pub(super) fn text(data: &Value) -> String {
    let rows = data["data"]["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields = rows.iter().flat_map(|row| {
        let inner = row["components"].as_array().cloned().unwrap_or_default();
        inner.into_iter().chain([row["component"].clone()])
    });
    let mut ours = fields.filter(|it| it["custom_id"] == INPUT);
    ours.next().and_then(|it| it["value"].as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{GateId, Seal};
    use crate::message::{ButtonAct, words};

    #[test]
    fn every_id_fits_and_comes_back() {
        let seal = Seal::parse(&"a".repeat(64)).expect("a seal");
        let act = ButtonAct::Approve { gate: GateId::generate(), seal }.encode();
        let longest = u64::MAX.to_string();
        let (sure, why) = (id(SURE, &longest, &act), id(WHY, &longest, &act));
        assert!(sure.len() <= 100, "{}", sure.len());
        let expected = Some((longest.as_str(), act.as_str()));
        assert_eq!((confirmed(&sure), written(&sure)), (expected, None));
        assert_eq!((confirmed(&why), written(&why)), (None, expected));
        for not in ["", "y", "y1", "yx:approve", "0:approve", "w:approve", BACK] {
            assert_eq!((confirmed(not), written(not)), (None, None), "{not}");
        }
    }

    #[test]
    fn the_form_keeps_discords_limits() {
        let form = words::gate::reject_form();
        assert!(form.title.chars().count() <= 45 && form.question.chars().count() <= 45);
        assert!(form.hint.chars().count() <= 100, "{}", form.hint.chars().count());
    }
}
