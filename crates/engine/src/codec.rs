//! Journal entries as bytes: a format byte, then the entry.

use smarketing_kernel::entry::Entry;

/// The format written now. Readers refuse what they do not know instead of guessing.
const FORMAT: u8 = 1;

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Written by another version of this program.
    #[error("journal entry has format {found}, this program reads {FORMAT}")]
    Format {
        /// The format byte, 0 for an empty entry.
        found: u8,
    },
    /// Not what was written.
    #[error("journal entry does not decode: {0}")]
    Corrupt(#[from] postcard::Error),
}

/// Appends an entry's bytes to `buffer`.
///
/// # Errors
/// Never in practice: every field has an encoding.
pub fn encode(entry: &Entry, buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut buffer = buffer;
    buffer.push(FORMAT);
    Ok(postcard::to_extend(entry, buffer)?)
}

/// The entry behind bytes of the journal.
///
/// # Errors
/// Another format, or bytes that were not written by [`encode`].
pub fn decode(bytes: &[u8]) -> Result<Entry, Error> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => Ok(postcard::from_bytes(rest)?),
        other => Err(Error::Format { found: other.map_or(0, |(format, _)| *format) }),
    }
}
