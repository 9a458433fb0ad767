//! Rules about any text: nothing unfinished, no stray blanks, no place of this machine, no name of a file that is gone.

use crate::tree::{File, Tree, resolve};

/// Words of unfinished work; written in pieces because this file is looked at too.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("db", "g!"),
];

/// Folders that exist on one machine only.
const MACHINES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/tm", "p/"),
];

/// Hosts packages come from; tools know them, files do not.
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("npm", "js.org"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang.org"),
    concat!("repo1.", "maven.org"),
];

pub(crate) fn unfinished(tree: &Tree) -> Vec<String> {
    lines(tree, |line| {
        let found = UNFINISHED.iter().find(|word| line.contains(*word))?;
        Some(format!("says \"{found}\""))
    })
}

pub(crate) fn whitespace(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in ours(tree) {
        for (number, line) in file.lines() {
            if line.ends_with([' ', '\t', '\r']) {
                found.push(format!("{}:{number}: a blank at its end", file.path));
            }
            if line.contains('\t') && file.name() != "Makefile" {
                found.push(format!("{}:{number}: a tab", file.path));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            found.push(format!("{}: no newline at its end", file.path));
        }
    }
    found
}

pub(crate) fn places(tree: &Tree) -> Vec<String> {
    lines(tree, |line| {
        let before = |at: usize| line[..at].chars().next_back();
        // The path of a URL goes on from a host.
        let begins = |at: usize| {
            !before(at).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '/' | '}'))
        };
        let machine = MACHINES.iter().any(|place| line.match_indices(place).any(|(at, _)| begins(at)));
        let registry = REGISTRIES.iter().any(|host| line.contains(host));
        if machine {
            return Some("names a place on a machine".to_owned());
        }
        registry.then(|| "names a registry".to_owned())
    })
}

/// Links to files and, in backticks, paths that begin with a folder of ours.
pub(crate) fn named_files(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in ours(tree).filter(|file| file.path.ends_with(".md")) {
        let mut fenced = false;
        for (number, line) in file.lines() {
            fenced ^= line.trim_start().starts_with("```");
            let named = if fenced { Vec::new() } else { [links(line), paths(line, file, tree)].concat() };
            let gone =
                named.iter().filter(|path| !tree.has(&resolve(file.folder(), path)) && !tree.has(&resolve("", path)));
            found.extend(gone.map(|path| format!("{}:{number}: names \"{path}\", which is not there", file.path)));
        }
    }
    found
}

fn links(line: &str) -> Vec<String> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let files = targets.map(|(target, _)| target.split('#').next().unwrap_or_default());
    files
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

fn paths(line: &str, file: &File, tree: &Tree) -> Vec<String> {
    let spans = line.split('`').skip(1).step_by(2);
    let words = spans.flat_map(str::split_whitespace).map(|word| word.trim_matches([',', ':', ';', '.', '(', ')']));
    let ours = |word: &&str| {
        let Some((folder, _)) = word.split_once('/') else { return false };
        let is_folder = |folder: &str| !folder.is_empty() && tree.get(folder).is_none() && tree.has(folder);
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
        plain && (is_folder(folder) || is_folder(&resolve(file.folder(), folder)))
    };
    words.filter(ours).map(|word| word.trim_end_matches('/').to_owned()).collect()
}

/// What `look` finds in the lines of our files.
fn lines(tree: &Tree, look: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let all = ours(tree).flat_map(|file| file.lines().map(move |(number, line)| (file, number, line)));
    all.filter_map(|(file, number, line)| Some(format!("{}:{number}: {}", file.path, look(line)?))).collect()
}

/// Files we write: not those that tools or others wrote.
fn ours(tree: &Tree) -> impl Iterator<Item = &File> {
    let others = |file: &File| matches!(file.name(), "Cargo.lock" | "LICENSE") || file.path.contains("/vendor/");
    tree.files.iter().filter(move |file| !others(file))
}
