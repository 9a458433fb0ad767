//! Lines, datums and files decoded a second, on one core: `cargo bench -p smarketing-schema`.

use smarketing_kernel::time::Timestamp;
use smarketing_schema::{Context, WriterSchema, decode_datum, decode_json, read_events, reader_schema, to_json};
use std::hint::black_box;
use std::io::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Records of the mixed file.
const RECORDS: usize = 200_000;

fn main() {
    let ctx = Context::at(Timestamp(1_795_305_600_000));
    let lines: Vec<String> = (0..RECORDS).map(line).collect();
    let views: Vec<String> = (0..RECORDS).map(view).collect();
    let bytes = |lines: &[String]| lines.iter().map(String::len).sum::<usize>() as f64 / lines.len() as f64;
    println!("bytes a line: page_viewed {:.0}, mixed {:.0}", bytes(&views), bytes(&lines));

    measure("page_viewed json", || all(&views, |line| decode_json(line.as_bytes(), &ctx).is_ok()));
    measure("mixed json", || all(&lines, |line| decode_json(line.as_bytes(), &ctx).is_ok()));

    let events: Vec<_> = lines.iter().filter_map(|line| decode_json(line.as_bytes(), &ctx).ok()).collect();
    measure("mixed to_json", || all(&events, |decoded| !to_json(&decoded.event).is_empty()));

    let writer = reader_schema("page_viewed").and_then(|schema| WriterSchema::parse(schema).ok());
    let writer = writer.unwrap_or_else(|| panic!("the schema of page_viewed is our own"));
    let datums: Vec<Vec<u8>> = (0..RECORDS).map(datum).collect();
    measure("page_viewed avro", || all(&datums, |datum| decode_datum(datum, &writer, &ctx).is_ok()));

    let file = lines.join("\n").into_bytes();
    measure("mixed file", || read_events(file.as_slice(), &ctx).filter(|record| record.outcome.is_ok()).count());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = encoder.write_all(&file).and_then(|()| encoder.finish()).unwrap_or_default();
    measure("mixed file.gz", || read_events(packed.as_slice(), &ctx).filter(|record| record.outcome.is_ok()).count());
}

/// The best of five runs; every record must be accepted.
fn measure(name: &str, run: impl Fn() -> usize) {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = worked();
        assert_eq!(black_box(run()), RECORDS, "{name}: a record was rejected");
        best = best.min(worked().saturating_sub(start));
    }
    println!("{name:<18} {:>9.0} records/s", RECORDS as f64 / best.as_secs_f64());
}

/// Time this thread was on a core, where the system tells (Linux), so that a busy machine does not slow the figures;
/// else the time that passed.
fn worked() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn all<T>(records: &[T], accepted: impl Fn(&T) -> bool) -> usize {
    records.iter().filter(|record| accepted(record)).count()
}

fn line(n: usize) -> String {
    let (at, person) = (1_700_000_000_000 + n * 1_000, n % 997);
    match n % 10 {
        0..=6 => view(n),
        7 => format!(
            r#"{{"event":"form_submitted","event_id":"e-{n}","occurred_at":{at},"visitor_id":"v-{person}","email":"lead{person}@company{person}.test","form_id":"ebook-costs","url":"https://acme.test/ebook/office-costs","fields":{{"title":"Administrative assistant","company_size":"51-200"}}}}"#
        ),
        8 => format!(
            r#"{{"event":"email_engaged","event_id":"e-{n}","occurred_at":{at},"email":"lead{person}@company{person}.test","kind":"clicked","campaign":"spring-nurture","link_url":"https://acme.test/case-study/law-firm"}}"#
        ),
        _ => format!(
            r#"{{"event":"deal_changed","event_id":"e-{n}","occurred_at":{at},"deal_id":"d-{person}","kind":"won","account_domain":"company{person}.test","contacts":[{{"email":"lead{person}@company{person}.test","role":"primary"}}],"amount_minor":1000000,"currency":"USD"}}"#
        ),
    }
}

fn view(n: usize) -> String {
    let visitor = n % 997;
    format!(
        r#"{{"event":"page_viewed","event_id":"e-{n}","occurred_at":"2026-03-01T09:30:00.123Z","visitor_id":"v-{visitor}","url":"https://acme.test/blog/ten-cures-{visitor}?utm_source=google&utm_medium=cpc&utm_campaign=spring","referrer":"https://www.google.com/","title":"Ten cures for office costs"}}"#
    )
}

/// The same page view in Avro: fields in the schema's order, optionals behind their branch.
fn datum(n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        long(bytes, text.len() as i64);
        bytes.extend_from_slice(text.as_bytes());
    };
    text(&mut bytes, &format!("e-{n}"));
    bytes.push(0);
    long(&mut bytes, 1_772_357_400_123);
    text(&mut bytes, &format!("v-{}", n % 997));
    text(
        &mut bytes,
        &format!("https://acme.test/blog/ten-cures-{}?utm_source=google&utm_medium=cpc&utm_campaign=spring", n % 997),
    );
    bytes.push(2);
    text(&mut bytes, "https://www.google.com/");
    bytes.push(2);
    text(&mut bytes, "Ten cures for office costs");
    bytes.extend([0, 0, 0]);
    bytes
}

fn long(bytes: &mut Vec<u8>, value: i64) {
    let mut left = (value << 1).cast_unsigned() ^ (value >> 63).cast_unsigned();
    while left > 0x7f {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
}
