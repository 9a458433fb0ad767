//! Avro object container files, block by block: every block is bounded before and after decompression.

use super::datum::{Broken, Cursor};
use super::schema::{SCHEMA_MAX, WriterSchema};
use crate::expand;
use crate::reject::{Reason, Rejected, shown};
use std::io::{BufRead, Read};

/// The first bytes of a container file.
pub(crate) const MAGIC: [u8; 4] = *b"Obj\x01";
/// Largest block in bytes, compressed or not.
const BLOCK_MAX: u64 = 16 << 20;
/// Largest header in bytes: the schema and a few words.
const HEADER_MAX: u64 = SCHEMA_MAX as u64 + (16 << 10);

/// What the header of a file says.
pub(crate) struct Container {
    pub(crate) schema: WriterSchema,
    codec: Codec,
    sync: [u8; 16],
}

/// Datums that were written together.
pub(crate) struct Block {
    /// How many datums the block says it holds.
    pub(crate) count: u64,
    /// Their bytes, or why these cannot be had.
    pub(crate) bytes: Result<Vec<u8>, Rejected>,
}

#[derive(Clone, Copy)]
enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

impl Container {
    /// Reads the header.
    pub(crate) fn open(input: &mut dyn BufRead) -> Result<Self, Rejected> {
        let mut header = input.take(HEADER_MAX);
        if array::<4>(&mut header)? != MAGIC {
            return Err(invalid("file does not start as an avro container"));
        }
        let (mut schema, mut codec) = (None, Codec::Null);
        loop {
            let count = long(&mut header)?;
            if count < 0 {
                long(&mut header)?;
            }
            if count == 0 {
                break;
            }
            for _ in 0..count.unsigned_abs() {
                let (key, value) = (counted(&mut header)?, counted(&mut header)?);
                match key.as_slice() {
                    b"avro.schema" => schema = Some(value),
                    b"avro.codec" => codec = Codec::named(&value)?,
                    _ => {}
                }
            }
        }
        let schema = schema.ok_or_else(|| invalid("avro container has no schema in its header"))?;
        let schema = std::str::from_utf8(&schema).map_err(|_| invalid("avro schema is not UTF-8"))?;
        Ok(Self { schema: WriterSchema::parse(schema)?, codec, sync: array(&mut header)? })
    }

    /// Reads the next block; an error means that no further block can be found.
    pub(crate) fn block(&self, input: &mut dyn BufRead) -> Result<Option<Block>, Rejected> {
        if input.fill_buf().map_err(expand::refused)?.is_empty() {
            return Ok(None);
        }
        let count = u64::try_from(long(input)?).map_err(|_| invalid("avro block holds a negative count"))?;
        let size = u64::try_from(long(input)?).map_err(|_| invalid("avro block has a negative size"))?;
        if size > BLOCK_MAX {
            return Err(Rejected::new(Reason::TooLarge, format!("avro block is larger than {BLOCK_MAX} bytes")));
        }
        let packed = exactly(input, size)?;
        if array(input)? != self.sync {
            return Err(invalid("avro block does not end in the file's sync marker"));
        }
        Ok(Some(Block { count, bytes: self.codec.unpack(packed) }))
    }
}

impl Codec {
    fn named(name: &[u8]) -> Result<Self, Rejected> {
        Ok(match name {
            b"null" => Self::Null,
            b"deflate" => Self::Deflate,
            b"snappy" => Self::Snappy,
            b"zstandard" => Self::Zstandard,
            other => {
                let name = shown(&String::from_utf8_lossy(other));
                return Err(invalid(format!("avro codec {name} is none of null, deflate, snappy, zstandard")));
            }
        })
    }

    fn unpack(self, packed: Vec<u8>) -> Result<Vec<u8>, Rejected> {
        match self {
            Self::Null => Ok(packed),
            Self::Deflate => unpacked(flate2::bufread::DeflateDecoder::new(packed.as_slice())),
            Self::Zstandard => unpacked(expand::zstd(packed.as_slice())?),
            Self::Snappy => unsnap(&packed),
        }
    }
}

/// Everything a decompressor gives, if that fits a block.
fn unpacked(source: impl Read) -> Result<Vec<u8>, Rejected> {
    let mut bytes = Vec::new();
    let read = source.take(BLOCK_MAX + 1).read_to_end(&mut bytes);
    match read {
        Err(_) => Err(Rejected::new(Reason::InvalidCompression, "avro block does not decompress")),
        Ok(_) if bytes.len() as u64 > BLOCK_MAX => Err(expands_too_far()),
        Ok(_) => Ok(bytes),
    }
}

/// Snappy's raw format, followed by the big-endian CRC-32 of the content.
fn unsnap(packed: &[u8]) -> Result<Vec<u8>, Rejected> {
    let damaged = || Rejected::new(Reason::InvalidCompression, "avro block does not decompress");
    let (packed, sum) = packed.split_last_chunk::<4>().ok_or_else(damaged)?;
    let length = snap::raw::decompress_len(packed).map_err(|_| damaged())?;
    // A copy element makes at most 64 bytes of 2: a longer claim is false, and would be allocated before it is noticed.
    if length as u64 > BLOCK_MAX || length > packed.len().saturating_mul(64) {
        return Err(expands_too_far());
    }
    let bytes = snap::raw::Decoder::new().decompress_vec(packed).map_err(|_| damaged())?;
    if crc32fast::hash(&bytes) == u32::from_be_bytes(*sum) { Ok(bytes) } else { Err(damaged()) }
}

fn expands_too_far() -> Rejected {
    Rejected::new(Reason::TooLarge, format!("avro block expands beyond {BLOCK_MAX} bytes"))
}

/// Bytes behind their length, as the header holds them.
fn counted(input: &mut dyn Read) -> Result<Vec<u8>, Rejected> {
    let size = u64::try_from(long(input)?).map_err(|_| invalid("avro header has a negative length"))?;
    exactly(input, size)
}

/// Exactly `size` bytes, allocated as they come.
fn exactly(input: &mut dyn Read, size: u64) -> Result<Vec<u8>, Rejected> {
    let mut bytes = Vec::new();
    input.take(size).read_to_end(&mut bytes).map_err(expand::refused)?;
    if (bytes.len() as u64) < size { Err(truncated()) } else { Ok(bytes) }
}

/// A variable-length integer, read byte by byte since its end is not known before.
fn long(input: &mut dyn Read) -> Result<i64, Rejected> {
    let mut bytes = Vec::with_capacity(10);
    loop {
        let [byte] = array(input)?;
        bytes.push(byte);
        if byte & 0x80 == 0 || bytes.len() == 10 {
            return Cursor::new(&bytes).long().map_err(Broken::refused);
        }
    }
}

fn array<const N: usize>(input: &mut dyn Read) -> Result<[u8; N], Rejected> {
    let mut bytes = [0; N];
    match input.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(truncated()),
        Err(error) => Err(expand::refused(error)),
    }
}

fn truncated() -> Rejected {
    Rejected::new(Reason::TruncatedAvro, "avro container ends early")
}

fn invalid(detail: impl Into<String>) -> Rejected {
    Rejected::new(Reason::InvalidAvro, detail)
}
