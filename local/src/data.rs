//! The data directory: its files, its lock, and the endpoints of the server that holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::world::World;

use crate::files;
use crate::functions::Endpoints;

/// How long to wait for another command to let the directory go.
const WAIT_MAX: Duration = Duration::from_secs(10);
const WAIT_STEP: Duration = Duration::from_millis(50);

/// Why a data directory cannot be used, in one line.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read or written.
    #[error("the data directory {0} cannot be used: {1}")]
    Unusable(PathBuf, io::Error),
    /// A running server holds it.
    #[error(
        "the data directory {0} is in use by the server at {1} (process {2}): stop the server, or use another --data"
    )]
    Live(PathBuf, String, u32),
    /// Another command holds it for too long.
    #[error(
        "the data directory {0} is in use by another surefire command: try again when that has ended"
    )]
    Busy(PathBuf),
}

/// The addresses of a running server, for other commands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Live {
    /// The server's process id.
    pub(crate) process: u32,
    /// The address of the API.
    pub(crate) api: String,
    /// The services that functions call.
    #[serde(flatten)]
    pub(crate) endpoints: Endpoints,
    /// The URL of the page with the Discord messages.
    pub(crate) discord: String,
}

/// A data directory, which this process may not hold.
#[derive(Clone, Debug)]
pub struct DataDirectory(PathBuf);

/// A data directory that only this process holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    directory: DataDirectory,
    // The lock lives as long as the open file.
    _lock: File,
}

/// The result of [`DataDirectory::access`].
#[derive(Debug)]
pub(crate) enum Access {
    /// This process holds the directory.
    Held(Held),
    /// A running server holds the directory.
    Live(Live),
}

impl DataDirectory {
    /// A directory, which may not exist yet.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file of the secrets.
    pub(crate) fn secrets_file(&self) -> PathBuf {
        self.0.join("secrets.json")
    }

    /// The file of the key of the program's own issuer.
    pub(crate) fn issuer_file(&self) -> PathBuf {
        self.0.join("issuer.json")
    }

    /// The file of the embedded database.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.0.join("dynamodb.sqlite")
    }

    fn endpoints_file(&self) -> PathBuf {
        self.0.join("endpoints.json")
    }

    /// Takes the directory, or finds the running server that holds it.
    pub(crate) async fn access(&self, world: &World) -> Result<Access, DataError> {
        let unusable = |error| DataError::Unusable(self.0.clone(), error);
        files::create_private_directory(&self.0).map_err(unusable)?;
        let lock = open_lock(&self.0.join("lock")).map_err(unusable)?;
        let mut waited = Duration::ZERO;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    // A file that is left was a killed server's.
                    remove(&self.endpoints_file()).map_err(unusable)?;
                    let directory = self.clone();
                    return Ok(Access::Held(Held {
                        directory,
                        _lock: lock,
                    }));
                }
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            // A server writes its endpoints soon after it takes the lock. A command never writes
            // them, but lets the lock go soon.
            if let Ok(Some(live)) = files::read_json(&self.endpoints_file()) {
                return Ok(Access::Live(live));
            }
            if WAIT_MAX < waited {
                return Err(DataError::Busy(self.0.clone()));
            }
            world.sleep(WAIT_STEP).await;
            waited += WAIT_STEP;
        }
    }

    /// Takes the directory for a server.
    ///
    /// # Errors
    /// Another server or command holds it.
    pub(crate) async fn hold(&self, world: &World) -> Result<Held, DataError> {
        match self.access(world).await? {
            Access::Held(held) => Ok(held),
            Access::Live(live) => Err(DataError::Live(self.0.clone(), live.api, live.process)),
        }
    }
}

impl Held {
    /// The directory.
    pub(crate) fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Writes the addresses of this server for other commands.
    pub(crate) fn announce(&self, live: &Live) -> Result<(), DataError> {
        files::write_private_json(&self.directory.endpoints_file(), live)
            .map_err(|error| DataError::Unusable(self.directory.0.clone(), error))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // If this fails, the next process removes the file, as it does after a killed server.
        let _ = remove(&self.directory.endpoints_file());
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
