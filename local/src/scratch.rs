//! Directories for tests.

use std::path::PathBuf;

use shared::world::World;

use runtime::uuid;

/// A directory for one test, removed afterwards.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let name = format!("surefire-{}", uuid(&World::real()));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
