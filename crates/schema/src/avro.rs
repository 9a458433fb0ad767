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

/// CRC-64-AVRO of the canonical form of each of our schemas, as a single object carries it; where they differ, first as
/// Apache's Java computes it, then as its Rust does, which leaves types that were written as objects as they are.
const FINGERPRINTS: &[(u64, &str)] = &[
    (0x9d1e_5c2f_c385_62bd, "page_viewed"),
    (0x594d_9bc5_1360_b708, "page_viewed"),
    (0x5a8d_79f8_d0d3_dfc8, "form_submitted"),
    (0xef2e_f405_34ad_48ff, "form_submitted"),
    (0x472d_f208_35f1_8f4e, "email_engaged"),
    (0x9c18_9793_a2ff_79b1, "email_engaged"),
    (0xc319_df2d_dff9_ba69, "deal_changed"),
    (0x31f8_b97e_46ea_b5ba, "deal_changed"),
    (0x8ae3_d54d_fa73_2719, "lead_reviewed"),
    (0x8a13_35f0_1175_3681, "lead_reviewed"),
    (0xd360_77da_e8ce_fc78, "sales_activity"),
    (0xc1b9_3777_48dc_eb8a, "sales_activity"),
    (0x0a0f_a91a_3d9e_a138, "lead_updated"),
    (0x3231_02c1_c664_5cb5, "lead_updated"),
    (0x494a_f811_3ffc_679f, "lead_merged"),
    (0x9108_6d5c_b0d2_0179, "lead_merged"),
    (0x97a6_628e_4b20_c8cb, "lead_unmerged"),
    (0xb168_ec1a_0af6_3732, "lead_unmerged"),
    (0x207f_fe88_5f91_600f, "ad_spent"),
    (0xc40b_4daf_298d_df2d, "ad_spent"),
    (0xdd63_be1e_d363_ae85, "exchange_rate_set"),
    (0x81d0_9753_a48e_cbcb, "exchange_rate_set"),
    (0x65e5_1b41_8cc2_36e1, "erasure_requested"),
    (0x3d62_e017_bd77_f6c9, "erasure_requested"),
];

/// Splits an Avro single object into the event whose schema of ours wrote it, and the datum.
///
/// # Errors
/// A mark that is cut short, a schema that is not ours.
pub fn single_object(bytes: &[u8]) -> Result<(&'static str, &[u8]), Rejected> {
    let refused = |detail: &str| Rejected::new(Reason::InvalidAvro, detail);
    let datum = bytes.strip_prefix(&SINGLE_OBJECT).ok_or_else(|| refused("record is no avro single object"))?;
    let (fingerprint, datum) = datum.split_first_chunk::<8>().ok_or_else(|| refused("the fingerprint is cut short"))?;
    let ours = FINGERPRINTS.iter().find(|(known, _)| known.to_le_bytes() == *fingerprint);
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
