//! Where a slash command can be answered although the bot is not in its channel: Slack gives each command an address
//! for private answers (<https://docs.slack.dev/interactivity/handling-user-interaction#message_responses>: five times
//! within 30 minutes). It is kept in memory alone, and used once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::between;
use crate::id::{ChannelId, UserId};

/// Slack's is half an hour; an answer that comes so late is for nobody.
const LIFE: Duration = Duration::from_secs(25 * 60);
/// More commands than this are not answered in the same half hour anyway.
const MOST: usize = 1_000;

/// One command that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outlet {
    pub(super) channel: ChannelId,
    pub(super) user: UserId,
    pub(super) address: String,
    pub(super) at: Timestamp,
}

/// The commands of the last half hour, oldest first.
#[derive(Debug, Default)]
pub(super) struct Outlets(Mutex<VecDeque<Outlet>>);

impl Outlets {
    pub(super) fn keep(&self, outlet: Outlet) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|it| between(it.at, outlet.at) < LIFE && it.address != outlet.address);
        if MOST <= all.len() {
            all.pop_front();
        }
        all.push_back(outlet);
    }

    /// The oldest command of this channel, and of this person if one is meant: answers come in the order of commands.
    pub(super) fn take(&self, channel: &ChannelId, user: Option<&UserId>, now: Timestamp) -> Option<Outlet> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|it| between(it.at, now) < LIFE);
        let at =
            all.iter().position(|it| it.channel == *channel && user.is_none_or(|user| it.user == *user))?;
        all.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn outlet(channel: &str, user: &str, seconds: i64) -> Outlet {
        Outlet {
            channel: ChannelId::from(channel),
            user: UserId::from(user),
            address: format!("https://hooks.slack.com/commands/{channel}/{user}/{seconds}"),
            at: from_millis(seconds * 1_000),
        }
    }

    #[test]
    fn each_command_is_answered_once_in_order_and_in_time() {
        let outlets = Outlets::default();
        let all =
            [outlet("C1", "U1", 1), outlet("C1", "U2", 2), outlet("C2", "U1", 3), outlet("C1", "U1", 4)];
        all.iter().for_each(|it| outlets.keep(it.clone()));
        let (channel, user) = (ChannelId::from("C1"), UserId::from("U2"));
        let take = |user, seconds: i64| outlets.take(&channel, user, from_millis(seconds * 1_000));
        assert_eq!(take(Some(&user), 5), Some(all[1].clone()));
        assert_eq!(take(Some(&user), 5), None);
        assert_eq!(take(None, 5), Some(all[0].clone()));
        assert_eq!(take(None, 25 * 60 + 4), None, "too late");
    }
}
