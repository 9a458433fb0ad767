//! Who may do what.
//!
//! Two lines of defence. The engine's own access control: every connection takes one of two roles,
//! and readers' role is granted nothing but `SELECT`, `SHOW` and dictionaries, so that files, the
//! network and every change are refused by ClickHouse itself. And a screen in front of it for what
//! the engine, which believes it is a local tool, would let through: the scalar function `file`,
//! `INTO OUTFILE`, `SET ROLE`, and settings that loosen a reader's limits.

use crate::Options;
use crate::fault::{Fault, Raised};
use crate::ffi::Class;
use crate::lexer::{Kind, Lexer, Token};
use std::collections::HashSet;

/// The role a connection takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The process that started the box: everything.
    Service,
    /// Everybody else: reading, within limits.
    Reader,
}

/// Table functions that touch nothing but their arguments and tables a reader may read anyway.
const HARMLESS: &[&str] = &[
    "format",
    "generaterandom",
    "generateseries",
    "generate_series",
    "merge",
    "mergetreeindex",
    "null",
    "numbers",
    "numbers_mt",
    "primes",
    "sqlstandardvalues",
    "values",
    "view",
    "viewexplain",
    "viewifpermitted",
    "zeros",
    "zeros_mt",
];
/// Ordinary functions that read files, or reach for a helper process.
const FORBIDDEN: &[&str] = &["file", "catboostevaluate", "executable"];
/// Settings that are limits: readers may tighten them only.
const TIGHTEN_ONLY: &[&str] = &["max_execution_time", "max_memory_usage", "max_result_rows", "max_threads"];
/// Settings that readers may not touch at all.
const FIXED: &[&str] = &[
    "allow_ddl",
    "allow_introspection_functions",
    "format_schema",
    "format_schema_source",
    "format_template_resultset",
    "format_template_row",
    "log_comment",
    "max_execution_time_leaf",
    "max_memory_usage_for_user",
    "max_result_bytes",
    "output_format_schema",
    "profile",
    "readonly",
    "result_overflow_mode",
    "timeout_before_checking_execution_speed",
    "timeout_overflow_mode",
    "timeout_overflow_mode_leaf",
    "workload",
];

/// ClickHouse's configuration of the two roles. The engine authenticates every connection as its
/// user `default`, which therefore holds both; a connection keeps one of them by `SET ROLE`.
pub(crate) fn users_xml() -> &'static str {
    "<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <roles>
    <service><grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></service>
    <reader><grants>
      <query>GRANT SELECT ON *.*</query>
      <query>GRANT SHOW ON *.*</query>
      <query>GRANT dictGet ON *.*</query>
    </grants></reader>
  </roles>
  <users><default>
    <password/>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants><query>GRANT service</query><query>GRANT reader</query></grants>
  </default></users>
</clickhouse>
"
}

/// A reader's limits, by setting.
pub(crate) fn reader_limits(options: &Options) -> Vec<(&'static str, u64)> {
    vec![
        ("max_execution_time", options.reader_seconds),
        ("max_memory_usage", options.reader_memory_bytes),
        ("max_result_rows", options.reader_result_rows),
        ("max_threads", u64::from(options.threads)),
    ]
}

/// The screen in front of the engine for readers.
pub(crate) struct Screen {
    forbidden: HashSet<String>,
    limits: Vec<(&'static str, u64)>,
}

impl Screen {
    /// Forbids every table function the engine knows that is not known to be harmless.
    pub(crate) fn new(table_functions: &str, options: &Options) -> Screen {
        let harmless = |name: &str| HARMLESS.contains(&name) || name.starts_with("timeseries");
        let forbidden = table_functions
            .lines()
            .map(str::to_ascii_lowercase)
            .filter(|name| !harmless(name))
            .chain(FORBIDDEN.iter().map(|name| (*name).to_owned()))
            .collect();
        Screen { forbidden, limits: reader_limits(options) }
    }

