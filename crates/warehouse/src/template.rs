//! The few things our SQL files leave open: database names, table settings, money as a decimal, and intervals.

use crate::ask::ROWS_MAX;
use crate::{Error, Options, Result};

/// How much larger than its largest part a merge's whole must be while parts are young: ClickHouse's own 5 has every
/// insert of a month merged with the month's large part soon after, which costs more than the insert.
const MERGE_BASE: u8 = 15;

/// What the placeholders of our SQL files stand for.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// `$data`: database of the generation's tables.
    pub(crate) data: String,
    /// `$views`: database of the views.
    pub(crate) views: String,
    /// `$settings`: settings of every table.
    settings: String,
}

impl Names {
    /// The names of `options`; only plain identifiers are names, so that expanding needs no quoting.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let views = options.database.clone();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if views.is_empty() || views.len() > 64 || !views.bytes().all(plain) {
            return Err(Error::Database { name: views });
        }
        let durable = u8::from(options.durable);
        Ok(Self {
            data: format!("{views}_g{}", options.generation),
            views,
            settings: format!(
                "fsync_after_insert = {durable}, fsync_part_directory = {durable}, merge_selector_base = {MERGE_BASE}"
            ),
        })
    }

    /// `sql` with every placeholder filled in.
    pub(crate) fn expand(&self, sql: &str) -> String {
        let sql = wilson(&major(&total(sql)), "$wilson_low(", '-', "greatest", 0);
        let sql = wilson(&sql, "$wilson_high(", '+', "least", 1);
        let rows = (ROWS_MAX + 1).to_string();
        sql.replace("$rows", &rows)
            .replace("$data", &self.data)
            .replace("$views", &self.views)
            .replace("$settings", &self.settings)
    }
}

/// Writes out `$total(minor)` and `$total(minor, condition)`: a sum of minor units that does not wrap round. More than 64
/// bits hold are an error: readers are promised `Int64`, and it takes thousands of the largest amounts to get there.
fn total(sql: &str) -> String {
    let mut pieces = sql.split("$total(");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (arguments, rest) = closed(piece);
        let (minor, condition) = arguments.split_once(", ").unwrap_or((arguments, "1"));
        out.push_str(&format!("accurateCast(sumIf(toInt128({minor}), {condition}), 'Int64')"));
        out.push_str(rest);
    }
    out
}

/// Writes out `$major(minor, exponent)`: minor units as `Decimal(38, 4)` of the currency, exact for every exponent and
/// for every sum of amounts that fit 64 bits, null for null. `least` and `greatest` have no place here: from the third run
/// of an expression on, ClickHouse 26.7 compiles it, and then they are wrong for `Int128`.
fn major(sql: &str) -> String {
    let mut pieces = sql.split("$major(");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (arguments, rest) = closed(piece);
        let (minor, exponent) = arguments.rsplit_once(", ").unwrap_or((arguments, "2"));
        let scale = format!("toInt64(intExp10(4 - {exponent}))");
        out.push_str(&format!("reinterpret(toInt128({minor}) * {scale}, 'Decimal(38, 4)')"));
        out.push_str(rest);
    }
    out
}

/// Writes out `$wilson_low(successes, trials)` and `$wilson_high(…)`: the ends of the 95 % interval of a share, from 0 to
/// 1 while nothing was tried (E. Wilson, "Probable inference, the law of succession, and statistical inference", 1927).
fn wilson(sql: &str, name: &str, sign: char, held: &str, untried: u8) -> String {
    let mut pieces = sql.split(name);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (arguments, rest) = closed(piece);
        let (successes, trials) = arguments.rsplit_once(", ").unwrap_or((arguments, "0"));
        let (k, n) = (format!("toFloat64({successes})"), format!("toFloat64({trials})"));
        // 1.96² / 2 = 1.9208, 1.96² / 4 = 0.9604.
        let end = format!("({k} + 1.9208 {sign} 1.96 * sqrt({k} * ({n} - {k}) / {n} + 0.9604)) / ({n} + 3.8416)");
        out.push_str(&format!("if({n} = 0, {untried}, {held}({end}, {untried}))"));
        out.push_str(rest);
    }
    out
}

/// What stands before the parenthesis that closes the one already open, and what after it.
fn closed(sql: &str) -> (&str, &str) {
    let mut open = 1;
    for (at, letter) in sql.char_indices() {
        open += i32::from(letter == '(') - i32::from(letter == ')');
        if open == 0 {
            return (&sql[..at], &sql[at + 1..]);
        }
    }
    (sql, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_are_database_names() {
        let check = |database: &str, good| {
            let options = Options { database: database.to_owned(), ..Options::default() };
            assert_eq!(Names::new(&options).is_ok(), good, "{database}");
        };
        check("smarketing", true);
        check("acme_2", true);
        check("", false);
        check("a b", false);
        check("a`; DROP DATABASE b", false);
        check("größe", false);
    }

    #[test]
    fn placeholders_are_filled_in() {
        let names = Names::new(&Options::default()).unwrap();
        assert_eq!(names.expand("$data.a JOIN $views.b"), "smarketing_g1.a JOIN smarketing.b");
        let sql = names.expand("$total(a), $total(b, c = 'd')");
        assert_eq!(
            sql,
            "accurateCast(sumIf(toInt128(a), 1), 'Int64'), accurateCast(sumIf(toInt128(b), c = 'd'), 'Int64')"
        );
        let sql = names.expand("$major(a, b) + 1");
        assert!(sql.starts_with("reinterpret(") && sql.contains("toInt128(a)") && sql.ends_with(" + 1"), "{sql}");
        let sql = names.expand("$wilson_low(a, b + c), $wilson_high(a, count())");
        assert!(
            sql.starts_with("if(toFloat64(b + c) = 0, 0, greatest(") && sql.contains("toFloat64(count())"),
            "{sql}"
        );
        assert!(names.expand("$major(sum(a), max(b)), c").contains("toInt128(sum(a)) * toInt64(intExp10(4 - max(b)))"));
    }
}
