//! Just enough of Rust's surface to measure it: what is code, how long functions are, which files a file declares.

use std::ops::Range;

/// The source with comments, strings and characters blanked out: the same bytes in length, the same lines.
pub(crate) fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let in_word = at > 0 && is_word(bytes[at - 1]);
        match opaque(&source[at..], in_word) {
            Some(length) => {
                code[at..at + length].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
                at += length;
            }
            None => at += source[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    String::from_utf8(code).expect("whole characters were blanked")
}

/// Length of the comment, string or character that begins here, if one does.
fn opaque(rest: &str, in_word: bool) -> Option<usize> {
    let to = |end: Option<usize>| Some(end.unwrap_or(rest.len()));
    if rest.starts_with("//") {
        return to(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return to(comment(rest));
    }
    if rest.starts_with('"') {
        return to(quoted(rest, '"'));
    }
    if let Some(inside) = rest.strip_prefix('\'') {
        let mut inside = inside.chars();
        let escaped = inside.next()? == '\\';
        // Else it is a lifetime.
        return if escaped || inside.next() == Some('\'') { to(quoted(rest, '\'')) } else { None };
    }
    let raw = ["r", "br", "cr"].iter().find_map(|prefix| rest.strip_prefix(prefix)).filter(|_| !in_word)?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let body = raw[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    to(body.find(&close).map(|end| rest.len() - body.len() + end + close.len()))
}

/// Where a block comment ends; they nest.
fn comment(rest: &str) -> Option<usize> {
    let mut depth = 0;
    let pairs = rest.as_bytes().windows(2).enumerate();
    let mut skip = 0;
    for (at, pair) in pairs {
        match pair {
            _ if at < skip => {}
            b"/*" => (depth, skip) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return Some(at + 2),
            b"*/" => (depth, skip) = (depth - 1, at + 2),
            _ => {}
        }
    }
    None
}

/// Where a string or character ends.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The words of code with where they begin.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = code.as_bytes();
    let begins = |at: &usize| is_word(bytes[*at]) && (*at == 0 || !is_word(bytes[at - 1]));
    (0..bytes.len()).filter(begins).map(|at| {
        let end = bytes[at..].iter().position(|byte| !is_word(*byte)).map_or(bytes.len(), |length| at + length);
        (at, &code[at..end])
    })
}

/// The number of the line that byte `at` is on, from 1.
pub(crate) fn line(code: &str, at: usize) -> usize {
    1 + code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count()
}

/// The functions that have a body: name, and bytes from `fn` to the closing brace.
pub(crate) fn functions(code: &str) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let mut words = words(code).peekable();
    while let Some((at, word)) = words.next() {
        // `fn(u8)` is a type: its next word does not follow after blanks alone.
        let named = words.peek().filter(|(next, _)| word == "fn" && code[at + 2..*next].trim().is_empty());
        if let Some((_, name)) = named
            && let Some(body) = body(&code[at..])
        {
            found.push((*name, at..at + body.end));
        }
    }
    found
}

/// The braces of the item that begins at the start of `code`; `None` when it ends with a semicolon.
fn body(code: &str) -> Option<Range<usize>> {
    let mut depth = 0;
    let mut open = None;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' if depth == 0 => {
                open = Some(at);
                depth = 1;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b';' if depth == 0 => return None,
            _ => {}
        }
        if let (Some(open), 0) = (open, depth) {
            return Some(open..at + 1);
        }
    }
    None
}

/// The inline modules of tests.
pub(crate) fn tests(code: &str) -> Vec<Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]").map(|(at, mark)| (at, at + mark.len()));
    let modules = marks.filter_map(|(at, item)| {
        let body = body(&code[item..])?;
        let is_module = words(&code[item..item + body.start]).any(|(_, word)| word == "mod");
        is_module.then_some(at..item + body.end)
    });
    modules.collect()
}

/// A module that is a file of its own.
#[derive(Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// The inline modules it is declared in.
    pub(crate) inside: Vec<String>,
    /// What a `#[path]` says.
    pub(crate) path: Option<String>,
}

/// The modules that a source declares and does not contain.
pub(crate) fn modules(source: &str) -> Vec<Declared> {
    let code = code(source);
    let mut found = Vec::new();
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut words = words(&code);
    while let Some((at, word)) = words.next() {
        if word != "mod" {
            continue;
        }
        let Some((name_at, name)) = words.next() else { break };
        inline.retain(|(_, end)| *end > at);
        if let Some(body) = body(&code[name_at..]) {
            inline.push((name.to_owned(), name_at + body.end));
            continue;
        }
        let before = code[..at].rfind([';', '{', '}']).map_or(0, |end| end + 1);
        let path = source[before..at].split_once("#[path = \"").and_then(|(_, rest)| rest.split_once('"'));
        let inside = inline.iter().map(|(name, _)| name.clone()).collect();
        found.push(Declared { name: name.to_owned(), inside, path: path.map(|(path, _)| path.to_owned()) });
    }
    found
}

#[test]
fn only_code_is_left() {
    let check =
        |source: &str, left: &str| assert_eq!(code(source).split_whitespace().collect::<Vec<_>>().join(" "), left);
    check("a // b\nc", "a c");
    check("a /* b /* c */ d */ e", "a e");
    check(r#"a "b \" c" d"#, "a d");
    check("a r##\"b \"# c\"## d", "a d");
    check("a(b\"c\", 'd', '\\'', 'é', '\"') e", "a(b , , , , ) e");
    check("fn a<'b>(r#fn: &'b str) -> Vec<'_>", "fn a<'b>(r#fn: &'b str) -> Vec<'_>");
}
