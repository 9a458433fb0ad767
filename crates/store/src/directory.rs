use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
    path::Path,
};

use crate::{Error, Result};

/// The right of one process to a directory, held until dropped.
///
/// The operating system releases it when the process ends in any way, so that a stale
/// file never blocks a restart. The file names the holder, for the error message only.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes `directory` (created if absent), or says which process has it.
    pub fn acquire(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).map_err(Error::io("create the directory", directory))?;
        let path = directory.join("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(Error::io("open for writing", &path))?;
        file.try_lock().map_err(|refused| match refused {
            TryLockError::WouldBlock => Error::Locked { path: directory.into(), pid: holder(&path) },
            TryLockError::Error(source) => Error::io("lock", &path)(source),
        })?;
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(Error::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// Makes the names of files in `directory` survive a loss of power.
pub fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(Error::io("sync the directory", directory))
}

fn holder(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
