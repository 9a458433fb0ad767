use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{BLOCK_BYTES, END, Kind, MAGIC, Snapshot, block_crc, file_name};
use crate::{Error, FORMAT, Result, View, sync_directory};

/// Writes `view` as the snapshot of `partition` at `position` into `directory`.
///
/// The file appears under its name only when it is whole and durable. If the name is
/// there already its content must be the same: two contents for one position mean that
/// the fold is not deterministic, and that is [`Error::Differ`].
pub fn write(view: &dyn View, partition: u32, position: u64, directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory).map_err(Error::io("create the directory", directory))?;
    let path = directory.join(file_name(partition, position));
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let placed = fill(view, partition, position, &draft).and_then(|()| place(&draft, &path));
    if placed.is_err() {
        // Best effort: a left-over draft is harmless, the first error is what matters.
        let _ignored = fs::remove_file(&draft);
    }
    placed?;
    sync_directory(directory)?;
    Ok(path)
}

fn place(draft: &Path, path: &Path) -> Result<()> {
    if path.exists() {
        if Snapshot::open(path)?.digest() != Snapshot::open(draft)?.digest() {
            return Err(Error::Differ { path: path.into() });
        }
        return fs::remove_file(draft).map_err(Error::io("remove", draft));
    }
    fs::rename(draft, path).map_err(Error::io("rename", draft))
}

fn fill(view: &dyn View, partition: u32, position: u64, draft: &Path) -> Result<()> {
    let mut out = Out::create(partition, position, draft)?;
    let mut failed = None;
    for kind in [Kind::Subject, Kind::Meta] {
        let mut visit = |key: &[u8], value: &[u8]| match out.push(kind, key, value) {
            Ok(()) => ControlFlow::Continue(()),
            Err(source) => {
                failed = Some(source);
                ControlFlow::Break(())
            }
        };
        match kind {
            Kind::Subject => view.scan(&mut visit)?,
            Kind::Meta => view.scan_meta(b"", &mut visit)?,
        }
        let flushed = failed.take().map_or_else(|| out.flush(kind), Err);
        flushed.map_err(Error::io("write", draft))?;
    }
    out.finish().map_err(Error::io("write", draft))
}

/// A file under construction: every byte passes through the digest.
struct Out {
    file: BufWriter<File>,
    digest: Sha256,
    block: Vec<u8>,
    entries: u64,
}

impl Out {
    fn create(partition: u32, position: u64, draft: &Path) -> Result<Self> {
        let file = File::create(draft).map_err(Error::io("create", draft))?;
        let file = BufWriter::with_capacity(BLOCK_BYTES, file);
        let mut out = Self { file, digest: Sha256::new(), block: Vec::new(), entries: 0 };
        let mut header = MAGIC.to_vec();
        header.extend(FORMAT.to_le_bytes());
        header.extend(partition.to_le_bytes());
        header.extend(position.to_le_bytes());
        header.extend(crc32fast::hash(&header).to_le_bytes());
        out.put(&header).map_err(Error::io("write", draft))?;
        Ok(out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.file.write_all(bytes)
    }

    /// The limits of [`crate::Commit`] make both lengths fit.
    fn push(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.entries += 1;
        self.block.extend((key.len() as u16).to_le_bytes());
        self.block.extend((value.len() as u32).to_le_bytes());
        self.block.extend(key);
        self.block.extend(value);
        if self.block.len() >= BLOCK_BYTES { self.flush(kind) } else { Ok(()) }
    }

    fn flush(&mut self, kind: Kind) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let packed = lz4_flex::block::compress(&self.block);
        let raw_len = self.block.len() as u32;
        let mut header = vec![kind as u8];
        header.extend(raw_len.to_le_bytes());
        header.extend((packed.len() as u32).to_le_bytes());
        header.extend(block_crc(kind as u8, raw_len, &packed).to_le_bytes());
        self.block.clear();
        self.put(&header)?;
        self.put(&packed)
    }

    fn finish(mut self) -> io::Result<()> {
        self.put(&[END])?;
        self.put(&self.entries.to_le_bytes())?;
        let digest = self.digest.finalize();
        self.file.write_all(&digest)?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}
