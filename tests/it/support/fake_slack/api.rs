//! The fake's Web API.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::limits::Verdict;
use super::super::wire::{Fault, Upload, http_date, page, status};
use super::past::{history, reactions};
use super::{APP_TOKEN, BOT, BOT_TOKEN, FakeSlack, Posted, TEAM, Unread, World, limit, rules, scope};

pub(super) async fn serve(fake: FakeSlack, listener: TcpListener) {
    let router = Router::new()
        .route("/api/{method}", any(call))
        .route("/upload/{file}", any(upload))
        .route("/respond/{number}", any(super::command::respond))
        .fallback(any(unknown))
        .with_state(fake);
    axum::serve(listener, router).await.expect("the fake serves");
}

async fn unknown(State(fake): State<FakeSlack>, uri: axum::http::Uri) -> Response {
    fake.world(|it| it.faulty_calls.push(format!("no such address: {uri}")));
    StatusCode::NOT_IMPLEMENTED.into_response()
}

async fn upload(State(fake): State<FakeSlack>, Path(file): Path<String>, bytes: Bytes) -> Response {
    fake.world(|it| match it.files.get_mut(&file) {
        Some(slot) => {
            slot.bytes = bytes.to_vec();
            "OK".into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

async fn call(
    State(fake): State<FakeSlack>,
    Path(method): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body =
        if body.is_empty() { json!(query) } else { serde_json::from_slice(&body).unwrap_or(Value::Null) };
    let counted = limit::counted(&method, &body);
    let (fault, verdict) = fake.world(|it| {
        it.calls.push(method.clone());
        it.limits.note(format!("{method} {}", body["ts"].as_str().unwrap_or_default()));
        let verdict = it.limits.ask(&counted);
        let taken = matches!(verdict, Verdict::Taken(_));
        let fault = if taken { it.faults.take(&method) } else { None };
        if let Some(Fault::RateLimit(after)) = &fault {
            it.limits.close(&counted.key, Duration::from_secs(after.parse().unwrap_or(0)));
        }
        (fault, verdict)
    });
    if fake.look(|it| it.away) {
        return status(503);
    }
    if let Verdict::Refused(pause) | Verdict::AllRefused(pause) = verdict {
        return too_fast(&pause.as_secs_f64().ceil().to_string());
    }
    let wanted = if method == "apps.connections.open" { APP_TOKEN } else { BOT_TOKEN };
    let given = headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let act = || {
        if given != format!("Bearer {wanted}") {
            return Err("invalid_auth".to_owned());
        }
        if let Some(code) = fake.look(|it| it.revoked.clone()).filter(|_| wanted == BOT_TOKEN) {
            return Err(code);
        }
        if let Some(scope) = scope::taken(&method, body["channel"].as_str().unwrap_or_default()) {
            if !scope::GRANTED.contains(&scope) {
                let why = format!("`{method}` takes {scope}, which the manifest does not ask for");
                fake.world(|it| it.faulty_calls.push(why));
                return Err("missing_scope".to_owned());
            }
            if fake.look(|it| it.withheld.contains(&scope)) {
                return Err("missing_scope".to_owned());
            }
        }
        let answer = fake.world(|it| answer(it, &fake, &method, &body)).map_err(str::to_owned);
        super::socket::flush(&fake);
        answer
    };
    let mut response = match fault {
        Some(Fault::Code(code)) => reply(Err(&code)),
        Some(Fault::Status(code)) => status(code),
        Some(Fault::Page) => page(),
        Some(Fault::RateLimit(after)) => too_fast(&after),
        Some(Fault::AnswerLost) => {
            let _ = act();
            status(502)
        }
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            reply(act().as_ref().map_err(String::as_str))
        }
        None => reply(act().as_ref().map_err(String::as_str)),
    };
    let withheld = fake.look(|it| it.withheld.clone());
    let held: Vec<&str> = scope::GRANTED.difference(&withheld).map(String::as_str).collect();
    response.headers_mut().insert("date", http_date(fake.look(World::now)));
    response.headers_mut().insert("x-oauth-scopes", held.join(",").parse().expect("a header"));
    response
}

fn too_fast(retry_after: &str) -> Response {
    let headers = [("retry-after", retry_after)];
    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(json!({"ok": false, "error": "ratelimited"})))
        .into_response()
}

fn reply(outcome: Result<&Value, &str>) -> Response {
    let body = match outcome {
        Ok(body) => {
            let mut body = body.clone();
            body["ok"] = json!(true);
            body
        }
        Err(code) => json!({"ok": false, "error": code}),
    };
    axum::Json(body).into_response()
}

type Answer = Result<Value, &'static str>;

fn answer(world: &mut World, fake: &FakeSlack, method: &str, body: &Value) -> Answer {
    match method {
        "auth.test" => {
            Ok(json!({"team_id": TEAM, "user_id": BOT, "bot_id": "B0LOCK", "team": "home", "user": "x"}))
        }
        "apps.connections.open" => {
            world.number += 1;
            let ticket = format!("ticket={}", world.number);
            world.tickets.insert(ticket.clone());
            Ok(json!({"url": format!("ws://{}/link?{ticket}", fake.gateway)}))
        }
        "chat.postMessage" => post(world, body, None),
        "chat.postEphemeral" => match body["user"].as_str() {
            Some(user) => post(world, body, Some(user.to_owned())),
            None => Err("no_user"),
        },
        "chat.update" => update(world, body),
        "reactions.add" => react(world, body),
        "reactions.get" => reactions(world, body),
        "users.info" => match world.users.get(body["user"].as_str().unwrap_or_default()) {
            Some(user) => Ok(json!({"user": user})),
            None => Err("user_not_found"),
        },
        "views.open" => match world.forms.open(body) {
            Ok(form) => {
                world.unread.push(Unread::Form(form.clone()));
                Ok(json!({"view": {"id": form.id}}))
            }
            Err((code, why)) => {
                world.faulty_calls.extend(why);
                Err(code)
            }
        },
        "conversations.history" => history(world, body, None),
        "conversations.replies" => history(world, body, body["ts"].as_str()),
        "files.getUploadURLExternal" => {
            world.number += 1;
            let id = format!("F{}", world.number);
            let name = body["filename"].as_str().ok_or("invalid_arguments")?.to_owned();
            body["length"].as_str().and_then(|it| it.parse::<usize>().ok()).ok_or("invalid_arguments")?;
            let alt = body["alt_txt"].as_str().unwrap_or_default().to_owned();
            let (channel, thread, bytes) = (String::new(), None, Vec::new());
            world.files.insert(id.clone(), Upload { channel, thread, name, alt, bytes });
            Ok(json!({"upload_url": format!("http://{}/upload/{id}", fake.http), "file_id": id}))
        }
        "files.completeUploadExternal" => complete_upload(world, body),
        other => {
            world.faulty_calls.push(format!("no such method: {other}"));
            Err("unknown_method")
        }
    }
}

fn post(world: &mut World, body: &Value, only_for: Option<String>) -> Answer {
    let channel = body["channel"].as_str().ok_or("channel_not_found")?.to_owned();
    check(world, body)?;
    world.commands.admit(&channel)?;
    if let Some(thread) = body["thread_ts"].as_str()
        && !world.messages.iter().any(|it| it.channel == channel && it.ts == thread)
    {
        return Err("thread_not_found");
    }
    let ts = world.ts();
    let posted = Posted { only_for, ..Posted::new(&channel, &ts, BOT, body.clone()) };
    world.messages.push(posted.clone());
    if posted.only_for.is_none() {
        world.echo(own_message(&posted, json!({})));
    }
    world.unread.push(Unread::Post(posted));
    Ok(
        json!({"channel": channel, "ts": ts, "message_ts": ts, "message": {"surprise": "a field nobody knows"}}),
    )
}

pub(super) fn check(world: &mut World, body: &Value) -> Result<(), &'static str> {
    if let Some((code, why)) = rules::refusal(&body["blocks"]) {
        world.faulty_calls.push(format!("{code}: {why}"));
        return Err(code);
    }
    if 40_000 < body["text"].as_str().unwrap_or_default().len() || body["unfurl_links"] != false {
        world.faulty_calls.push("text too long, or links unfurl".to_owned());
        return Err("msg_too_long");
    }
    Ok(())
}

/// A message of the bot's, as the bot is told of it.
fn own_message(posted: &Posted, more: Value) -> Value {
    let mut event = json!({"type": "message", "user": BOT, "bot_id": "B0LOCK", "channel": posted.channel, "ts": posted.ts,
        "event_ts": posted.ts, "channel_type": "channel", "team": TEAM, "text": posted.body["text"],
        "blocks": posted.body["blocks"]});
    for (key, value) in more.as_object().into_iter().flatten() {
        event[key] = value.clone();
    }
    if !posted.body["thread_ts"].is_null() {
        event["thread_ts"] = posted.body["thread_ts"].clone();
    }
    event
}

fn find<'a>(world: &'a mut World, channel: &Value, ts: &Value) -> Option<&'a mut Posted> {
    world.messages.iter_mut().find(|it| *channel == it.channel.as_str() && *ts == it.ts.as_str())
}

