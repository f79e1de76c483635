//! One line after another: resumed where the session still stands, begun anew where it does not and the day's number of
//! beginnings allows it.

use std::time::Duration;

use serenity::http::Route;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::gateway::{End, Heard, Lines};
use super::queue::{self, Queue};
use super::{Backoff, ChatError, Discord, Intake, ListenError, chance};

/// With fewer starts left for the day, new sessions are begun slowly: at none left Discord resets the token.
const STARTS_SCARCE: u64 = 100;
/// Other programs with this token may begin some, too.
const STARTS_SPARED: u64 = 30;
/// Lines that do not open one after another, before another address is asked for.
const SHUT_MAX: usize = 3;

/// When a session may be begun, and where.
enum Start {
    At(String),
    /// Too few are left today, or too many were begun lately.
    In(Duration),
}

impl Discord {
    /// Hears people over the gateway, and stores what they do: in the order in which they did it, each channel by itself.
    pub(super) async fn hear_people(
        &self,
        intake: &Intake,
        stop: &CancellationToken,
    ) -> Result<(), ListenError> {
        let (queue, hearing) = mpsc::channel(queue::ARRIVING_MAX);
        let mut storing = std::pin::pin!(Queue::new(&self.ears, &self.sessions, intake).run(hearing));
        let ended = tokio::select! {
            ended = self.hold_lines(queue, intake, stop) => ended,
            () = storing.as_mut() => Ok(()),
        };
        // What was heard before the end is still stored, if the store takes it; the next start is told of the rest.
        let _ = tokio::time::timeout(self.timing.intake, storing).await;
        self.sessions.write();
        ended
    }

    async fn hold_lines(
        &self,
        queue: mpsc::Sender<Heard>,
        intake: &Intake,
        stop: &CancellationToken,
    ) -> Result<(), ListenError> {
        let lines = Lines::new(&self.ears, &self.sessions, &self.token, (queue, intake), stop);
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        let mut shut = 0;
        loop {
            let session = self.sessions.current();
            let begun = match &session {
                Some(session) => {
                    self.ears.know(session);
                    Start::At(session.url.clone())
                }
                None => self.permission(&mut backoff, stop).await?,
            };
            let pause = match begun {
                Start::In(wait) => wait,
                Start::At(address) => {
                    let end = lines.hold(&address, session).await;
                    shut = if matches!(end, End::Shut) { shut + 1 } else { 0 };
                    // An address that is gone while Discord is there takes its session with it.
                    if SHUT_MAX <= shut && self.rest.get(Route::GatewayBot).await.is_ok() {
                        self.sessions.forget();
                    }
                    if self.ears.was_connected() {
                        backoff.reset();
                    }
                    match self.pause_after(end, &mut backoff) {
                        Some(pause) => pause?,
                        None => return Ok(()),
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// How long to wait before the next line; `None` if there is to be none.
    fn pause_after(&self, end: End, backoff: &mut Backoff) -> Option<Result<Duration, ListenError>> {
        match end {
            End::Stopped => None,
            End::Fatal(error) => Some(Err(error)),
            End::Lost | End::Shut => Some(Ok(backoff.pause())),
            // Discord asks for one to five seconds by chance.
            End::Forgotten => {
                self.sessions.forget();
                Some(Ok(self.timing.pause_first.mul_f64(1.0 + 4.0 * chance())))
            }
        }
    }

    /// Where a session may be begun now, if one may.
    ///
    /// # Errors
    /// When the token does not count.
    async fn permission(
        &self,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<Start, ListenError> {
        let wait = self.sessions.pause(self.clock.now());
        if !wait.is_zero() {
            tracing::warn!(?wait, "many sessions were begun at discord lately; the next one waits");
            return Ok(Start::In(wait));
        }
        let asked = tokio::select! {
            () = stop.cancelled() => return Ok(Start::In(Duration::ZERO)),
            asked = self.rest.get(Route::GatewayBot) => asked,
        };
        let answer = match asked {
            Ok(answer) => answer,
            Err(ChatError::Refused { code, fix }) if code == "401" => {
                return Err(ListenError::Fatal { code, fix });
            }
            Err(ChatError::RateLimited { retry_after }) => {
                return Ok(Start::In(retry_after.max(backoff.pause())));
            }
            Err(error) => {
                tracing::warn!(%error, "discord names no gateway");
                return Ok(Start::In(backoff.pause()));
            }
        };
        let Some(url) = answer["url"].as_str() else {
            tracing::warn!("discord names no gateway");
            return Ok(Start::In(backoff.pause()));
        };
        let budget = &answer["session_start_limit"];
        let reset = Duration::from_millis(budget["reset_after"].as_u64().unwrap_or(0));
        match budget["remaining"].as_u64() {
            Some(left) if left < STARTS_SPARED => {
                tracing::error!(left, ?reset, "hardly any sessions are left at discord today");
                Ok(Start::In(reset.max(backoff.pause())))
            }
            Some(left) if left < STARTS_SCARCE => {
                let spread = reset.div_f64(100.0).min(self.timing.pause_longest);
                tracing::warn!(left, "few sessions are left at discord today");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(spread) => {}
                }
                Ok(Start::At(url.to_owned()))
            }
            Some(_) | None => Ok(Start::At(url.to_owned())),
        }
    }
}
