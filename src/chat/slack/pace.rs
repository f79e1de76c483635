//! How fast Slack lets us speak (<https://docs.slack.dev/apis/web-api/rate-limits>).
//!
//! "Special" is posting: one message a second in a channel, "short bursts >1 allowed", and a limit for the workspace that
//! is told to nobody. All else has a tier per method and workspace: 50 and more calls a minute (tier 3), or 100 (tier 4).

use std::time::Duration;

use crate::chat::Call;
use crate::id::Place;
use crate::pace::{Bucket, Rate};

/// People measured some 25 at once (<https://github.com/RamblingCookieMonster/PSSlack/issues/52>); we stay far below what
/// nobody promises.
const POST: Rate = Rate { burst: 5, every: Duration::from_secs(1), kept: 2 };
const TIER_3: u32 = 50;
const TIER_4: u32 = 100;

/// What a call counts in. A 429 names the method alone, but of posts it may be about the channel.
pub(super) fn buckets(place: &Place, call: Call) -> Vec<Bucket<String>> {
    let name = |method: &str| format!("slack/{}/{method}", place.workspace);
    let tier = |method: &str, calls: u32| vec![Bucket::at_rate(name(method), Rate::per_minute(calls))];
    match call {
        Call::Post => {
            let post = name("chat.postMessage");
            vec![Bucket::at_rate(format!("{post}/{}", place.channel), POST), Bucket::untold(post)]
        }
        Call::Edit => tier("chat.update", TIER_3),
        Call::Whisper => tier("chat.postEphemeral", TIER_4),
        Call::React => tier("reactions.add", TIER_3),
        // `files.completeUploadExternal` follows each.
        Call::Upload => tier("files.getUploadURLExternal", TIER_4),
        // `conversations.history`, `conversations.replies`, `reactions.get`: as if they were one.
        Call::Look => tier("conversations.history", TIER_3),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::id::Platform;
    use crate::pace::Buckets;

    fn place(channel: &str, thread: Option<&str>) -> Place {
        Place {
            platform: Platform::Slack,
            workspace: "T0".into(),
            channel: channel.into(),
            thread: thread.map(Into::into),
        }
    }

    #[test]
    fn posts_count_by_channel_and_edits_by_workspace() {
        let (mut counted, now) = (Buckets::default(), Instant::now());
        for number in 0..POST.burst {
            let thread = (number % 2 == 0).then_some("1.1");
            counted.take(&buckets(&place("C1", thread), Call::Post), true, now).expect("a short burst");
        }
        let next = counted.take(&buckets(&place("C1", None), Call::Post), true, now);
        assert_eq!(next, Err(now + Duration::from_secs(1)), "a thread's posts are its channel's");
        assert_eq!(counted.take(&buckets(&place("C2", None), Call::Post), true, now), Ok(()));
        assert_eq!(counted.take(&buckets(&place("C1", None), Call::Edit), false, now), Ok(()));

        let until = now + Duration::from_secs(30);
        counted.close(&buckets(&place("C1", None), Call::Edit), until, now);
        assert_eq!(counted.take(&buckets(&place("C2", None), Call::Edit), true, now), Err(until));
        assert_eq!(counted.take(&buckets(&place("C2", None), Call::Post), true, now), Ok(()));
    }
}
