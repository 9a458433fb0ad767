//! The files the rules look at: the project's own, or a few planted ones.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file of the project.
pub(crate) struct File {
    /// From the root, split by `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) committed: bool,
}

impl File {
    /// The folder it is in; empty at the root.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The last part of its path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// All files, sorted by path unless planted.
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// What is committed and what will be: everything in the working tree that git does not ignore.
    pub(crate) fn project() -> Self {
        let mut files = listed(&[], true);
        files.extend(listed(&["--others", "--exclude-standard"], false));
        assert!(files.len() > 100, "git lists only {} files", files.len());
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }

    pub(crate) fn planted(files: &[(&str, &str)]) -> Self {
        let plant = |&(path, text): &(&str, &str)| File { path: path.into(), text: text.into(), committed: true };
        Self { files: files.iter().map(plant).collect() }
    }

    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is a file or a folder of this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let inside =
            |file: &File| file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.files.iter().any(inside)
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn listed(options: &[&str], committed: bool) -> Vec<File> {
    // A clone may belong to somebody else, as it does in containers.
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z"]).args(options).current_dir(root());
    let output = git.output().expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let read = |path: &str| {
        // Not there: removed but not yet committed. Not UTF-8: not a text.
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        Some(File { path: path.to_owned(), text, committed })
    };
    names.split_terminator('\0').filter_map(read).collect()
}

/// Resolves `.` and `..` of `path`, which is relative to `folder`.
pub(crate) fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
