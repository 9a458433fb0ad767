//! Messages of raw topics become events, or rejects: JSON, Avro in three ways, and envelopes around them.

use super::registry::{Away, Registry};
use rdkafka::message::Headers;
use smarketing_schema::{
    Context, Decoded, Reason, Rejected, WriterSchema, decode_datum, decode_json, enveloped, framed, reader_schema,
    single_object,
};
use std::collections::HashMap;

/// How a topic's messages are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Told apart by the first bytes: JSON, Avro in Confluent's framing (0), Avro single objects (C3 01).
    Auto,
    /// Bare Avro datums of one event, written with our schema of it.
    Datum(String),
}

impl Format {
    /// Reads `auto` or `avro:<event>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "auto" => Some(Self::Auto),
            Some(("avro", event)) if reader_schema(event).is_some() => Some(Self::Datum(event.to_owned())),
            _ => None,
        }
    }
}

/// Reads messages; remembers schemas.
pub(crate) struct Decoder {
    registry: Option<Registry>,
    ours: HashMap<String, Result<WriterSchema, Rejected>>,
}

impl Decoder {
    pub(crate) fn new(registry: Option<Registry>) -> Self {
        Self { registry, ours: HashMap::new() }
    }

    /// The event a message is. The outer error says that a schema cannot be had now.
    pub(crate) fn decode(
        &mut self,
        format: &Format,
        in_envelope: bool,
        bytes: &[u8],
        ctx: &Context,
    ) -> Result<Result<Decoded, Rejected>, Away> {
        match format {
            Format::Datum(event) => Ok(self.datum(event, bytes, ctx)),
            Format::Auto if in_envelope => Ok(enveloped(bytes).and_then(|data| decode_json(data.as_bytes(), ctx))),
            Format::Auto => match bytes {
                [0, ..] => self.framed(bytes, ctx),
                [0xC3, 0x01, ..] => Ok(single_object(bytes).and_then(|(event, datum)| self.datum(event, datum, ctx))),
                _ => Ok(decode_json(bytes, ctx)),
            },
        }
    }

    fn framed(&mut self, bytes: &[u8], ctx: &Context) -> Result<Result<Decoded, Rejected>, Away> {
        let refused = |detail: &str| Ok(Err(Rejected::new(Reason::InvalidAvro, detail)));
        let Some((id, datum)) = framed(bytes) else { return refused("the framing of the record is cut short") };
        let Some(registry) = &mut self.registry else {
            return refused("the record names a schema, but no kafka.schema_registry is configured");
        };
        let schema = registry.schema(id)?;
        Ok(match schema.as_ref() {
            Ok(writer) => decode_datum(datum, writer, ctx),
            Err(rejected) => Err(rejected.clone()),
        })
    }

    fn datum(&mut self, event: &str, datum: &[u8], ctx: &Context) -> Result<Decoded, Rejected> {
        if !self.ours.contains_key(event) {
            let schema = WriterSchema::parse(reader_schema(event).unwrap_or_default());
            let _before = self.ours.insert(event.to_owned(), schema);
        }
        match self.ours.get(event) {
            Some(Ok(writer)) => decode_datum(datum, writer, ctx),
            Some(Err(rejected)) => Err(rejected.clone()),
            None => Err(Rejected::new(Reason::UnknownEvent, "there is no schema of the event")),
        }
    }
}

/// Whether headers say that the message is a structured-mode envelope of CloudEvents.
pub(crate) fn is_envelope(headers: &impl Headers) -> bool {
    headers.iter().any(|header| {
        header.key.eq_ignore_ascii_case("content-type")
            && header.value.is_some_and(|value| value.starts_with(b"application/cloudevents"))
    })
}
