//! Journal entries as bytes: a format byte, then the entry.

use smarketing_kernel::entry::Entry;

/// The format written now. Readers refuse what they do not know instead of guessing.
const FORMAT: u8 = 2;

/// The format before: all but messages as they are now.
const BEFORE: u8 = 1;

/// The numbers of messages in it. What they said by the rules of their release is not what is said now: they are strays.
const MESSAGES_BEFORE: [u8; 2] = [2, 5];

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Written by another version of this program.
    #[error("journal entry has format {found}, this program reads {BEFORE} and {FORMAT}")]
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
        Some((&BEFORE, [kind, ..])) if MESSAGES_BEFORE.contains(kind) => Ok(Entry::Stray),
        Some((&(BEFORE | FORMAT), rest)) => Ok(postcard::from_bytes(rest)?),
        other => Err(Error::Format { found: other.map_or(0, |(format, _)| *format) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smarketing_kernel::entry::{Lineage, Message, Said};
    use smarketing_kernel::id::{Kind, SubjectId};
    use smarketing_kernel::subject::Tag;
    use smarketing_kernel::time::Timestamp;

    fn message() -> Entry {
        let to = SubjectId::named(Kind::Account, "acme", "a-1");
        let (workspace, name, tag) = ("acme".into(), "a-1".into(), Tag::Deal);
        let message = Said::new(&Message { workspace, to, name, from: to, tag, part: None }).unwrap();
        Entry::Message { lineage: Lineage::default(), from: 1, seq: 2, message }
    }

    #[test]
    fn entries_come_back_as_they_went() {
        for entry in [message(), Entry::Stray, Entry::Tick { at: Timestamp(7) }] {
            assert_eq!(decode(&encode(&entry, Vec::new()).unwrap()).unwrap(), entry);
        }
    }

    #[test]
    fn of_the_format_before_all_but_messages_is_read() {
        let old = |entry: &Entry| [&[BEFORE][..], &encode(entry, Vec::new()).unwrap()[1..]].concat();
        let tick = Entry::Tick { at: Timestamp(7) };
        assert_eq!(decode(&old(&tick)).unwrap(), tick);
        assert_eq!(decode(&old(&message())).unwrap(), Entry::Stray);
        // A stray had more behind its number.
        assert_eq!(decode(&[BEFORE, 2, 255, 255]).unwrap(), Entry::Stray);
    }

    #[test]
    fn what_is_no_entry_is_an_error() {
        for bytes in [&[][..], &[0], &[FORMAT], &[FORMAT, 99], &[FORMAT + 1, 4, 0]] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
