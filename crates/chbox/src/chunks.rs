//! How the engine's chunks make one answer.
//!
//! The engine formats each chunk of a streaming query as a document of its own. Formats that are
//! nothing but rows can be put together as they are; those with a header repeat it in each chunk;
//! all others have a beginning and an end, and are asked for at once.

/// What an output format's chunks look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Rows only.
    Rows,
    /// So many header lines, then rows.
    Lines(usize),
    /// So many header records of CSV, whose quoted names may hold line ends, then rows.
    Records(usize),
    /// RowBinary's number of columns and so many lists of strings, then rows.
    Binary(usize),
    /// One document that cannot be had in pieces.
    Document,
}

impl Shape {
    /// The shape of a format by its name, in any case.
    pub(crate) fn of(format: &str) -> Shape {
        let format = format.to_ascii_lowercase();
        let (base, headers) = match (format.strip_suffix("withnamesandtypes"), format.strip_suffix("withnames")) {
            (Some(base), _) => (base, 2),
            (_, Some(base)) => (base, 1),
            _ => (format.as_str(), 0),
        };
        match (base, headers) {
            ("native" | "tskv" | "lineasstring" | "rawblob" | "msgpack", 0)
            | ("jsoneachrow" | "jsonlines" | "ndjson" | "jsonstringseachrow", 0) => Shape::Rows,
            ("tabseparated" | "tsv" | "tabseparatedraw" | "tsvraw" | "raw" | "csv" | "rowbinary", 0)
            | ("jsoncompacteachrow" | "jsoncompactstringseachrow", 0) => Shape::Rows,
            ("csv", n) => Shape::Records(n),
            ("rowbinary", n) => Shape::Binary(n),
            ("tabseparated" | "tsv" | "tabseparatedraw" | "tsvraw" | "raw", n)
            | ("jsoncompacteachrow" | "jsoncompactstringseachrow", n) => Shape::Lines(n),
            _ => Shape::Document,
        }
    }

    /// A later chunk without the header it repeats; `None` when the header is not as expected.
    pub(crate) fn without_header(self, chunk: &[u8]) -> Option<&[u8]> {
        if chunk.is_empty() {
            return Some(chunk);
        }
        match self {
            Shape::Rows | Shape::Document => Some(chunk),
            Shape::Lines(lines) => after_lines(chunk, lines, false),
            Shape::Records(records) => after_lines(chunk, records, true),
            Shape::Binary(lists) => after_strings(chunk, lists),
        }
    }
}

fn after_lines(mut chunk: &[u8], lines: usize, quotes: bool) -> Option<&[u8]> {
    for _ in 0..lines {
        let mut quoted = false;
        let end = chunk.iter().position(|byte| {
            quoted ^= quotes && *byte == b'"';
            *byte == b'\n' && !quoted
        })?;
        chunk = chunk.get(end + 1..)?;
    }
    Some(chunk)
}

fn after_strings(mut chunk: &[u8], lists: usize) -> Option<&[u8]> {
    let columns = varint(&mut chunk)?;
    for _ in 0..columns.checked_mul(lists)? {
        let length = varint(&mut chunk)?;
        chunk = chunk.get(length..)?;
    }
    Some(chunk)
}

fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_cut_off() {
        let check = |format: &str, chunk: &[u8], expect: Option<&[u8]>| {
            assert_eq!(Shape::of(format).without_header(chunk), expect, "{format}");
        };
        check("TSV", b"1\n", Some(b"1\n"));
        check("TabSeparatedWithNames", b"a\tb\n1\t2\n", Some(b"1\t2\n"));
        check("CSVWithNamesAndTypes", b"\"a\n\"\"b\"\n\"String\"\nx\n", Some(b"x\n"));
        check("JSONCompactEachRowWithNames", b"[\"a\"]\n[1]\n", Some(b"[1]\n"));
        check("RowBinaryWithNames", b"\x02\x01a\x02bc\xff\xff", Some(b"\xff\xff"));
        check("RowBinaryWithNamesAndTypes", b"\x01\x01a\x05UInt8\x07", Some(b"\x07"));
        check("RowBinaryWithNamesAndTypes", b"\x01\x01a\x05UIn", None);
        check("RowBinaryWithNamesAndTypes", b"\xff\xff\xff\xff\xff\xff", None);
        check("RowBinary", b"", Some(b""));
    }

    #[test]
    fn documents_are_documents() {
        for format in [
            "JSON",
            "JSONCompact",
            "XML",
            "Pretty",
            "Values",
            "Parquet",
            "Arrow",
            "Vertical",
            "JSONColumns",
            "Null",
            "Bogus",
        ] {
            assert_eq!(Shape::of(format), Shape::Document, "{format}");
        }
    }
}
