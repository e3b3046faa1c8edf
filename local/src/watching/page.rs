//! The pages of the alarms: `GET /_local/alarms`, `GET /_local/mail`, and `/_local/fault`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use super::Watching;
use crate::fault::Fault;

pub(crate) fn router(watching: Arc<Watching>) -> Router {
    Router::new()
        .route("/_local/alarms", get(alarms))
        .route("/_local/mail", get(mail))
        .route("/_local/fault", get(list).post(add).delete(clear))
        .with_state(watching)
}

async fn alarms(State(watching): State<Arc<Watching>>) -> Json<Value> {
    Json(watching.report())
}

async fn mail(State(watching): State<Arc<Watching>>) -> String {
    let mails = watching.mails();
    if mails.is_empty() {
        return "No e-mail. This machine sends none: what AWS would send is listed here.\n"
            .to_owned();
    }
    let mut text = String::new();
    for mail in mails {
        let to = if mail.to.is_empty() {
            "nobody, because the parameter AlertEmail is empty".to_owned()
        } else {
            mail.to.join(", ")
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "At:      {:.0}\nTo:      {to}\nSubject: {}\n\n{}\n\n--",
            mail.at, mail.subject, mail.text
        );
    }
    text
}

async fn list(State(watching): State<Arc<Watching>>) -> String {
    lines(&watching)
}

async fn add(
    State(watching): State<Arc<Watching>>,
    body: String,
) -> Result<String, (StatusCode, String)> {
    let now = watching.meter.world.now();
    for text in body.split_whitespace() {
        let fault: Fault = text
            .parse()
            .map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
        watching.faults().add(&fault, now);
    }
    Ok(lines(&watching))
}

async fn clear(State(watching): State<Arc<Watching>>) -> String {
    watching.faults().clear();
    lines(&watching)
}

fn lines(watching: &Watching) -> String {
    let faults = watching.faults().list(watching.meter.world.now());
    if faults.is_empty() {
        return "nothing is broken\n".to_owned();
    }
    faults.join("\n") + "\n"
}
