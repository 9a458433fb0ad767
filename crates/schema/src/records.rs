//! Files of events: JSON lines or Avro containers, plain, gzip or zstd, told apart by their first bytes.
//!
//! Every record yields an event or a reject; damage ends the file with a reject, never with silence.

use crate::avro::{Block, Container, Cursor, MAGIC, next_datum};
use crate::expand;
use crate::json::{decode_json, too_large};
use crate::reject::{Reason, Rejected};
use crate::{Context, Decoded, RECORD_MAX};
use std::io::{self, BufRead, BufReader, Read};

/// Most bytes of a rejected record that are handed on.
pub const KEPT_MAX: usize = 64 << 10;

/// One record of a file.
#[derive(Clone, Debug)]
pub struct Record {
    /// Number of the line, or of the datum, from 1; grows along the file. A reject that stands for several lost
    /// records has the position of the first.
    pub position: u64,
    /// The record's bytes if it was rejected, cut at [`KEPT_MAX`]; empty for an event.
    pub bytes: Vec<u8>,
    /// The record's length in bytes before it was cut.
    pub length: u64,
    /// The event, or why there is none.
    pub outcome: Result<Decoded, Rejected>,
}

/// The records of a file, in order. Blank lines are no records.
pub fn read_events<'r>(input: impl Read + 'r, ctx: &'r Context) -> impl Iterator<Item = Record> + 'r {
    read_events_within(input, ctx, u64::MAX)
}

/// As [`read_events`], with at most `bytes_max` bytes read after decompression; what is beyond ends in a reject.
pub fn read_events_within<'r>(
    input: impl Read + 'r,
    ctx: &'r Context,
    bytes_max: u64,
) -> impl Iterator<Item = Record> + 'r {
    let source = open(input, bytes_max).unwrap_or_else(Source::Broken);
    Records { source, position: 0, ctx }
}

struct Records<'r> {
    source: Source<'r>,
    position: u64,
    ctx: &'r Context,
}

enum Source<'r> {
    Lines {
        input: Box<dyn BufRead + 'r>,
        line: Vec<u8>,
    },
    Datums {
        input: Box<dyn BufRead + 'r>,
        container: Box<Container>,
        left: u64,
        block: Vec<u8>,
        at: usize,
    },
    /// One last reject is due.
    Broken(Rejected),
    Ended,
}

fn open<'r>(input: impl Read + 'r, bytes_max: u64) -> Result<Source<'r>, Rejected> {
    let (head, input) = expand::peek(expand::expanded(input, bytes_max)?).map_err(expand::refused)?;
    let mut input: Box<dyn BufRead + 'r> = Box::new(BufReader::with_capacity(expand::BUFFER, input));
    if head != MAGIC {
        return Ok(Source::Lines { input, line: Vec::new() });
    }
    let container = Box::new(Container::open(&mut *input)?);
    Ok(Source::Datums { input, container, left: 0, block: Vec::new(), at: 0 })
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        match &mut self.source {
            Source::Lines { .. } => self.next_line(),
            Source::Datums { .. } => self.next_of_container(),
            Source::Broken(_) | Source::Ended => self.end(),
        }
    }
}

impl Records<'_> {
    /// The last reject, if one is due.
    fn end(&mut self) -> Option<Record> {
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Broken(rejected) => {
                self.position = self.position.saturating_add(1);
                Some(refuse(self.position, &[], 0, rejected))
            }
            _ => None,
        }
    }

    fn next_line(&mut self) -> Option<Record> {
        let Source::Lines { input, line } = &mut self.source else { return None };
        loop {
            line.clear();
            let read = input.by_ref().take(RECORD_MAX as u64 + 2).read_until(b'\n', line);
            if matches!(read, Ok(0)) {
                return None;
            }
            self.position = self.position.saturating_add(1);
            let position = self.position;
            let record = match read {
                Err(error) => Err((line.len() as u64, error)),
                Ok(_) if line.len() > RECORD_MAX && !line.ends_with(b"\n") => long_line(input, position, line),
                Ok(_) => match content(line, position) {
                    [] => continue,
                    text => Ok(record(position, text, decode_json(text, self.ctx))),
                },
            };
            return Some(match record {
                Ok(record) => record,
                Err((length, error)) => {
                    let record = refuse(position, line, length, expand::refused(error));
                    self.source = Source::Ended;
                    record
                }
            });
        }
    }

    fn next_of_container(&mut self) -> Option<Record> {
        let Source::Datums { input, container, left, block, at } = &mut self.source else { return None };
        while *left == 0 {
            match container.block(&mut **input) {
                Ok(None) => return None,
                Ok(Some(Block { count, bytes: Ok(bytes) })) => (*left, *block, *at) = (count, bytes, 0),
                Ok(Some(Block { count, bytes: Err(rejected) })) => {
                    let first = self.position.saturating_add(1);
                    self.position = self.position.saturating_add(count.max(1));
                    return Some(refuse(first, &[], 0, rejected.losing(count)));
                }
                Err(rejected) => {
                    self.source = Source::Broken(rejected);
                    return self.end();
                }
            }
        }
        self.position = self.position.saturating_add(1);
        *left = left.saturating_sub(1);
        let rest = block.get(*at..).unwrap_or_default();
        let mut cursor = Cursor::new(rest);
        let outcome = next_datum(&mut cursor, &container.schema, self.ctx);
        let length = rest.len().saturating_sub(cursor.rest().len());
        *at = at.saturating_add(length);
        let outcome = if length == 0 { outcome.and_then(|_| Err(empty_datum())) } else { outcome };
        let position = self.position;
        Some(match outcome {
            Ok(outcome) => record(position, rest.get(..length).unwrap_or_default(), outcome),
            Err(rejected) => {
                let lost = std::mem::take(left);
                self.position = self.position.saturating_add(lost);
                refuse(position, rest, rest.len() as u64, rejected.losing(lost.saturating_add(1)))
            }
        })
    }
}

impl Rejected {
    /// The same reject, standing for `count` records that cannot be told apart any more.
    fn losing(mut self, count: u64) -> Self {
        if count > 1 {
            self.detail = format!("{}; {count} records of its block are lost", self.detail);
        }
        self
    }
}

/// Skips the rest of a line that is too long, and counts it.
fn long_line(input: &mut dyn BufRead, position: u64, line: &[u8]) -> Result<Record, (u64, io::Error)> {
    let mut length = line.len() as u64;
    match input.skip_until(b'\n') {
        Ok(skipped) => length = length.saturating_add(skipped as u64),
        Err(error) => return Err((length, error)),
    }
    Ok(refuse(position, line, length, too_large()))
}

/// A line without its end, blanks around it, and the mark some editors put at the start of a file.
fn content(line: &[u8], position: u64) -> &[u8] {
    let line = if position == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
    line.trim_ascii()
}

fn empty_datum() -> Rejected {
    Rejected::new(Reason::InvalidAvro, "datum has no bytes: an event has an id and a time")
}

fn record(position: u64, bytes: &[u8], outcome: Result<Decoded, Rejected>) -> Record {
    let length = bytes.len() as u64;
    match outcome {
        Ok(_) => Record { position, bytes: Vec::new(), length, outcome },
        Err(rejected) => refuse(position, bytes, length, rejected),
    }
}

fn refuse(position: u64, bytes: &[u8], length: u64, rejected: Rejected) -> Record {
    let kept = bytes.get(..KEPT_MAX).unwrap_or(bytes);
    Record { position, bytes: kept.to_vec(), length, outcome: Err(rejected) }
}
