//! Rules about Rust sources: where dangerous things live, how long things are, what nobody reaches.

use crate::rust;
use crate::tree::{File, Tree, resolve};
use std::collections::BTreeSet;

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
/// The one file that talks to a C library.
const UNSAFE: &str = "crates/chbox/src/ffi.rs";

pub(crate) fn unsafe_code(tree: &Tree) -> Vec<String> {
    let elsewhere = tree.rust().filter(|file| file.path != UNSAFE);
    elsewhere.flat_map(|file| said(file, &["unsafe"], &format!("outside {UNSAFE}"))).collect()
}

/// Sums of floating point numbers depend on their order; the kernel's must not.
pub(crate) fn floats(tree: &Tree) -> Vec<String> {
    let kernel = tree.rust().filter(|file| file.path.starts_with("crates/kernel/src/"));
    kernel.flat_map(|file| said(file, &["f32", "f64"], "in the kernel")).collect()
}

fn said(file: &File, banned: &[&str], reason: &str) -> Vec<String> {
    let code = rust::code(&file.text);
    let found = rust::words(&code).filter(|(_, word)| banned.contains(word));
    found.map(|(at, word)| format!("{}:{}: {word} {reason}", file.path, rust::line(&code, at))).collect()
}

/// What a program is made of fails by saying so; only tests and what builds them may panic.
pub(crate) fn panics(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| file.path.contains("/src/") && !file.path.contains("/tests")) {
        let code = rust::code(&file.text);
        let tests = rust::tests(&code);
        for (at, word) in rust::words(&code) {
            let (before, after) = (&code[..at], &code[at + word.len()..]);
            let call = before.ends_with('.') && after.starts_with('(') && matches!(word, "unwrap" | "expect");
            let macro_call = after.starts_with('!') && matches!(word, "panic" | "unreachable");
            if (call || macro_call) && !tests.iter().any(|test| test.contains(&at)) {
                found.push(format!("{}:{}: {word}", file.path, rust::line(&code, at)));
            }
        }
    }
    found
}

pub(crate) fn long_files(tree: &Tree) -> Vec<String> {
    let lines = |file: &File| {
        let code = rust::code(&file.text);
        let tests = rust::tests(&code).into_iter().map(|test| code[test].lines().count()).sum::<usize>();
        code.lines().count() - tests
    };
    let long = tree.rust().map(|file| (file, lines(file))).filter(|(_, lines)| *lines > FILE_LINES);
    long.map(|(file, lines)| format!("{}: {lines} lines, {FILE_LINES} are allowed", file.path)).collect()
}

pub(crate) fn long_functions(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let code = rust::code(&file.text);
        for (name, bytes) in rust::functions(&code) {
            let (line, lines) = (rust::line(&code, bytes.start), code[bytes].lines().count());
            if lines > FUNCTION_LINES {
                found.push(format!("{}:{line}: {name} has {lines} lines, {FUNCTION_LINES} are allowed", file.path));
            }
        }
    }
    found
}

pub(crate) fn doc_headers(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| file.name() == "lib.rs") {
        let header: Vec<&str> = file.text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
        let header = header.join(" ").to_lowercase();
        for (words, what) in [("start", "where to start reading"), ("must not know", "what it must not know")] {
            if !header.contains(words) {
                found.push(format!("{}: does not say {what}", file.path));
            }
        }
    }
    found
}

pub(crate) fn dead_files(tree: &Tree) -> Vec<String> {
    let mut reached = roots(tree);
    let mut waiting: Vec<String> = reached.iter().cloned().collect();
    while let Some(path) = waiting.pop() {
        let Some(file) = tree.get(&path) else { continue };
        for child in children(file, is_root(tree, file)) {
            if reached.insert(child.clone()) {
                waiting.push(child);
            }
        }
    }
    let dead = tree.rust().filter(|file| !reached.contains(&file.path));
    dead.map(|file| format!("{}: no crate reaches it", file.path)).collect()
}

/// Where crates begin: what cargo finds by itself and what the manifests name.
fn roots(tree: &Tree) -> BTreeSet<String> {
    let mut roots: BTreeSet<String> =
        tree.rust().filter(|file| is_root(tree, file)).map(|file| file.path.clone()).collect();
    for manifest in tree.files.iter().filter(|file| file.name() == "Cargo.toml") {
        let paths = manifest.text.lines().filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'));
        roots.extend(paths.map(|path| resolve(manifest.folder(), path)));
    }
    roots
}

fn is_root(tree: &Tree, file: &File) -> bool {
    let package = |folder: &str| tree.get(&resolve(folder, "Cargo.toml")).is_some() || folder.starts_with("crates/");
    let (folder, name) = (file.folder(), file.name());
    let up = |folder: &'_ str| folder.rsplit_once('/').map(|(up, last)| (up.to_owned(), last.to_owned()));
    let Some((above, last)) = up(folder) else { return false };
    match last.as_str() {
        "src" => matches!(name, "lib.rs" | "main.rs"),
        "tests" | "benches" | "examples" => package(&above),
        _ if name == "main.rs" => {
            up(&above).is_some_and(|(_, last)| matches!(last.as_str(), "tests" | "examples" | "bin"))
        }
        "bin" => above.ends_with("/src"),
        _ => false,
    }
}

/// The files that a file may declare: of each module both places it can be in.
fn children(file: &File, root: bool) -> Vec<String> {
    let stem = file.name().trim_end_matches(".rs");
    let own = if root || matches!(stem, "mod" | "main" | "lib") { "" } else { stem };
    let mut found = Vec::new();
    for module in rust::modules(&file.text) {
        match module.path {
            Some(path) => found.push(resolve(file.folder(), &path)),
            None => {
                let folder = resolve(file.folder(), &format!("{own}/{}", module.inside.join("/")));
                found.push(resolve(&folder, &format!("{}.rs", module.name)));
                found.push(resolve(&folder, &format!("{}/mod.rs", module.name)));
            }
        }
    }
    found
}
