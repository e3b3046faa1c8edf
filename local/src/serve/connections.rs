//! Accepts connections and serves HTTP/1.1 on them.
//!
//! `axum::serve` answers a request with more than 100 headers itself, with a bare 431. API Gateway
//! limits the size of the headers, which the gateway checks, and documents no limit of their number.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use shared::world::World;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::services::wait;

/// The most headers of a request: more than the gateway's limit of bytes leaves room for.
const HEADERS_MAX: usize = 10_240;
/// The pause after a connection could not be accepted, as when no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is true, and then until the requests in flight are answered.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    stop: watch::Receiver<bool>,
    world: World,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, app.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    world.sleep(ACCEPT_PAUSE).await;
                }
            },
            // Forgets a connection that has ended.
            Some(_) = connections.join_next() => {}
            () = wait(stop.clone()) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: SocketAddr, app: Router, stop: watch::Receiver<bool>) {
    let app = TowerToHyperService::new(app.layer(Extension(ConnectInfo(peer))));
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADERS_MAX);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), app));
    // The client may end a connection at any time, so its errors are not faults.
    tokio::select! {
        _ = served.as_mut() => return,
        () = wait(stop) => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}
