//! Rules about crates: who may depend on whom and on what. Dev-dependencies are free.

use crate::tree::{File, Tree, root};
use std::process::Command;
use toml::{Table, Value};

/// The rooms, and the rooms each may know.
const EDGES: &[(&str, &[&str])] = &[
    ("attribution", &[]),
    ("kernel", &["attribution"]),
    ("schema", &["kernel"]),
    ("store", &["kernel"]),
    ("warehouse", &["kernel"]),
    ("chbox", &[]),
    ("engine", &["kernel", "schema", "store", "warehouse"]),
    ("web", &["engine", "warehouse", "schema", "kernel"]),
    ("sim", &["kernel"]),
    ("app", &["attribution", "kernel", "schema", "warehouse", "chbox", "engine", "web", "sim"]),
];

/// Dependencies that only some rooms may have.
const RIGHTS: &[(&str, &[&str])] = &[
    ("anyhow", &["app"]),
    ("axum", &["web"]),
    ("clap", &["app"]),
    ("clickhouse", &["warehouse"]),
    ("fjall", &["store"]),
    ("libloading", &["chbox"]),
    ("object_store", &["engine"]),
    ("prometheus", &["engine"]),
    ("rdkafka", &["engine"]),
    ("tokio", &["app", "chbox", "engine", "warehouse", "web"]),
    ("toml", &["app"]),
];

/// Rooms that decide; they do nothing else, and the compiler knows.
const PURE: &[&str] = &["attribution", "kernel"];

/// All that a pure room may rest on, however deep: no clock, no thread, no randomness, no file, no socket.
const PURE_CLOSURE: &[&str] = &[
    "cobs",
    "hashbrown",
    "postcard",
    "psl",
    "psl-types",
    "serde",
    "serde_bytes",
    "serde_core",
    "siphasher",
    "smarketing-attribution",
    "smarketing-kernel",
    "smol_str",
    "thiserror",
];

pub(crate) fn edges(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (room, manifest) in rooms(tree) {
        let Some((_, may)) = EDGES.iter().find(|(name, _)| *name == room) else {
            found.push(format!("crates/{room}: is not a room of the house"));
            continue;
        };
        let known = dependencies(&manifest, false);
        let others = known.iter().filter_map(|(name, _)| Some((name, name.strip_prefix("smarketing-")?)));
        let wrong = others.filter(|(_, other)| !may.contains(other));
        found.extend(wrong.map(|(name, _)| format!("crates/{room}: must not depend on {name}")));
    }
    found
}

pub(crate) fn rights(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (room, manifest) in rooms(tree) {
        for (name, _) in dependencies(&manifest, false) {
            let may = RIGHTS.iter().find(|(right, may)| *right == name && !may.contains(&room));
            let wrong =
                may.map(|(_, may)| format!("crates/{room}: must not depend on {name}, only {} may", may.join(", ")));
            found.extend(wrong);
        }
    }
    found
}

pub(crate) fn features(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let shared =
        tree.get("Cargo.toml").map(manifest).and_then(|table| table.get("workspace")?.get("dependencies").cloned());
    for (name, entry) in shared.iter().filter_map(Value::as_table).flatten() {
        if entry.get("git").is_some() {
            found.push(format!("Cargo.toml: {name} comes from git"));
        } else if entry.get("path").is_none() && !is(entry, "default-features", false) {
            found.push(format!("Cargo.toml: {name} needs default-features = false"));
        }
    }
    for (room, manifest) in rooms(tree) {
        for (name, entry) in dependencies(&manifest, true) {
            if !is(&entry, "workspace", true) {
                found.push(format!("crates/{room}: {name} does not come from the workspace"));
            }
            if is(&entry, "default-features", true) {
                found.push(format!("crates/{room}: {name} turns its default features on"));
            }
        }
    }
    found
}

pub(crate) fn lints(tree: &Tree) -> Vec<String> {
    let packages = tree.files.iter().filter(|file| file.name() == "Cargo.toml" && file.path != "Cargo.toml");
    let held = |file: &File| manifest(file).get("lints").is_some_and(|lints| is(lints, "workspace", true));
    packages
        .filter(|file| !held(file))
        .map(|file| format!("{}: is not held to the workspace's lints", file.path))
        .collect()
}

pub(crate) fn no_std(tree: &Tree) -> Vec<String> {
    let paths = PURE.iter().map(|room| format!("crates/{room}/src/lib.rs"));
    let says = |path: &String| {
        tree.get(path).is_some_and(|file| file.lines().any(|(_, line)| line == "#![cfg_attr(not(test), no_std)]"))
    };
    paths.filter(|path| !says(path)).map(|path| format!("{path}: is not no_std")).collect()
}

pub(crate) fn build(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    if !tree.get("Cargo.lock").is_some_and(|file| file.committed) {
        found.push("Cargo.lock: is not committed".to_owned());
    }
    let scripts = tree.rust().filter(|file| file.name() == "build.rs");
    found.extend(scripts.map(|file| format!("{}: build scripts are not allowed", file.path)));
    found
}

/// What a package rests on, as cargo resolves it, and a pure room may not.
pub(crate) fn impure(package: &str) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]);
    let output = cargo.args(["--package", package]).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("names of packages are UTF-8");
    let mut names: Vec<&str> = lines.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&package), "cargo names the package itself: {names:?}");
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter(|name| !PURE_CLOSURE.contains(name)).map(str::to_owned).collect()
}

/// The rooms with their manifests.
fn rooms(tree: &Tree) -> impl Iterator<Item = (&str, Table)> {
    tree.files.iter().filter_map(|file| {
        let room = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some((room, manifest(file)))
    })
}

fn manifest(file: &File) -> Table {
    file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path))
}

/// The dependencies of a package on every platform.
fn dependencies(manifest: &Table, dev: bool) -> Vec<(String, Value)> {
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let sections = std::iter::once(manifest).chain(platforms.filter_map(Value::as_table));
    let mut found = Vec::new();
    for section in sections {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let entries = section.get(kind).filter(|_| dev || kind != "dev-dependencies").and_then(Value::as_table);
            found.extend(entries.into_iter().flatten().map(|(name, entry)| (name.clone(), entry.clone())));
        }
    }
    found
}

fn is(entry: &Value, key: &str, value: bool) -> bool {
    entry.get(key).and_then(Value::as_bool) == Some(value)
}
