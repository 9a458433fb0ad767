//! The house rules as tests: who may know whom, where dangerous things live, how long anything may be, what no file says.
//!
//! Start at [`hold`]: every rule is first seen to bite on a small planted tree, then held to the project's own files, so
//! that no rule can pass because it looks at nothing. It must not know what any room does.

mod lints;
mod prose;
mod rooms;
mod rust;
mod sources;
mod tree;

use tree::Tree;

/// A rule: what it finds wrong in a tree, one line a finding.
type Rule = fn(&Tree) -> Vec<String>;

/// Holds `rule` to the project, once it has found exactly `found` in the `planted` files.
#[track_caller]
fn hold(rule: Rule, planted: &[(&str, &str)], found: &[&str]) {
    assert_eq!(rule(&Tree::planted(planted)), found, "what the rule finds in the planted files");
    let broken = rule(&Tree::project());
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn rooms_know_only_those_they_may() {
    let store = "[dependencies]\nsmarketing-kernel.workspace = true\nsmarketing-web.workspace = true";
    let tests = "[dev-dependencies]\nsmarketing-sim.workspace = true";
    hold(
        rooms::edges,
        &[("crates/store/Cargo.toml", store), ("crates/web/Cargo.toml", tests), ("crates/shed/Cargo.toml", "")],
        &["crates/store: must not depend on smarketing-web", "crates/shed: is not a room of the house"],
    );
}

#[test]
fn heavy_dependencies_stay_in_their_rooms() {
    let kernel = "[target.'cfg(unix)'.dependencies]\ntokio.workspace = true\nserde.workspace = true";
    let found = &["crates/kernel: must not depend on tokio, only app, chbox, engine, warehouse, web may"];
    hold(rooms::rights, &[("crates/kernel/Cargo.toml", kernel)], found);
}

#[test]
fn dependencies_are_named_once_with_their_features_off() {
    let root = "[workspace.dependencies]\na = \"1\"\nb = { version = \"1\", default-features = false }\n\
                c = { git = \"x\", default-features = false }\nd = { path = \"crates/d\" }";
    let member = "[dependencies]\na = \"1\"\nb = { workspace = true, default-features = true }\nd.workspace = true";
    let found = &[
        "Cargo.toml: a needs default-features = false",
        "Cargo.toml: c comes from git",
        "crates/web: a does not come from the workspace",
        "crates/web: b turns its default features on",
    ];
    hold(rooms::features, &[("Cargo.toml", root), ("crates/web/Cargo.toml", member)], found);
}

#[test]
fn every_crate_is_held_to_the_lints() {
    let files = [
        ("Cargo.toml", ""),
        ("tests/Cargo.toml", "[lints]\nworkspace = true"),
        ("crates/a/Cargo.toml", "[lints.rust]\nunsafe_code = \"allow\""),
    ];
    hold(rooms::lints, &files, &["crates/a/Cargo.toml: is not held to the workspace's lints"]);
}

#[test]
fn banned_calls_are_found() {
    lints::bite();
}

#[test]
fn what_is_pure_rests_on_what_is_pure() {
    assert_eq!(rooms::impure("smarketing-kernel"), [""; 0]);
    assert!(rooms::impure("smarketing-engine").contains(&"tokio".to_owned()), "the engine rests on tokio");
}

#[test]
fn the_compiler_guards_the_pure_rooms() {
    let guarded = ("crates/attribution/src/lib.rs", "#![cfg_attr(not(test), no_std)]");
    let found = &["crates/kernel/src/lib.rs: is not no_std"];
    hold(rooms::no_std, &[guarded, ("crates/kernel/src/lib.rs", "//! #![no_std]")], found);
}

#[test]
fn the_lock_is_committed_and_nothing_builds_by_script() {
    let found = &["Cargo.lock: is not committed", "crates/web/build.rs: build scripts are not allowed"];
    hold(rooms::build, &[("crates/web/build.rs", "fn main() {}")], found);
}

#[test]
fn unsafe_code_has_one_place() {
    let block = "// unsafe\nfn f() -> &'static str { unsafe { g() }; \"unsafe\" }";
    let found = &["crates/kernel/src/a.rs:2: unsafe outside crates/chbox/src/ffi.rs"];
    hold(sources::unsafe_code, &[("crates/kernel/src/a.rs", block), ("crates/chbox/src/ffi.rs", block)], found);
}

#[test]
fn the_kernel_has_no_floating_point() {
    let found = &["crates/kernel/src/a.rs:1: f64 in the kernel"];
    hold(
        sources::floats,
        &[("crates/kernel/src/a.rs", "const A: f64 = 1.0; // f32"), ("crates/sim/src/a.rs", "f64")],
        found,
    );
}

#[test]
fn only_tests_panic() {
    let text = "fn f() { a.unwrap_or(b).expect(\"c\"); }\n#[expect(unused)]\nfn g() { panic!() } // .unwrap()\n\
                #[cfg(test)]\nmod tests { fn h() { a.unwrap() } }";
    let files =
        [("crates/a/src/a.rs", text), ("crates/a/src/a/tests.rs", "a.unwrap()"), ("crates/a/tests/a.rs", "panic!()")];
    hold(sources::panics, &files, &["crates/a/src/a.rs:1: expect", "crates/a/src/a.rs:3: panic"]);
}

#[test]
fn files_are_short() {
    let long = "\n".repeat(501);
    let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(499), "\n".repeat(100));
    let files = [("crates/a/src/a.rs", long.as_str()), ("crates/a/src/b.rs", tested.as_str())];
    hold(sources::long_files, &files, &["crates/a/src/a.rs: 501 lines, 500 are allowed"]);
}

