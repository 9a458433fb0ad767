//! What the tests of this room share: the examples, a fixed clock, an independent Avro writer, seeded damage.
#![allow(dead_code)]

pub(crate) mod avro;
pub(crate) mod damage;

use smarketing_kernel::time::Timestamp;
use smarketing_schema::Context;
use std::fs;
use std::path::{Path, PathBuf};

/// 2026-11-22T00:00:00Z.
pub(crate) fn context() -> Context {
    Context::at(Timestamp(1_795_305_600_000))
}

pub(crate) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

/// The examples of an event, by name.
pub(crate) fn examples(event: &str) -> Vec<Example> {
    let folder = schemas().join("examples").join(event);
    let mut examples: Vec<Example> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| Example {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            bytes: fs::read(&path).unwrap().trim_ascii_end().to_vec(),
            path,
        })
        .collect();
    examples.sort_by(|a, b| a.name.cmp(&b.name));
    examples
}

/// Compares a generated file with what it should be, or writes it when `BLESS` is set.
pub(crate) fn bless(path: &Path, expected: &str) {
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{} is not current: run with BLESS=1 and read the difference", path.display());
}
