//! JSON: one object, fields flat, discriminated by `event`. Reading and writing.

use crate::reject::{Reason, Rejected};
use crate::{Context, Decoded, RECORD_MAX, events, wire};
use serde::de::Deserializer;
use serde_json::error::Category;

/// Decodes one JSON object of at most [`RECORD_MAX`] bytes.
///
/// # Errors
/// The first reason why it is not an event.
pub fn decode_json(bytes: &[u8], ctx: &Context) -> Result<Decoded, Rejected> {
    if bytes.len() > RECORD_MAX {
        return Err(too_large());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Rejected::new(Reason::InvalidUtf8, format!("byte {} is not UTF-8", error.valid_up_to().saturating_add(1)))
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let wire = deserializer.deserialize_map(wire::Visitor { raw_numbers: true }).map_err(unreadable)?;
    deserializer.end().map_err(unreadable)?;
    events::judge(wire, ctx)
}

/// The JSON data in a structured-mode envelope of CloudEvents 1.0.
///
/// # Errors
/// An envelope that is none, or whose data is not JSON.
pub fn enveloped(bytes: &[u8]) -> Result<&str, Rejected> {
    #[derive(serde::Deserialize)]
    struct Envelope<'e> {
        #[serde(borrow, default)]
        data: Option<&'e serde_json::value::RawValue>,
    }
    if bytes.len() > RECORD_MAX {
        return Err(too_large());
    }
    let envelope: Envelope<'_> = serde_json::from_slice(bytes).map_err(unreadable)?;
    envelope.data.map(serde_json::value::RawValue::get).ok_or_else(|| {
        Rejected::new(Reason::MissingField, "field \"data\" is missing: envelopes carry their event as JSON in it")
    })
}

/// The refusal of a record beyond [`RECORD_MAX`].
pub(crate) fn too_large() -> Rejected {
    Rejected::new(Reason::TooLarge, format!("record is larger than {RECORD_MAX} bytes"))
}

fn unreadable(error: serde_json::Error) -> Rejected {
    let (line, column) = (error.line(), error.column());
    let place = if line > 1 { format!("line {line}, column {column}") } else { format!("column {column}") };
    match error.classify() {
        Category::Data => Rejected::new(Reason::NotAnObject, "record is JSON but not an object"),
        Category::Eof => Rejected::new(Reason::InvalidJson, format!("record ends early at {place}")),
        Category::Syntax | Category::Io => {
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or_default();
            Rejected::new(Reason::InvalidJson, format!("{words} at {place}"))
        }
    }
}
