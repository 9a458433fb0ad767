use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
    path::Path,
    thread,
    time::Duration,
};

use crate::{Error, Result};

/// How often, and how long each time, a lock that somebody holds is waited for.
const PATIENCE: (u32, Duration) = (100, Duration::from_millis(20));

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
        take(&file).map_err(|refused| match refused {
            TryLockError::WouldBlock => Error::Locked { path: directory.into(), pid: holder(&path) },
            TryLockError::Error(source) => Error::io("lock", &path)(source),
        })?;
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(Error::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// Locks the file. Some hold a lock a moment longer than they live: a process that was killed, until the last of its
/// threads is gone; a child that this process is just starting, until it runs its program, whatever was open here. For
/// such moments it is worth to wait.
fn take(file: &File) -> std::result::Result<(), TryLockError> {
    for _ in 0..PATIENCE.0 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(PATIENCE.1),
            other => return other,
        }
    }
    file.try_lock()
}

/// Makes the names of files in `directory` survive a loss of power.
pub fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(Error::io("sync the directory", directory))
}

fn holder(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
