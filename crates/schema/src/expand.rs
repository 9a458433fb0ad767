//! Decompression that cannot be made to run away: what comes out is bounded where it comes out.

use crate::reject::{Reason, Rejected};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

/// Most bytes out for one byte in …
const RATIO_MAX: u64 = 256;
/// … after this many bytes, which anything may expand to.
const SLACK: u64 = 16 << 20;
/// Largest window of a zstd frame, as a power of two: what the decoder may allocate.
const ZSTD_WINDOW_LOG: u32 = 25;
/// Bytes read at once.
pub(crate) const BUFFER: usize = 128 << 10;

/// The input without its gzip or zstd compression, if it has one by its first bytes. No more than `output_max` bytes
/// come out. Errors carry a [`Rejected`]; see [`refused`].
pub(crate) fn expanded<'r>(input: impl Read + 'r, output_max: u64) -> Result<Box<dyn BufRead + 'r>, Rejected> {
    let taken = Rc::new(Cell::new(0));
    let source = Counted { inner: input, taken: Rc::clone(&taken) };
    let (head, source) = peek(source).map_err(refused)?;
    let inner: Box<dyn Read + 'r> = match head {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BUFFER, source))),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd(BufReader::with_capacity(BUFFER, source))?),
        _ => {
            let plain = Limited { inner: source, given: 0, output_max };
            return Ok(Box::new(BufReader::with_capacity(BUFFER, plain)));
        }
    };
    let limited = Limited { inner: Guarded { inner, given: 0, taken }, given: 0, output_max };
    Ok(Box::new(BufReader::with_capacity(BUFFER, limited)))
}

/// A zstd decoder whose window is bounded.
pub(crate) fn zstd<'r, R: BufRead + 'r>(input: R) -> Result<impl Read + 'r, Rejected> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(refused)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(refused)?;
    Ok(decoder)
}

/// The first four bytes (zeros where there are fewer) and the whole input.
pub(crate) fn peek<R: Read>(mut input: R) -> io::Result<([u8; 4], impl Read)> {
    let mut bytes = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut bytes)?;
    let mut head = [0; 4];
    head.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
    Ok((head, io::Cursor::new(bytes).chain(input)))
}

/// The reject an error of these readers carries, or one that says the file could not be read.
pub(crate) fn refused(error: io::Error) -> Rejected {
    error.downcast().unwrap_or_else(|error| Rejected::new(Reason::ReadFailed, format!("input cannot be read: {error}")))
}

fn carry(reason: Reason, detail: impl Into<String>) -> io::Error {
    io::Error::other(Rejected::new(reason, detail))
}

/// Counts what is read, and marks its errors as those of the file rather than of its compression.
struct Counted<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(n) => {
                self.taken.set(self.taken.get().saturating_add(n as u64));
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(io::Error::other(refused(error))),
        }
    }
}

/// A decompressor that is stopped when it expands too far, and whose errors say what is wrong with the data.
struct Guarded<R> {
    inner: R,
    given: u64,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            io::ErrorKind::UnexpectedEof => carry(Reason::TruncatedCompression, "compressed input ends early"),
            _ => match error.downcast::<Rejected>() {
                Ok(rejected) => io::Error::other(rejected),
                Err(error) => carry(Reason::InvalidCompression, format!("input does not decompress: {error}")),
            },
        })?;
        self.given = self.given.saturating_add(n as u64);
        if self.given > self.taken.get().saturating_mul(RATIO_MAX).saturating_add(SLACK) {
            return Err(carry(Reason::TooLarge, format!("input expands more than {RATIO_MAX} times")));
        }
        Ok(n)
    }
}

/// An input that ends in an error after so many bytes.
struct Limited<R> {
    inner: R,
    given: u64,
    output_max: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.given = self.given.saturating_add(n as u64);
        if self.given > self.output_max {
            return Err(carry(Reason::TooLarge, format!("input is larger than {} bytes", self.output_max)));
        }
        Ok(n)
    }
}
