//! Avro written by Apache's own implementation, so that our reader is not tested against itself.

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Codec, Schema, Writer};
use serde_json::Value as Json;
use smarketing_schema::{WriterSchema, reader_schema};

/// A datum of an event and the schema it was written with.
pub(crate) fn datum(event: &str, line: &str) -> (WriterSchema, Vec<u8>) {
    let text = reader_schema(event).unwrap();
    let schema = Schema::parse_str(text).unwrap();
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    (WriterSchema::parse(text).unwrap(), writer.write_value_to_vec(value(&schema, line)).unwrap())
}

/// A container file of lines of one event.
pub(crate) fn container(event: &str, lines: &[String], codec: Codec) -> Vec<u8> {
    let schema = Schema::parse_str(reader_schema(event).unwrap()).unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    for line in lines {
        writer.append_value(value(&schema, line)).unwrap();
    }
    writer.into_inner().unwrap()
}

/// A line of ours as a value of the event's schema; days and times take their logical types.
pub(crate) fn value(schema: &Schema, line: &str) -> Value {
    let Json::Object(mut fields) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
    fields.remove("event");
    if let Some(Json::String(at)) = fields.get("occurred_at") {
        let ms = at.parse::<std::primitive::i64>().unwrap_or_else(|_| instant(at));
        fields.insert("occurred_at".to_owned(), Json::from(ms));
    }
    if let Some(Json::String(day)) = fields.get("day") {
        let days = instant(&format!("{day}T00:00:00.000Z")) / 86_400_000;
        fields.insert("day".to_owned(), Json::from(days));
    }
    Value::try_from(Json::Object(fields)).unwrap().resolve(schema).unwrap()
}

/// Milliseconds of the form we write ourselves.
fn instant(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let day = smarketing_kernel::time::Day::from_civil(
        number(0..4).try_into().unwrap(),
        number(5..7).try_into().unwrap(),
        number(8..10).try_into().unwrap(),
    );
    let clock = (number(11..13) * 60 + number(14..16)) * 60 + number(17..19);
    day.unwrap().start().0 + clock * 1_000 + number(20..23)
}
