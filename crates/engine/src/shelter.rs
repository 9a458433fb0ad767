//! The shelter: snapshots in an object store that all processes share, for partitions that move.
//!
//! An object is `<prefix>/g<generation>/partition-<n>/<position>-<digest>.snapshot`: a name says all that matters and
//! never means other bytes, so that sending again, late or from a process that lost its partition changes nothing. The
//! highest position wins. Two digests at one position mean that deciding was not deterministic: none of them is taken,
//! and that is told.
//!
//! The directory of the process stays what snapshots are written to and restored from; this room only sends and
//! fetches files. Where the store does not answer, work goes on: the journal has everything.

mod error;
mod folder;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

pub use error::Error;
pub use folder::Folder;

use crate::kafka::Patience;
use crate::limits::SNAPSHOTS_KEPT;
use object_store::aws::AmazonS3;
use object_store::path::Path as Place;
use object_store::{MultipartUpload, ObjectStore as _, ObjectStoreExt as _};
use smarketing_store::snapshot::{self, Snapshot};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Handle;

/// Bytes of one request, up or down, which are held in memory: at least the 5 MiB that S3 asks of a part.
const PIECE: u64 = 8 << 20;
/// Most parts of an object. What is larger than so many pieces has larger ones.
const PARTS_MAX: u64 = 10_000;
/// Longest wait for one answer and its bytes, with all that is tried again meanwhile.
const ANSWER: Duration = Duration::from_secs(60);
/// Longest wait for an unfinished upload to be taken back.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often it is looked whether anybody still waits.
const LOOK: Duration = Duration::from_millis(100);

/// Whether whoever asked still waits.
pub(crate) type Waits<'a> = &'a dyn Fn() -> bool;

/// A generation's folder of an object store.
pub struct Shelter {
    store: AmazonS3,
    folder: Place,
    runtime: Handle,
    patience: Patience,
}

/// A snapshot in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Object {
    position: u64,
    digest: String,
    place: Place,
    bytes: u64,
}

