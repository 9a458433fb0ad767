//! Everything a service keeps, opened together: on one machine's disk, or with journal and keys in Kafka.

use crate::delivery::{self, stored_state};
use crate::kafka::keys::SharedKeys;
use crate::kafka::{Cluster, Copies};
use crate::log::{self, Log};
use crate::vault::{Pepper, Ring, Vault};
use smarketing_store::{Disk, Memory, Options, Store};
use std::path::Path;
use std::sync::Arc;

/// Journal, store and vault.
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
    /// The keys of persons.
    #[error(transparent)]
    Vault(#[from] crate::vault::Error),
}

/// What processes share in Kafka.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Where.
    pub cluster: Cluster,
    /// The topic of the journal.
    pub journal: String,
    /// The topic of the persons' keys.
    pub vault: String,
    /// How often messages are kept.
    pub copies: Copies,
    /// What all processes must have the same value of, besides the pepper.
    pub agreed: Vec<(String, String)>,
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
        let store = open_store(store, Options { partitions, ..Options::default() })?;
        let small = Options { cache_bytes: VAULT_BYTES, buffer_bytes: VAULT_BYTES, ..Options::default() };
        let vault = Vault::new(Box::new(Ring::new(Disk::open(vault, small)?.cells("persons")?)), pepper);
        Ok(Self { log: Arc::new(log), store: Arc::new(store), vault: Arc::new(vault) })
    }

    /// Opens the store's and the vault's directories of this process, and journal and keys in Kafka.
    ///
    /// # Errors
    /// As [`Local::open`]; topics that would lose entries or keys, brokers that do not answer, and processes that do
    /// not agree.
    pub async fn share(
        shared: &Shared,
        store: &Path,
        vault: &Path,
        partitions: u32,
        pepper: Pepper,
    ) -> Result<Self, Error> {
        let store = open_store(store, Options { partitions, ..Options::default() })?;
        let small = Options { cache_bytes: VAULT_BYTES, buffer_bytes: VAULT_BYTES, ..Options::default() };
        let cells = Disk::open(vault, small)?;
        let mut agreed = shared.agreed.clone();
        agreed.push(("digest of the pepper".to_owned(), pepper.digest()));
        let Shared { cluster, journal, vault, copies, .. } = shared;
        let keys = SharedKeys::open(cluster, vault, *copies, &cells, &agreed).await?;
        let log = log::Kafka::open(cluster, journal, partitions, *copies).await?;
        Ok(Self { log: Arc::new(log), store: Arc::new(store), vault: Arc::new(Vault::new(Box::new(keys), pepper)) })
    }
}

impl Shared {
    /// Journal and keys for one who only reads them: keys are held in memory, and nothing is agreed on with others.
    ///
    /// # Errors
    /// As [`Local::share`].
    pub async fn look(&self, partitions: u32) -> Result<(Arc<dyn Log>, Arc<Vault>), Error> {
        let Self { cluster, journal, vault, copies, .. } = self;
        let keys = SharedKeys::open(cluster, vault, *copies, &Memory::default(), &[]).await?;
        let log = log::Kafka::open(cluster, journal, partitions, *copies).await?;
        // Nobody is named by it: addresses become ids at the intake only.
        let pepper = Pepper([0; 32]);
        Ok((Arc::new(log), Arc::new(Vault::new(Box::new(keys), pepper))))
    }
}

impl Local {
    /// Journal offset up to which everything of a partition is in the warehouse and in the store.
    ///
    /// # Errors
    /// What the store refuses.
    pub fn position(&self, partition: u32) -> Result<u64, delivery::Error> {
        Ok(stored_state(self.store.partition(partition)?.as_ref())?.position)
    }
}

/// Opens the store. One that is damaged, or of another format, is put aside: all it held is rebuilt from snapshots and the journal.
fn open_store(path: &Path, options: Options) -> Result<Disk, Error> {
    match Disk::open(path, options) {
        Err(error @ (smarketing_store::Error::Corrupt { .. } | smarketing_store::Error::Format { .. })) => {
            let aside = path.with_extension("damaged");
            tracing::error!(%error, aside = %aside.display(), "the store cannot be read: put aside and rebuilt");
            put_aside(path, &aside).map_err(|source| {
                let action = "put aside the damaged store";
                Error::Store(smarketing_store::Error::Io { action, path: path.to_path_buf(), source })
            })?;
            Ok(Disk::open(path, options)?)
        }
        opened => Ok(opened?),
    }
}

/// Only the latest damaged store is kept, for whoever wants to know why.
fn put_aside(path: &Path, aside: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::rename(path, aside),
    }
}
