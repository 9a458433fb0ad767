//! The shape of a statement: is it an insert, where does its row data begin, which format does it
//! name. ClickHouse's own parser decides everything else.

use crate::lexer::{Kind, Lexer, Token};

/// An insert that reads row data from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InsertText {
    /// The statement without its FORMAT clause and without data.
    pub(crate) head: Vec<u8>,
    /// The named format; `Values` after VALUES; `None` when the text names none.
    pub(crate) format: Option<String>,
    /// Where row data begins in the text.
    pub(crate) data_at: usize,
}

/// What the text of a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// Row data follows the statement.
    Insert(InsertText),
    /// Everything is in the text: a query, DDL, `INSERT … SELECT`.
    Whole {
        /// The output format named at its end, if any.
        format: Option<String>,
        /// Whether something is asked for that chunked answers get wrong.
        at_once: bool,
    },
}

/// Reads the shape of `text`.
pub(crate) fn read(text: &[u8]) -> Statement {
    insert(text).map_or_else(|| whole(text), Statement::Insert)
}

fn insert(text: &[u8]) -> Option<InsertText> {
    let mut tokens = Lexer::new(text);
    if !tokens.next()?.is("INSERT") {
        return None;
    }
    let mut depth = 0_usize;
    let mut previous_named_table = false;
    while let Some(token) = tokens.next() {
        match token.kind {
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if !previous_named_table => previous_named_table = names_table(&token),
            _ if token.is("SELECT") || token.is("WITH") || token.is("INFILE") || token.is("WATCH") => return None,
            _ if token.is("VALUES") => return Some(values(text, &token)),
            _ if token.is("FORMAT") => return named_format(text, &token, tokens),
            _ => {}
        }
    }
    Some(InsertText { head: text.to_vec(), format: None, data_at: text.len() })
}

/// The table's name may itself be a keyword, so clauses are looked for only after it.
fn names_table(token: &Token<'_>) -> bool {
    !(token.is("INTO") || token.is("TABLE") || token.is("FUNCTION"))
}

fn values(text: &[u8], token: &Token<'_>) -> InsertText {
    InsertText { head: slice(text, 0, token.start), format: Some("Values".into()), data_at: token.end }
}

fn named_format(text: &[u8], clause: &Token<'_>, mut rest: Lexer<'_>) -> Option<InsertText> {
    let name = rest.next()?;
    let mut head = slice(text, 0, clause.start);
    let mut end = name.end;
    if let Some(until) = settings_end(rest) {
        head.extend_from_slice(&slice(text, name.end, until));
        end = until;
    }
    Some(InsertText { head, format: name.name().map(str::to_owned), data_at: data_start(text, end) })
}

/// The end of `SETTINGS a = 1, b = 'x'` standing right here, if it does.
fn settings_end(mut tokens: Lexer<'_>) -> Option<usize> {
    let first = tokens.next()?;
    if !first.is("SETTINGS") {
        return None;
    }
    loop {
        let (_, equals, value) = (tokens.next()?, tokens.next()?, tokens.next()?);
        if !equals.sign(b'=') {
            return None;
        }
        match tokens.next() {
            Some(comma) if comma.sign(b',') => {}
            _ => return Some(value.end),
        }
    }
}

/// Data starts after the blanks that follow the statement, up to and with one line end.
fn data_start(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while matches!(text.get(at), Some(b' ' | b'\t' | 0x0c | b';')) {
        at += 1;
    }
    if text.get(at) == Some(&b'\r') {
        at += 1;
    }
    if text.get(at) == Some(&b'\n') {
        at += 1;
    }
    at
}

/// Words that put something beside or around the rows: totals, extremes, brackets, other headers.
pub(crate) fn wants_all_at_once(word: &str) -> bool {
    ["totals", "extremes", "output_format_json_array_of_rows", "output_format_binary_encode_types_in_binary_format"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

fn whole(text: &[u8]) -> Statement {
    let (mut format, mut at_once, mut depth) = (None, false, 0_usize);
    let mut tokens = Lexer::new(text).peekable();
    while let Some(token) = tokens.next() {
        match token.kind {
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.saturating_sub(1),
            Kind::Sign(_) | Kind::Literal => {}
            _ if token.name().is_some_and(wants_all_at_once) => at_once = true,
            _ if depth == 0 && token.is("FORMAT") => {
                let name = tokens.peek().and_then(Token::name).map(str::to_owned);
                format = name.or(format);
            }
            _ => {}
        }
    }
    Statement::Whole { format, at_once }
}

fn slice(text: &[u8], from: usize, to: usize) -> Vec<u8> {
    text.get(from..to).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_insert(text: &str, head: &str, format: Option<&str>, data: &str) {
        let Statement::Insert(seen) = read(text.as_bytes()) else { panic!("not an insert: {text}") };
        assert_eq!(String::from_utf8_lossy(&seen.head).trim(), head, "{text}");
        assert_eq!(seen.format.as_deref(), format, "{text}");
        assert_eq!(&text[seen.data_at..], data, "{text}");
    }

    #[test]
    fn data_begins_after_the_statement() {
        check_insert("INSERT INTO t (a) FORMAT CSV\n1\n", "INSERT INTO t (a)", Some("CSV"), "1\n");
        check_insert("insert into t format CSV 1\n", "insert into t", Some("CSV"), "1\n");
        check_insert("INSERT INTO t FORMAT RowBinary\n\n\n", "INSERT INTO t", Some("RowBinary"), "\n\n");
        check_insert("INSERT INTO t VALUES (1),(2)", "INSERT INTO t", Some("Values"), " (1),(2)");
        check_insert(
            "INSERT INTO t (`format`, values) VALUES (1)",
            "INSERT INTO t (`format`, values)",
            Some("Values"),
            " (1)",
        );
        check_insert("INSERT INTO values FORMAT TSV\nx", "INSERT INTO values", Some("TSV"), "x");
        check_insert("INSERT INTO t", "INSERT INTO t", None, "");
        check_insert(
            "INSERT INTO t SETTINGS a=1, b='x' FORMAT TSV\r\nSETTINGS",
            "INSERT INTO t SETTINGS a=1, b='x'",
            Some("TSV"),
            "SETTINGS",
        );
        check_insert(
            "INSERT INTO t FORMAT TSV SETTINGS a=1, b='x'\ny",
            "INSERT INTO t  SETTINGS a=1, b='x'",
            Some("TSV"),
            "y",
        );
    }

    #[test]
    fn the_rest_is_whole() {
        let check = |text: &str, format: Option<&str>, at_once: bool| {
            let format = format.map(str::to_owned);
            assert_eq!(read(text.as_bytes()), Statement::Whole { format, at_once }, "{text}");
        };
        check("SELECT 1 FORMAT JSON", Some("JSON"), false);
        check("SELECT format('{}', 1) AS a", None, false);
        check("SELECT 'FORMAT CSV'", None, false);
        check("SELECT sum(1) FROM t GROUP BY a WITH TOTALS FORMAT JSON SETTINGS a = 1", Some("JSON"), true);
        check("SELECT 1 SETTINGS extremes = 1", None, true);
        check("INSERT INTO t SELECT 1", None, false);
        check("INSERT INTO t FROM INFILE 'x' FORMAT CSV", Some("CSV"), false);
    }
}
