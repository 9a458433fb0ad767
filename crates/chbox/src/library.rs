//! Where libchdb is.

use crate::Error;
use std::env;
use std::path::{Path, PathBuf};

/// The version of libchdb whose interface [`crate::ffi`] declares; `scripts/libchdb` fetches it.
pub const LIBCHDB_VERSION: &str = "26.7.3-stable.1";

/// Finds the library: `given`, else the environment's `SMARKETING_LIBCHDB`, else the cache that
/// `scripts/libchdb` fills.
///
/// # Errors
/// [`Error::NoLibrary`], which says what to run.
pub fn find_library(given: Option<&Path>) -> Result<PathBuf, Error> {
    let named = given.map(Path::to_path_buf).or_else(|| env::var_os("SMARKETING_LIBCHDB").map(PathBuf::from));
    let path = named.or_else(cached).ok_or_else(|| Error::NoLibrary { path: PathBuf::from("$HOME/.cache") })?;
    if path.is_file() { Ok(path) } else { Err(Error::NoLibrary { path }) }
}

fn cached() -> Option<PathBuf> {
    let own = env::var_os("SMARKETING_CACHE").map(PathBuf::from);
    let cache = own.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/smarketing")))?;
    Some(cache.join("libchdb").join(LIBCHDB_VERSION).join("libchdb.so"))
}
