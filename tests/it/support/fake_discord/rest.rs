//! The fake's REST API.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use lockkeeper::chat::discord::invitation;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::limits::Verdict;
use super::super::wire::{Fault, Upload, http_date, page, status};
use super::{APPLICATION, BOT, FakeDiscord, Posted, TOKEN, Unread, World, interact, limit, past, rules};

pub(super) async fn serve(fake: FakeDiscord, listener: TcpListener) {
    let router = Router::new().fallback(any(call)).with_state(fake);
    axum::serve(listener, router).await.expect("the fake serves");
}

async fn call(
    State(fake): State<FakeDiscord>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().strip_prefix("/api/v10/").unwrap_or_default().to_owned();
    let query = uri.query().unwrap_or_default().to_owned();
    let words: Vec<&str> = path.split('/').collect();
    let name = format!("{method} {}", words[0]);
    let counted = limit::counted(method.as_str(), &words);
    let (fault, verdict) = fake.world(|it| {
        it.calls.push(name.clone());
        it.limits.note(format!("{name} {}", words.get(3).copied().unwrap_or_default()));
        let verdict = it.limits.ask(&counted);
        let taken = matches!(verdict, Verdict::Taken(_));
        let fault = if taken { it.faults.take(&name) } else { None };
        if let Some(Fault::RateLimit(after)) = &fault {
            it.limits.close(&counted.key, limit::seconds(after));
        }
        (fault, verdict)
    });
    let left = match verdict {
        Verdict::Refused(pause) => return limit::too_fast(&pause.as_secs_f64().to_string(), false),
        Verdict::AllRefused(pause) => return limit::too_fast(&pause.as_secs_f64().to_string(), true),
        Verdict::Taken(left) => left,
    };
    if fake.look(|it| it.away) {
        return status(503);
    }
    let given = headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
    if given != format!("Bot {TOKEN}") {
        return reply(Err((401, 0)));
    }
    let act = || fake.world(|it| answer(it, &fake, method.as_str(), &words, &headers, &body, &query));
    let mut response = match fault {
        Some(Fault::Code(code)) => {
            let code: i64 = code.parse().expect("a number");
            // An interaction's token that is over.
            let status = if code == 50_027 { 401 } else { 400 };
            reply(Err((status, code)))
        }
        Some(Fault::Status(code)) => status(code),
        Some(Fault::Page) => page(),
        Some(Fault::RateLimit(after)) => return limit::too_fast(&after, false),
        Some(Fault::AnswerLost) => {
            let _ = act();
            status(502)
        }
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            reply(act())
        }
        None => reply(act()),
    };
    response.headers_mut().insert("date", http_date(fake.look(World::now)));
    limit::told(response, left)
}

/// HTTP status and Discord's own code.
pub(super) type Refusal = (u16, i64);

pub(super) fn reply(outcome: Result<Value, Refusal>) -> Response {
    match outcome {
        Ok(Value::Null) => StatusCode::NO_CONTENT.into_response(),
        Ok(body) => axum::Json(body).into_response(),
        Err((status, code)) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, axum::Json(json!({"code": code, "message": "refused"}))).into_response()
        }
    }
}

const UNKNOWN_CHANNEL: Refusal = (404, 10_003);
const UNKNOWN_MESSAGE: Refusal = (404, 10_008);

