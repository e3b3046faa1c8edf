//! Accepts connections and serves HTTP/1.1 or HTTP/2 on them, as the client begins.

use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::{Extension, middleware};
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use shared::world::World;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::health::Health;

/// The most headers of a request: more than the gateway's limit of bytes leaves room for.
const HEADERS_MAX: usize = 10_240;
/// The most bytes of the headers of a request in HTTP/2, where the gateway's own limit answers
/// first.
const HEADER_LIST_BYTES_MAX: u32 = 64 * 1024;
/// How long a connection waits for a request, and for all of its headers. It is longer than a
/// balancer's idle time-out of 60 seconds: otherwise it would end a connection that the balancer is
/// about to use.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// How often an idle HTTP/2 connection is asked whether it still lives.
const PING_EVERY: Duration = Duration::from_secs(30);
/// The pause after a connection could not be accepted, as when no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The first bytes that only an HTTP/2 connection begins with: no method does.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Serves until `stop` is true, and then until the requests in flight are answered.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    connections_max: usize,
    stop: watch::Receiver<bool>,
    world: World,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            // Beyond the limit, connections wait in the kernel's queue.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = accepted => match accepted {
                Ok((stream, peer)) => {
                    let (app, stop) = (app.clone(), stop.clone());
                    connections.spawn(async move {
                        connection(stream, peer, app, stop).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    world.sleep(ACCEPT_PAUSE).await;
                }
            },
            // Forgets a connection that has ended.
            Some(_) = connections.join_next() => {}
            () = ended(stop.clone()) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until `stop` is true, or nobody can make it so.
async fn ended(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, app: Router, stop: watch::Receiver<bool>) {
    // A small answer must not wait for more to send.
    let _ = stream.set_nodelay(true);
    let begun = tokio::select! {
        begun = tokio::time::timeout(HEADER_TIMEOUT, begin(stream)) => begun,
        () = ended(stop.clone()) => return,
    };
    // The client may end a connection at any time, so its errors are not faults.
    let Ok(Ok((stream, is_http2))) = begun else {
        return;
    };
    let app = TowerToHyperService::new(app.layer(Extension(ConnectInfo(peer))));
    if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        builder.keep_alive_interval(PING_EVERY);
        builder.max_header_list_size(HEADER_LIST_BYTES_MAX);
        let mut served = pin!(builder.serve_connection(TokioIo::new(stream), app));
        tokio::select! {
            _ = served.as_mut() => return,
            () = ended(stop.clone()) => served.as_mut().graceful_shutdown(),
        }
        let _ = served.await;
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new());
        builder.header_read_timeout(HEADER_TIMEOUT);
        builder.max_headers(HEADERS_MAX);
        let mut served = pin!(builder.serve_connection(TokioIo::new(stream), app));
        tokio::select! {
            _ = served.as_mut() => return,
            () = ended(stop.clone()) => served.as_mut().graceful_shutdown(),
        }
        let _ = served.await;
    }
}

/// Reads as many bytes as tell the two protocols apart, and puts them back.
async fn begin(
    stream: TcpStream,
) -> io::Result<(impl AsyncRead + AsyncWrite + Unpin + Send + 'static, bool)> {
    let (mut reader, writer) = stream.into_split();
    let mut read = Vec::with_capacity(PREFACE.len());
    while read.len() < PREFACE.len() && PREFACE.starts_with(&read) {
        read.push(reader.read_u8().await?);
    }
    let is_http2 = read == PREFACE;
    let reader = Cursor::new(read).chain(reader);
    Ok((tokio::io::join(reader, writer), is_http2))
}

/// While the program drains, asks each HTTP/1.1 client to open its next connection elsewhere.
pub(crate) fn closing_while_draining(app: Router, health: Arc<Health>) -> Router {
    app.layer(middleware::from_fn(
        move |request: Request<Body>, next: middleware::Next| {
            let health = Arc::clone(&health);
            async move {
                let version = request.version();
                let mut response: Response<Body> = next.run(request).await;
                // HTTP/2 has no such header. Its connections are told when the drain ends.
                if health.drains() && version <= Version::HTTP_11 {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                response
            }
        },
    ))
}
