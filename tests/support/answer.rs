//! An answer of the API, and what tests assert of it.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::description::{Described, assert_described};

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    /// Reads an answer as it came over a connection that ended after it.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let head_end = head_end.unwrap_or_else(|| panic!("not an answer: {bytes:?}"));
        let head = str::from_utf8(&bytes[..head_end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            let name: HeaderName = name.parse().unwrap();
            (name, value.parse::<HeaderValue>().unwrap())
        };
        Self {
            status: status.parse().unwrap(),
            headers: lines.map(header).collect(),
            body: String::from_utf8(bytes[head_end + 4..].to_vec()).unwrap(),
        }
    }

    /// The answer, which openapi.yaml must describe.
    pub(crate) fn described(self, method: &Method, path: &str) -> Self {
        assert_described(&Described {
            method,
            path,
            status: self.status,
            headers: &self.headers,
            body: &self.body,
        });
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The last part of a problem's type.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.trim_start_matches("urn:surefire:problem:").to_owned()
    }

    pub(crate) fn order_id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    #[track_caller]
    pub(crate) fn assert(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{} {:?}", self.body, self.headers);
        self
    }

    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, kind: &str) -> &Self {
        self.assert(status);
        assert_eq!(self.problem(), kind, "{}", self.body);
        assert_eq!(self.json()["status"], status);
        self
    }
}
