//! What the command line asks of the bot beside saying things: the same acts as in chat, behind the same doors.

use serde_json::{Map, Value};

use super::{
    Bot, command,
    hear::{Answer, Call},
    secret, view,
};
use crate::{
    engine::Asked,
    gate::{Act, Claim, Reason, Via},
    id::{ActionRef, ExecutionId, InboxId},
    identity::Actor,
    message::{Card, Delivery, words},
    store::execution::Execution,
};

/// What is asked.
#[derive(Clone, Debug)]
pub enum LineOrder {
    Cancel { id: String },
    Vote { number: i64, approve: bool, seal: Option<String>, reason: Option<String> },
    RunAction { action: ActionRef, parameters: Map<String, Value> },
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct LineAnswer {
    pub card: Option<Card>,
    /// The card says why it was not done.
    pub refused: bool,
    /// What was started.
    pub started: Option<ExecutionId>,
}

impl Bot {
    /// Does it as the account that `by` names.
    ///
    /// # Errors
    /// The bot itself is at fault, or its store; refusals are answers.
    pub async fn order(&self, by: &Delivery, order: LineOrder) -> anyhow::Result<LineAnswer> {
        let call = Call {
            // There is no delivery: the effect is committed before it is answered, and nobody asks twice.
            id: InboxId::generate(),
            delivery: by,
            actor: Actor { account: by.account.clone(), standing: by.standing },
            heard_at: self.engine().clock().now(),
            thread_gate: None,
        };
        let answer = match order {
            LineOrder::Cancel { id } => {
                let parameters = Map::from_iter([("release".to_owned(), Value::String(id))]);
                command::cancel(self, &command::Order { call: &call, parameters }).await?
            }
            LineOrder::Vote { number, approve, seal, reason } => {
                self.vote_by_line(&call, number, approve, seal, reason).await?
            }
            LineOrder::RunAction { action, parameters } => {
                return self.run_by_line(&call, &action, parameters).await;
            }
        };
        let refused = answer.card.as_ref().is_some_and(|it| it.refused);
        Ok(LineAnswer { card: answer.card.map(|it| *it), refused, started: None })
    }

    async fn vote_by_line(
        &self,
        call: &Call<'_>,
        number: i64,
        approve: bool,
        seal: Option<String>,
        reason: Option<String>,
    ) -> anyhow::Result<Answer> {
        let Some(row) = self.engine().store().gates_of::<Asked>(number).await?.into_iter().next() else {
            return Ok(Answer::whisper(words::gate::none(number)));
        };
        let reason = match reason.as_deref().map(Reason::parse).transpose() {
            Ok(reason) => reason,
            Err(error) => return Ok(Answer::whisper(words::line::bad_reason(&error.to_string()))),
        };
        let act = if approve { Act::Approve { reason } } else { Act::Reject { reason } };
        let claim = seal.map_or(Claim::Bare, Claim::Prefix);
        command::vote(self, call, &row, act, Via::CommandLine, claim).await
    }

    async fn run_by_line(
        &self,
        call: &Call<'_>,
        reference: &ActionRef,
        parameters: Map<String, Value>,
    ) -> anyhow::Result<LineAnswer> {
        let say = |card| Ok(LineAnswer { card: Some(card), refused: true, started: None });
        let live = self.engine().live();
        let Some(action) = live.bundle.action(reference).cloned() else {
            return say(words::line::unknown_action(reference.as_str()));
        };
        if action.runner.as_str() == "bot" {
            return say(words::line::said_instead(reference.as_str()));
        }
        if let Some(name) = secret::given(&action, &parameters) {
            return say(words::order::secret_typed(name));
        }
        // Told now and not by the attempt, which binds what was given again.
        if let Err(error) = action.bind(parameters.clone()) {
            return say(words::answer::bad_parameter(&error.parameter, &error.to_string(), ""));
        }
        let order = command::Order { call, parameters };
        match command::start(self, &order, &action, None, Vec::new()).await? {
            Ok(id) => Ok(LineAnswer { card: None, refused: false, started: Some(id) }),
            Err(answer) => Ok(LineAnswer { card: answer.card.map(|it| *it), refused: true, started: None }),
        }
    }

    /// Whether whom we take `by` for may read; else the refusal.
    pub fn may_read(&self, by: &Delivery) -> Result<(), Card> {
        let actor = Actor { account: by.account.clone(), standing: by.standing };
        command::may_read(&self.engine().live(), &actor)
            .map(drop)
            .map_err(|denied| words::refusal::denied(&denied))
    }

    /// The execution that a person means: by release number, id, or either end of an id.
    pub async fn find_execution(&self, text: &str) -> anyhow::Result<Option<Execution>> {
        if let Some(root) = command::find_root(self, text).await? {
            return Ok(Some(root));
        }
        let mut like = self.engine().store().executions_like(text).await?;
        Ok(if like.len() == 1 { like.pop() } else { None })
    }

    /// The card of a root execution, as it stands now.
    pub async fn execution_card(&self, root: ExecutionId) -> anyhow::Result<Card> {
        Ok(words::execution::card(&view::execution(self, root).await?))
    }
}
