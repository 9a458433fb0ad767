//! ClickHouse's own compressed blocks (`compress=1`, `decompress=1`).
//!
//! A block is a 16-byte checksum (CityHash128 v1.0.2 of what follows), one byte of method, the
//! compressed size with these nine bytes, the size before compression, and the data; numbers are
//! little-endian.

use cityhash_rs::cityhash_102_128;
use std::io::{self, Read, Write};

const HEADER: usize = 9;
const NONE: u8 = 0x02;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
/// Blocks we write are this long at most, before compression.
const WRITE_BLOCK: usize = 1 << 20;
/// Blocks we accept: ClickHouse's own limit is 1 GiB, its writers stay at 1 MiB.
const READ_BLOCK: usize = 64 << 20;

/// ClickHouse keeps the two halves of the hash in the other order.
fn checksum(block: &[u8]) -> [u8; 16] {
    cityhash_102_128(block).rotate_left(64).to_le_bytes()
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Unpacks blocks read from `R`.
pub(crate) struct FrameReader<R> {
    inner: R,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> FrameReader<R> {
    /// Reads blocks until `inner` ends at a block's edge.
    pub(crate) fn new(inner: R) -> Self {
        FrameReader { inner, block: Vec::new(), at: 0 }
    }

    fn next_block(&mut self) -> io::Result<()> {
        let mut lead = [0_u8; 16 + HEADER];
        match self.inner.read(&mut lead)? {
            0 => {
                self.block.clear();
                return Ok(());
            }
            n => self.inner.read_exact(lead.get_mut(n..).unwrap_or_default())?,
        }
        let (sum, header) = lead.split_at(16);
        let size = |at: usize| header.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        let (packed, plain) = (size(1) as usize, size(5) as usize);
        if !(HEADER..=READ_BLOCK).contains(&packed) || !(1..=READ_BLOCK).contains(&plain) {
            return Err(invalid("compressed block has an impossible size"));
        }
        let mut block = header.to_vec();
        block.resize(packed, 0);
        self.inner.read_exact(block.get_mut(HEADER..).unwrap_or_default())?;
        if checksum(&block) != sum {
            return Err(invalid("compressed block has a wrong checksum"));
        }
        self.block = unpack(header.first().copied().unwrap_or(0), block.get(HEADER..).unwrap_or_default(), plain)?;
        Ok(())
    }
}

fn unpack(method: u8, data: &[u8], plain: usize) -> io::Result<Vec<u8>> {
    let block = match method {
        NONE => data.to_vec(),
        LZ4 => lz4_flex::block::decompress(data, plain).map_err(|_| invalid("compressed block is not LZ4"))?,
        ZSTD => zstd::bulk::decompress(data, plain)?,
        _ => return Err(invalid("compressed block has an unknown method")),
    };
    if block.len() == plain { Ok(block) } else { Err(invalid("compressed block has another size than it says")) }
}

impl<R: Read> Read for FrameReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            self.at = 0;
            self.next_block()?;
        }
        let rest = self.block.get(self.at..).unwrap_or_default();
        let length = rest.len().min(out.len());
        out.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.at += length;
        Ok(length)
    }
}

/// Packs what is written to it into LZ4 blocks.
pub(crate) struct FrameWriter<W> {
    inner: W,
    pending: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// Writes blocks to `inner`.
    pub(crate) fn new(inner: W) -> Self {
        FrameWriter { inner, pending: Vec::new() }
    }

    /// Writes what is pending and hands `inner` back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.write_block()?;
        Ok(self.inner)
    }

    fn write_block(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let data = lz4_flex::block::compress(&self.pending);
        let size = |n: usize| u32::try_from(n).map(u32::to_le_bytes).map_err(io::Error::other);
        let mut block = vec![LZ4];
        block.extend_from_slice(&size(data.len() + HEADER)?);
        block.extend_from_slice(&size(self.pending.len())?);
        block.extend_from_slice(&data);
        self.inner.write_all(&checksum(&block))?;
        self.inner.write_all(&block)?;
        self.pending.clear();
        Ok(())
    }
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let take = data.len().min(WRITE_BLOCK - self.pending.len());
        self.pending.extend_from_slice(data.get(..take).unwrap_or_default());
        if self.pending.len() == WRITE_BLOCK {
            self.write_block()?;
        }
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_block()?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(data: &[u8]) -> Vec<u8> {
        let mut writer = FrameWriter::new(Vec::new());
        writer.write_all(data).expect("write");
        writer.finish().expect("finish")
    }

    fn unpack_all(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        FrameReader::new(packed).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        for length in [0, 1, 100, WRITE_BLOCK - 1, WRITE_BLOCK, WRITE_BLOCK * 2 + 7] {
            let data: Vec<u8> = (0..length).map(|i| (i * i % 251) as u8).collect();
            assert!(unpack_all(&pack(&data)).expect("unpack") == data, "{length}");
        }
    }

    #[test]
    fn damage_is_an_error() {
        let packed = pack(b"hello hello hello hello");
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x10;
            assert!(unpack_all(&damaged).is_err(), "byte {at}");
            assert!(at == 0 || unpack_all(&packed[..at]).is_err(), "cut at {at}");
        }
    }
}
