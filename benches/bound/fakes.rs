//! The fake platforms of the tests.

#![allow(dead_code, unused_imports, reason = "tests ask more of them")]

#[path = "../../tests/it/support/fake_discord/mod.rs"]
pub mod fake_discord;
#[path = "../../tests/it/support/fake_slack/mod.rs"]
pub mod fake_slack;
#[path = "../../tests/it/support/limits.rs"]
mod limits;
#[path = "../../tests/it/support/waiting.rs"]
mod waiting;
#[path = "../../tests/it/support/wire.rs"]
mod wire;

use waiting::{PATIENCE, eventually, within};
use wire::install_tls;