    /// Passes a reader's statement of `class`, or says why not. `count` is its number of statements.
    pub(crate) fn pass(&self, sql: &[u8], count: u32, class: Class, in_session: bool) -> Result<(), Fault> {
        if count > 1 {
            return Err(Fault::raise(Raised::SyntaxError, "Syntax error (Multi-statements are not allowed)"));
        }
        let tokens: Vec<Token<'_>> = Lexer::new(sql).collect();
        if !may_run(&tokens, class, in_session) {
            return Err(Fault::raise(Raised::Readonly, "Cannot execute query in readonly mode"));
        }
        for (at, token) in tokens.iter().enumerate() {
            self.pass_token(token, tokens.get(at + 1..).unwrap_or_default())?;
        }
        Ok(())
    }

    fn pass_token(&self, token: &Token<'_>, after: &[Token<'_>]) -> Result<(), Fault> {
        let Some(name) = token.name() else { return Ok(()) };
        let name = name.to_ascii_lowercase();
        let next = |sign: u8| after.first().is_some_and(|t| t.sign(sign));
        if matches!(token.kind, Kind::Quoted(_)) && name.starts_with('\\') && (next(b'(') || next(b'=')) {
            return Err(Fault::raise(Raised::AccessDenied, "Names of functions and settings must not be escaped"));
        }
        if next(b'(') && self.forbidden.contains(&name) {
            return Err(Fault::raise(Raised::AccessDenied, format!("Not enough privileges to use '{name}'")));
        }
        if token.is("INTO") && after.first().is_some_and(|t| t.is("OUTFILE")) {
            return Err(Fault::raise(Raised::AccessDenied, "Not enough privileges to use INTO OUTFILE"));
        }
        if next(b'=') && self.governs(&name) && is_setting(after) {
            let value = after.get(1).and_then(Token::name).unwrap_or_default();
            return self.setting(&name, value).map(|_| ());
        }
        Ok(())
    }

    fn governs(&self, name: &str) -> bool {
        FIXED.contains(&name) || TIGHTEN_ONLY.contains(&name)
    }

    /// A setting a reader asks for in the URL: kept, tightened to the limit, or dropped when it is
    /// a client's habit that changes nothing.
    pub(crate) fn url_setting(&self, name: &str, value: &str) -> Result<Option<String>, Fault> {
        let lower = name.to_ascii_lowercase();
        if lower == "readonly" && matches!(value, "1" | "2") {
            return Ok(None);
        }
        let limit = self.limits.iter().find(|(limit, _)| *limit == lower).map(|(_, most)| *most);
        match (limit, value.parse::<u64>()) {
            (Some(most), Ok(asked)) if asked == 0 || asked > most => Ok(Some(most.to_string())),
            _ => self.setting(&lower, value).map(|()| Some(value.to_owned())),
        }
    }

