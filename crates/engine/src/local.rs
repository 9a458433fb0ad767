//! Everything a service keeps on one machine's disk, opened together.

use crate::log::{self, Log};
use crate::vault::{Pepper, Vault};
use smarketing_store::{Disk, Options, Store};
use std::path::Path;
use std::sync::Arc;

/// Journal, store and vault in directories.
pub struct Local {
    /// The journal.
    pub log: Arc<dyn Log>,
    /// Subjects and positions.
    pub store: Arc<dyn Store>,
    /// Pepper and person keys.
    pub vault: Arc<Vault>,
}

/// Why the directories did not open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// The store or the vault.
    #[error(transparent)]
    Store(#[from] smarketing_store::Error),
}

/// The vault holds 32 bytes a person; it needs no more memory than this for its cache, and as much for writes.
const VAULT_BYTES: u64 = 8 << 20;

impl Local {
    /// Opens the directories, creating what is absent. The journal first: its lock tells two processes apart before
    /// anything else is touched.
    ///
    /// # Errors
    /// A directory another process has, another format, or what the system refuses.
    pub fn open(journal: &Path, store: &Path, vault: &Path, partitions: u32, pepper: Pepper) -> Result<Self, Error> {
        let log = log::Local::open(journal, partitions, log::Options::default())?;
        let store = Disk::open(store, Options { partitions, ..Options::default() })?;
        let small = Options { cache_bytes: VAULT_BYTES, buffer_bytes: VAULT_BYTES, ..Options::default() };
        let vault = Vault::new(Disk::open(vault, small)?.cells("persons")?, pepper);
        Ok(Self { log: Arc::new(log), store: Arc::new(store), vault: Arc::new(vault) })
    }
}