fn update(world: &mut World, body: &Value) -> Answer {
    check(world, body)?;
    let message = find(world, &body["channel"], &body["ts"]).ok_or("message_not_found")?;
    if message.body["subtype"] == "tombstone" {
        return Err("message_not_found");
    }
    if message.user != BOT || message.only_for.is_some() {
        return Err("cant_update_message");
    }
    message.body["blocks"] = body["blocks"].clone();
    message.body["text"] = body["text"].clone();
    message.edits += 1;
    let edited = message.clone();
    let ts = world.ts();
    let inner = own_message(&edited, json!({"edited": {"user": BOT, "ts": ts}}));
    world.echo(
        json!({"type": "message", "subtype": "message_changed", "hidden": true, "channel": edited.channel,
        "ts": ts, "event_ts": ts, "message": inner}),
    );
    world.unread.push(Unread::Edit(edited));
    Ok(json!({"channel": body["channel"], "ts": body["ts"]}))
}

fn react(world: &mut World, body: &Value) -> Answer {
    let name = body["name"].as_str().ok_or("invalid_name")?.to_owned();
    let message = find(world, &body["channel"], &body["timestamp"]).ok_or("message_not_found")?;
    if message.reactions.entry(name.clone()).or_default().insert(BOT.to_owned()) {
        let ts = world.ts();
        world.echo(
            json!({"type": "reaction_added", "user": BOT, "reaction": name, "item_user": BOT, "event_ts": ts,
            "item": {"type": "message", "channel": body["channel"], "ts": body["timestamp"]}}),
        );
        Ok(json!({}))
    } else {
        Err("already_reacted")
    }
}

fn complete_upload(world: &mut World, body: &Value) -> Answer {
    let channel = body["channel_id"].as_str().ok_or("channel_not_found")?.to_owned();
    let id = body["files"][0]["id"].as_str().ok_or("invalid_arguments")?;
    let announced = world.files.remove(id).ok_or("file_not_found")?;
    if announced.bytes.is_empty() {
        return Err("file_not_uploaded");
    }
    let upload = Upload { channel, thread: body["thread_ts"].as_str().map(str::to_owned), ..announced };
    world.uploads.push(upload.clone());
    world.unread.push(Unread::File(upload));
    Ok(json!({"files": [{"id": id}]}))
}
