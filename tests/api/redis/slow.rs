//! A proxy to Redis that delays every command by a time that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The proxy. It stops when it is dropped.
pub(super) struct Proxy {
    port: u16,
    milliseconds: Arc<AtomicU64>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy to the server on this port, without a delay.
    pub(super) async fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let milliseconds = Arc::<AtomicU64>::default();
        let delay = Arc::clone(&milliseconds);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server_port)).await;
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = server.unwrap().into_split();
                tokio::spawn(carry(from_client, to_server, Arc::clone(&delay)));
                tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
            }
        });
        Self {
            port,
            milliseconds,
            listening,
        }
    }

    /// The proxy's URL.
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sets the delay of every later command.
    pub(super) fn delay(&self, duration: Duration) {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap();
        self.milliseconds.store(milliseconds, Ordering::Relaxed);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Arc<AtomicU64>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let delay = Duration::from_millis(delay.load(Ordering::Relaxed));
        #[expect(clippy::disallowed_methods, reason = "a slow Redis takes real time")]
        tokio::time::sleep(delay).await;
        // The connection may be closed by now.
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
