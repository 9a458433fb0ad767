//! The Avro schemas are the reference: their fields, words and names are those of the decoder, and the README shows
//! them as they are.

mod support;

use serde_json::{Map, Value as Json};
use smarketing_kernel::event::{ActivityKind, DealKind, DealType, EmailKind, Stage, Verdict};
use smarketing_schema::{
    EVENTS, Reason, WriterSchema, decode_datum, decode_json, enveloped, framed, reader_schema, single_object,
};
use std::collections::BTreeSet;
use std::fmt::Write;
use support::{avro, bless, context, examples, schemas};

fn schema(event: &str) -> Json {
    serde_json::from_str(reader_schema(event).unwrap()).unwrap()
}

fn fields(event: &str) -> Vec<Json> {
    schema(event)["fields"].as_array().unwrap().clone()
}

fn names(event: &str) -> BTreeSet<String> {
    fields(event).iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect()
}

/// Fields an event refuses beside others: each is tried without these.
const ALTERNATIVES: [(&str, &str, &str); 4] = [
    ("deal_changed", "amount", "amount_minor"),
    ("ad_spent", "amount", "amount_minor"),
    ("erasure_requested", "visitor_id", "email"),
    ("erasure_requested", "visitor_id", "contact_id"),
];

#[test]
fn avro_and_json_know_the_same_fields() {
    let all: BTreeSet<String> = EVENTS.into_iter().flat_map(names).collect();
    for event in EVENTS {
        let full = examples(event).into_iter().find(|example| example.name == "full").unwrap();
        let full: Map<String, Json> = serde_json::from_slice(&full.bytes).unwrap();
        let knows = |name: &String| {
            let mut line = full.clone();
            let clashes = ALTERNATIVES.iter().filter(|(of, one, _)| *of == event && one == name);
            clashes.for_each(|(_, _, other)| drop(line.remove(*other)));
            line.entry(name.as_str()).or_insert_with(|| Json::from("1"));
            match decode_json(Json::Object(line).to_string().as_bytes(), &context()) {
                Ok(decoded) => !decoded.unknown_fields.contains(name),
                Err(rejected) => rejected.detail.contains(name.as_str()),
            }
        };
        let known: BTreeSet<String> = all.iter().filter(|name| knows(name)).cloned().collect();
        assert_eq!(known, names(event), "{event}");
    }
}

#[test]
fn schemas_are_complete_and_can_evolve() {
    for event in EVENTS {
        let json = schema(event);
        assert_eq!((json["name"].as_str(), json["namespace"].as_str()), (Some(event), Some("smarketing.events")));
        apache_avro::Schema::parse_str(reader_schema(event).unwrap()).unwrap();
        for field in fields(event) {
            let place = format!("{event}.{}", field["name"]);
            assert!(field["doc"].as_str().is_some_and(|doc| doc.ends_with('.')), "{place} has no doc");
            let nullable = field["type"].as_array().is_some_and(|branches| branches[0] == "null");
            assert_eq!(nullable, field.get("default") == Some(&Json::Null), "{place}: null and default go together");
        }
    }
}

