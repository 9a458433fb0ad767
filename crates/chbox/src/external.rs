//! External tables: data a client sends along with its query, under a name of its own.

use crate::answer::Failure;
use crate::engine::Marked;
use crate::fault::{Fault, Raised};
use crate::ffi::{Connection, Params};
use crate::lexer::{Kind, Lexer};
use crate::multipart::Part;
use crate::request::Request;

/// A table described by `NAME_format` and `NAME_types` or `NAME_structure`.
pub(crate) struct External {
    name: String,
    structure: String,
    format: String,
    content: Vec<u8>,
}

/// Sorts a form's parts: fields become part of the request, files become external tables.
pub(crate) fn sort(parts: Vec<Part>, request: &mut Request) -> Result<Vec<External>, Fault> {
    let (files, fields): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| part.is_file);
    for field in fields {
        let value = String::from_utf8(field.content);
        let value = value.map_err(|_| Fault::raise(Raised::BadArguments, "A field of the form is not UTF-8"))?;
        request.take(&field.name, &value)?;
    }
    files.into_iter().map(|file| describe(file, request)).collect()
}

fn describe(file: Part, request: &mut Request) -> Result<External, Fault> {
    let name = file.name;
    let format = request.remove_setting(&format!("{name}_format")).unwrap_or_else(|| "TSV".into());
    let structure = request.remove_setting(&format!("{name}_structure"));
    let types = request.remove_setting(&format!("{name}_types"));
    let structure = structure.or_else(|| types.as_deref().map(number_columns));
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match structure.filter(|structure| plain && only_types(structure)) {
        Some(structure) => Ok(External { name, structure, format, content: file.content }),
        None => Err(Fault::raise(
            Raised::BadArguments,
            "An external table needs a plain name and a structure of names and types",
        )),
    }
}

/// `UInt8, Array(String)` as `_1 UInt8, _2 Array(String)`.
fn number_columns(types: &str) -> String {
    let (mut out, mut depth, mut column) = (String::from("_1 "), 0_usize, 1_usize);
    for sign in types.chars() {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push(sign);
        if sign == ',' && depth == 0 {
            column += 1;
            out.push_str(&format!(" _{column} "));
        }
    }
    out
}

/// Names and types only: no default expressions, no way out of the column list.
fn only_types(structure: &str) -> bool {
    let mut depth = 0_i32;
    let mut end = 0;
    for token in Lexer::new(structure.as_bytes()) {
        end = token.end;
        let fine = match &token.kind {
            Kind::Word(word) => {
                !["DEFAULT", "MATERIALIZED", "ALIAS", "EPHEMERAL", "CODEC", "TTL", "CONSTRAINT", "INDEX", "PROJECTION"]
                    .iter()
                    .any(|k| word.eq_ignore_ascii_case(k))
            }
            Kind::Quoted(name) => !name.starts_with('\\'),
            Kind::Literal => depth > 0,
            Kind::Sign(b'(') => {
                depth += 1;
                true
            }
            Kind::Sign(b')') => {
                depth -= 1;
                depth >= 0
            }
            Kind::Sign(sign) => matches!(sign, b',' | b'=' | b'-' | b'.'),
        };
        if !fine {
            return false;
        }
    }
    depth == 0 && end == structure.trim_end().len()
}

/// Creates the tables on a connection, which holds them until it closes. A reader's connection
/// takes the service's role for just that.
pub(crate) fn create(marked: &mut Marked, tables: &[External], back_to: &str) -> Result<(), Failure> {
    if tables.is_empty() {
        return Ok(());
    }
    let connection = &mut marked.connection;
    let run = |connection: &mut Connection, sql: &str| {
        connection.query(sql.as_bytes(), "Null", &Params::default()).map(drop).map_err(Fault::engine)
    };
    run(connection, "SET ROLE service")?;
    for table in tables {
        run(connection, &format!("CREATE TEMPORARY TABLE `{}` ({})", table.name, table.structure))?;
        let head = format!("INSERT INTO `{}`", table.name);
        let mut insert =
            connection.insert(head.as_bytes(), &table.format, &Params::default()).map_err(Fault::engine)?;
        insert.append(&table.content).map_err(Fault::engine)?;
        insert.done().map_err(Fault::engine)?;
    }
    run(connection, back_to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_names_and_types() {
        let check = |structure: &str, expect: bool| assert_eq!(only_types(structure), expect, "{structure}");
        check("a UInt8, b Array(LowCardinality(String))", true);
        check("t DateTime64(3, 'UTC'), e Enum8('a' = 1, 'b' = -2)", true);
        check("a UInt8 DEFAULT file('x')", false);
        check("a UInt8) ENGINE = File(TSV", false);
        check("a UInt8; DROP TABLE t", false);
        check("a 'x'", false);
        check("a UInt8 -- ", false);
        assert_eq!(number_columns("UInt8,Map(String, UInt8)"), "_1 UInt8, _2 Map(String, UInt8)");
    }
}
