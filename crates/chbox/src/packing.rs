//! Bytes on their way in and out: `Content-Encoding` and ClickHouse's native blocks, as readers
//! and writers that hold one block at a time.

use crate::fault::{Fault, Raised};
use crate::frames::{FrameReader, FrameWriter};
use crate::request::Request;
use bytes::Bytes;
use flate2::Compression;
use std::io::{self, Read, Write};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a client may leave us waiting, in either direction.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pieces handed to the network are this long, the last one apart.
const PIECE: usize = 128 << 10;

/// A request's body as a blocking reader. A body that breaks off is an error, never an end.
pub(crate) struct BodyReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl BodyReader {
    /// Reads the pieces that a task of the network puts into the channel.
    pub(crate) fn new(pieces: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        BodyReader { pieces, current: Bytes::new() }
    }
}

impl Read for BodyReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let next = tokio::runtime::Handle::current()
                .block_on(async { tokio::time::timeout(PATIENCE, self.pieces.recv()).await })
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
            match next {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let piece = self.current.split_to(out.len().min(self.current.len()));
        out.iter_mut().zip(&piece).for_each(|(to, from)| *to = *from);
        Ok(piece.len())
    }
}

/// The request's body as it was before the client packed it.
pub(crate) fn unpacked(request: &Request, body: BodyReader) -> Result<Box<dyn Read + Send>, Fault> {
    let plain: Box<dyn Read + Send> = match request.content_encoding.trim() {
        "" | "identity" => Box::new(body),
        "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(body)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(body)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(body).map_err(broken)?),
        "lz4" => Box::new(lz4_flex::frame::FrameDecoder::new(body)),
        other => {
            let message = format!("Unknown HTTP content encoding: {}", other.escape_default());
            return Err(Fault::raise(Raised::NotImplemented, message));
        }
    };
    Ok(if request.native_in { Box::new(FrameReader::new(plain)) } else { plain })
}

/// What a client is told about a body that cannot be read.
pub(crate) fn broken(error: io::Error) -> Fault {
    Fault::raise(Raised::IncorrectData, format!("Cannot read the request's body: {error}"))
}

/// The encodings of answers, in the order of ClickHouse's own preference where a client takes several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Lz4,
    Zstd,
    Gzip,
    Deflate,
}

impl Encoding {
    /// What the client accepts and its settings allow.
    pub(crate) fn choose(request: &Request) -> Encoding {
        let accepts = |name: &str| {
            request.accept_encoding.split(',').any(|item| {
                let mut parts = item.split(';').map(str::trim);
                parts.next() == Some(name) && !parts.any(|p| p == "q=0")
            })
        };
        match () {
            () if !request.http_compression => Encoding::Plain,
            () if accepts("lz4") => Encoding::Lz4,
            () if accepts("zstd") => Encoding::Zstd,
            () if accepts("gzip") => Encoding::Gzip,
            () if accepts("deflate") => Encoding::Deflate,
            () => Encoding::Plain,
        }
    }

    /// The value of `Content-Encoding`, none for plain bytes.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Encoding::Plain => None,
            Encoding::Lz4 => Some("lz4"),
            Encoding::Zstd => Some("zstd"),
            Encoding::Gzip => Some("gzip"),
            Encoding::Deflate => Some("deflate"),
        }
    }
}

/// The network's end of an answer: bytes are handed over in pieces, and a client that does not
/// read, or is gone, is an error.
pub(crate) struct Sink {
    out: mpsc::Sender<io::Result<Bytes>>,
    pending: Vec<u8>,
}

impl Sink {
    /// Writes into `out`.
    pub(crate) fn new(out: mpsc::Sender<io::Result<Bytes>>) -> Self {
        Sink { out, pending: Vec::new() }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.pending));
        let sent = async { tokio::time::timeout(PATIENCE, self.out.send(Ok(piece))).await };
        match tokio::runtime::Handle::current().block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let take = data.len().min(PIECE - self.pending.len());
        self.pending.extend_from_slice(data.get(..take).unwrap_or_default());
        if self.pending.len() == PIECE {
            self.send()?;
        }
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// An answer's bytes being packed for the `Content-Encoding`.
pub(crate) enum Encoder {
    Plain(Sink),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Sink>>),
    Zstd(zstd::stream::write::Encoder<'static, Sink>),
    Gzip(flate2::write::GzEncoder<Sink>),
    Deflate(flate2::write::ZlibEncoder<Sink>),
}

impl Encoder {
    fn new(encoding: Encoding, sink: Sink) -> io::Result<Encoder> {
        Ok(match encoding {
            Encoding::Plain => Encoder::Plain(sink),
            Encoding::Lz4 => Encoder::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(sink))),
            Encoding::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(sink, 1)?),
            Encoding::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(sink, Compression::fast())),
            Encoding::Deflate => Encoder::Deflate(flate2::write::ZlibEncoder::new(sink, Compression::fast())),
        })
    }

    fn finish(self) -> io::Result<()> {
        let mut sink = match self {
            Encoder::Plain(sink) => sink,
            Encoder::Lz4(encoder) => encoder.finish().map_err(io::Error::other)?,
            Encoder::Zstd(encoder) => encoder.finish()?,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Deflate(encoder) => encoder.finish()?,
        };
        sink.flush()
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Encoder::Plain(sink) => sink,
            Encoder::Lz4(encoder) => encoder,
            Encoder::Zstd(encoder) => encoder,
            Encoder::Gzip(encoder) => encoder,
            Encoder::Deflate(encoder) => encoder,
        }
    }
}

impl Write for Encoder {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.writer().write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

/// An answer's bytes on their way out: native blocks inside the `Content-Encoding`, either or none.
pub(crate) enum Packer {
    Native(FrameWriter<Encoder>),
    Direct(Encoder),
}

impl Packer {
    /// Packs for `encoding`, and in native blocks first when `native`.
    pub(crate) fn new(encoding: Encoding, native: bool, sink: Sink) -> io::Result<Packer> {
        let encoder = Encoder::new(encoding, sink)?;
        Ok(if native { Packer::Native(FrameWriter::new(encoder)) } else { Packer::Direct(encoder) })
    }

    /// Writes what is held back and the encoding's end.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Packer::Native(frames) => frames.finish()?.finish(),
            Packer::Direct(encoder) => encoder.finish(),
        }
    }
}

impl Write for Packer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Packer::Native(frames) => frames.write(data),
            Packer::Direct(encoder) => encoder.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Packer::Native(frames) => frames.flush(),
            Packer::Direct(encoder) => encoder.flush(),
        }
    }
}
