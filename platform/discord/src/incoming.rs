//! Reads a call: its path, its JSON and its files.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart, RawPathParams, Request};
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::limits::{self, Refusal};
use crate::message::{File, Message};

/// Discord's limit for a whole request.
const REQUEST_BYTES_MAX: usize = 25 * 1024 * 1024;

/// The parts of a call.
pub(crate) struct Incoming {
    pub(crate) method: String,
    /// The API's version in the path, such as `v10`.
    pub(crate) version: Option<String>,
    pub(crate) webhook_id: String,
    pub(crate) token: String,
    pub(crate) message_id: String,
    pub(crate) query: String,
    pub(crate) user_agent: String,
    pub(crate) text: String,
    pub(crate) payload: Value,
    pub(crate) files: Vec<File>,
    pub(crate) refusal: Option<Refusal>,
}

impl Incoming {
    pub(crate) async fn read(path: &RawPathParams, request: Request) -> Self {
        let of_path = |wanted: &str| {
            let mut all = path.iter();
            all.find(|(name, _)| *name == wanted)
                .map(|(_, value)| value.to_owned())
                .unwrap_or_default()
        };
        let user_agent = request.headers().get(header::USER_AGENT);
        let mut incoming = Self {
            method: request.method().to_string(),
            version: Some(of_path("version")).filter(|version| !version.is_empty()),
            webhook_id: of_path("id"),
            token: of_path("token"),
            message_id: of_path("message_id"),
            query: request.uri().query().unwrap_or_default().to_owned(),
            user_agent: user_agent
                .and_then(|agent| agent.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            text: String::new(),
            payload: Value::Null,
            files: Vec::new(),
            refusal: None,
        };
        let bodied = matches!(incoming.method.as_str(), "POST" | "PATCH");
        let outcome = if is_multipart(request.headers()) {
            incoming.read_parts(request).await
        } else {
            incoming.read_json(request.into_body()).await
        };
        if let (Err(refusal), true) = (outcome, bodied) {
            incoming.refusal = Some(refusal);
        }
        incoming
    }

    async fn read_json(&mut self, body: Body) -> Result<(), Refusal> {
        let bytes = to_bytes(body, REQUEST_BYTES_MAX)
            .await
            .map_err(|_| limits::too_large())?;
        self.take_json(&bytes)
    }

    fn take_json(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.text = String::from_utf8_lossy(bytes).into_owned();
        self.payload = serde_json::from_slice(bytes).map_err(|_| limits::not_json())?;
        if self.payload.is_object() {
            Ok(())
        } else {
            Err(limits::not_json())
        }
    }

    /// Reads the parts `payload_json` and `files[n]`.
    async fn read_parts(&mut self, request: Request) -> Result<(), Refusal> {
        let mut parts = Multipart::from_request(request, &())
            .await
            .map_err(|_| limits::not_json())?;
        let mut bytes_read = 0;
        while let Some(part) = parts.next_field().await.map_err(|_| limits::not_json())? {
            let name = part.name().unwrap_or_default().to_owned();
            let file_name = part.file_name().unwrap_or("file").to_owned();
            let content_type = part
                .content_type()
                .unwrap_or("application/octet-stream")
                .to_owned();
            let bytes = part.bytes().await.map_err(|_| limits::too_large())?;
            bytes_read += bytes.len();
            if REQUEST_BYTES_MAX < bytes_read {
                return Err(limits::too_large());
            }
            if name == "payload_json" {
                self.take_json(&bytes)?;
            } else if name.starts_with("files[") || name == "file" {
                self.files.push(File {
                    id: String::new(),
                    name: file_name,
                    content_type,
                    bytes: bytes.to_vec(),
                });
            }
        }
        if self.payload.is_null() {
            self.payload = json!({});
        }
        Ok(())
    }

    /// Whether a parameter of the query is true.
    pub(crate) fn says(&self, wanted: &str) -> bool {
        self.parameter(wanted)
            .is_some_and(|value| value == "true" || value == "1")
    }

    pub(crate) fn parameter(&self, wanted: &str) -> Option<String> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.to_owned())
    }

    /// Whether the call is about this message. A message of a thread is found only with the thread's id.
    pub(crate) fn names(&self, message: &Message) -> bool {
        message.id == self.message_id
            && message.webhook_id == self.webhook_id
            && message.thread_id == self.parameter("thread_id")
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("multipart/form-data"))
}
