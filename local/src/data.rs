//! Owns the data directory: who has it, where the services of a live server are, its secrets' file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::world::World;

use crate::files;
use crate::functions::Endpoints;

/// The database file in the data directory.
const DATABASE_FILE: &str = "dynamodb.sqlite";

/// How long a command waits for another one to finish with the directory.
const WAIT_MAX: Duration = Duration::from_secs(10);
const WAIT_STEP: Duration = Duration::from_millis(50);

/// Why a data directory cannot be used; each is one line for a person.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read or written.
    #[error("the data directory {0} cannot be used: {1}")]
    Unusable(PathBuf, io::Error),
    /// Another server has it.
    #[error(
        "the data directory {0} is in use by the server at {1} (process {2}): stop it, or give another --data"
    )]
    Live(PathBuf, String, u32),
    /// Another command has it, and does not let go.
    #[error("the data directory {0} is in use by another surefire command")]
    Busy(PathBuf),
}

/// What a live server tells other commands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Live {
    /// The server's process.
    pub(crate) process: u32,
    /// The address of the API.
    pub(crate) api: String,
    /// The services that functions call.
    #[serde(flatten)]
    pub(crate) endpoints: Endpoints,
    /// Where Discord messages can be seen.
    pub(crate) discord: String,
}

/// A data directory that nobody holds yet.
#[derive(Clone, Debug)]
pub struct DataDirectory(PathBuf);

/// A data directory that this process alone holds; dropping it lets go.
#[derive(Debug)]
pub(crate) struct Held {
    directory: DataDirectory,
    // The lock lives as long as the open file.
    _lock: File,
}

/// What asking for a directory came to.
#[derive(Debug)]
pub(crate) enum Access {
    /// It is ours.
    Held(Held),
    /// A server has it and is there to be used.
    Live(Live),
}

impl DataDirectory {
    /// A directory, which need not exist.
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

    /// The file of the program's own issuer's key.
    pub(crate) fn issuer_file(&self) -> PathBuf {
        self.0.join("issuer.json")
    }

    /// The file of the embedded database.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.0.join(DATABASE_FILE)
    }

    fn endpoints_file(&self) -> PathBuf {
        self.0.join("endpoints.json")
    }

    /// Takes the directory, or finds the server that has it.
    pub(crate) async fn access(&self, world: &World) -> Result<Access, DataError> {
        let unusable = |error| DataError::Unusable(self.0.clone(), error);
        files::create_private_directory(&self.0).map_err(unusable)?;
        let lock = open_lock(&self.0.join("lock")).map_err(unusable)?;
        let mut waited = Duration::ZERO;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    // What is left there is of a server that was killed.
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
            // A server writes its endpoints soon after it has the lock; a command never does.
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

    /// Tells other commands where this server's services are.
    pub(crate) fn announce(&self, live: &Live) -> Result<(), DataError> {
        files::write_private_json(&self.directory.endpoints_file(), live)
            .map_err(|error| DataError::Unusable(self.directory.0.clone(), error))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Left behind, it would be taken for a killed server's and removed by the next.
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
