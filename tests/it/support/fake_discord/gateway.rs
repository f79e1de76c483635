//! The fake's gateway: hello, identify or resume, heartbeats, dispatches with sequence numbers.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::super::wire::{Line, Pull, Push, accept};
use super::{APPLICATION, BOT, FakeDiscord, GUILD, SessionState, TOKEN, World};

const GUILDS: u64 = 1;
const GUILD_MESSAGES: u64 = 1 << 9;
const MESSAGE_CONTENT: u64 = 1 << 15;

pub(super) async fn serve(fake: FakeDiscord, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let fake = fake.clone();
        if fake.look(|it| it.shut) {
            continue;
        }
        tokio::spawn(async move {
            let Some(line) = accept(stream, |query| query.contains("v=10")).await else { return };
            hold(fake, line).await;
        });
    }
}

async fn hold(fake: FakeDiscord, mut line: Line) {
    let interval = fake.world(|it| {
        it.all_lines.push(line.push.clone());
        it.heartbeat
    });
    let _ = line.push.send(Push::Frame(json!({"op": 10, "d": {"heartbeat_interval": interval.as_millis()}})));
    // Twice the interval is late; the rest is patience with a busy machine.
    let patience = interval * 2 + Duration::from_secs(2);
    let mut sent: Vec<Instant> = Vec::new();
    while let Ok(Some(pull)) = tokio::time::timeout(patience, line.pull.recv()).await {
        let frame = match pull {
            Pull::Frame(frame) => frame,
            Pull::Ended(code) => return fake.world(|it| hung_up(it, &line, code)),
        };
        sent.retain(|it| it.elapsed() < Duration::from_secs(60));
        sent.push(Instant::now());
        if let Some(code) = too_much(&frame, sent.len()) {
            fake.world(|it| it.faulty_calls.push(format!("closed with {code}: {frame}")));
            let _ = line.push.send(Push::Close(code));
            return;
        }
        let close = fake.world(|it| match frame["op"].as_u64() {
            Some(1) => {
                let _ = line.push.send(Push::Frame(json!({"op": 11})));
                None
            }
            Some(2) => identify(it, &fake, &frame["d"], &line),
            Some(6) => resume(it, &frame["d"], &line),
            _ => Some(4001),
        });
        if let Some(code) = close {
            let _ = line.push.send(Push::Close(code));
        }
    }
    fake.world(|it| {
        // A frozen line has no session any more.
        let held =
            |session: &SessionState| session.line.as_ref().is_some_and(|it| it.same_channel(&line.push));
        if it.sessions.values().any(held) {
            it.faulty_calls.push("a line without heartbeats".to_owned());
        }
    });
    let _ = line.push.send(Push::Close(4009));
}

/// 4,096 bytes a frame, 120 frames a minute. Beats are ten times as fast here as at Discord.
fn too_much(frame: &Value, in_a_minute: usize) -> Option<u16> {
    if 4_096 < frame.to_string().len() {
        return Some(4002);
    }
    (1_200 < in_a_minute).then_some(4008)
}

/// These two codes end the session as well.
fn hung_up(world: &mut World, line: &Line, code: Option<u16>) {
    let ends = matches!(code, Some(1000 | 1001));
    world.sessions.retain(|_, it| !(ends && it.line.as_ref().is_some_and(|it| it.same_channel(&line.push))));
    for session in world.sessions.values_mut() {
        if session.line.as_ref().is_some_and(|it| it.same_channel(&line.push)) {
            session.line = None;
        }
    }
}

fn identify(world: &mut World, fake: &FakeDiscord, data: &Value, line: &Line) -> Option<u16> {
    world.identified += 1;
    if world.starts_left == 0 {
        world.faulty_calls.push("the last session of the day: Discord resets the token".to_owned());
        return Some(4004);
    }
    world.starts_left = world.starts_left.saturating_sub(1);
    if !known(&data["token"]) {
        return Some(4004);
    }
    let intents = data["intents"].as_u64().unwrap_or(0);
    if let Some(code) = world.refuses_identify.take() {
        return Some(code);
    }
    if world.refuses_intents || intents & MESSAGE_CONTENT == 0 || intents & GUILD_MESSAGES == 0 {
        return Some(4014);
    }
    let id = format!("session-{}", world.identified);
    let mut session = SessionState { events: Vec::new(), line: Some(line.push.clone()) };
    let address = format!("ws://{}", fake.gateway);
    session.dispatch("READY", json!({"v": 10, "user": {"id": BOT, "bot": true, "username": "lockkeeper"},
        "session_id": id, "guilds": [{"id": GUILD, "unavailable": true}], "resume_gateway_url": address, "application": {"id": APPLICATION, "flags": 0}, "surprise": {"new": 1}}));
    if intents & GUILDS != 0 {
        session.dispatch(
            "GUILD_CREATE",
            json!({"id": GUILD, "threads": [],
            "channels": [{"id": super::GENERAL, "type": 0, "name": "general"}]}),
        );
    }
    for (kind, data) in std::mem::take(&mut world.early) {
        session.dispatch(&kind, data);
    }
    if !world.several {
        world.sessions.clear();
    }
    world.sessions.insert(id, session);
    None
}

/// Discord takes the token with and without `Bot` before it.
fn known(token: &Value) -> bool {
    token.as_str().is_some_and(|it| it.strip_prefix("Bot ").unwrap_or(it) == TOKEN)
}

fn resume(world: &mut World, data: &Value, line: &Line) -> Option<u16> {
    let id = data["session_id"].as_str().unwrap_or_default();
    if let Some(code) = world.refuses_resume.take() {
        return Some(code);
    }
    let Some(session) = world.sessions.get_mut(id).filter(|_| known(&data["token"])) else {
        let _ = line.push.send(Push::Frame(json!({"op": 9, "d": false})));
        return None;
    };
    let seen = data["seq"].as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(0);
    for event in session.events.iter().skip(seen) {
        let _ = line.push.send(Push::Frame(event.clone()));
    }
    session.line = Some(line.push.clone());
    session.dispatch("RESUMED", json!({}));
    world.resumed += 1;
    None
}
