//! The rehearsal's own processes: the same binary under hidden names.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{bot, shop, supervisor};

/// `lockkeeper demo-shop NAME PORT DIR`
pub const SHOP: &str = "demo-shop";
/// `lockkeeper demo-supervisor DIR`
pub const SUPERVISOR: &str = "demo-supervisor";

/// `lockkeeper demo-bot CONFIG`
pub const BOT: &str = "demo-bot";

/// One of those processes, as the arguments name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Shop(shop::ShopArgs),
    Supervisor(supervisor::SupervisorArgs),
    Bot(bot::BotArgs),
}

impl Part {
    /// `None` if these arguments (without the program's name) are no part of a rehearsal.
    pub fn parse(args: &[OsString]) -> Option<Self> {
        let text = |at: usize| args.get(at).and_then(|it| it.to_str());
        match (text(0)?, args.len()) {
            (SHOP, 4) => {
                let port = text(2)?.parse().ok()?;
                Some(Self::Shop(shop::ShopArgs {
                    host: text(1)?.to_owned(),
                    port,
                    dir: PathBuf::from(&args[3]),
                }))
            }
            (SUPERVISOR, 2) => {
                Some(Self::Supervisor(supervisor::SupervisorArgs { dir: PathBuf::from(&args[1]) }))
            }
            (BOT, 2) => Some(Self::Bot(bot::BotArgs { config: PathBuf::from(&args[1]) })),
            _ => None,
        }
    }

    /// Runs until it is told to end, or until who started it has ended.
    ///
    /// # Errors
    /// When it cannot start: its folder is not readable, its port is taken.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Part::Shop(args) => shop::serve(args).await,
            Part::Supervisor(args) => supervisor::supervise(args).await,
            Part::Bot(args) => bot::run(args).await,
        }
    }
}
