//! The webhooks' API: posting, editing, reading and deleting messages.
//!
//! Source: "Webhook Resource", Discord developer documentation.

use std::sync::Arc;

use axum::extract::{RawPathParams, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::answers::{limited, limited_by_edge, refuse, reply, unknown_message, unknown_webhook};
use crate::channel::{Call, Discord, TARGET};
use crate::fault::{Attempt, Fault, RetryAfter};
use crate::incoming::Incoming;
use crate::limits;
use crate::message::{CHANNEL_ID, File, GUILD_ID, Message, pings};
use crate::thread::Place;

/// `POST /webhooks/{id}/{token}`.
pub(crate) async fn execute(
    State(discord): State<Arc<Discord>>,
    path: RawPathParams,
    request: Request,
) -> Response {
    answer(&discord, path, request, post).await
}

/// `GET /webhooks/{id}/{token}`.
pub(crate) async fn describe(
    State(discord): State<Arc<Discord>>,
    path: RawPathParams,
    request: Request,
) -> Response {
    answer(&discord, path, request, |_, incoming| {
        let body = json!({"id": incoming.webhook_id, "type": 1, "name": "Surefire",
            "channel_id": CHANNEL_ID, "guild_id": GUILD_ID});
        reply(StatusCode::OK, &body)
    })
    .await
}

/// `PATCH /webhooks/{id}/{token}/messages/{message_id}`.
pub(crate) async fn edit(
    State(discord): State<Arc<Discord>>,
    path: RawPathParams,
    request: Request,
) -> Response {
    answer(&discord, path, request, change).await
}

/// `GET /webhooks/{id}/{token}/messages/{message_id}`.
pub(crate) async fn read(
    State(discord): State<Arc<Discord>>,
    path: RawPathParams,
    request: Request,
) -> Response {
    answer(&discord, path, request, |discord, incoming| {
        let state = discord.state();
        let found = state
            .messages
            .iter()
            .find(|message| incoming.names(message));
        found.map_or_else(unknown_message, |message| {
            reply(StatusCode::OK, &message.to_json())
        })
    })
    .await
}

/// `DELETE /webhooks/{id}/{token}/messages/{message_id}`.
pub(crate) async fn delete(
    State(discord): State<Arc<Discord>>,
    path: RawPathParams,
    request: Request,
) -> Response {
    answer(&discord, path, request, |discord, incoming| {
        let mut state = discord.state();
        let before = state.messages.len();
        state.messages.retain(|message| !incoming.names(message));
        if state.messages.len() == before {
            unknown_message()
        } else {
            StatusCode::NO_CONTENT.into_response()
        }
    })
    .await
}

/// Answers any call: scripted faults first, then unknown webhooks, then the rate limit.
async fn answer(
    discord: &Discord,
    path: RawPathParams,
    request: Request,
    act: fn(&Discord, &Incoming) -> Response,
) -> Response {
    let incoming = Incoming::read(&path, request).await;
    let call = Call {
        method: incoming.method.clone(),
        at: discord.now(),
        status: None,
        payload: incoming.payload.clone(),
        files: incoming.files.len(),
        user_agent: incoming.user_agent.clone(),
        query: incoming.query.clone(),
        version: incoming.version.clone(),
    };
    let fault = discord.state().script.next(&Attempt {
        method: &incoming.method,
        text: &incoming.text,
        webhook_id: &incoming.webhook_id,
    });
    let hangs = matches!(fault, Some(Fault::Hang | Fault::AcceptThenHang));
    let response = match fault {
        None => Some(perform(discord, &incoming, act)),
        Some(fault) => fail(discord, &incoming, act, &fault),
    };
    let status = response.as_ref().map(|response| response.status().as_u16());
    discord.state().note(Call { status, ..call });
    match response {
        Some(response) => response,
        None if hangs => std::future::pending().await,
        None => break_connection(),
    }
}

/// The answer of a call that fails; `None` if the call gets no answer.
fn fail(
    discord: &Discord,
    incoming: &Incoming,
    act: fn(&Discord, &Incoming) -> Response,
    fault: &Fault,
) -> Option<Response> {
    Some(match *fault {
        Fault::Hang | Fault::Drop => return None,
        Fault::AcceptThenHang | Fault::AcceptThenDrop => {
            perform(discord, incoming, act);
            return None;
        }
        Fault::NoContent => {
            perform(discord, incoming, act);
            StatusCode::NO_CONTENT.into_response()
        }
        Fault::BrokenAnswer => {
            perform(discord, incoming, act);
            ([(header::CONTENT_TYPE, "application/json")], "{\"id\": \"1").into_response()
        }
        Fault::Limited {
            retry_after,
            global,
            shared,
        } => limited(retry_after, global, shared),
        Fault::LimitedByEdge { retry_after } => limited_by_edge(retry_after),
        Fault::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (
                status,
                axum::response::Html("<html><body>Something broke.</body></html>"),
            )
                .into_response()
        }
        Fault::Refuse => {
            let errors = json!({"embeds": {"_errors": [{"code": "UNKNOWN", "message": "Something is wrong."}]}});
            let body = json!({"message": "Invalid Form Body", "code": 50035, "errors": errors});
            reply(StatusCode::BAD_REQUEST, &body)
        }
        Fault::Code(status, code) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            reply(
                status,
                &json!({"message": "A scripted error", "code": code}),
            )
        }
        Fault::Redirect(ref location) => (
            StatusCode::PERMANENT_REDIRECT,
            [(header::LOCATION, location.clone())],
        )
            .into_response(),
        Fault::Forbid => {
            let body = json!({"message": "Missing Permissions", "code": 50013});
            reply(StatusCode::FORBIDDEN, &body)
        }
    })
}

