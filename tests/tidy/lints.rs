//! Whether `clippy.toml` means what it says: a misspelt path or threshold would silently allow everything.

use crate::tree::root;
use std::process::Command;
use toml::{Table, Value};

/// Calls every banned method of the standard library, and has one function of 71 lines.
fn planted() -> String {
    let calls = "pub fn banned() {\nlet _ = std::time::SystemTime::now();\nlet _ = std::sync::mpsc::channel::<u8>();\n\
                 std::process::exit(1);\n}\n";
    format!("{calls}pub fn long(mut a: u8) {{\n{}_ = a;\n}}\n", "a ^= 1;\n".repeat(70))
}

/// Asserts that clippy finds all of it.
pub(crate) fn bite() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join("planted.rs");
    std::fs::write(&source, planted()).expect("the folder for temporary files is writable");
    let mut clippy = Command::new("clippy-driver");
    clippy.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "-W", "clippy::too_many_lines"]);
    clippy.arg("--out-dir").arg(folder).arg(source).env("CLIPPY_CONF_DIR", root());
    let said = clippy.output().expect("clippy runs").stderr;
    let said = String::from_utf8_lossy(&said);

    let banned = banned().into_iter().filter(|path| path.starts_with("std::"));
    let mut expected: Vec<String> = banned.map(|path| format!("use of a disallowed method `{path}`")).collect();
    assert!(!expected.is_empty(), "clippy.toml bans nothing");
    expected.push("this function has too many lines (71/70)".to_owned());
    for expected in expected {
        assert!(said.contains(&expected), "clippy does not say \"{expected}\" but\n{said}");
    }
}

/// The paths `clippy.toml` bans.
fn banned() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("clippy.toml")).expect("clippy.toml is there");
    let table: Table = text.parse().expect("clippy.toml is TOML");
    let methods = table.get("disallowed-methods").and_then(Value::as_array).into_iter().flatten();
    methods.filter_map(|method| method.get("path")?.as_str().map(str::to_owned)).collect()
}
