//! The collector as its producers, its administrators and its enemies meet it: real sockets, real intake.

#![allow(missing_docs)]

mod support;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value::Null;
use serde_json::json;
use smarketing_kernel::entry::Entry;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};
use support::{Answer, Bed, Mode, TOKEN, event, receive, send};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lines(ids: std::ops::Range<u32>) -> String {
    ids.map(|id| event(&format!("e-{id}"))).collect()
}

/// Most memory this process ever had resident, in bytes.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_of_a_body_is_counted_and_journalled() {
    let bed = Bed::with(|options| options.body_bytes_max = 2 << 20).await;
    let mut journalled = 0;
    let good = lines(0..3);
    let mixed = format!("{}not json\n\n{}{{\"event\":\"page_viewed\"}}\n[{{}}]\n", event("m-1"), event("m-2"));
    let typo = event("t").replace("\"visitor_id\"", "\"titel\":\"x\",\"visitor_id\"");
    let many = lines(100..9_100);
    let large = "x".repeat((2 << 20) + 1);
    let long_line = format!("{}{}\n{}", event("l-1"), "y".repeat(1_100_000), event("l-2"));
    let zstd = zstd::encode_all(good.as_bytes(), 1).unwrap();
    let avro = b"Obj\x01 this is no container";
    // name, headers, body, status, accepted, rejected (none: no counts), reason of the last reject shown
    type Case<'a> = (&'a str, &'a str, &'a [u8], u16, Option<(u64, u64)>, &'a str);
    let cases: &[Case<'_>] = &[
        ("good", "content-type: application/x-ndjson\r\n", good.as_bytes(), 200, Some((3, 0)), ""),
        ("repeated", "", good.as_bytes(), 200, Some((3, 0)), ""),
        ("mixed", "", mixed.as_bytes(), 200, Some((2, 3)), "not_an_object"),
        ("all bad", "", b"a\nb\n\xff", 200, Some((0, 3)), "invalid_utf8"),
        ("nothing", "", b"", 200, Some((0, 0)), ""),
        ("unknown field", "", typo.as_bytes(), 200, Some((1, 0)), ""),
        ("several batches", "", many.as_bytes(), 200, Some((9_000, 0)), ""),
        ("gzip", "content-encoding: gzip\r\n", &gzip(many.as_bytes()), 200, Some((9_000, 0)), ""),
        ("gzip unsaid", "", &gzip(good.as_bytes()), 200, Some((3, 0)), ""),
        ("zstd", "content-encoding: zstd\r\n", &zstd, 200, Some((3, 0)), ""),
        ("encoding", "content-encoding: br\r\n", good.as_bytes(), 415, None, ""),
        ("too large", "", large.as_bytes(), 413, None, ""),
        ("too long a line", "", long_line.as_bytes(), 413, Some((2, 1)), "too_large"),
        ("no container", "", avro, 400, Some((0, 1)), "truncated_avro"),
    ];
    for (name, headers, body, status, counts, reason) in cases {
        let answer = bed.post(headers, body).await;
        assert_eq!(answer.status, *status, "{name}: {answer:?}");
        let (accepted, rejected) = counts.unwrap_or_default();
        if counts.is_some() {
            assert_eq!(
                (answer.json["accepted"].as_u64(), answer.json["rejected"].as_u64()),
                (Some(accepted), Some(rejected)),
                "{name}"
            );
            let last =
                answer.json["rejects"].as_array().unwrap().last().map_or("", |last| last["reason"].as_str().unwrap());
            assert_eq!(last, *reason, "{name}");
        }
        assert_eq!(*status == 200, answer.json["error"].is_null(), "{name}");
        assert_eq!(answer.json["error"].is_null(), answer.json["remedy"].is_null(), "{name}");
        let fields = if *name == "unknown field" { json!(["titel"]) } else { json!(null) };
        assert_eq!(answer.json["unknown_fields"], fields, "{name}");
        journalled += accepted + rejected;
        assert_eq!(bed.log.count(), journalled, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_compression_is_told_in_the_journal() {
    let bed = Bed::with(|options| options.body_bytes_max = 2 << 20).await;
    let mut journalled = 0;
    let spread = format!("{}\n", "z".repeat(99)).repeat((3 << 20) / 100);
    let cut = gzip(lines(0..50).as_bytes());
    let cut = &cut[..cut.len() - 20];
    let mut damaged = gzip(lines(100..9_100).as_bytes());
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    // Damage within compression: what is counted is in the journal, whatever the damage left readable.
    for (name, body, status, reason) in [
        ("cut", cut, 400, "truncated_compression"),
        ("damaged", damaged.as_slice(), 400, "invalid_compression"),
        ("spread", &gzip(spread.as_bytes()), 413, "too_large"),
    ] {
        let answer = bed.post("content-encoding: gzip\r\n", body).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        journalled += answer.json["accepted"].as_u64().unwrap() + answer.json["rejected"].as_u64().unwrap();
        assert_eq!(bed.log.count(), journalled, "{name}");
        let entries = bed.log.entries();
        let told = |entry: &Entry| matches!(entry, Entry::Reject { reject, .. } if &*reject.reason == reason);
        assert!(entries.iter().flatten().any(told), "{name}: a reject tells of the damage");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_refused_in_little_memory() {
    let bed = Bed::with(|options| options.body_bytes_max = 4 << 20).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    (0..256).for_each(|_| encoder.write_all(&[b' '; 1 << 20]).unwrap());
    let bomb = encoder.finish().unwrap();
    let before = peak_bytes();
    let answer = bed.post("content-encoding: gzip\r\n", &bomb).await;
    assert_eq!((answer.status, &answer.json["rejects"][0]["reason"]), (413, &json!("too_large")));
    assert!(peak_bytes() - before < 96 << 20, "a bomb of 256 MiB took {} bytes", peak_bytes() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_producers_share_one_stream_in_order() {
    const PRODUCERS: u32 = 12;
    const REQUESTS: u32 = 8;
    let bed = Bed::new().await;
    let producers = (0..PRODUCERS).map(|producer| {
        let address = bed.address;
        tokio::spawn(async move {
            for request in 0..REQUESTS {
                let ids = (0..10).map(|n| event(&format!("{producer}-{request}-{n}")));
                let body: String = ids.chain(["bad\n".to_owned()]).collect();
                let answer = send(address, "POST", "/v1/events", "", body.as_bytes()).await;
                assert_eq!(
                    (answer.status, &answer.json["accepted"], &answer.json["rejected"]),
                    (200, &json!(10), &json!(1))
                );
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.unwrap();
    }
    let (mut ids, mut positions) = (BTreeSet::new(), BTreeSet::new());
    for partition in bed.log.entries() {
        let mut last = 0;
        for entry in partition {
            let source = match entry {
                Entry::Event { source, event } => {
                    assert!(ids.insert(event.event_id), "journalled twice");
                    source
                }
                Entry::Reject { source, .. } => source,
                other => panic!("{other:?}"),
            };
            assert_eq!(source.stream, *bed.collector.stream());
            assert!(source.position > last, "{} after {last}", source.position);
            last = source.position;
            assert!(positions.insert(last));
        }
    }
    assert_eq!(ids.len(), (PRODUCERS * REQUESTS * 10) as usize);
    assert!(positions.iter().copied().eq(1..=u64::from(PRODUCERS * REQUESTS * 11)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_refuses_is_told_and_recovers() {
    let bed = Bed::new().await;
    bed.log.set(Mode::Failing);
    let answer = bed.post("", lines(0..9_000).as_bytes()).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.head.contains("retry-after: "), "{answer:?}");
    assert!(answer.json["remedy"].as_str().unwrap().contains("event_id"));
    assert!(!answer.json.to_string().contains("segment"), "no path of this machine in an answer");
    assert_eq!(bed.log.count(), 0);
    bed.log.set(Mode::Open);
    let answer = bed.post("", lines(0..9_000).as_bytes()).await;
    assert_eq!((answer.status, bed.log.count()), (200, 9_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_silent_holds_nobody_up() {
    let bed = Bed::new().await;
    bed.post("", lines(0..5).as_bytes()).await;
    bed.log.set(Mode::Silent);
    let status = || bed.get("/v1/status");
    let (first, second, third, alive) = tokio::join!(status(), status(), status(), bed.get("/healthz"));
    assert_eq!(alive.status, 200);
    for Answer { status, json, .. } in [first, second, third] {
        assert_eq!((status, &json["journalled"], &json["partitions"][2]["journalled"]), (200, &Null, &Null), "{json}");
        assert_eq!((&json["state"], &json["partitions"][2]["delivered"]), (&json!("ready"), &json!(0)));
    }
    bed.log.set(Mode::Open);
    assert_eq!(status().await.json["journalled"], json!(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_status_follow_the_partitions() {
    let bed = Bed::new().await;
    bed.post("", lines(0..5).as_bytes()).await;
    assert_eq!((bed.get("/healthz").await.status, bed.get("/readyz").await.status), (200, 200));
    let status = bed.get("/v1/status").await.json;
    assert_eq!(
        (&status["state"], &status["journalled"], &status["delivered"]),
        (&json!("ready"), &json!(5), &json!(0))
    );
    assert_eq!(status["collector"], json!(&**bed.collector.stream()));
    bed.progress.halt(1, "an invariant broke");
    assert_eq!((bed.get("/healthz").await.status, bed.get("/readyz").await.status), (200, 503));
    let answer = bed.post("", lines(5..6).as_bytes()).await;
    assert_eq!((answer.status, bed.log.count()), (503, 5));
    let status = bed.get("/v1/status").await.json;
    assert_eq!(
        (&status["state"], &status["partitions"][1]["halted"]),
        (&json!("halted"), &json!("an invariant broke"))
    );
    for (method, path, expect) in [("GET", "/", 404), ("GET", "/v1/events", 405), ("POST", "/v1/status", 405)] {
        let answer = send(bed.address, method, path, "", b"").await;
        assert_eq!(answer.status, expect, "{method} {path}");
        assert!(answer.json["error"].is_string() && answer.json["remedy"].is_string(), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn administration_needs_the_token() {
    let bed = Bed::new().await;
    let request = json!({ "dialect": "events", "paths": ["/data/a.jsonl"], "currency": "USD" }).to_string();
    let unknown = request.replace("events", "cobol");
    let right = format!("authorization: Bearer {TOKEN}\r\n");
    let longer = format!("authorization: Bearer {TOKEN}0\r\n");
    let shorter = format!("authorization: Bearer {}\r\n", &TOKEN[1..]);
    let basic = format!("authorization: Basic {TOKEN}\r\n");
    for (headers, path, body, expect) in [
        ("", "/admin/settle", "", 401),
        (longer.as_str(), "/admin/settle", "", 401),
        (shorter.as_str(), "/admin/import", request.as_str(), 401),
        (basic.as_str(), "/admin/settle", "", 401),
        ("authorization: Bearer \r\n", "/admin/settle", "", 401),
        (right.as_str(), "/admin/settle", "", 200),
        (right.as_str(), "/admin/import", &request, 200),
        (right.as_str(), "/admin/import", &unknown, 422),
        (right.as_str(), "/admin/import", "{\"dialect\":1}", 400),
        ("", "/admin/retry", "{}", 401),
        (right.as_str(), "/admin/retry", "{\"stream\":\"a\"}", 200),
        (right.as_str(), "/admin/retry", "{\"streams\":[]}", 400),
        (right.as_str(), "/admin/other", "", 404),
    ] {
        let answer = send(bed.address, "POST", path, headers, body.as_bytes()).await;
        assert_eq!(answer.status, expect, "{path} {headers} {answer:?}");
        if (path, expect) == ("/admin/import", 200) {
            assert_eq!(answer.json, json!({ "paths": ["/data/a.jsonl"], "currency": "USD" }));
        }
        if (path, expect) == ("/admin/retry", 200) {
            assert_eq!(answer.json, json!(["a", null]));
        }
    }
    let closed = Bed::with(|options| options.token = String::new()).await;
    let answer = send(closed.address, "POST", "/admin/settle", "authorization: Bearer \r\n", b"").await;
    assert_eq!(answer.status, 401, "no token opens to nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_need_a_token_and_get_what_the_command_line_prints() {
    let bed = Bed::with(|options| options.reader_token = "readers".into()).await;
    let (reader, admin) = ("authorization: Bearer readers\r\n", format!("authorization: Bearer {TOKEN}\r\n"));
    for (headers, path, expect) in [
        ("", "/v1/reports/funnel", 401),
        ("authorization: Bearer reader\r\n", "/v1/leads/a%40b.test", 401),
        (reader, "/v1/reports/funnel", 200),
        (admin.as_str(), "/v1/reports/funnel", 200),
        (reader, "/v1/reports/wrong", 400),
        (reader, "/v1/deals/missing", 404),
        (reader, "/v1/reports/down", 503),
        (reader, "/v1/reports/long", 400),
        (reader, "/v1/reports", 404),
    ] {
        let answer = send(bed.address, "GET", path, headers, b"").await;
        assert_eq!(answer.status, expect, "{path} {headers}");
        assert!(expect == 200 || answer.json["remedy"].is_string(), "{answer:?}");
    }
    let asked = |path: &'static str| send(bed.address, "GET", path, reader, b"");
    let funnel = asked("/v1/reports/funnel?by=channel&from=2026-01-01").await;
    assert!(funnel.head.contains("application/x-ndjson") && funnel.head.contains("no-store"), "{funnel:?}");
    assert_eq!(funnel.json, json!(["report", "funnel", [["by", "channel"], ["from", "2026-01-01"]]]));
    assert_eq!(asked("/v1/leads/a%40b.test?contact_id").await.json, json!(["lead", "a@b.test", [["contact_id", ""]]]));
    assert!(!funnel.head.contains("smarketing-rows-left-out"), "{funnel:?}");
    let large = asked("/v1/reports/large").await;
    assert!(large.head.contains("smarketing-rows-left-out: more than 5\r\n"), "{large:?}");
    assert_eq!(asked("/v1/deals/d-1").await.json, json!(["deal", "d-1", []]));
    assert_eq!(send(bed.address, "POST", "/v1/deals/d-1", reader, b"").await.status, 405);
    let closed = Bed::new().await;
    let empty = send(closed.address, "GET", "/v1/reports/funnel", "authorization: Bearer \r\n", b"").await;
    assert_eq!(empty.status, 401, "an empty token opens to nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_may_not_send() {
    let bed = Bed::with(|options| options.origins = vec!["https://acme.test".into()]).await;
    for (method, origin, expect) in [
        ("POST", "https://acme.test", 200),
        ("OPTIONS", "https://acme.test", 204),
        ("POST", "https://evil.test", 403),
        ("OPTIONS", "https://acme.test.evil.test", 403),
        ("POST", "null", 403),
    ] {
        let answer =
            send(bed.address, method, "/v1/events", &format!("origin: {origin}\r\n"), event("o").as_bytes()).await;
        assert_eq!(answer.status, expect, "{method} {origin}");
        let allowed = answer.head.contains(&format!("access-control-allow-origin: {origin}"));
        assert_eq!(allowed, expect < 300, "{answer:?}");
    }
    assert_eq!(bed.log.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_cut_off() {
    let bed = Bed::with(|options| {
        options.patience = Duration::from_millis(200);
        options.upload_time_max = Duration::from_millis(600);
    })
    .await;
    let started = Instant::now();
    let mut head = TcpStream::connect(bed.address).await.unwrap();
    head.write_all(b"POST /v1/events HTTP/1.1\r\nhost: te").await.unwrap();
    assert_ne!(receive(head).await.status, 200);
    let open = b"POST /v1/events HTTP/1.1\r\nhost: test\r\ncontent-length: 4000\r\n\r\n";
    let mut silent = TcpStream::connect(bed.address).await.unwrap();
    silent.write_all(open).await.unwrap();
    silent.write_all(event("s").as_bytes()).await.unwrap();
    assert_eq!(receive(silent).await.status, 408);
    // A drop at a time keeps the patience awake, but not for ever.
    let (reading, mut dripping) = TcpStream::connect(bed.address).await.unwrap().into_split();
    dripping.write_all(open).await.unwrap();
    let drip = tokio::spawn(async move {
        while dripping.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(receive(reading).await.status, 408);
    drip.abort();
    assert_eq!(bed.log.count(), 0);
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_asked_to_come_again() {
    let bed = Bed::with(|options| {
        options.requests_max = 1;
        options.buffer_bytes_max = 1_000;
    })
    .await;
    let answer = bed.post("", lines(0..100).as_bytes()).await;
    assert_eq!((answer.status, bed.log.count()), (503, 0), "more bytes than may be held");
    bed.log.set(Mode::Held);
    let address = bed.address;
    let first = tokio::spawn(async move { send(address, "POST", "/v1/events", "", event("1").as_bytes()).await });
    bed.log.held().await;
    assert_eq!(bed.post("", event("2").as_bytes()).await.status, 503, "more requests than may be served");
    assert_eq!(bed.get("/v1/status").await.status, 200);
    bed.log.set(Mode::Open);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!((bed.post("", event("3").as_bytes()).await.status, bed.log.count()), (200, 2), "room was given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_was_begun() {
    let bed = Bed::new().await;
    bed.log.set(Mode::Held);
    let address = bed.address;
    let begun = tokio::spawn(async move { send(address, "POST", "/v1/events", "", lines(0..7).as_bytes()).await });
    bed.log.held().await;
    let idle = TcpStream::connect(address).await.unwrap();
    let stopping = tokio::spawn(bed.collector.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!stopping.is_finished() && !begun.is_finished());
    bed.log.set(Mode::Open);
    assert_eq!(begun.await.unwrap().json["accepted"], json!(7));
    stopping.await.unwrap();
    drop(idle);
    assert_eq!(bed.log.count(), 7);
}
