//! The embedded database as a server on a loopback port.

use std::fmt;
use std::path::Path;

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::DatabaseError;

/// An embedded database that listens on a loopback port.
pub struct Embedded {
    /// The URL that it listens at.
    pub url: String,
    database: Database,
    server: JoinHandle<()>,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Embedded").field(&self.url).finish()
    }
}

impl Embedded {
    /// Starts a database in a file, or in memory. It stops when `stop` changes or is dropped.
    pub async fn start(
        file: Option<&Path>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Self, DatabaseError> {
        let opened = match file {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory(),
        };
        let database = opened.map_err(|error| DatabaseError::Open {
            file: file.map_or_else(|| "in memory".to_owned(), |path| path.display().to_string()),
            reason: error.to_string(),
        })?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let served = database.clone();
        let server = tokio::spawn(async move {
            let stopped = async move {
                // An error means that the sender was dropped, which also ends the server.
                let _ = stop.changed().await;
            };
            if let Err(error) =
                dynoxide::server::serve_with_shutdown(listener, served, stopped).await
            {
                tracing::error!(error, "the embedded database stopped");
            }
        });
        Ok(Self {
            url,
            database,
            server,
        })
    }

    /// Deletes the items whose time to live has ended.
    pub async fn delete_expired(&self) {
        let database = self.database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "expired items could not be deleted");
        }
    }

    /// Waits until the server has answered its last request.
    pub async fn ended(self) {
        // A panic of the server is already in the log.
        let _ = self.server.await;
    }
}