fn answer(
    world: &mut World,
    fake: &FakeDiscord,
    method: &str,
    words: &[&str],
    headers: &HeaderMap,
    bytes: &Bytes,
    query: &str,
) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    match (method, words) {
        ("GET", ["gateway", "bot"]) => Ok(json!({"url": format!("ws://{}", fake.gateway), "shards": 1,
            "session_start_limit": {"total": 1000, "remaining": world.starts_left, "reset_after": 100,
            "max_concurrency": 1}})),
        ("GET", ["gateway"]) => Ok(json!({"url": format!("ws://{}", fake.gateway)})),
        ("GET", ["users", "@me", "guilds"]) => {
            Ok(json!([{"id": super::GUILD, "name": "ours", "permissions": granted()}]))
        }
        ("GET", ["channels", channel]) => world.channels.get(*channel).cloned().ok_or(UNKNOWN_CHANNEL),
        ("POST", ["channels", channel, "messages"]) => {
            let form = headers.get("content-type").and_then(|it| it.to_str().ok()).unwrap_or_default();
            if form.starts_with("multipart/form-data") {
                return upload(world, channel, bytes);
            }
            post(world, channel, &body)
        }
        ("PATCH", ["channels", channel, "messages", id]) => update(world, channel, id, &body),
        ("PUT", ["channels", channel, "messages", id, "reactions", emoji, "@me"]) => {
            let message = find(world, channel, id)?;
            message.reactions.entry((*emoji).to_owned()).or_default().insert(BOT.to_owned());
            if world.echoes {
                let told = json!({"user_id": BOT, "channel_id": channel, "message_id": id, "guild_id": super::GUILD,
                    "emoji": {"id": null, "name": past::plain(emoji)}, "burst": false, "type": 0});
                world.dispatch("MESSAGE_REACTION_ADD", &told);
            }
            Ok(Value::Null)
        }
        ("POST", ["channels", channel, "messages", id, "threads"]) => thread(world, channel, id, &body),
        ("POST", ["users", "@me", "channels"]) => {
            let user = body["recipient_id"].as_str().unwrap_or_default();
            Ok(json!({"id": world.direct_with(user), "type": 1}))
        }
        ("GET", ["guilds", _, "members", user]) => world.members.get(*user).cloned().ok_or((404, 10_007)),
        ("GET", ["channels", channel, "messages"]) => {
            open(world, channel)?;
            Ok(past::page(world, channel, query))
        }
        ("GET", ["channels", channel, "messages", id]) => {
            open(world, channel)?;
            let message = find(world, channel, id)?.clone();
            Ok(past::message(world, &message))
        }
        ("GET", ["channels", channel, "messages", id, "reactions", emoji]) => {
            open(world, channel)?;
            let message = find(world, channel, id)?.clone();
            Ok(past::users(world, &message, emoji, query))
        }
        ("GET", ["guilds", _, "threads", "active"]) => Ok(past::threads(world)),
        ("GET", ["users", "@me"]) => Ok(json!({"id": BOT, "bot": true, "username": "lockkeeper"})),
        ("GET", ["oauth2", "applications", "@me"]) => {
            let content = if world.allows_content { 1 << 19 } else { 0 };
            Ok(json!({"id": APPLICATION, "name": "Lockkeeper", "flags": content}))
        }
        ("GET" | "PUT", ["applications", application, rest @ ..]) if *application == APPLICATION => {
            interact::commands(world, method, rest, &body)
        }
        ("POST", ["interactions", id, _, "callback"]) => interact::answer(world, id, &body),
        ("POST", ["webhooks", application, token]) if *application == APPLICATION => {
            follow_up(world, token, &body)
        }
        _ => {
            world.faulty_calls.push(format!("no such route: {method} {}", words.join("/")));
            Err((501, 0))
        }
    }
}

/// What a bot may do that was invited by the address that the program prints.
fn granted() -> String {
    let address = invitation("1");
    address.rsplit_once("permissions=").expect("permissions").1.to_owned()
}

/// The channel is there, and the bot may be in it.
fn open(world: &World, channel: &str) -> Result<(), Refusal> {
    if world.closed.contains(channel) {
        return Err((403, 50_001));
    }
    if world.channels.contains_key(channel) { Ok(()) } else { Err(UNKNOWN_CHANNEL) }
}

pub(super) fn check(world: &mut World, body: &Value) -> Result<(), Refusal> {
    let Some(why) = rules::refusal(body) else { return Ok(()) };
    world.faulty_calls.push(why);
    Err((400, 50_035))
}

pub(super) fn keep(world: &mut World, channel: &str, body: &Value) -> Posted {
    let id = world.next_id();
    let only_for = world.recipient(channel);
    let posted = Posted { only_for, ..Posted::new(channel, &id, BOT, body.clone()) };
    world.messages.push(posted.clone());
    posted
}

fn post(world: &mut World, channel: &str, body: &Value) -> Result<Value, Refusal> {
    open(world, channel)?;
    check(world, body)?;
    let nonce = body["nonce"].as_str().filter(|_| body["enforce_nonce"] == true).map(str::to_owned);
    if let Some(known) = nonce.as_ref().and_then(|it| world.nonces.get(it)) {
        return Ok(json!({"id": known}));
    }
    let posted = keep(world, channel, body);
    world.echo("MESSAGE_CREATE", &posted);
    if let Some(nonce) = nonce {
        world.nonces.insert(nonce, posted.id.clone());
    }
    world.unread.push(Unread::Post(posted.clone()));
    Ok(json!({"id": posted.id, "surprise": "hardly any field of a message"}))
}