#[test]
fn functions_are_short() {
    let body = |lines: usize| {
        format!("\n/// {{\nfn f(g: fn(u8) -> [u8; 2]) -> u8 {{{}}}\nfn d();", "\n'{'; \"}\";".repeat(lines))
    };
    let (long, short) = (body(70), body(69));
    let files = [("crates/a/src/a.rs", long.as_str()), ("crates/a/src/b.rs", short.as_str())];
    hold(sources::long_functions, &files, &["crates/a/src/a.rs:3: f has 71 lines, 70 are allowed"]);
}

#[test]
fn every_room_says_what_it_must_not_know() {
    let good = "//! Splits.\n//!\n//! Start at [`x`]. This room must\n//! not know people.\n";
    let files = [("crates/a/src/lib.rs", good), ("crates/b/src/lib.rs", "//! Splits.\n// start, must not know\n")];
    let found = &[
        "crates/b/src/lib.rs: does not say where to start reading",
        "crates/b/src/lib.rs: does not say what it must not know",
    ];
    hold(sources::doc_headers, &files, found);
}

#[test]
fn no_file_is_dead() {
    let files = [
        ("crates/a/Cargo.toml", "[[bench]]\nname = \"x\"\npath = \"../../speed/x.rs\""),
        ("crates/a/src/lib.rs", "mod b;\n#[path = \"odd.rs\"]\nmod even;\nmod c { mod d; }\n// mod dead;"),
        ("crates/a/src/b.rs", "pub(crate) mod e;"),
        ("crates/a/src/b/e/mod.rs", ""),
        ("crates/a/src/odd.rs", ""),
        ("crates/a/src/c/d.rs", ""),
        ("crates/a/src/dead.rs", ""),
        ("speed/x.rs", ""),
        ("speed/y.rs", ""),
    ];
    let found = &["crates/a/src/dead.rs: no crate reaches it", "speed/y.rs: no crate reaches it"];
    hold(sources::dead_files, &files, found);
}

#[test]
fn nothing_is_left_to_do() {
    let line = concat!("fn f() {}\n// TO", "DO: later\nfn g() { to", "do!() }\n// a todo list");
    let found = &[concat!("a.md:2: says \"TO", "DO\""), concat!("a.md:3: says \"to", "do!\"")];
    hold(prose::unfinished, &[("a.md", line)], found);
}

#[test]
fn lines_end_where_they_seem_to() {
    let found = &["a.rs:1: a blank at its end", "a.rs:2: a tab", "b.rs: no newline at its end"];
    hold(prose::whitespace, &[("a.rs", "a \n\tb\n"), ("Makefile", "a:\n\tb\n"), ("b.rs", "a")], found);
}

#[test]
fn no_file_knows_this_machine_or_a_registry() {
    let line = concat!("see /wo", "rk/x\nurl https://a.test/ho", "me/x\nfrom registry.npm", "js.org");
    let found = &["a.toml:1: names a place on a machine", "a.toml:3: names a registry"];
    hold(prose::places, &[("a.toml", line)], found);
}

#[test]
fn named_files_exist() {
    let text = "[good](crates/b.md) [gone](c.md) [web](https://a.test/x.md#y) [here](#z)\n\
                run `scripts/a now`, `crates/gone.rs`, `crates/*/src`, `a/b`, `kernel/src/lib.rs`\n```\n`scripts/b`\n```\n";
    let files = [
        ("README.md", text),
        ("crates/b.md", "see [up](../README.md) and `kernel/src/lib.rs`, `kernel/src/gone.rs`"),
        ("crates/kernel/src/lib.rs", ""),
        ("scripts/a", ""),
    ];
    let found = &[
        "README.md:1: names \"c.md\", which is not there",
        "README.md:2: names \"crates/gone.rs\", which is not there",
        "crates/b.md:1: names \"kernel/src/gone.rs\", which is not there",
    ];
    hold(prose::named_files, &files, found);
}
