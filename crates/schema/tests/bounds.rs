//! Input made to exhaust memory, stack or time is refused, with the reason.

mod support;

use smarketing_schema::{
    Context, RECORD_MAX, Reason, Record, WriterSchema, decode_datum, decode_json, read_events, read_events_within,
};
use std::io::{Read, Write};
use support::context;

fn reason(bytes: &[u8]) -> Option<Reason> {
    decode_json(bytes, &context()).err().map(|rejected| rejected.reason)
}

fn view(id: &str) -> String {
    format!(
        r#"{{"event":"page_viewed","event_id":"{id}","occurred_at":"2026-03-01T09:30:00Z","visitor_id":"v","url":"https://acme.test/"}}"#
    )
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    let deep = "[".repeat(RECORD_MAX);
    assert_eq!(reason(deep.as_bytes()), Some(Reason::NotAnObject));
    assert_eq!(reason("[".repeat(1_000_000).as_bytes()), Some(Reason::NotAnObject));
    for key in ["unknown", "title", "fields", "contacts", "rate"] {
        let nested = format!(r#"{{"event":"page_viewed","{key}":{}"#, &deep[..1_000_000]);
        assert_eq!(reason(nested.as_bytes()), Some(Reason::InvalidJson), "{key}");
        let objects = format!(r#"{{"{key}":{}"#, r#"{"a":"#.repeat(200_000));
        assert_eq!(reason(objects.as_bytes()), Some(Reason::InvalidJson), "{key}");
    }
}

#[test]
fn odd_bytes_are_refused() {
    assert_eq!(reason(b"{\"event\":\"\xff\"}"), Some(Reason::InvalidUtf8));
    assert_eq!(reason(br#"{"event":"\ud800"}"#), Some(Reason::InvalidJson));
    assert_eq!(reason(b""), Some(Reason::InvalidJson));
    assert_eq!(reason(b"null"), Some(Reason::NotAnObject));
    assert_eq!(reason(b"{}"), Some(Reason::MissingField));
    assert_eq!(reason(&vec![b' '; RECORD_MAX + 1]), Some(Reason::TooLarge));
}

#[test]
fn six_bytes_of_avro_cannot_claim_gigabytes() {
    let nulls =
        r#"{"type":"record","name":"page_viewed","fields":[{"name":"x","type":{"type":"array","items":"null"}}]}"#;
    let writer = WriterSchema::parse(nulls).unwrap();
    // 400 million nulls, then the end of the array.
    let datum = [0x80, 0xa0, 0xbc, 0xfd, 0x02, 0x00];
    let refused = decode_datum(&datum, &writer, &context()).unwrap_err();
    assert_eq!(refused.reason, Reason::TooLarge, "{refused}");
    let wide = r#"{"type":"record","name":"page_viewed","fields":[{"name":"x","type":"bytes"}]}"#;
    let refused = decode_datum(&[0xfe, 0xff, 0xff, 0xff, 0x0f], &WriterSchema::parse(wide).unwrap(), &context());
    assert_eq!(refused.unwrap_err().reason, Reason::TruncatedAvro);
}

#[test]
fn a_recursive_or_exploding_schema_is_bounded() {
    let list = r#"{"type":"record","name":"page_viewed","fields":[{"name":"next","type":["null","page_viewed"]}]}"#;
    let writer = WriterSchema::parse(list).unwrap();
    assert_eq!(decode_datum(&[2; 100_000], &writer, &context()).unwrap_err().reason, Reason::TooDeep);
    let mut schema = r#"{"type":"record","name":"r0","fields":[]}"#.to_owned();
    for level in 1..25 {
        let inner = format!("r{}", level - 1);
        schema = format!(
            r#"{{"type":"record","name":"r{level}","fields":[{{"name":"a","type":{schema}}},{{"name":"b","type":"{inner}"}}]}}"#
        );
    }
    let writer = WriterSchema::parse(&schema).unwrap();
    assert_eq!(decode_datum(&[], &writer, &context()).unwrap_err().reason, Reason::TooLarge);
}

#[test]
fn a_bomb_is_stopped_where_it_expands() {
    let ctx = context();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    for _ in 0..128 {
        gzip.write_all(&vec![b'\n'; 1 << 20]).unwrap();
        zstd.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    }
    for bomb in [gzip.finish().unwrap(), zstd.finish().unwrap()] {
        assert!(bomb.len() < 1 << 20);
        let records: Vec<Record> = read_events(bomb.as_slice(), &ctx).collect();
        let [record] = records.as_slice() else { panic!("{} records", records.len()) };
        assert_eq!(record.outcome.as_ref().unwrap_err().reason, Reason::TooLarge);
    }
}

#[test]
fn a_long_line_is_skipped_and_the_next_one_read() {
    let ctx = context();
    let long = RECORD_MAX as u64 * 5;
    let file = view("e-1") + "\n";
    let file = file.into_bytes();
    let after = format!("\r\n\n{}\r\n{}", view("e-2"), view("e-3"));
    let input = file.as_slice().chain(std::io::repeat(b'x').take(long)).chain(after.as_bytes());
    let records: Vec<Record> = read_events(input, &ctx).collect();
    let seen: Vec<(u64, u64, bool)> = records.iter().map(|r| (r.position, r.length, r.outcome.is_ok())).collect();
    let length = view("e-1").len() as u64;
    assert_eq!(seen, [(1, length, true), (2, long + 2, false), (4, length, true), (5, length, true)]);
    assert_eq!(records[1].bytes.len(), 64 << 10);
}

#[test]
fn input_is_read_up_to_the_limit_it_is_given() {
    let ctx = context();
    let file = format!("{}\n", view("e-1")).repeat(1_000);
    for bytes in [file.clone().into_bytes(), zstd::encode_all(file.as_bytes(), 3).unwrap()] {
        let last = read_events_within(bytes.as_slice(), &ctx, 10_000).last().unwrap();
        assert_eq!(last.outcome.unwrap_err().reason, Reason::TooLarge);
        assert!(read_events_within(bytes.as_slice(), &ctx, file.len() as u64).all(|record| record.outcome.is_ok()));
    }
}

#[test]
fn a_failing_disk_is_a_reject_too() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no medium"))
        }
    }
    let ctx: Context = context();
    let text = view("e-1") + "\n";
    let records: Vec<Record> = read_events(text.as_bytes().chain(Failing), &ctx).collect();
    assert_eq!(records.last().unwrap().outcome.as_ref().unwrap_err().reason, Reason::ReadFailed);
}
