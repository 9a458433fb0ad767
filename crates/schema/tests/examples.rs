//! Every example in `schemas/examples` is a golden test: valid ones become the same event as JSON, as the line we
//! write and as Avro; bad ones (`bad-*.json`) are refused with exactly the words in their `.expect` file.
//! `BLESS=1` rewrites what is generated.

mod support;

use smarketing_schema::{Decoded, EVENTS, decode_datum, decode_json, to_json};
use std::fs;
use support::{avro, bless, context, examples};

#[test]
fn every_event_has_examples() {
    for event in EVENTS {
        let names: Vec<String> = examples(event).into_iter().map(|example| example.name).collect();
        for name in ["full", "minimal"] {
            assert!(names.iter().any(|found| found == name), "{event} has no example \"{name}\"");
        }
        assert!(names.iter().filter(|name| name.starts_with("bad-")).count() >= 3, "{event} needs three bad examples");
    }
}

#[test]
fn bad_examples_are_refused_in_these_words() {
    for example in EVENTS.into_iter().flat_map(examples).filter(|example| example.name.starts_with("bad-")) {
        let refused = match decode_json(&example.bytes, &context()) {
            Err(rejected) => format!("{rejected}\n"),
            Ok(decoded) => panic!("{} was accepted: {decoded:?}", example.path.display()),
        };
        assert!(refused.len() < 400, "{refused}");
        assert!(!refused.contains("copier.test\""), "an address is shown: {refused}");
        bless(&example.path.with_extension("expect"), &refused);
    }
}

#[test]
fn valid_examples_are_the_same_event_in_every_form() {
    for event in EVENTS {
        for example in examples(event).into_iter().filter(|example| !example.name.starts_with("bad-")) {
            let place = example.path.display();
            let Decoded { event: decoded, unknown_fields } =
                decode_json(&example.bytes, &context()).unwrap_or_else(|rejected| panic!("{place}: {rejected}"));
            assert_eq!(decoded.body.name(), event, "{place}");
            assert_eq!(unknown_fields.is_empty(), !example.name.contains("unknown"), "{place}: {unknown_fields:?}");
            let line = to_json(&decoded);
            assert_eq!(
                decode_json(line.as_bytes(), &context()).map(|again| again.event),
                Ok(decoded.clone()),
                "{line}"
            );
            let (writer, datum) = avro::datum(event, &line);
            assert_eq!(
                decode_datum(&datum, &writer, &context()).map(|again| again.event),
                Ok(decoded),
                "{place} as avro"
            );
        }
    }
}

#[test]
fn every_example_is_one_line_of_a_file() {
    for example in EVENTS.into_iter().flat_map(examples) {
        let bytes = fs::read(&example.path).unwrap();
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1, "{}", example.path.display());
    }
}
