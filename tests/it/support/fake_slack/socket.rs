//! The fake's Socket Mode: tickets, envelopes, acknowledgements in time or redelivery.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::super::wire::{Pull, Push, accept};
use super::{FakeSlack, Sent};

/// After these pauses Slack tries again (really: at once, after 1 min, after 5 min).
const RETRY_AFTER: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300)];

/// One line to the bot; lines are numbered from 1 as they open; one too many is 0.
pub(super) struct Socket {
    pub(super) push: mpsc::UnboundedSender<Push>,
    number: usize,
}

pub(super) async fn serve(fake: FakeSlack, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let fake = fake.clone();
        tokio::spawn(async move {
            let admit = |query: &str| fake.world(|it| it.tickets.remove(query));
            let Some(mut line) = accept(stream, admit).await else { return };
            let hello = json!({"type": "hello", "connection_info": {"app_id": "A1"}, "num_connections": 1,
                "debug_info": {"host": "fake"}});
            let _ = line.push.send(Push::Frame(hello));
            let number = fake.world(|it| {
                if 0 < it.too_many {
                    it.too_many -= 1;
                    return 0;
                }
                it.opened += 1;
                it.sockets.push(Socket { push: line.push.clone(), number: it.opened });
                it.opened
            });
            if number == 0 {
                let end = json!({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}});
                let _ = line.push.send(Push::Frame(end));
            }
            flush(&fake);
            while let Some(pull) = line.pull.recv().await {
                match pull {
                    Pull::Frame(ack) => acknowledge(&fake, number, &ack),
                    Pull::Ended(_) => break,
                }
            }
            fake.world(|it| it.sockets.retain(|socket| socket.number != number));
        });
    }
}

/// Sends what waits, each envelope to any one socket.
pub(super) fn flush(fake: &FakeSlack) {
    loop {
        let sent = fake.world(|it| {
            it.sockets.retain(|socket| !socket.push.is_closed());
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
            let Socket { push, number } = &it.sockets[it.next_socket % it.sockets.len()];
            let _ = push.send(Push::Frame(envelope.clone()));
            *it.dealt.entry(*number).or_default() += 1;
            it.waiting.insert(id.clone(), Sent { envelope, attempt, socket: *number });
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

/// An acknowledgement counts on the socket that the envelope came over.
fn acknowledge(fake: &FakeSlack, socket: usize, ack: &Value) {
    let id = ack["envelope_id"].as_str().unwrap_or_default().to_owned();
    fake.world(|it| {
        let Some(sent) = it.waiting.remove(&id) else { return };
        if sent.socket == socket {
            it.note_taken(&sent.envelope);
            it.replies.extend(ack.get("payload").cloned());
        } else {
            it.faulty_calls
                .push(format!("{id} went over socket {} and was acknowledged over {socket}", sent.socket));
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
        let Some(Sent { mut envelope, attempt, .. }) = it.waiting.remove(id) else { return };
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

impl FakeSlack {
    /// Nothing of Slack answers; its memory stays.
    pub fn go_away(&self) {
        self.world(|it| it.away = true);
        self.drop_sockets();
    }

    pub fn come_back(&self) {
        self.world(|it| it.away = false);
    }

    /// The oldest socket alone: it is cut, or stands and says nothing any more while envelopes are dealt to it still.
    pub fn push_to_oldest(&self, push: Push) {
        self.world(|it| {
            let oldest = &it.sockets[0];
            let _ = oldest.push.send(push.clone());
            if matches!(push, Push::Cut | Push::Close(_)) {
                it.sockets.remove(0);
            }
        });
    }

    /// Envelopes that the socket of this number was given.
    pub fn dealt(&self, number: usize) -> usize {
        self.look(|it| it.dealt.get(&number).copied().unwrap_or(0))
    }
}
