//! Builds everything from configuration, clock and base addresses. Tests and the rehearsal enter here too.

mod chat;
mod folder;
mod keys;
mod policy;
mod rotation;

pub use chat::{discord, slack};

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use self::rotation::Rotation;
use crate::{
    alias,
    bot::{self, Bot},
    chat::ChatAdapter,
    clock::SharedClock,
    config::{AliasCompat, AliasConfig, AliasMatch, Config, WebhookConfig},
    content::settings::SettingsFiles,
    control::{self, Desk, Socket, SocketError},
    engine::{self, Engine, LivePolicy},
    http,
    id::Platform,
    inventory::StaticInventory,
    library::{Library, MaterialiseError},
    metric::Probe,
    rule::hook_of,
    runner::{self, Deps, PythonDeps, Runners, clean_environment, git::Repositories, install_environment},
    secret::{KeyForm, Learnt, Masker, Sealer, Secret, SecretError, SecretRef},
    store::{
        Store, StoreError,
        datastore::{Datastore, DatastoreError},
    },
};

/// How long the last messages may take at a stop; what is not sent then is sent by the next start.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// What to build from.
pub struct Options {
    pub config: Config,
    pub clock: SharedClock,
    /// Chats beside those that the configuration names: the terminal, tests.
    pub adapters: Vec<Arc<dyn ChatAdapter>>,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{what}` in the configuration")]
    Secret { what: String, source: SecretError },
    #[error("the data folder {} cannot be used", dir.display())]
    Folder { dir: PathBuf, source: std::io::Error },
    #[error("the files of a pack could not be laid out below {dir}")]
    Content { dir: PathBuf, source: MaterialiseError },
    #[error("{0}")]
    Chat(String),
    #[error("cannot listen on {address}; set `http: {{listen: …}}` to another port")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error("`http.listen: {address}` can be reached from other machines; set `http.token` as well")]
    Exposed { address: std::net::SocketAddr },
    #[error(transparent)]
    Control(#[from] SocketError),
    #[error("`datastore.key` in the configuration: {0}")]
    DatastoreKey(#[from] KeyForm),
    #[error(transparent)]
    Datastore(#[from] DatastoreError),
    #[error("the network client could not be made")]
    Http(#[from] reqwest::Error),
}

/// A running bot, all of it.
pub struct App {
    pub engine: Engine,
    pub bot: Bot,
    pub live: LivePolicy,
    /// The settings files that `live` came from.
    seen: SettingsFiles,
    rotation: Arc<Rotation>,
    config: Config,
    adapters: Vec<Arc<dyn ChatAdapter>>,
    control: Socket,
    desk: Option<Arc<Desk>>,
    listener: TcpListener,
    surface: http::Parts,
}

impl App {
    /// Opens the store, loads content and settings, builds all rooms. Nothing runs yet.
    pub async fn open(options: Options) -> Result<Self, BootError> {
        // Two TLS stacks live in this binary; the first caller of either must find one provider chosen. A second
        // choice in the same process is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        outlive_quotas();
        let Options { config, clock, mut adapters } = options;
        folder::make_private(&config.data)
            .map_err(|source| BootError::Folder { dir: config.data.clone(), source })?;
        let rotation = Arc::new(Rotation::of(&config)?);
        let mut secrets = rotation.held();
        let (webhooks, token) = entrance(&config)?;
        let (loaded, seen) = load(&config)?;
        tell_closed_hooks(&loaded, &webhooks);
        let live = LivePolicy::new(loaded);
        secrets.extend(repository_tokens(&live));
        let store = Store::open(&config.store_url()).await?;
        let rules = live.clone();
        let keys = datastore(&config, store.clone())?.heard_by(move |trigger| rules.now().hears(trigger));
        keys.check_key(clock.now()).await?;
        live.relink(store.links().await?);
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let environment = clean_environment(crate::config::environment());
        let opened = Learnt::default();
        let deps = Deps {
            python: python(&config, keys::answers(keys.clone(), clock.clone(), opened.clone())),
            ..deps(&config, &live, environment.clone(), client.clone())
        };
        let probe = Probe::new(client);
        let chats = chat::chats(&config, &clock)?;
        adapters.extend(chats.adapters);
        let desk = desk(&mut adapters, &clock);
        let engine = Engine::new(engine::Parts {
            store,
            keys,
            opened,
            clock,
            runners: Runners::standard(deps),
            probe: probe.clone(),
            live: live.clone(),
            adapters: adapters.clone(),
            channels: chats.channels,
            data: config.data.clone(),
            masker: Masker::new(secrets.iter()),
            keep: config.keep,
        });
        let bot = Bot::new(bot::Parts {
            engine: engine.clone(),
            adapters: adapters.clone(),
            repositories: Repositories::new(&config.data, environment),
            probe,
            prefix: config.prefix.clone(),
            reading: reading(config.aliases),
            fallback: chats.fallback,
            writers: config.datastore.writers.clone(),
        });
        let listener = listen(config.http.listen).await?;
        let surface = http::Parts {
            engine: engine.clone(),
            bot: bot.clone(),
            adapters: adapters.clone(),
            webhooks,
            slack: chats.slack,
            discord: chats.discord,
            token,
        };
        let control = Socket::bind(&config.data, &config.control.open_to)?;
        folder::tell_if_closed(&config.data, &config.control.open_to);
        Ok(Self { engine, bot, live, seen, rotation, config, adapters, control, desk, listener, surface })
    }

    /// The address that HTTP is served on: useful where the configuration says port 0.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes up what was left, then runs until `stop`, and drains.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BootError> {
        let taken_up = self.engine.recover().await?;
        tracing::info!(taken_up, "recovered");
        let mut tasks = JoinSet::new();
        for adapter in self.adapters {
            let (intake, stop) = (self.bot.intake(), stop.clone());
            tasks.spawn(async move {
                if let Err(error) = adapter.listen(intake, stop).await {
                    tracing::error!(platform = %adapter.platform(), %error, "a chat is deaf until this is put right");
                }
            });
        }
        // The bot outlives the stop: what ends while the engine drains is still told.
        let last = CancellationToken::new();
        let (bot, ending) = (self.bot.clone(), last.clone());
        tasks.spawn(async move { bot.run(ending).await });
        let (listener, surface, serving) = (self.listener, self.surface, stop.clone());
        tasks.spawn(async move {
            if let Err(error) = http::serve(listener, surface, serving).await {
                tracing::error!(%error, "http is not served any more");
            }
        });
        let stale = self.rotation.clone().asked();
        tasks.spawn(self.rotation.follow(stop.clone()));
        let served = control::Served { bot: self.bot.clone(), desk: self.desk, stale };
        tasks.spawn(control::serve(self.control, served, stop.clone()));
        tasks.spawn(self.engine.clone().keep_house(stop.clone()));
        tasks.spawn(self.engine.clone().make_ready(stop.clone()));
        let (bot, sensing) = (self.bot.clone(), stop.clone());
        let sensors = tokio::spawn(async move { bot.sense(sensing).await });
        tasks.spawn(policy::follow(self.config.settings.clone(), self.seen, self.live, stop.clone()));
        stop.cancelled().await;
        self.engine.drain().await;
        // Each has its moment to put away what it holds.
        if let Err(error) = sensors.await {
            tracing::error!(%error, "sensors were not ended well");
        }
        self.bot.flush(LAST_WORDS).await;
        last.cancel();
        tasks.shutdown().await;
        Ok(())
    }
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, BootError> {
    TcpListener::bind(address).await.map_err(|source| BootError::Listen { address, source })
}

/// A quota on the size of files is a full disk to us: the write fails. Without somebody who listens to its signal, it
/// would be the end of the process (setrlimit(2), RLIMIT_FSIZE). Who listened once keeps the system from that for ever.
fn outlive_quotas() {
    let exceeded = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    if let Err(error) = signal(exceeded) {
        tracing::warn!(%error, "a quota on the size of files would end this process");
    }
}

/// What runners need of this machine.
fn deps(
    config: &Config,
    live: &LivePolicy,
    environment: BTreeMap<String, String>,
    client: reqwest::Client,
) -> Deps {
    let live = live.clone();
    let inventory = Arc::new(move || {
        Arc::new(StaticInventory::new(Arc::new(live.now().settings.environments.clone()), false))
    });
    Deps { releases: config.keep.releases, ..Deps::new(config.data.clone(), environment, inventory, client) }
}

/// What Python actions run on.
fn python(config: &Config, datastore: runner::Datastore) -> PythonDeps {
    PythonDeps {
        interpreter: config.python.interpreter.clone(),
        install: install_environment(crate::config::environment()),
        datastore,
    }
}

/// The command line's chat, unless a terminal of its own answers here already, as in the rehearsal.
fn desk(adapters: &mut Vec<Arc<dyn ChatAdapter>>, clock: &SharedClock) -> Option<Arc<Desk>> {
    if adapters.iter().any(|it| it.platform() == Platform::Terminal) {
        return None;
    }
    let desk = Arc::new(Desk::new(clock.clone()));
    adapters.push(desk.clone());
    Some(desk)
}

/// Content and settings as they are now.
fn load(config: &Config) -> Result<(engine::Live, SettingsFiles), BootError> {
    let loaded = Library::new(config.content.clone()).load();
    loaded.diagnostics.iter().for_each(|it| tracing::warn!("{it}"));
    for digest in loaded.packs.keys() {
        loaded
            .materialise(digest, &config.data)
            .map_err(|source| BootError::Content { dir: config.data.clone(), source })?;
    }
    let bundle = engine::bundle::Bundle::of(&loaded);
    let (settings, files) = policy::read(&config.settings);
    let live = engine::Live {
        catalogue: Arc::new(loaded.catalogue),
        settings: Arc::new(settings),
        bundle: Arc::new(bundle),
    };
    Ok((live, files))
}

/// How messages are read.
fn reading(config: AliasConfig) -> alias::Reading {
    alias::Reading {
        mode: match config.matching {
            AliasMatch::Strict => alias::Mode::Strict,
            AliasMatch::First => alias::Mode::First,
        },
        compat: match config.compat {
            AliasCompat::Mended => alias::Compat::Mended,
            AliasCompat::Exact => alias::Compat::Exact,
        },
    }
}

/// What senders of webhooks sign with or show, and what callers show; beyond loopback there must be something to show.
fn entrance(config: &Config) -> Result<(BTreeMap<String, Secret>, Option<Secret>), BootError> {
    let resolve = |what: &str, it: &SecretRef| {
        it.resolve().map_err(|source| BootError::Secret { what: what.to_owned(), source })
    };
    let webhook = |(url, it): (&String, &WebhookConfig)| {
        Ok((hook_of(url).to_owned(), resolve(&format!("webhooks.{url}.secret"), &it.secret)?))
    };
    let webhooks = config.webhooks.iter().map(webhook).collect::<Result<_, BootError>>()?;
    let token = config.http.token.as_ref().map(|it| resolve("http.token", it)).transpose()?;
    let address = config.http.listen;
    if !address.ip().is_loopback() && token.as_ref().is_none_or(|it| it.expose().is_empty()) {
        return Err(BootError::Exposed { address });
    }
    Ok((webhooks, token))
}

/// Rules that wait for posts of which nobody could say whose they are.
fn tell_closed_hooks(live: &engine::Live, webhooks: &BTreeMap<String, Secret>) {
    for rule in live.catalogue.rules.iter().filter(|it| it.enabled) {
        let closed =
            rule.trigger.hook().filter(|url| !webhooks.contains_key(*url) && !webhooks.contains_key("st2"));
        if let Some(url) = closed {
            let rule = rule.reference();
            tracing::warn!(
                rule,
                url,
                "nothing that is posted there is taken: set `webhooks: {{st2: {{secret: env:NAME}}}}`"
            );
        }
    }
}

/// The datastore of a store, with the key that the configuration names.
///
/// # Errors
/// The key cannot be read, or is none.
pub fn datastore(config: &Config, store: Store) -> Result<Datastore, BootError> {
    let Some(reference) = &config.datastore.key else { return Ok(Datastore::new(store, None)) };
    let key = reference
        .resolve()
        .map_err(|source| BootError::Secret { what: "datastore.key".to_owned(), source })?;
    Ok(Datastore::new(store, Some(Arc::new(Sealer::new(&key)?))))
}

/// The tokens of the apps' repositories, for masking: git may repeat one in what it prints. One that cannot be read
/// is said when it is needed.
fn repository_tokens(live: &LivePolicy) -> Vec<Secret> {
    let live = live.now();
    let references = live.settings.apps.values().filter_map(|app| app.repository.token.as_ref());
    references.filter_map(|it| it.resolve().ok()).collect()
}