impl Shelter {
    /// The folder of a generation below `folder`. Of `settings`, environment variables, those that tools for S3 commonly take count.
    /// Nothing is asked of the store yet, and nothing any more when `patience` is over.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn open(
        folder: &Folder,
        settings: impl IntoIterator<Item = (String, String)>,
        generation: u32,
        runtime: Handle,
        patience: Patience,
    ) -> Result<Self, Error> {
        let store = folder.open(settings)?;
        Ok(Self { store, folder: folder.prefix().clone().join(format!("g{generation}")), runtime, patience })
    }

    /// Finds out whether the store lets us in.
    ///
    /// # Errors
    /// [`Error::Refused`], which only a person can mend; [`Error::Away`], which may pass.
    pub async fn knock(&self) -> Result<(), Error> {
        self.ask(&|| true, self.store.list_with_delimiter(Some(&self.folder))).await.map(drop)
    }

    /// Sends a snapshot, unless it is there, and removes those that are not needed any more.
    ///
    /// # Errors
    /// [`Error::Differ`] where another one of its position is there; [`Error::Left`] where nobody waits any more; a
    /// store that does not answer: send it again later.
    pub(crate) fn send(&self, path: &Path, waits: Waits<'_>) -> Result<(), Error> {
        let snapshot = Snapshot::open(path)?;
        let (partition, position) = (snapshot.partition(), snapshot.position());
        let digest = digest(&snapshot);
        self.runtime.block_on(async {
            let place = self.partition(partition).join(format!("{position:020}-{digest}.snapshot"));
            let there = self.list(partition, waits).await?;
            if !there.iter().any(|object| object.place == place) {
                self.upload(path, &place, waits).await?;
            }
            let there = self.list(partition, waits).await?;
            if there.iter().any(|object| object.position == position && object.digest != digest) {
                return Err(Error::Differ { partition, position });
            }
            for old in there.iter().skip(SNAPSHOTS_KEPT) {
                self.ask(waits, self.store.delete(&old.place)).await?;
            }
            Ok(())
        })
    }

    /// Fetches the latest snapshot of a partition after position `after`, and at most at position `until`, into a
    /// directory; says its position. One that is damaged is passed over.
    ///
    /// # Errors
    /// A store that does not answer; [`Error::Differ`], when it is the latest position that differs.
    pub(crate) fn fetch(&self, partition: u32, after: u64, until: u64, directory: &Path) -> Result<Option<u64>, Error> {
        let there = self.runtime.block_on(self.list(partition, &|| true))?;
        for object in there.iter().filter(|object| object.position > after && object.position <= until) {
            let position = object.position;
            if there.iter().any(|other| other.position == position && other.digest != object.digest) {
                return Err(Error::Differ { partition, position });
            }
            let path = directory.join(snapshot::file_name(partition, position));
            if object.is(&path).is_ok() {
                return Ok(Some(position));
            }
            match self.runtime.block_on(self.download(object, &path)) {
                Ok(()) => return Ok(Some(position)),
                Err(Error::Snapshot(error)) => {
                    tracing::warn!(partition, position, %error, "a snapshot in the object store is damaged");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// One request, for as long as somebody waits for it.
    async fn ask<T>(
        &self,
        waits: Waits<'_>,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Error> {
        let left = async {
            while waits() && !self.patience.is_over() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            () = left => Err(Error::Left),
            answer = tokio::time::timeout(ANSWER, request) => Ok(answer.map_err(|_| Error::late())??),
        }
    }

    fn partition(&self, partition: u32) -> Place {
        self.folder.clone().join(format!("partition-{partition:05}"))
    }

    /// The snapshots of a partition, the highest position first.
    async fn list(&self, partition: u32, waits: Waits<'_>) -> Result<Vec<Object>, Error> {
        let listed = self.ask(waits, self.store.list_with_delimiter(Some(&self.partition(partition)))).await?;
        let mut there: Vec<Object> = listed.objects.into_iter().filter_map(Object::of).collect();
        there.sort_by(|a, b| (b.position, &b.digest).cmp(&(a.position, &a.digest)));
        Ok(there)
    }

    /// Sends a file as an object that appears only when it is whole; what is left of one that does not is taken back.
    async fn upload(&self, path: &Path, place: &Place, waits: Waits<'_>) -> Result<(), Error> {
        let mut upload = self.ask(waits, self.store.put_multipart(place)).await?;
        let sent = self.parts(path, upload.as_mut(), waits).await;
        if sent.is_err() {
            // Best effort: the bucket's own rule removes it later, the first error is what matters.
            let _ignored = tokio::time::timeout(FAREWELL, upload.abort()).await;
        }
        sent
    }

    async fn parts(&self, path: &Path, upload: &mut dyn MultipartUpload, waits: Waits<'_>) -> Result<(), Error> {
        let file = File::open(path).map_err(Error::file("open", path))?;
        let bytes = file.metadata().map_err(Error::file("read", path))?.len();
        let piece_bytes = PIECE.max(bytes.div_ceil(PARTS_MAX));
        loop {
            let mut piece = Vec::new();
            (&file).take(piece_bytes).read_to_end(&mut piece).map_err(Error::file("read", path))?;
            if piece.is_empty() {
                return self.ask(waits, upload.complete()).await.map(drop);
            }
            self.ask(waits, upload.put_part(piece.into())).await?;
        }
    }

    /// Fetches an object into a file that appears only when it is whole and what its name says.
    async fn download(&self, object: &Object, path: &Path) -> Result<(), Error> {
        let draft = path.with_extension(format!("draft-{}", std::process::id()));
        let fetched = self.pieces(object, &draft).await.and_then(|()| {
            object.is(&draft)?;
            std::fs::rename(&draft, path).map_err(Error::file("name", path))
        });
        if fetched.is_err() {
            // Best effort: a left-over draft is harmless, the first error is what matters.
            let _ignored = std::fs::remove_file(&draft);
        }
        fetched
    }

    async fn pieces(&self, object: &Object, draft: &Path) -> Result<(), Error> {
        let directory = draft.parent().unwrap_or(draft);
        std::fs::create_dir_all(directory).map_err(Error::file("create the directory of", draft))?;
        let mut file = File::create(draft).map_err(Error::file("create", draft))?;
        let mut at = 0;
        while at < object.bytes {
            let end = object.bytes.min(at + PIECE);
            let piece = self.ask(&|| true, self.store.get_range(&object.place, at..end)).await?;
            file.write_all(&piece).map_err(Error::file("write", draft))?;
            at = end;
        }
        file.sync_all().map_err(Error::file("write", draft))
    }
}

impl Object {
    /// What the store lists, if it is a snapshot.
    fn of(listed: object_store::ObjectMeta) -> Option<Self> {
        let name = listed.location.filename()?.strip_suffix(".snapshot")?;
        let (position, digest) = name.split_once('-')?;
        let (position, digest) = (position.parse().ok()?, digest.to_owned());
        Some(Self { position, digest, place: listed.location, bytes: listed.size })
    }

    /// Whether a file is this snapshot, every byte of it.
    fn is(&self, path: &Path) -> Result<(), Error> {
        if digest(&Snapshot::open(path)?) == self.digest {
            return Ok(());
        }
        Err(smarketing_store::Error::corrupt(path, "its content is not what its name says").into())
    }
}

/// A snapshot's digest as names have it.
fn digest(snapshot: &Snapshot) -> String {
    snapshot.digest().iter().map(|byte| format!("{byte:02x}")).collect()
}
