//! A server between a client and the server that it calls: it records the requests that pass, and
//! loses some of them on purpose.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::description::{DESCRIPTION, Described};

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It is passed on, and so is its answer.
    Passes,
    /// It never arrives: the connection ends.
    RequestLost,
    /// It arrives and takes effect, but the connection ends before the answer.
    AnswerLost,
    /// The connection ends within the body of the answer.
    AnswerCut,
    /// It never arrives. This server answers it.
    Answered {
        status: StatusCode,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
}

/// A request that reached this server.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

type Plan = dyn Fn(&Parts) -> Fate + Send + Sync;

/// The server. It stops when this is dropped.
pub(crate) struct Between {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// The answers that openapi.yaml does not describe.
    undescribed: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

struct Passage {
    upstream: String,
    plan: Box<Plan>,
    client: reqwest::Client,
    seen: Arc<Mutex<Vec<Seen>>>,
    undescribed: Arc<Mutex<Vec<String>>>,
}

/// Ends a connection: hyper sends nothing more for it.
#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("lost on purpose")
    }
}

impl std::error::Error for Lost {}

impl Between {
    /// Starts in front of `upstream`, a URL without a path. `plan` decides each request's fate.
    pub(crate) async fn start(
        upstream: &str,
        plan: impl Fn(&Parts) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let undescribed = Arc::<Mutex<Vec<String>>>::default();
        let passage = Arc::new(Passage {
            upstream: upstream.to_owned(),
            plan: Box::new(plan),
            client: reqwest::Client::new(),
            seen: Arc::clone(&seen),
            undescribed: Arc::clone(&undescribed),
        });
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, Arc::clone(&passage)));
            }
        });
        Self {
            url,
            seen,
            undescribed,
            _server: server,
        }
    }

    /// The requests so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Fails unless openapi.yaml describes every answer that passed here.
    pub(crate) fn assert_described(&self) {
        let undescribed = self.undescribed.lock().unwrap();
        assert!(undescribed.is_empty(), "{undescribed:?}");
    }

    /// The requests so far with this method.
    pub(crate) fn seen_with(&self, method: &Method) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|seen| seen.method == method);
        seen
    }
}

async fn serve(stream: TcpStream, passage: Arc<Passage>) {
    let answer = service_fn(|request| passage.answer(request));
    // An error is a connection that ended on purpose, or a client that went away.
    let _ = http1::Builder::new()
        // When a connection that was used before ends, a browser repeats the request by itself.
        // With one request per connection, every repeat seen here is the page's own.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

impl Passage {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Answer>, Lost> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        let target = parts.uri.path_and_query().unwrap().to_string();
        self.seen.lock().unwrap().push(Seen {
            method: parts.method.clone(),
            target: target.clone(),
            headers: parts.headers.clone(),
        });
        match (self.plan)(&parts) {
            Fate::Passes => self.pass(parts, &target, body).await,
            Fate::RequestLost => Err(Lost),
            Fate::AnswerLost => {
                self.pass(parts, &target, body).await?;
                Err(Lost)
            }
            Fate::AnswerCut => {
                let answer = self.pass(parts, &target, body).await?;
                Ok(answer.map(|_| Answer::Cut { begun: false }))
            }
            Fate::Answered {
                status,
                headers,
                body,
            } => {
                let mut answer = Response::builder().status(status);
                for (name, value) in headers {
                    answer = answer.header(name, value);
                }
                Ok(answer.body(Answer::Whole(Full::from(body))).unwrap())
            }
        }
    }

    async fn pass(
        &self,
        parts: Parts,
        target: &str,
        body: Bytes,
    ) -> Result<Response<Answer>, Lost> {
        let mut headers = parts.headers;
        for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        let method = parts.method.clone();
        let request = self
            .client
            .request(parts.method, format!("{}{target}", self.upstream));
        let answer = request.headers(headers).body(body).send().await;
        let answer = answer.map_err(|_| Lost)?;
        let mut response = Response::builder().status(answer.status());
        *response.headers_mut().unwrap() = answer.headers().clone();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|_| Lost)?;
        let fault = DESCRIPTION.fault(&Described {
            method: &method,
            path: target,
            status,
            headers: &headers,
            body: &String::from_utf8_lossy(&body),
        });
        self.undescribed.lock().unwrap().extend(fault);
        Ok(response.body(Answer::Whole(Full::from(body))).unwrap())
    }
}

/// The body of an answer, whole or cut.
enum Answer {
    Whole(Full<Bytes>),
    Cut { begun: bool },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Lost>>> {
        match self.get_mut() {
            Self::Whole(body) => std::pin::Pin::new(body)
                .poll_frame(context)
                .map_err(|never: Infallible| match never {}),
            Self::Cut { begun: true } => std::task::Poll::Ready(Some(Err(Lost))),
            // Send a byte first, then end the connection.
            Self::Cut { begun } => {
                *begun = true;
                let first = Bytes::from_static(b"{");
                std::task::Poll::Ready(Some(Ok(Frame::data(first))))
            }
        }
    }
}
