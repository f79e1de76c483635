//! Something happened that rules may listen to: what matches starts its action, each once.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    bot::{Bot, failure, trouble, view},
    content::{Action, Performer, runner_kind},
    engine::{BY_RULE, Live, Starting, trouble_of},
    expression::DatastoreView,
    id::ExecutionId,
    message::{
        Card,
        words::{self, rule::NotStarted},
    },
    rule::{Decided, Happened, Outcome, Reason, Rule, decide},
    store::{Change, inbox::Waiting},
};

/// Rules that start one another, each by what the one before did.
const DEPTH_MAX: u32 = 8;

/// Starts what each rule that matches asks for, all in one commit with the end of the delivery: after a crash either
/// nothing is started or everything is. What cannot be started is told, and keeps nothing else from starting.
pub(super) async fn happened(bot: &Bot, waiting: &Waiting) -> anyhow::Result<()> {
    let done = Change::Done(waiting.id);
    let happened: Happened = match serde_json::from_value(waiting.body.clone()) {
        Ok(happened) => happened,
        Err(error) => {
            tracing::error!(event = %waiting.id, %error, "a stored event cannot be read; it is put away");
            return Ok(bot.engine().commit(vec![done]).await?);
        }
    };
    let live = bot.engine().live();
    let rules: Vec<&Rule> = live.catalogue.rules.iter().filter(|it| hears(it, &happened)).collect();
    let datastore = bot.engine().read_by(rules.iter().copied()).await?;
    let event = happened.event(&datastore, bot.engine().clock().now());
    let names = names(event.names(), waiting);
    let (mut starting, mut changes) = (Vec::new(), Vec::new());
    for Decided { rule, outcome } in decide(rules, event) {
        let reference = rule.reference();
        match outcome {
            Outcome::Match => {}
            Outcome::NoMatch(reason) => {
                log(&reference, &happened, &reason);
                continue;
            }
        }
        // A second try of an event whose first one held: nothing is started twice.
        let origin = format!("event:{}:{reference}", waiting.id);
        if bot.engine().store().find_execution_of(&origin).await?.is_some() {
            continue;
        }
        match given(bot, &live, (rule, &happened), &names, &datastore).await? {
            Ok((id, parameters)) => {
                let context = context(bot, rule, &happened, waiting);
                let (action, origin) = (rule.action.clone(), Some(origin));
                starting.push(Starting { id, action, parameters, origin, context, places: Vec::new() });
            }
            Err(why) => {
                let why = covered(bot, why);
                tracing::warn!(rule = reference, trigger = happened.trigger, %why, "a rule matched and started nothing");
                let card = words::rule::not_started(&reference, &rule.action, &why);
                changes.extend(trouble::of(bot, &trouble_of(&reference), Some(card)).await?);
            }
        }
    }
    changes.push(done);
    if starting.is_empty() {
        return Ok(bot.engine().commit(changes).await?);
    }
    bot.engine().start_all(starting, changes).await?;
    Ok(())
}

fn hears(rule: &Rule, happened: &Happened) -> bool {
    rule.enabled && rule.trigger.hears(&happened.trigger, &happened.parameters)
}

