//! How fast Discord lets us ask (<https://docs.discord.com/developers/topics/rate-limits>). Nothing of it may be known
//! beforehand: it is read off each answer, and a call that would be refused is refused here, with how long to wait.
//!
//! serenity's own limiter waits inside the call, up to where nobody knows any more whether it was made, and holds up what
//! is more urgent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use serenity::http::{LightMethod, RatelimitingBucket, Route};

use crate::pace::{Bucket, Buckets};

/// When Discord says "too fast", but not for how long.
const PAUSE_DEFAULT: Duration = Duration::from_secs(5);
const PAUSE_LEAST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// What is counted apart from others: serenity knows which routes share a channel, guild or webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    /// All but answers to interactions.
    Everything,
    Route(LightMethod, RatelimitingBucket),
}

/// Which of Discord's counts a call is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    route: Counted,
    /// Interactions are outside of the limit for everything.
    apart: bool,
}

impl Key {
    pub(super) fn of(method: LightMethod, route: &Route<'_>) -> Self {
        let apart = matches!(
            route,
            Route::InteractionResponse { .. }
                | Route::WebhookFollowupMessages { .. }
                | Route::WebhookFollowupMessage { .. }
                | Route::WebhookOriginalInteractionResponse { .. }
        );
        Self { route: Counted::Route(method, route.ratelimiting_bucket()), apart }
    }
}

/// What an answer says of the limits: its status, headers as far as they are there, and body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told<'a> {
    pub(super) status: u16,
    /// `X-RateLimit-Remaining`
    pub(super) remaining: Option<&'a str>,
    /// `X-RateLimit-Reset-After`, in seconds.
    pub(super) reset_after: Option<&'a str>,
    /// `Retry-After`, in seconds.
    pub(super) retry_after: Option<&'a str>,
    /// `X-RateLimit-Scope`: `user`, `global`, `shared`.
    pub(super) scope: Option<&'a str>,
    /// `None` if it is no JSON.
    pub(super) body: Option<&'a Value>,
}

impl Told<'_> {
    /// How long to wait before the next call, and whether that holds for everything.
    fn pause(&self) -> Option<(Duration, bool)> {
        if self.status == 429 {
            let body = self.body.filter(|it| it.is_object());
            let precise = body.and_then(|it| it["retry_after"].as_f64()).and_then(seconds);
            let pause = precise.or_else(|| self.retry_after.and_then(number)).unwrap_or(PAUSE_DEFAULT);
            // A 429 without Discord's words comes from what stands before it, which counts addresses.
            let everything = self.scope == Some("global") || body.is_none_or(|it| it["global"] == true);
            return Some((pause.clamp(PAUSE_LEAST, PAUSE_MAX), everything));
        }
        let spent = self.remaining?.trim() == "0";
        let pause = self.reset_after.and_then(number).filter(|_| spent)?;
        Some((pause.min(PAUSE_MAX), false))
    }
}

fn number(text: &str) -> Option<Duration> {
    seconds(text.trim().parse().ok()?)
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

/// What Discord told us and still holds.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<Buckets<Counted>>);

impl Limits {
    fn buckets(&self) -> MutexGuard<'_, Buckets<Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long this call has to wait, if it would be refused now.
    pub(super) fn pause(&self, key: Key, now: Instant) -> Option<Duration> {
        let everything = (!key.apart).then_some(Counted::Everything);
        let counted: Vec<Bucket<Counted>> =
            [Some(key.route), everything].into_iter().flatten().map(Bucket::untold).collect();
        let opens_at = self.buckets().take(&counted, true, now).err()?;
        Some(opens_at.saturating_duration_since(now))
    }

    /// Keeps what an answer told; how long to wait, if the call was refused.
    pub(super) fn learn(&self, key: Key, told: &Told<'_>, now: Instant) -> Option<Duration> {
        let (pause, everything) = told.pause()?;
        let counted = if everything { Counted::Everything } else { key.route };
        self.buckets().close(&[Bucket::untold(counted)], now + pause, now);
        (told.status == 429).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serenity::model::id::{ChannelId, InteractionId};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn messages(channel: u64) -> Route<'static> {
        Route::ChannelMessages { channel_id: ChannelId::new(channel) }
    }

    fn post(channel: u64) -> Key {
        Key::of(LightMethod::Post, &messages(channel))
    }

    fn answer() -> Key {
        Key::of(
            LightMethod::Post,
            &Route::InteractionResponse { interaction_id: InteractionId::new(7), token: "t" },
        )
    }

    #[test]
    fn the_last_call_that_is_left_closes_its_own_bucket_until_the_reset() {
        let (limits, now) = (Limits::default(), Instant::now());
        let left = |remaining| Told {
            status: 200,
            remaining: Some(remaining),
            reset_after: Some("1.25"),
            ..Told::default()
        };
        assert_eq!(limits.learn(post(1), &left("1"), now), None);
        assert_eq!(limits.pause(post(1), now), None);
        assert_eq!(limits.learn(post(1), &left("0"), now), None, "the call itself was made");
        assert_eq!(limits.pause(post(1), now + SECOND), Some(Duration::from_millis(250)));
        assert_eq!(limits.pause(post(1), now + SECOND * 2), None);
        assert_eq!(limits.pause(post(2), now), None, "another channel");
        assert_eq!(limits.pause(Key::of(LightMethod::Get, &messages(1)), now), None, "another method");
    }

    #[test]
    fn a_refusal_says_for_how_long_and_for_what() {
        let own = json!({"retry_after": 1.5, "global": false});
        let all = json!({"retry_after": 2, "global": true});
        let (own, all) = (Some(&own), Some(&all));
        let told =
            |retry_after, scope, body| Told { status: 429, retry_after, scope, body, ..Told::default() };
        for (told, pause, everything) in [
            // The header is rounded up.
            (told(Some("2"), Some("user"), own), 1.5, false),
            (told(Some("2"), Some("shared"), own), 1.5, false),
            (told(Some("2"), None, all), 2.0, true),
            (told(Some("2"), Some("global"), own), 1.5, true),
            (told(Some("600"), None, None), 600.0, true),
            (told(None, None, Some(&json!({}))), 5.0, false),
            (told(Some("soon"), None, Some(&json!({}))), 5.0, false),
            (told(Some("-1"), None, Some(&json!({"retry_after": -1}))), 5.0, false),
            (told(Some("0"), None, Some(&json!({}))), 0.1, false),
            (told(Some("1e300"), None, Some(&json!({}))), 5.0, false),
            (told(Some("999999"), None, Some(&json!({}))), 3_600.0, false),
        ] {
            assert_eq!(told.pause(), Some((Duration::from_secs_f64(pause), everything)), "{told:?}");
        }
    }

    #[test]
    fn the_limit_for_everything_leaves_answers_to_interactions_out() {
        let (limits, now) = (Limits::default(), Instant::now());
        let body = json!({"retry_after": 3, "global": true});
        let told = Told { status: 429, body: Some(&body), ..Told::default() };
        assert_eq!(limits.learn(post(1), &told, now), Some(SECOND * 3));
        assert_eq!(limits.pause(post(2), now), Some(SECOND * 3));
        assert_eq!(limits.pause(answer(), now), None);
        assert_eq!(limits.pause(post(2), now + SECOND * 3), None);
    }
}
