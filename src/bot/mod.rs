//! Between chat and engine: what people say becomes a decision, what happened becomes a message.
//!
//! - [`inbox`]: deliveries, one after another per channel, each with its effect once; [`turns`]: how that is kept;
//! - [`hear`]: what a delivery means; [`command`]: one file per thing people ask of the bot;
//! - [`trigger`]: what events from outside chat set in motion; [`timer`]: those that come with time; [`release`]: how a release starts, whoever wants it;
//! - [`reply`]: what an alias says beside its execution; [`secret`]: what may not be typed;
//! - [`line`]: what the command line asks beside saying things;
//! - [`guide`]: what an adapter asks before a press counts and while a command is typed;
//! - [`codes`]: the codes that were given out to link accounts;
//! - [`memory`]: what an adapter that was away is told of earlier deliveries;
//! - [`outbox`]: letters, drawn from history when they are sent; [`pace`]: how fast; [`doubt`]: whether they stand still after nobody
//!   listened; [`mark`]: reactions, told and found; [`draw`]: history to cards; [`view`]: history as the words want it;
//!   [`failure`]: why something failed; [`canary`]: what it left on its canary; [`sequel`]: what stands in a card's
//!   thread once it has ended; [`attach`]: files; [`trouble`]: what an operator should put right about a chat.

mod attach;
mod canary;
mod codes;
mod command;
mod doubt;
mod draw;
mod failure;
mod guide;
mod hear;
mod inbox;
mod line;
mod mark;
mod memory;
mod outbox;
mod pace;
mod release;
mod reply;
mod secret;
mod sensor;
mod sequel;
mod timer;
mod trigger;
mod trouble;
mod turns;
mod view;

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    alias::{Index, Reading},
    chat::{Accepted, ChatAdapter, Intake, IntakeError},
    engine::{Engine, Live},
    id::{Digest, GroupName, Place, Platform},
    message::Delivery,
    metric::Probe,
    runner::git::Repositories,
    store::inbox::{Arrival, Received},
};

pub use line::{LineAnswer, LineOrder};

/// Between two looks at the outbox while it empties.
const FLUSH_LOOK: Duration = Duration::from_millis(50);

/// What the bot is built of.
pub struct Parts {
    pub engine: Engine,
    pub adapters: Vec<Arc<dyn ChatAdapter>>,
    pub repositories: Repositories,
    pub probe: Probe,
    /// What stands before a command, as `!`.
    pub prefix: String,
    /// How what follows it finds its alias.
    pub reading: Reading,
    /// Where it is told that another place cannot be spoken in.
    pub fallback: Option<Place>,
    /// Groups that may all with the datastore.
    pub writers: Vec<GroupName>,
}

/// Cheap to clone; all clones are one bot.
#[derive(Clone)]
pub struct Bot(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// The aliases of the content that is live, compiled.
    index: RwLock<Option<(Digest, Arc<Index>)>>,
    /// Rung after each delivery.
    deliveries: Notify,
    lanes: Arc<outbox::Lanes>,
    codes: codes::Codes,
    /// What was wanted before that may have been posted by an earlier start.
    started: Timestamp,
    /// Deliveries whose key stood for something else.
    keys_reused: AtomicU64,
}

impl Bot {
    pub fn new(parts: Parts) -> Self {
        let started = parts.engine.clock().now();
        let (index, deliveries, codes) = (RwLock::new(None), Notify::new(), codes::Codes::default());
        let (lanes, keys_reused) = (Arc::default(), AtomicU64::new(0));
        Self(Arc::new(Inner { parts, index, deliveries, lanes, codes, started, keys_reused }))
    }

    /// The door that adapters hand deliveries to: durable first, then acknowledged.
    pub fn intake(&self) -> Intake {
        let (bot, rememberer, doubter) = (self.clone(), self.clone(), self.clone());
        let intake = Intake::new(move |delivery: Delivery| {
            let bot = bot.clone();
            async move { bot.receive(delivery).await }
        });
        let intake = intake.guided(Arc::new(self.clone()));
        let intake =
            intake.welcoming(move |platform| drop(tokio::spawn(doubt::begin(doubter.clone(), platform))));
        intake.recalling(move |platform, workspace| {
            let bot = rememberer.clone();
            async move {
                let memory = memory::recall(&bot, platform, &workspace).await;
                memory.map_err(|error| IntakeError { why: error.to_string() })
            }
        })
    }

