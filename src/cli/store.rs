//! The datastore for the command line: that of the running bot, else the store itself. Who can open its file needs no
//! leave of ours. Where there is none, none is made: it would be the caller's, and the bot's user could not write it.

use std::path::Path;

use anyhow::Context as _;

use super::call::Bot;
use crate::{
    boot,
    clock::{Clock as _, SystemClock},
    config::{self, Config},
    content,
    control::{
        self, Keys,
        client::{CallError, call},
        wire::{KeyRequest, Reply, Request},
    },
    datastore::Asker,
    id::PersonName,
    library::settings_files,
    message::words,
    store::Store,
};

/// Asks the bot that runs on this configuration; where none does, opens its store.
pub(super) fn ask(
    bot: &Bot,
    request: KeyRequest,
) -> anyhow::Result<Box<dyn Iterator<Item = Result<Reply, CallError>>>> {
    let config = config::load(&bot.config)?;
    match call(&config.data, &Request::Keys(request.clone())) {
        Ok(call) => Ok(Box::new(call)),
        Err(CallError::NotRunning { .. } | CallError::Died { .. }) => {
            let file = config.store_file();
            if !file.exists() {
                anyhow::bail!(words::key::no_store(&file, &bot.config));
            }
            Ok(Box::new(open(&config, request)?.into_iter().map(Ok)))
        }
        Err(error) => bot.unheard(error),
    }
}

fn open(config: &Config, request: KeyRequest) -> anyhow::Result<Vec<Reply>> {
    let asker = asker(&config.settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store =
            Store::open(&config.store_url()).await.context("no bot runs, and its store cannot be opened")?;
        let keys = boot::datastore(config, store)?;
        let asked = Keys { keys: &keys, asker: &asker, writers: &[], now: SystemClock.now() };
        Ok(asked.answer(request).await)
    })
}

/// The user of this process, and the person they are.
fn asker(settings: &Path) -> Asker {
    let account = control::own_account();
    let (settings, _) = content::settings::load(&settings_files(settings), None);
    let person: Option<PersonName> = settings.people.find(&account).map(|it| it.name.clone());
    let name = person.as_ref().map_or_else(|| account.user.to_string(), ToString::to_string);
    Asker { name, person, may_all: true }
}
