//! What the command line asks of the bot beside saying things: the same acts as in chat, behind the same doors.

use serde_json::{Map, Value};

use super::{
    Bot, command,
    hear::{Answer, Call},
    secret, view,
};
use crate::{
    datastore::Asker,
    engine::Asked,
    gate::{Act, Claim, Reason, Via},
    id::{ActionRef, ExecutionId, GroupName, InboxId},
    identity::Actor,
    message::{Card, Delivery, words},
    store::execution::Execution,
};

/// What is asked.
#[derive(Clone, Debug)]
pub enum LineOrder {
    Cancel { id: String },
    Pause { id: String },
    Resume { id: String },
    Rerun { id: String, tasks: Vec<String>, no_reset: Vec<String> },
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
        let answer = self.ordered(by, order).await?;
        Ok(LineAnswer { card: answer.card.map(|it| self.spelled(it)), ..answer })
    }

    async fn ordered(&self, by: &Delivery, order: LineOrder) -> anyhow::Result<LineAnswer> {
        let call = Call {
            // There is no delivery: the effect is committed before it is answered, and nobody asks twice.
            id: InboxId::generate(),
            is_delivered: false,
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
            LineOrder::Pause { id } => {
                let parameters = Map::from_iter([("execution".to_owned(), Value::String(id))]);
                command::pause(self, &command::Order { call: &call, parameters }).await?
            }
            LineOrder::Resume { id } => {
                let parameters = Map::from_iter([("execution".to_owned(), Value::String(id))]);
                command::resume(self, &command::Order { call: &call, parameters }).await?
            }
            LineOrder::Rerun { id, tasks, no_reset } => {
                let wanted = command::Rerun { execution: &id, tasks: &tasks, no_reset: &no_reset };
                return Ok(match command::rerun(self, &call, &wanted, Vec::new()).await? {
                    Ok(id) => LineAnswer { card: None, refused: false, started: Some(id) },
                    Err(it) => LineAnswer { card: it.card.map(|it| *it), refused: true, started: None },
                });
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
        let person = live.settings.people.find(&call.delivery.account).map(|it| it.name.clone());
        let datastore = self.engine().defaults_of(&action, person.as_ref()).await?;
        if let Err(error) = action.bind_with(parameters.clone(), &Map::new(), &datastore) {
            return say(command::unfit(error, ""));
        }
        match command::start(self, call, vec![parameters], &action, None, Vec::new()).await? {
            Ok(started) => Ok(LineAnswer { card: None, refused: false, started: started.first().copied() }),
            Err(answer) => Ok(LineAnswer { card: answer.card.map(|it| *it), refused: true, started: None }),
        }
    }

    /// Who asks something of the datastore. Whoever runs the bot may all, known to us or not.
    pub fn asker(&self, by: &Delivery, is_operator: bool) -> Asker {
        let live = self.engine().live();
        let person = live.settings.people.find(&by.account);
        let is_writer = person.is_some_and(|it| it.is_in_any(self.writers()));
        let name = person.map(|it| it.name.clone());
        Asker {
            name: name.as_ref().map_or_else(|| by.account.user.to_string(), ToString::to_string),
            person: name,
            may_all: is_operator || is_writer,
        }
    }

    /// The groups that may all with the datastore.
    pub fn writers(&self) -> &[GroupName] {
        &self.0.parts.writers
    }

    /// Whether whom we take `by` for may read; else the refusal.
    pub fn may_read(&self, by: &Delivery) -> Result<(), Card> {
        let actor = Actor { account: by.account.clone(), standing: by.standing };
        command::may_read(&self.engine().live(), &actor)
            .map(drop)
            .map_err(|denied| self.spelled(words::refusal::denied(&denied)))
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
        Ok(self.spelled(words::execution::card(&view::execution(self, root).await?)))
    }
}