fn upload(world: &mut World, channel: &str, form: &Bytes) -> Result<Value, Refusal> {
    open(world, channel)?;
    let parts = parts(form);
    let part = |name: &str| parts.iter().find(|(head, _)| head.contains(&format!("name=\"{name}\"")));
    let (Some((_, message)), Some((head, bytes))) = (part("payload_json"), part("files[0]")) else {
        world.faulty_calls.push("a form without `payload_json` and `files[0]`".to_owned());
        return Err((400, 50_035));
    };
    let message: Value = serde_json::from_slice(message).unwrap_or_default();
    let quoted = |text: &str| text.split('"').next().unwrap_or_default().to_owned();
    let thread = world.channels[channel]["parent_id"].is_string().then(|| channel.to_owned());
    let shown = Upload {
        channel: channel.to_owned(),
        thread,
        name: head.split_once("filename=\"").map_or(String::new(), |(_, rest)| quoted(rest)),
        alt: message["attachments"][0]["description"].as_str().unwrap_or_default().to_owned(),
        bytes: bytes.clone(),
    };
    world.uploads.push(shown.clone());
    world.unread.push(Unread::File(shown));
    Ok(json!({"id": keep(world, channel, &json!({"attachments": [{}]})).id}))
}

/// The parts of a multipart form: head and bytes.
fn parts(form: &[u8]) -> Vec<(String, Vec<u8>)> {
    let find = |text: &[u8], wanted: &[u8]| text.windows(wanted.len()).position(|it| it == wanted);
    let boundary = find(form, b"\r\n").map_or(form, |end| &form[..end]);
    let mut parts = Vec::new();
    let mut rest = &form[boundary.len()..];
    while let Some(end) = find(rest, boundary).filter(|_| !boundary.is_empty()) {
        let part = &rest[..end];
        if let Some(at) = find(part, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&part[..at]).into_owned();
            parts.push((head, part[at + 4..].strip_suffix(b"\r\n").unwrap_or(&part[at + 4..]).to_vec()));
        }
        rest = &rest[end + boundary.len()..];
    }
    parts
}

pub(super) fn find<'a>(world: &'a mut World, channel: &str, id: &str) -> Result<&'a mut Posted, Refusal> {
    let found = world.messages.iter_mut().find(|it| it.channel == channel && it.id == id);
    found.ok_or(UNKNOWN_MESSAGE)
}

fn update(world: &mut World, channel: &str, id: &str, body: &Value) -> Result<Value, Refusal> {
    check(world, body)?;
    let message = find(world, channel, id)?;
    if message.author != BOT {
        return Err((403, 50_005));
    }
    message.body = body.clone();
    message.edits += 1;
    let edited = message.clone();
    world.echo("MESSAGE_UPDATE", &edited);
    world.unread.push(Unread::Edit(edited));
    Ok(json!({"id": id}))
}

/// A thread bears the id of the message that it hangs on.
fn thread(world: &mut World, channel: &str, id: &str, body: &Value) -> Result<Value, Refusal> {
    find(world, channel, id)?;
    let name = body["name"].as_str().unwrap_or_default();
    if !(1..=100).contains(&name.encode_utf16().count()) {
        world.faulty_calls.push(format!("a thread's name: {body}"));
        return Err((400, 50_035));
    }
    if world.channels.contains_key(id) {
        return Err((400, 160_004));
    }
    let thread = json!({"id": id, "type": 11, "parent_id": channel, "guild_id": super::GUILD, "name": name});
    world.channels.insert(id.to_owned(), thread.clone());
    Ok(thread)
}

/// Answers to presses stand where nobody but the presser sees them: here under the token.
fn follow_up(world: &mut World, token: &str, body: &Value) -> Result<Value, Refusal> {
    check(world, body)?;
    if body["flags"] != 64 {
        world.faulty_calls.push(format!("everybody would see this: {body}"));
    }
    let known = token.strip_prefix("token-").and_then(|it| world.interactions.get(it));
    // Before its first answer there is nothing to follow.
    let Some(presser) = known.filter(|it| it.answered.is_some()).map(|it| it.user.clone()) else {
        return Err((404, 10_015));
    };
    let id = keep(world, token, body).id;
    let posted = find(world, token, &id)?;
    posted.only_for = Some(presser);
    let posted = posted.clone();
    world.unread.push(Unread::Post(posted.clone()));
    Ok(json!({"id": posted.id}))
}