/// Ends the connection without an answer: the panic unwinds hyper's task of the connection, and
/// `resume_unwind` calls no hook that would print it.
fn break_connection() -> Response {
    std::panic::resume_unwind(Box::new("a scripted fault breaks the connection"))
}

/// Answers a call without a fault.
fn perform(
    discord: &Discord,
    incoming: &Incoming,
    act: fn(&Discord, &Incoming) -> Response,
) -> Response {
    let now = discord.now();
    let filled = {
        let mut state = discord.state();
        if let Some(webhooks) = &state.webhooks {
            match webhooks.get(&incoming.webhook_id) {
                None => return unknown_webhook(),
                Some(token) if *token != incoming.token => {
                    let body = json!({"message": "Invalid Webhook Token", "code": 50027});
                    return reply(StatusCode::UNAUTHORIZED, &body);
                }
                Some(_) => {}
            }
        }
        state.buckets.take(&incoming.webhook_id, now)
    };
    let mut response = if filled.over {
        limited(RetryAfter::Float(filled.reset_after), false, false)
    } else if let Some(refusal) = &incoming.refusal {
        refuse(refusal)
    } else {
        act(discord, incoming)
    };
    filled.write(response.headers_mut());
    response
}

/// The flags that a message may be posted with: no previews (4), no sound (4096).
const FLAGS_OF_POST: u64 = 1 << 2 | 1 << 12;

