//! Every change of a schema against every released version of it: whoever reads with either understands what was written
//! with the other, as a registry in the mode FULL_TRANSITIVE asks for. `schemas/released/<version>` holds what a release
//! shipped; a release copies the schemas there, and nothing there is ever changed.

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

/// Event, its release, and the schema as it was.
fn released() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for release in fs::read_dir(schemas().join("released")).unwrap() {
        let release = release.unwrap();
        for file in fs::read_dir(release.path()).unwrap() {
            let path = file.unwrap().path();
            let event = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            found.push((event, release.file_name().into_string().unwrap(), text));
        }
    }
    found
}

/// What stands against `new` beside `old`; empty where both understand each other.
fn findings(old: &str, new: &str) -> Vec<String> {
    let (before, after) = (Schema::parse_str(old).unwrap(), Schema::parse_str(new).unwrap());
    let reads = |said: &str, writer: &Schema, reader: &Schema| match SchemaCompatibility::can_read(writer, reader) {
        Ok(Compatibility::Full) => None,
        Ok(Compatibility::Partial) => Some(format!("{said}: not everything")),
        Err(error) => Some(format!("{said}: {error}")),
    };
    let both = [reads("the new reads the old", &before, &after), reads("the old reads the new", &after, &before)];
    let (before, after) = (meanings(old), meanings(new));
    let changed = before.iter().filter(|(name, meaning)| after.get(*name).is_some_and(|now| now != *meaning));
    let changed = changed.map(|(name, _)| format!("{name} means something else, though its bytes can be read"));
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("{name} is gone"));
    both.into_iter().flatten().chain(changed).chain(gone).collect()
}

/// The type of every field by all its names, words of enums and texts for people apart: Avro takes milliseconds for
/// microseconds, a text for bytes, and a reader's default for a field that no longer comes.
fn meanings(schema: &str) -> BTreeMap<String, String> {
    let schema: Json = serde_json::from_str(schema).unwrap();
    let mut all = BTreeMap::new();
    for field in schema["fields"].as_array().unwrap() {
        let aliases = field["aliases"].as_array().into_iter().flatten();
        for name in aliases.chain([&field["name"]]) {
            all.insert(name.as_str().unwrap().to_owned(), bare(&field["type"]).to_string());
        }
    }
    all
}

fn bare(kind: &Json) -> Json {
    match kind {
        Json::Object(object) if object.get("type") == Some(&"record".into()) => "record".into(),
        Json::Object(object) => {
            let said = object.iter().filter(|(key, _)| !matches!(key.as_str(), "doc" | "symbols"));
            said.map(|(key, value)| (key.clone(), bare(value))).collect()
        }
        Json::Array(branches) => branches.iter().map(bare).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_schema_understands_every_release_and_the_other_way_round() {
    let released = released();
    assert!(released.len() >= 12);
    for (event, release, old) in released {
        let new = fs::read_to_string(schemas().join(format!("{event}.avsc")));
        let new = new.unwrap_or_else(|_| panic!("{event} of release {release} is gone"));
        let found = findings(&old, &new);
        assert!(found.is_empty(), "schemas/{event}.avsc and release {release}: {found:?}; see schemas/README.md");
    }
}

#[test]
fn a_change_that_breaks_somebody_is_found() {
    let old = r#"{"type":"record","name":"e","fields":[{"name":"id","type":"string"},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"kind","type":{"type":"enum","name":"K","symbols":["unrecognised","a"],"default":"unrecognised"}},
        {"name":"note","type":["null","string"],"default":null}]}"#;
    let check = |from: &str, to: &str, good: bool| {
        assert!(old.contains(from), "{from}");
        let found = findings(old, &old.replace(from, to));
        assert_eq!(found.is_empty(), good, "{from} to {to}: {found:?}");
    };
    let note = r#"{"name":"note","type":["null","string"],"default":null}"#;
    check(note, &format!(r#"{note},{{"name":"more","type":["null","long"],"default":null}}"#), true);
    check(note, &note.replace(r#""note""#, r#""remark","aliases":["note"]"#), true);
    check(r#""unrecognised","a""#, r#""unrecognised","a","b""#, true);
    check(note, &note.replace(r#""note""#, r#""note","doc":"Words.""#), true);

    check(note, &format!(r#"{note},{{"name":"more","type":"long"}}"#), false);
    check(
        note,
        &format!(r#"{note},{{"name":"more","type":"long","default":0}},{{"name":"id2","type":"string"}}"#),
        false,
    );
    check(&format!(",\n        {note}"), "", false);
    check(r#"{"name":"id","type":"string"},"#, "", false);
    check(note, &note.replace(r#""note""#, r#""remark""#), false);
    check(r#"{"name":"id","type":"string"}"#, r#"{"name":"id","type":"long"}"#, false);
    check(r#"{"name":"id","type":"string"}"#, r#"{"name":"id","type":"bytes"}"#, false);
    check("timestamp-millis", "timestamp-micros", false);
    check(r#"["null","string"],"default":null"#, r#""string","default":"""#, false);
    check(r#""unrecognised","a""#, r#""unrecognised""#, true);
}