    fn setting(&self, name: &str, value: &str) -> Result<(), Fault> {
        let refuse = |why: String| Err(Fault::raise(Raised::Constraint, why));
        if FIXED.contains(&name) {
            return refuse(format!("Setting {name} should not be changed"));
        }
        match self.limits.iter().find(|(limit, _)| *limit == name) {
            Some((_, most)) if !value.parse().is_ok_and(|asked: u64| (1..=*most).contains(&asked)) => {
                refuse(format!("Setting {name} should be from 1 to {most}"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a reader may run a statement of this class. `SET` and `USE` are a session's own business;
/// what does not parse goes to the engine for its syntax error, if it begins like a question.
fn may_run(tokens: &[Token<'_>], class: Class, in_session: bool) -> bool {
    let Some(first) = tokens.first() else { return true };
    let second = |word: &str| tokens.get(1).is_some_and(|t| t.is(word));
    let questions = ["SELECT", "WITH", "FROM", "SHOW", "DESC", "DESCRIBE", "EXPLAIN", "EXISTS"];
    match class {
        Class::ReadOnly => !first.is("CHECK"),
        Class::Mutating => false,
        Class::Control if first.is("SET") => in_session && tokens.get(2).is_some_and(|t| t.sign(b'=')),
        Class::Control => first.is("USE") && in_session && !second("ROLE"),
        Class::Unknown => questions.iter().any(|word| first.is(word)),
    }
}

/// Tells `SETTINGS max_threads = 1` from a comparison of a column of that name: a setting's value is
/// one plain token.
fn is_setting(after: &[Token<'_>]) -> bool {
    matches!(after.get(1).map(|t| &t.kind), Some(Kind::Word(_) | Kind::Literal | Kind::Sign(b'{' | b'-' | b'+')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_screened() {
        let screen = Screen::new("file\nurl\nnumbers\nremoteSecure\nformat\n", &Options::default());
        let check = |sql: &str, expect: Option<u16>| {
            let seen = screen.pass(sql.as_bytes(), 1, Class::ReadOnly, false).err().map(|fault| fault.code);
            assert_eq!(seen, expect, "{sql}");
        };
        check("SELECT * FROM numbers(3)", None);
        check("SELECT 'file(', file FROM t -- url(1)", None);
        check("SELECT format('{}', 1)", None);
        check("SELECT file('x')", Some(497));
        check("SELECT * FROM FILE /* x */ ('x')", Some(497));
        check("SELECT * FROM `file`('x')", Some(497));
        check(r"SELECT * FROM `f\x69le`('x')", Some(497));
        check("SELECT * FROM remotesecure('x')", Some(497));
        check("SELECT 1 INTO OUTFILE 'x'", Some(497));
        check("SELECT 1 SETTINGS max_threads = 1", None);
        check("SELECT 1 SETTINGS max_threads = 1000", Some(452));
        check("SELECT 1 SETTINGS `max_memory_usage` = 0", Some(452));
        check("SELECT 1 SETTINGS max_execution_time = '1'", Some(452));
        check("SELECT 1 SETTINGS readonly = 0", Some(452));
        check("SELECT 1 SETTINGS optimize_read_in_order = 0", None);
    }

    #[test]
    fn control_is_for_sessions() {
        let screen = Screen::new("", &Options::default());
        let check = |sql: &str, class: Class, in_session: bool, passes: bool| {
            assert_eq!(screen.pass(sql.as_bytes(), 1, class, in_session).is_ok(), passes, "{sql}");
        };
        check("SET a = 1", Class::Control, true, true);
        check("SET a = 1", Class::Control, false, false);
        check("SET ROLE service", Class::Control, true, false);
        check("SET DEFAULT ROLE ALL TO default", Class::Control, true, false);
        check("USE x", Class::Control, true, true);
        check("KILL QUERY WHERE 1", Class::Control, true, false);
        check("INSERT INTO t VALUES", Class::Mutating, true, false);
        check("EXECUTE AS x SELECT 1", Class::Unknown, true, false);
        check("SELECT 1 FRM", Class::Unknown, false, true);
    }

    #[test]
    fn settings_in_the_url_are_tightened() {
        let screen = Screen::new("", &Options { reader_seconds: 60, ..Options::default() });
        let check = |name: &str, value: &str, expect: Result<Option<&str>, u16>| {
            let seen = screen.url_setting(name, value).map_err(|fault| fault.code);
            assert_eq!(seen, expect.map(|v| v.map(str::to_owned)), "{name}={value}");
        };
        check("max_execution_time", "10", Ok(Some("10")));
        check("max_execution_time", "0", Ok(Some("60")));
        check("MAX_EXECUTION_TIME", "999", Ok(Some("60")));
        check("readonly", "1", Ok(None));
        check("readonly", "0", Err(452));
        check("output_format_schema", "schema.capnp", Err(452));
        check("max_block_size", "100", Ok(Some("100")));
    }
}
