//! From a message to the card that answers it, through a whole bot: inbox, alias, execution, outbox, each on disk.

use std::path::Path;
use std::time::{Duration, Instant};

use super::disk;
use super::house::House;
use super::report::{Bound, Row, Times, length, millis};

/// Between two messages: a hundred a second, whether or not the bot keeps up.
const EVERY: Duration = Duration::from_millis(10);
const WARM_UP: usize = 200;
const MESSAGES: usize = 2_000;
/// Rooms in which people talk.
const CHANNELS: usize = 10;

/// A hundred commands a second that start something each.
pub async fn card(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let house = House::new(dir, "ann")?;
    house.alias("go", "go {{ name }}", "core.noop")?;
    let bot = house.open().await?;
    let begun = Instant::now();
    for number in 0..WARM_UP + MESSAGES {
        let due = begun + EVERY * u32::try_from(number)?;
        tokio::time::sleep_until(due.into()).await;
        bot.chat.say(&format!("room-{}", number % CHANNELS), "!go", due);
    }
    let heard = bot.chat.heard(WARM_UP + MESSAGES).await?;
    bot.stop().await?;
    let heard = &heard[WARM_UP..];
    let answered = Times::new(heard.iter().map(|it| it.answered).collect());
    let acknowledged = Times::new(heard.iter().map(|it| it.acknowledged).collect());
    let reference = disk::commits(dir).await?;
    let note = format!(
        "{}; taken (on disk) after median {}, p99 {}; {WARM_UP} for warming up, {CHANNELS} channels, every {EVERY:?} \
         from a clock that waits for nobody; one commit of this disk: median {}, p99 {}",
        answered.summary(),
        length(acknowledged.median()),
        length(acknowledged.p99()),
        length(reference.times.median()),
        length(reference.times.p99()),
    );
    let what = "message to acknowledged card, durable, 100/s, p99";
    Ok(vec![Row::new(what, millis(answered.p99()), Bound::AtMost(25.0), "ms", note)])
}