#[test]
fn enums_list_the_words_of_the_kernel() {
    let words = |event: &str, name: &str| -> Vec<String> {
        let field = fields(event).into_iter().find(|field| field["name"] == name).unwrap();
        let kind = if field["type"].is_array() { field["type"][1].clone() } else { field["type"].clone() };
        assert_eq!(kind["default"], "unrecognised");
        kind["symbols"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    macro_rules! check {
        ($event:literal, $field:literal, $type:ty) => {
            let kernel = <$type>::ALL.iter().map(|value| value.word().to_owned());
            assert_eq!(
                words($event, $field),
                ["unrecognised".to_owned()].into_iter().chain(kernel).collect::<Vec<_>>()
            );
        };
    }
    check!("email_engaged", "kind", EmailKind);
    check!("deal_changed", "kind", DealKind);
    check!("deal_changed", "deal_type", DealType);
    check!("lead_reviewed", "verdict", Verdict);
    check!("sales_activity", "kind", ActivityKind);
    check!("lead_updated", "stage", Stage);
}

#[test]
fn older_newer_and_foreign_writers_are_understood() {
    let decode = |schema: &str, datum: &[u8]| decode_datum(datum, &WriterSchema::parse(schema).unwrap(), &context());
    // Another name, order, namespace; required fields nullable; micros for millis; a field of its own.
    let foreign = r#"{"type":"record","name":"PageViewed","namespace":"com.acme","fields":[
        {"name":"url","type":["null","string"]},{"name":"colour","type":{"type":"enum","name":"C","symbols":["red"]}},
        {"name":"occurred_at","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"visitor_id","type":"string"},{"name":"event_id","type":"string"}]}"#;
    let mut datum = vec![2, 36];
    datum.extend(b"https://acme.test/");
    datum.push(0);
    datum.extend(varint(1_772_357_400_000_123));
    datum.extend(b"\x02v\x02e");
    let decoded = decode(foreign, &datum).unwrap();
    assert_eq!(decoded.event.occurred_at.0, 1_772_357_400_000);
    assert_eq!(decoded.unknown_fields, ["colour"]);
    // One topic with several events: the union says which.
    let union = format!("[{},{foreign}]", reader_schema("erasure_requested").unwrap());
    datum.insert(0, 2);
    assert_eq!(decode(&union, &datum).unwrap().event, decoded.event);
    // A record that is no event.
    let other = r#"{"type":"record","name":"order","fields":[{"name":"event_id","type":"string"}]}"#;
    assert_eq!(decode(other, b"\x02e").unwrap_err().reason, Reason::MissingField);
    assert_eq!(decode("\"string\"", b"\x02e").unwrap_err().reason, Reason::InvalidAvro);
    let (writer, mut datum) = avro::datum(
        "page_viewed",
        r#"{"event_id":"e","occurred_at":1772357400000,"visitor_id":"v","url":"https://acme.test/"}"#,
    );
    datum.push(0);
    assert_eq!(decode_datum(&datum, &writer, &context()).unwrap_err().reason, Reason::InvalidAvro);
}

#[test]
fn confluent_framing_is_split() {
    assert_eq!(framed(&[0, 0, 0, 1, 2, 9, 9]), Some((258, [9, 9].as_slice())));
    assert_eq!(framed(b"{\"event\""), None);
    assert_eq!(framed(&[0, 0, 0]), None);
}

/// Avro's zigzag variable-length integer.
fn varint(value: i64) -> Vec<u8> {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while left > 0x7f {
        bytes.push(left as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}

#[test]
fn the_readme_shows_the_schemas() {
    let path = schemas().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once("<!-- fields -->\n").unwrap();
    let (_, tail) = rest.split_once("<!-- end of fields -->\n").unwrap();
    let tables: String = EVENTS.into_iter().map(table).collect();
    bless(&path, &format!("{head}<!-- fields -->\n{tables}<!-- end of fields -->\n{tail}"));
}

fn table(event: &str) -> String {
    let json = schema(event);
    let mut text =
        format!("\n### `{event}`\n\n{}\n\n| field | type | meaning |\n|---|---|---|\n", json["doc"].as_str().unwrap());
    for field in fields(event) {
        let name = field["name"].as_str().unwrap();
        let shown = if field.get("default").is_some() { format!("{name}?") } else { name.to_owned() };
        writeln!(text, "| `{shown}` | {} | {} |", kind(&field["type"]), field["doc"].as_str().unwrap()).unwrap();
    }
    let example = examples(event).into_iter().find(|example| example.name == "full").unwrap();
    write!(text, "\n```json\n{}\n```\n", String::from_utf8(example.bytes).unwrap()).unwrap();
    text
}

/// A type in a few words.
fn kind(json: &Json) -> String {
    let json = if json.is_array() { &json[1] } else { json };
    if let Some(name) = json.as_str() {
        return name.to_owned();
    }
    match (json["type"].as_str().unwrap(), json["logicalType"].as_str()) {
        (_, Some(logical)) => logical.to_owned(),
        ("map", _) => "map of string".to_owned(),
        ("array", _) => {
            let fields = json["items"]["fields"].as_array().unwrap();
            let names: Vec<String> =
                fields.iter().map(|field| format!("`{}?`", field["name"].as_str().unwrap())).collect();
            format!("array of {{{}}}", names.join(", "))
        }
        ("enum", _) => {
            let words =
                json["symbols"].as_array().unwrap().iter().skip(1).map(|word| format!("`{}`", word.as_str().unwrap()));
            words.collect::<Vec<_>>().join(", ")
        }
        (other, _) => other.to_owned(),
    }
}

/// CRC-64-AVRO, after the Avro specification.
fn crc_64_avro(bytes: &[u8]) -> u64 {
    const EMPTY: u64 = 0xc15d_213a_a4d7_a795;
    let bit = |sum: u64| (sum >> 1) ^ (EMPTY & (sum & 1).wrapping_neg());
    let byte = |sum: u64, byte: &u8| (0..8).fold((sum ^ u64::from(*byte)) & 0xff, |sum, _| bit(sum)) ^ (sum >> 8);
    bytes.iter().fold(EMPTY, byte)
}

#[test]
fn single_objects_are_known_by_the_fingerprints_of_our_schemas() {
    assert_eq!(crc_64_avro(b"\"int\""), 0x7275_d51a_3f39_5c8f, "the specification's own example");
    for event in EVENTS {
        let rust = apache_avro::Schema::parse_str(reader_schema(event).unwrap()).unwrap().canonical_form();
        // The specification reduces a type that was written as an object to its name; so does Java.
        let plain =
            |form: String, name: &str| form.replace(&format!("{{\"type\":\"{name}\"}}"), &format!("\"{name}\""));
        let java = ["int", "long", "string", "double"].into_iter().fold(rust.clone(), plain);
        for form in [java, rust] {
            let fingerprint = crc_64_avro(form.as_bytes());
            let object = [&[0xC3, 0x01], fingerprint.to_le_bytes().as_slice(), b"datum"].concat();
            assert_eq!(single_object(&object), Ok((event, b"datum".as_slice())), "it should be {fingerprint:#x}");
            assert!(single_object(&object[..9]).is_err());
        }
    }
    assert!(single_object(b"\xC3\x01notours_datum").is_err());
}

#[test]
fn an_envelope_gives_its_data() {
    let envelope = br#"{"specversion":"1.0","id":"1","type":"t","data": {"event":"page_viewed"} }"#;
    assert_eq!(enveloped(envelope), Ok(r#"{"event":"page_viewed"}"#));
    assert_eq!(enveloped(br#"{"id":"1"}"#).unwrap_err().reason, Reason::MissingField);
    assert_eq!(enveloped(b"42").unwrap_err().reason, Reason::NotAnObject);
    assert_eq!(enveloped(b"{").unwrap_err().reason, Reason::InvalidJson);
}
