//! Avro: writer schemas, single datums and object container files.
//!
//! A datum is read by its writer's schema straight into `wire`, field by field by name, and judged there like a JSON
//! record; that is Avro's schema resolution for a reader that takes every field as optional. Nothing is built in
//! between, so a hostile datum has nothing to fill: its values are counted and its nesting is bounded.

mod container;
mod datum;
mod schema;

pub(crate) use container::{Block, Container, MAGIC};
pub(crate) use datum::Cursor;
pub use schema::WriterSchema;

use crate::reject::{Reason, Rejected};
use crate::{Context, Decoded, RECORD_MAX, events};
use datum::Broken;

/// Our schema of an event by its name, as JSON: the reference for writers.
#[must_use]
pub fn reader_schema(event: &str) -> Option<&'static str> {
    READER_SCHEMAS.iter().find(|(name, _)| *name == event).map(|(_, text)| *text)
}

/// Includes `schemas/<event>.avsc` under its name.
macro_rules! reader_schemas {
    ($($event:literal),+ $(,)?) => {
        &[$(($event, include_str!(concat!("../../../schemas/", $event, ".avsc")))),+]
    };
}

const READER_SCHEMAS: &[(&str, &str)] = reader_schemas![
    "page_viewed",
    "form_submitted",
    "email_engaged",
    "deal_changed",
    "lead_reviewed",
    "sales_activity",
    "lead_updated",
    "lead_merged",
    "lead_unmerged",
    "ad_spent",
    "exchange_rate_set",
    "erasure_requested",
];

/// Decodes one datum that fills `bytes` exactly.
///
/// # Errors
/// The first reason why it is not an event.
pub fn decode_datum(bytes: &[u8], writer: &WriterSchema, ctx: &Context) -> Result<Decoded, Rejected> {
    if bytes.len() > RECORD_MAX {
        return Err(crate::json::too_large());
    }
    let mut cursor = Cursor::new(bytes);
    let decoded = next_datum(&mut cursor, writer, ctx)?;
    match cursor.rest().len() {
        0 => decoded,
        left => Err(Rejected::new(
            Reason::InvalidAvro,
            format!("{left} bytes are left after the datum: it was written with another schema"),
        )),
    }
}

/// Splits Confluent's framing, a zero byte and a big-endian schema id, from the datum behind it.
#[must_use]
pub fn framed(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, datum) = bytes.split_first_chunk::<5>()?;
    let [0, a, b, c, d] = *head else { return None };
    Some((u32::from_be_bytes([a, b, c, d]), datum))
}

/// The first bytes of a single object, after the Avro specification: a mark, then the writer schema's fingerprint.
const SINGLE_OBJECT: [u8; 2] = [0xC3, 0x01];

/// CRC-64-AVRO of the canonical form of each of our schemas, as a single object carries it.
const FINGERPRINTS: &[([u8; 8], &str)] = &[
];

/// Splits an Avro single object into the event whose schema of ours wrote it, and the datum.
///
/// # Errors
/// A mark that is cut short, a schema that is not ours.
pub fn single_object(bytes: &[u8]) -> Result<(&'static str, &[u8]), Rejected> {
    let refused = |detail: &str| Rejected::new(Reason::InvalidAvro, detail);
    let datum = bytes.strip_prefix(&SINGLE_OBJECT).ok_or_else(|| refused("record is no avro single object"))?;
    let (fingerprint, datum) = datum.split_first_chunk::<8>().ok_or_else(|| refused("the fingerprint is cut short"))?;
    let ours = FINGERPRINTS.iter().find(|(known, _)| known == fingerprint);
    let (_, event) = ours.ok_or_else(|| refused("single object of another schema than ours; use the registry"))?;
    Ok((event, datum))
}

/// Reads the next datum. The outer error means that the bytes behind it cannot be found; the inner one is a datum
/// that was read but is not an event.
pub(crate) fn next_datum<'a>(
    cursor: &mut Cursor<'a>,
    writer: &'a WriterSchema,
    ctx: &Context,
) -> Result<Result<Decoded, Rejected>, Rejected> {
    let wire = datum::read(cursor, writer).map_err(Broken::refused)?;
    Ok(events::judge(wire, ctx))
}
