//! What is said of sensors: that one does not work, and what it may not do.

use super::echo;
use crate::message::card::{Card, Text, Tone};

/// It failed several times in a row.
pub fn failing(sensor: &str, why: &str, log: &str) -> Card {
    Card::titled(Tone::Bad, format!("The sensor {sensor} does not work"))
        .text(Text::plain("It failed several times in a row. The last time it said:"))
        .code(why)
        .text(
            Text::plain("Rules that listen to it hear nothing until it runs. It is started again and again, ever less often. ")
                .code(log)
                .and(" has all that it printed."),
        )
}

/// It said that something happened which the bot itself would know.
pub fn own_trigger(trigger: &str) -> String {
    format!("`{}` is the bot's own to fire; a sensor fires triggers of its pack", echo(trigger))
}

/// There is no such sensor.
pub fn unknown(sensor: &str) -> String {
    format!("there is no sensor `{}`; `lockkeeper sensor list` shows them", echo(sensor))
}
