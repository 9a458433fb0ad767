//! An answer, from the first row to the last byte: what is held back until the status is certain,
//! and how a failure in the middle is told.

use crate::fault::Fault;
use crate::ffi::Counts;
use crate::packing::{Encoding, Packer, Sink};
use crate::request::Request;
use bytes::Bytes;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Bytes held back before the status goes out, so that an early failure still gets its own.
const HOLD: usize = 1 << 20;
/// The same for `wait_end_of_query=1`; a longer answer begins to flow all the same.
const HOLD_TO_END: usize = 64 << 20;

/// Why a query stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client is told.
    Fault(Fault),
    /// The client is gone, or does not read.
    Gone,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

/// What the headers of an answer say.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) format: String,
    pub(crate) encoding: Encoding,
    pub(crate) counts: Counts,
    pub(crate) elapsed: Duration,
    /// Random word by which a client recognises a failure in the middle of the body.
    pub(crate) tag: String,
}

type HeadSender = oneshot::Sender<Result<Head, Fault>>;

/// The writing end of an answer; lives on the thread that runs the query.
pub(crate) struct Answer {
    head: Option<HeadSender>,
    out: mpsc::Sender<io::Result<Bytes>>,
    packer: Option<Packer>,
    held: Vec<u8>,
    hold: usize,
    format: String,
    encoding: Encoding,
    native: bool,
    counts: Counts,
    began: Instant,
    tag: String,
}

impl Answer {
    /// Nothing is sent yet: the head goes to `head`, the body's pieces to `out`.
    pub(crate) fn new(head: HeadSender, out: mpsc::Sender<io::Result<Bytes>>, request: &Request) -> Answer {
        Answer {
            head: Some(head),
            out,
            packer: None,
            held: Vec::new(),
            hold: if request.wait_end { HOLD_TO_END } else { HOLD },
            format: String::new(),
            encoding: Encoding::choose(request),
            native: request.native_out,
            counts: Counts::default(),
            began: Instant::now(),
            tag: random_word(),
        }
    }

    /// Names the format the rows will be in.
    pub(crate) fn in_format(&mut self, format: &str) {
        format.clone_into(&mut self.format);
    }

    /// Takes formatted rows and what the engine counted for them.
    pub(crate) fn write(&mut self, rows: &[u8], counts: Counts) -> Result<(), Failure> {
        self.counts.add(counts);
        if self.packer.is_none() && self.held.len() + rows.len() < self.hold {
            self.held.extend_from_slice(rows);
            return Ok(());
        }
        self.start()?;
        self.packer.as_mut().map_or(Ok(()), |packer| packer.write_all(rows)).map_err(|_| Failure::Gone)
    }

    fn start(&mut self) -> Result<(), Failure> {
        let Some(head) = self.head.take() else { return Ok(()) };
        let says = Head {
            format: self.format.clone(),
            encoding: self.encoding,
            counts: self.counts,
            elapsed: self.began.elapsed(),
            tag: self.tag.clone(),
        };
        head.send(Ok(says)).map_err(|_| Failure::Gone)?;
        let packer = Packer::new(self.encoding, self.native, Sink::new(self.out.clone()));
        let packer = self.packer.insert(packer.map_err(|_| Failure::Gone)?);
        packer.write_all(&std::mem::take(&mut self.held)).map_err(|_| Failure::Gone)
    }

    /// The answer is whole.
    pub(crate) fn finish(mut self) {
        if self.start().is_ok()
            && let Some(packer) = self.packer.take()
        {
            // A client that is gone by now has nothing left to be told.
            let _gone = packer.finish();
        }
    }

    /// The query failed: with its own status if nothing was sent, else in the body, as ClickHouse
    /// does it, and the connection is cut so that nobody takes the body for whole.
    pub(crate) fn fail(mut self, fault: Fault, version: &str) {
        if let Some(head) = self.head.take() {
            let _gone = head.send(Err(fault));
            return;
        }
        let message = fault.body(version);
        let tag = &self.tag;
        let block = format!("\r\n__exception__\r\n{tag}\r\n{message}{} {tag}\r\n__exception__\r\n", message.len());
        if let Some(mut packer) = self.packer.take() {
            // What was packed so far is pushed out first: clients look for the block at a piece's end.
            let _gone = packer.flush().and_then(|()| packer.write_all(block.as_bytes())).and_then(|()| packer.finish());
        }
        let _gone = self.out.blocking_send(Err(io::ErrorKind::ConnectionAborted.into()));
    }
}

/// Sixteen random lower-case letters.
pub(crate) fn random_word() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness the word is constant, which only makes it less surely recognised.
    let _fallback = getrandom::fill(&mut bytes);
    bytes.iter().map(|b| char::from(b'a' + b % 26)).collect()
}
