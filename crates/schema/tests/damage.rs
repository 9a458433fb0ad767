//! Seeded damage to every form of input: nothing panics, and every record is an event or a reject.

mod support;

use apache_avro::{Codec, DeflateSettings, ZstandardSettings};
use flate2::Compression;
use flate2::write::GzEncoder;
use smarketing_schema::{
    Context, EVENTS, Reason, Record, WriterSchema, decode_datum, decode_json, read_events, reader_schema, to_json,
};
use std::io::Write;
use support::damage::Seeded;
use support::{avro, context, examples};

/// Rounds of damage for each input.
const ROUNDS: u64 = 300;

fn valid_lines() -> Vec<(&'static str, String)> {
    let all = EVENTS.into_iter().flat_map(|event| examples(event).into_iter().map(move |example| (event, example)));
    let valid = all.filter(|(_, example)| !example.name.starts_with("bad-"));
    valid.map(|(event, example)| (event, String::from_utf8(example.bytes).unwrap())).collect()
}

fn canonical(line: &str) -> String {
    to_json(&decode_json(line.as_bytes(), &context()).unwrap().event)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reads a file to its end; what comes out must be in order and bounded.
fn read(bytes: &[u8], ctx: &Context) -> Vec<Record> {
    let mut last = 0;
    let mut records = Vec::new();
    for record in read_events(bytes, ctx) {
        assert!(record.position > last, "positions grow");
        assert!(record.bytes.len() <= 64 << 10 && record.bytes.is_empty() >= record.outcome.is_ok());
        last = record.position;
        records.push(record);
        assert!(records.len() <= 100_000, "a small file yields a bounded number of records");
    }
    records
}

#[test]
fn damaged_json_is_an_event_or_a_reject() {
    let ctx = context();
    let mut accepted = 0;
    for (number, (_, line)) in valid_lines().into_iter().enumerate() {
        for round in 0..ROUNDS {
            let damaged = Seeded::new(number as u64 * ROUNDS + round).damaged(line.as_bytes());
            if let Ok(decoded) = decode_json(&damaged, &ctx) {
                accepted += 1;
                let line = to_json(&decoded.event);
                assert_eq!(decode_json(line.as_bytes(), &ctx).map(|again| again.event), Ok(decoded.event), "{line}");
            }
        }
    }
    assert!(accepted > 500, "some damage is harmless: {accepted}");
}

#[test]
fn damaged_datums_and_schemas_are_events_or_rejects() {
    let ctx = context();
    let mut outcomes = [0, 0];
    for (number, (event, line)) in valid_lines().into_iter().enumerate() {
        let (writer, datum) = avro::datum(event, &canonical(&line));
        for round in 0..ROUNDS {
            let mut seeded = Seeded::new(number as u64 * ROUNDS + round);
            outcomes[usize::from(decode_datum(&seeded.damaged(&datum), &writer, &ctx).is_ok())] += 1;
            let schema = seeded.damaged(reader_schema(event).unwrap().as_bytes());
            if let Ok(writer) = WriterSchema::parse(&String::from_utf8_lossy(&schema)) {
                outcomes[usize::from(decode_datum(&datum, &writer, &ctx).is_ok())] += 1;
            }
        }
    }
    assert!(outcomes.iter().all(|count| *count > 500), "both happen: {outcomes:?}");
}

#[test]
fn damaged_files_end_in_rejects() {
    let ctx = context();
    let lines: Vec<String> = valid_lines().into_iter().map(|(_, line)| line).collect();
    let text = lines.join("\n");
    let views: Vec<String> =
        lines.iter().filter(|line| line.contains("page_viewed")).map(|line| canonical(line)).collect();
    let codecs = [
        Codec::Null,
        Codec::Deflate(DeflateSettings::default()),
        Codec::Snappy,
        Codec::Zstandard(ZstandardSettings::default()),
    ];
    let mut files =
        vec![text.clone().into_bytes(), gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 3).unwrap()];
    files.extend(codecs.into_iter().map(|codec| avro::container("page_viewed", &views, codec)));
    files.push(gzip(&files[3]));
    for (number, file) in files.iter().enumerate() {
        let whole = read(file, &ctx);
        let expected = if number < 3 { lines.len() } else { views.len() };
        assert_eq!(whole.iter().filter(|record| record.outcome.is_ok()).count(), expected, "file {number}");
        assert_eq!(whole.len(), expected, "file {number}");
        for round in 0..ROUNDS {
            read(&Seeded::new(round).damaged(file), &ctx);
        }
    }
}

#[test]
fn cut_files_say_so_in_their_last_record() {
    let ctx = context();
    let lines: Vec<String> = valid_lines().into_iter().map(|(_, line)| canonical(&line)).collect();
    let views: Vec<String> = lines.iter().filter(|line| line.contains("page_viewed")).cloned().collect();
    let text = lines.join("\n");
    for (file, expected) in [
        (gzip(text.as_bytes()), Reason::TruncatedCompression),
        (zstd::encode_all(text.as_bytes(), 3).unwrap(), Reason::TruncatedCompression),
        (avro::container("page_viewed", &views, Codec::Null), Reason::TruncatedAvro),
        (text.into_bytes(), Reason::InvalidJson),
    ] {
        for cut in [4, 5, 9] {
            let records = read(&file[..file.len() - cut], &ctx);
            let last = records.last().and_then(|record| record.outcome.as_ref().err()).map(|rejected| rejected.reason);
            assert_eq!(last, Some(expected), "cut {cut}");
            assert_eq!(records.iter().filter(|record| record.outcome.is_err()).count(), 1);
        }
    }
}