fn post(discord: &Discord, incoming: &Incoming) -> Response {
    let payload = respected(incoming);
    if let Err(refusal) = limits::check(&payload, &incoming.files) {
        return refuse(&refusal);
    }
    let now = discord.now();
    let mut state = discord.state();
    let thread_id = incoming.parameter("thread_id");
    let place = match state
        .channels
        .place(&incoming.webhook_id, thread_id, &payload)
    {
        Ok(place) => place,
        Err(refusal) => return refuse(&refusal),
    };
    let text = |name: &str| {
        let text = payload.get(name).and_then(Value::as_str);
        text.map(|text| text.trim().to_owned())
    };
    let allowed_mentions = payload.get("allowed_mentions").cloned();
    let content = text("content").unwrap_or_default();
    let id = state.snowflake(now);
    let (thread_id, thread_name) = match place {
        Place::Channel => (None, None),
        Place::Thread(id) => (Some(id), None),
        // The thread of a forum has the id of its first message.
        Place::NewThread(name) => (Some(id.clone()), Some(name)),
    };
    let mut message = Message {
        id,
        webhook_id: incoming.webhook_id.clone(),
        thread_id,
        thread_name,
        pings: pings(&content, allowed_mentions.as_ref()),
        pinged: pings(&content, allowed_mentions.as_ref()),
        content,
        embeds: list(&payload, "embeds"),
        components: list(&payload, "components"),
        flags: payload.get("flags").and_then(Value::as_u64).unwrap_or(0) & FLAGS_OF_POST,
        files: incoming.files.clone(),
        allowed_mentions,
        username: text("username"),
        at: now,
        edited_at: None,
        edits: Vec::new(),
        reactions: Vec::new(),
    };
    for file in &mut message.files {
        file.id = state.snowflake(now);
    }
    tracing::info!(target: TARGET, "{}", message.line());
    let body = message.to_json();
    state.keep(message);
    if incoming.says("wait") {
        reply(StatusCode::OK, &body)
    } else {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// The payload without what Discord ignores: buttons, unless the call says `with_components=true`.
fn respected(incoming: &Incoming) -> Value {
    let mut payload = incoming.payload.clone();
    if let (false, Some(members)) = (incoming.says("with_components"), payload.as_object_mut()) {
        members.remove("components");
    }
    payload
}

/// Edits a message. Absent members stay; `attachments` lists the files that stay and the new ones.
fn change(discord: &Discord, incoming: &Incoming) -> Response {
    let now = discord.now();
    let payload = respected(incoming);
    let mut state = discord.state();
    let thread_id = incoming.parameter("thread_id");
    if let Err(refusal) = state.channels.may_edit(thread_id.as_deref()) {
        return refuse(&refusal);
    }
    let Some(at) = state
        .messages
        .iter()
        .position(|message| incoming.names(message))
    else {
        return unknown_message();
    };
    let new_ids: Vec<String> = incoming
        .files
        .iter()
        .map(|_| state.snowflake(now))
        .collect();
    let Some(message) = state.messages.get_mut(at) else {
        return unknown_message();
    };
    let mut edited = message.clone();
    if !edited.take_edit(now) {
        let text = "Maximum number of edits to messages older than 1 hour reached. Try again later";
        let body = json!({"message": text, "code": 30046});
        return reply(StatusCode::TOO_MANY_REQUESTS, &body);
    }
    if let Some(content) = payload.get("content") {
        let content = content.as_str().unwrap_or_default().trim();
        content.clone_into(&mut edited.content);
    }
    if payload.get("embeds").is_some() {
        edited.embeds = list(&payload, "embeds");
    }
    if payload.get("components").is_some() {
        edited.components = list(&payload, "components");
    }
    if let Some(listed) = payload.get("attachments").and_then(Value::as_array) {
        let kept = |file: &File| {
            listed
                .iter()
                .any(|one| one.get("id").and_then(Value::as_str) == Some(&file.id))
        };
        edited.files.retain(kept);
    }
    for (file, id) in incoming.files.iter().zip(new_ids) {
        edited.files.push(File { id, ..file.clone() });
    }
    let whole = json!({
        "content": edited.content,
        "embeds": edited.embeds,
        "components": edited.components,
        "allowed_mentions": payload.get("allowed_mentions"),
    });
    if let Err(refusal) = limits::check(&whole, &edited.files) {
        return refuse(&refusal);
    }
    // An edit notifies nobody, but it replaces the filter.
    edited.allowed_mentions = payload.get("allowed_mentions").cloned();
    edited.pings = pings(&edited.content, edited.allowed_mentions.as_ref());
    edited.edited_at = Some(now);
    tracing::info!(target: TARGET, "(edited) {}", edited.line());
    let body = edited.to_json();
    *message = edited;
    reply(StatusCode::OK, &body)
}

fn list(payload: &Value, member: &str) -> Vec<Value> {
    payload
        .get(member)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}
