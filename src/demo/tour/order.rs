//! What the reader can set in motion.

use super::words;
use crate::demo::World;
use crate::message::Card;

/// A tenth of all requests.
const ERROR_RATE: f64 = 0.10;
/// It dies in the middle: web-1 is before it, web-3 after it.
const DOOMED: &str = "web-2";

/// Does what has to be done in the world before Ann asks for the release; what to say about it.
///
/// # Errors
/// Git or the supervisor does not do it.
pub(super) async fn prepare(world: &World, order: &str, version: u32) -> anyhow::Result<Option<Card>> {
    Ok(Some(match order {
        "/good" => {
            world.commit_good(version).await?;
            words::good()
        }
        "/break build" => {
            world.break_next_build(version).await?;
            words::broken_build()
        }
        "/break canary" => {
            world.commit_with_errors(version, ERROR_RATE).await?;
            words::bad_canary()
        }
        "/break host" => {
            world.commit_good(version).await?;
            world.doom_host(DOOMED).await?;
            words::doomed_host()
        }
        _ => return Ok(None),
    }))
}

/// Switches on what earlier orders have switched off, or would; what to say about it.
///
/// # Errors
/// The supervisor does not do it.
pub(super) async fn heal(world: &World) -> anyhow::Result<Option<Card>> {
    let fleet = world.fleet().await?;
    world.revive_host(DOOMED).await?;
    let dead: Vec<&str> = fleet.hosts.iter().filter(|it| it.dead).map(|it| it.name.as_str()).collect();
    Ok((!dead.is_empty()).then(|| words::revived(&dead)))
}