    async fn receive(&self, delivery: Delivery) -> Result<Accepted, IntakeError> {
        let engine = &self.0.parts.engine;
        let delivery = secret::covered(self, delivery).await;
        let body = serde_json::to_value(&delivery).map_err(|error| IntakeError { why: error.to_string() })?;
        let arrival =
            Arrival { key: delivery.key.clone(), source: "chat", lane: inbox::lane(&delivery), body };
        match engine.store().receive(arrival, engine.clock().now()).await {
            Ok(Received::New(_)) => {
                self.0.deliveries.notify_one();
                Ok(Accepted::New)
            }
            Ok(Received::Again) => Ok(Accepted::Duplicate),
            // Not stored, and acknowledged: it would come again as it is.
            Ok(Received::Other(stands)) => {
                if !inbox::is_same(&stands, &delivery) {
                    self.0.keys_reused.fetch_add(1, Ordering::Relaxed);
                    let account = format!("{:?}", delivery.account);
                    tracing::warn!(delivery = delivery.key, account, "a key came again for something else");
                }
                Ok(Accepted::Duplicate)
            }
            Err(error) => Err(IntakeError { why: error.to_string() }),
        }
    }

    /// Deliveries since the start that were refused because their key stood for something else.
    pub fn keys_reused(&self) -> u64 {
        self.0.keys_reused.load(Ordering::Relaxed)
    }

    /// Rung when something new is in the inbox.
    pub fn ring(&self) {
        self.0.deliveries.notify_one();
    }

    /// Reads the inbox and sends the outbox until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(
            inbox::run(self, stop.clone()),
            trouble::watch(self, stop.clone()),
            timer::run(self, stop.clone()),
            outbox::run(self, stop)
        );
    }

    /// Runs the sensors of the content until `stop`: what they hear after it, nobody would start.
    pub async fn sense(&self, stop: CancellationToken) {
        sensor::run(self, stop).await;
    }

    /// Waits until the outbox is empty, at most this long.
    pub async fn flush(&self, most: Duration) {
        let empty = async {
            loop {
                let store = self.engine().store();
                let waiting =
                    store.waiting_letters::<serde_json::Value>(self.engine().clock().now(), 1).await;
                if waiting.is_ok_and(|it| it.is_empty()) {
                    return;
                }
                tokio::time::sleep(FLUSH_LOOK).await;
            }
        };
        if tokio::time::timeout(most, empty).await.is_err() {
            tracing::info!("some messages wait for the next start");
        }
    }

    /// What the bot asks to run things.
    pub fn engine(&self) -> &Engine {
        &self.0.parts.engine
    }

    fn adapter(&self, platform: Platform) -> Option<&Arc<dyn ChatAdapter>> {
        self.0.parts.adapters.iter().find(|it| it.platform() == platform)
    }

    /// The aliases of this content, compiled once per content.
    fn index(&self, live: &Live) -> Arc<Index> {
        let known = self.0.index.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some((_, index)) = known.filter(|(digest, _)| *digest == live.bundle.digest) {
            return index;
        }
        let (index, faults) = Index::build(live.catalogue.aliases.clone());
        for fault in faults {
            tracing::warn!(alias = fault.alias, format = fault.format, error = %fault.error, "a format is not usable");
        }
        let index = Arc::new(index);
        *self.0.index.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some((live.bundle.digest.clone(), index.clone()));
        index
    }

    /// What may be typed next, for completion in a terminal.
    pub fn completions(&self, typed: &str) -> Vec<String> {
        let live = self.engine().live();
        let index = self.index(&live);
        let displays = index
            .aliases()
            .iter()
            .flat_map(|it| it.formats.iter().filter_map(|format| format.display.clone()));
        let apps = live.settings.apps.keys().map(ToString::to_string);
        let commands = displays.map(|it| {
            let word = it.split_whitespace().next().unwrap_or_default();
            format!("{}{word} ", self.0.parts.prefix)
        });
        let (head, last) = typed.rsplit_once(' ').map_or(("", typed), |(head, last)| (head, last));
        let mut found: Vec<String> = if head.is_empty() {
            commands.filter(|it| it.starts_with(last)).collect()
        } else {
            apps.filter(|it| it.starts_with(last)).map(|it| format!("{head} {it} ")).collect()
        };
        found.sort_unstable();
        found.dedup();
        found
    }
}
