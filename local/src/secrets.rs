//! Secrets with their versions and staging labels, in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::world::World;

use crate::files;
use template::{Recipe, SecretSpec, SecretValue};

pub(crate) mod endpoint;

/// The label of the current version.
pub const CURRENT: &str = "AWSCURRENT";
/// The label of the version before the current one.
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret with its versions.
#[derive(Clone, Deserialize, Serialize)]
pub struct StoredSecret {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) arn: String,
    /// Its versions, oldest first.
    pub(crate) versions: Vec<Version>,
}

/// One version of a secret.
#[derive(Clone, Deserialize, Serialize)]
pub struct Version {
    /// Its id.
    pub(crate) id: String,
    /// Its value.
    pub value: String,
    /// Its creation time, in milliseconds since 1970.
    pub(crate) created_milliseconds: i64,
    /// Its staging labels.
    pub(crate) stages: Vec<String>,
}

impl StoredSecret {
    /// The version with a staging label.
    pub fn staged(&self, stage: &str) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version.stages.iter().any(|own| own == stage))
    }
}

impl Version {
    /// Its creation time.
    pub(crate) fn created(&self) -> Timestamp {
        Timestamp::from_millisecond(self.created_milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} [redacted]", self.name)
    }
}

/// Why a new version was refused.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The version's id exists with another value.
    #[error(
        "You can't use ClientRequestToken {0} because that value is already in use for a version of the secret."
    )]
    Exists(String),
    /// There is no such secret.
    #[error("Secrets Manager can't find the specified secret.")]
    NotFound,
    /// The secrets could not be written.
    #[error("the secrets cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// The secrets by name.
pub struct Store {
    secrets: Mutex<BTreeMap<String, StoredSecret>>,
    file: Option<PathBuf>,
    world: World,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Store [redacted]")
    }
}

impl Store {
    /// Opens a store in a file, or in memory.
    pub(crate) fn open(file: Option<PathBuf>, world: World) -> io::Result<Self> {
        let stored = match &file {
            Some(path) => files::read_json(path)?,
            None => None,
        };
        let secrets = Mutex::new(stored.unwrap_or_default());
        Ok(Self {
            secrets,
            file,
            world,
        })
    }

    /// Creates the missing secrets of a template.
    pub(crate) fn create_missing(&self, specs: &[SecretSpec]) -> io::Result<()> {
        let mut secrets = self.lock();
        let mut created = false;
        for spec in specs
            .iter()
            .filter(|spec| !secrets.contains_key(&spec.name))
            .collect::<Vec<_>>()
        {
            let value = match &spec.value {
                SecretValue::Text(text) => text.clone(),
                SecretValue::Generated(recipe) => generate(recipe, &self.world),
            };
            let secret = StoredSecret {
                name: spec.name.clone(),
                arn: spec.arn.clone(),
                versions: vec![self.version(value, None)],
            };
            secrets.insert(spec.name.clone(), secret);
            created = true;
        }
        if created {
            self.write(&secrets)
        } else {
            Ok(())
        }
    }

    /// A secret by its name, its ARN, or its ARN without the last six characters.
    pub fn find(&self, id: &str) -> Option<StoredSecret> {
        find(&self.lock(), id).cloned()
    }

    /// Makes a value the current one, unless it is already.
    pub(crate) fn set_current(&self, id: &str, value: &str) -> Result<(), PutError> {
        let secret = self.find(id).ok_or(PutError::NotFound)?;
        if secret
            .staged(CURRENT)
            .is_some_and(|version| version.value == value)
        {
            return Ok(());
        }
        self.put(id, value, None).map(drop)
    }

    /// Adds a version, which takes `AWSCURRENT`; the version that had it takes `AWSPREVIOUS`.
    pub fn put(
        &self,
        id: &str,
        value: &str,
        token: Option<String>,
    ) -> Result<(StoredSecret, Version), PutError> {
        let mut secrets = self.lock();
        let name = find(&secrets, id).map(|secret| secret.name.clone());
        let mut secret = name
            .and_then(|name| secrets.get(&name).cloned())
            .ok_or(PutError::NotFound)?;
        if let Some(token) = &token
            && let Some(known) = secret.versions.iter().find(|version| version.id == *token)
        {
            let known = known.clone();
            return if known.value == value {
                Ok((secret, known))
            } else {
                Err(PutError::Exists(token.clone()))
            };
        }
        let version = self.version(value.to_owned(), token);
        for old in &mut secret.versions {
            old.stages.retain(|stage| stage != PREVIOUS);
            for stage in old.stages.iter_mut().filter(|stage| *stage == CURRENT) {
                PREVIOUS.clone_into(stage);
            }
        }
        // A version without a label is deprecated, and Secrets Manager deletes it at some time.
        secret.versions.retain(|version| !version.stages.is_empty());
        secret.versions.push(version.clone());
        let mut changed = secrets.clone();
        changed.insert(secret.name.clone(), secret.clone());
        // Write first: a value that cannot be written is not put.
        self.write(&changed)?;
        *secrets = changed;
        Ok((secret, version))
    }

    fn version(&self, value: String, token: Option<String>) -> Version {
        Version {
            id: token.unwrap_or_else(|| runtime::uuid(&self.world)),
            value,
            created_milliseconds: self.world.now().as_millisecond(),
            stages: vec![CURRENT.to_owned()],
        }
    }

    fn write(&self, secrets: &BTreeMap<String, StoredSecret>) -> io::Result<()> {
        match &self.file {
            Some(path) => files::write_private_json(path, secrets),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, StoredSecret>> {
        // The map is only ever replaced as a whole, so a panic elsewhere leaves it intact.
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'map>(
    secrets: &'map BTreeMap<String, StoredSecret>,
    id: &str,
) -> Option<&'map StoredSecret> {
    let matches = |secret: &&StoredSecret| {
        let partial = secret.arn.rsplit_once('-').map(|(partial, _)| partial);
        secret.arn == id || partial == Some(id)
    };
    secrets.get(id).or_else(|| secrets.values().find(matches))
}

/// Generates a secret; all characters of the alphabet are equally likely.
pub(crate) fn generate(recipe: &Recipe, world: &World) -> String {
    let alphabet: Vec<char> = recipe.alphabet.chars().collect();
    let count = alphabet.len().clamp(1, 256);
    // Bytes from here on would favour the first characters, so they are drawn again.
    let fair = 256 - 256 % count;
    let mut secret = String::new();
    let mut drawn = 0;
    while drawn < recipe.length {
        let mut byte = [0];
        world.fill(&mut byte);
        let index = usize::from(u8::from_le_bytes(byte));
        if let (true, Some(character)) = (index < fair, alphabet.get(index % count)) {
            secret.push(*character);
            drawn += 1;
        }
    }
    secret
}

#[cfg(test)]
mod tests;