/// What templates of parameters read.
fn names(event: Value, waiting: &Waiting) -> Map<String, Value> {
    let mut names = match event {
        Value::Object(names) => names,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    let instance =
        json!({ "trigger_instance": { "id": waiting.id, "occurrence_time": waiting.received_at } });
    names.insert("action_context".to_owned(), instance);
    names
}

fn log(rule: &str, happened: &Happened, reason: &Reason) {
    match reason {
        Reason::Failed { .. } => {
            tracing::warn!(rule, trigger = happened.trigger, %reason, "a rule could not be looked at, so it does not match");
        }
        Reason::Differs { .. } | Reason::Empty | Reason::Backstop => {
            tracing::debug!(rule, trigger = happened.trigger, %reason, "a rule does not match");
        }
    }
}

/// What its action is given, checked as if a person had said it; or why it is not started.
async fn given(
    bot: &Bot,
    live: &Live,
    (rule, happened): (&Rule, &Happened),
    names: &Map<String, Value>,
    datastore: &DatastoreView,
) -> anyhow::Result<Result<(ExecutionId, Map<String, Value>), NotStarted>> {
    let action = match may_start(live, rule, happened) {
        Ok(action) => action,
        Err(why) => return Ok(Err(why)),
    };
    let given = match action.fill(&rule.parameters, names, datastore) {
        Ok(given) => given,
        Err(error) => return Ok(Err(NotStarted::Parameters(error.to_string()))),
    };
    let defaults = bot.engine().defaults_of(&action, None).await?;
    if let Err(error) = action.bind_with(given.clone(), &Map::new(), &defaults) {
        bot.engine().cover(&[datastore.opened(), defaults.opened()].concat());
        return Ok(Err(NotStarted::Parameters(error.to_string())));
    }
    let id = ExecutionId::generate();
    Ok(Ok((id, bot.engine().sealed(id, given, datastore))))
}

/// A rule is nobody: it starts what anybody may, and guarded work waits for people as always.
fn may_start(live: &Live, rule: &Rule, happened: &Happened) -> Result<Arc<Action>, NotStarted> {
    let action = live.bundle.action(&rule.action).ok_or(NotStarted::NoAction)?;
    let is_command = runner_kind(&action.runner).is_some_and(|it| it.performer == Performer::Bot);
    if DEPTH_MAX <= happened.depth {
        return Err(NotStarted::TooDeep(DEPTH_MAX));
    }
    if !action.enabled {
        return Err(NotStarted::Disabled);
    }
    if is_command {
        return Err(NotStarted::Command);
    }
    if action.tags.contains_key("who") {
        return Err(NotStarted::ForPeople);
    }
    Ok(action.clone())
}

/// A reason without secrets: parameters may have been rendered from some.
fn covered(bot: &Bot, why: NotStarted) -> NotStarted {
    match why {
        NotStarted::Parameters(text) => NotStarted::Parameters(bot.engine().covered(&text)),
        other @ (NotStarted::NoAction
        | NotStarted::Disabled
        | NotStarted::Command
        | NotStarted::ForPeople
        | NotStarted::TooDeep(_)) => other,
    }
}

/// Who asked: a rule. What its execution asks people is asked in the fallback channel.
fn context(bot: &Bot, rule: &Rule, happened: &Happened, waiting: &Waiting) -> Map<String, Value> {
    let places: Vec<_> = bot.0.parts.fallback.iter().collect();
    let by = json!({
        "ref": rule.reference(), "trigger": happened.trigger, "event": waiting.id, "depth": happened.depth + 1,
    });
    Map::from_iter([(BY_RULE.to_owned(), by), ("places".to_owned(), json!(places))])
}

/// How an execution ended that a rule started.
#[derive(Deserialize)]
struct Ended {
    execution: ExecutionId,
    rule: String,
    failed: bool,
}

/// Tells that what a rule started failed, or that it does not any more.
pub(super) async fn ended(bot: &Bot, waiting: &Waiting) -> anyhow::Result<()> {
    let mut changes = vec![Change::Done(waiting.id)];
    match serde_json::from_value::<Ended>(waiting.body.clone()) {
        Ok(ended) => {
            let card = if ended.failed { failed(bot, &ended).await? } else { None };
            if ended.failed {
                // Without a fallback channel this is all that is said of it.
                tracing::warn!(rule = ended.rule, execution = %ended.execution, "what a rule started failed");
            }
            if card.is_some() || !ended.failed {
                changes.extend(trouble::of(bot, &trouble_of(&ended.rule), card).await?);
            }
        }
        Err(error) => {
            tracing::error!(event = %waiting.id, %error, "a stored end cannot be read; it is put away")
        }
    }
    Ok(bot.engine().commit(changes).await?)
}

/// `None` if its history is gone.
async fn failed(bot: &Bot, ended: &Ended) -> anyhow::Result<Option<Card>> {
    let tree = view::tree(bot, ended.execution).await?;
    let Some(top) = tree.iter().find(|it| it.id == ended.execution) else { return Ok(None) };
    let (failure, fault) = failure::causes(&tree, top);
    let short = view::short_id(top.id);
    Ok(Some(words::rule::failed(&ended.rule, &top.action, &short, failure.as_ref(), fault.as_ref())))
}
