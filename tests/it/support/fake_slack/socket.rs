//! The fake's Socket Mode: tickets, envelopes, acknowledgements in time or redelivery.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::wire::{Pull, Push, accept};
use super::{FakeSlack, Sent};

/// After these pauses Slack tries again (really: at once, after 1 min, after 5 min).
const RETRY_AFTER: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300)];

pub(super) async fn serve(fake: FakeSlack, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let fake = fake.clone();
        tokio::spawn(async move {
            let admit = |query: &str| fake.world(|it| it.tickets.remove(query));
            let Some(mut line) = accept(stream, admit).await else { return };
            let hello = json!({"type": "hello", "connection_info": {"app_id": "A1"}, "num_connections": 1,
                "debug_info": {"host": "fake"}});
            let _ = line.push.send(Push::Frame(hello));
            fake.world(|it| {
                it.sockets.push(line.push.clone());
                it.opened += 1;
            });
            flush(&fake);
            while let Some(pull) = line.pull.recv().await {
                match pull {
                    Pull::Frame(ack) => acknowledge(&fake, &ack),
                    Pull::Ended(_) => break,
                }
            }
            fake.world(|it| it.sockets.retain(|socket| !socket.same_channel(&line.push)));
        });
    }
}

/// Sends what waits, each envelope to any one socket.
pub(super) fn flush(fake: &FakeSlack) {
    loop {
        let sent = fake.world(|it| {
            it.sockets.retain(|socket| !socket.is_closed());
            if it.sockets.is_empty() {
                return None;
            }
            let mut envelope = it.outbound.pop_front()?;
            it.number += 1;
            let id = format!("envelope-{}", it.number);
            envelope["envelope_id"] = json!(id);
            let attempt =
                envelope["retry_attempt"].as_u64().and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
            it.next_socket += 1;
            let socket = it.next_socket % it.sockets.len();
            let _ = it.sockets[socket].send(Push::Frame(envelope.clone()));
            it.waiting.insert(id.clone(), Sent { envelope, attempt });
            Some((id, it.ack_within))
        });
        let Some((id, limit)) = sent else { return };
        let fake = fake.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            overdue(&fake, &id).await;
        });
    }
}

fn acknowledge(fake: &FakeSlack, ack: &Value) {
    let id = ack["envelope_id"].as_str().unwrap_or_default().to_owned();
    fake.world(|it| {
        if it.waiting.remove(&id).is_some() {
            it.acknowledged += 1;
            it.replies.extend(ack.get("payload").cloned());
        }
    });
}

/// Events come again, up to three times; interactions never do.
async fn overdue(fake: &FakeSlack, id: &str) {
    let Some(sent) = fake.look(|it| it.waiting.get(id).map(|it| it.attempt)) else { return };
    if let Some(pause) = RETRY_AFTER.get(sent as usize) {
        tokio::time::sleep(*pause).await;
    }
    fake.world(|it| {
        let Some(Sent { mut envelope, attempt }) = it.waiting.remove(id) else { return };
        if envelope["type"] == "events_api" && (attempt as usize) < RETRY_AFTER.len() {
            envelope["retry_attempt"] = json!(attempt + 1);
            envelope["retry_reason"] = json!("timeout");
            it.outbound.push_back(envelope);
        } else {
            it.lost.push(envelope);
        }
    });
    flush(fake);
}
