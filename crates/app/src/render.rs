//! Answers on their way to a terminal, a pipe or a spreadsheet.

use crate::cli::Format;
use smarketing_warehouse::{Cell, Column, Kind, Table};
use std::io::{self, IsTerminal as _, Write};

/// How to print when nothing was said: a table for people, JSON lines for programs.
pub(crate) fn format(asked: Option<Format>) -> Format {
    asked.unwrap_or_else(|| if io::stdout().is_terminal() { Format::Table } else { Format::Json })
}

/// Prints a line, as `println!`, and returns from the function with the error when it cannot.
macro_rules! say {
    ($($what:tt)*) => {
        $crate::render::line_of(format_args!($($what)*))?
    };
}
pub(crate) use say;

/// One line on standard output.
pub(crate) fn line_of(what: std::fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{what}")?;
    out.flush()
}

/// Prints a table; `title` heads it where people read.
pub(crate) fn print(format: Format, title: &str, table: &Table) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match format {
        Format::Table => text(&mut out, title, table)?,
        Format::Json => json(&mut out, table)?,
        Format::Csv => csv(&mut out, table)?,
    }
    out.flush()?;
    if let Some(cut) = cut(title, table) {
        eprintln!("{cut}");
    }
    Ok(())
}

/// A table of an answer that may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// For programs; empty where the table is alone.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: String,
    pub(crate) table: Table,
}

impl Part {
    pub(crate) fn new(name: &'static str, title: impl Into<String>, table: Table) -> Self {
        Self { name, title: title.into(), table }
    }

    /// Its table, with its name before every row.
    fn named(&self) -> Table {
        let name = Cell::Text(self.name.to_owned());
        let columns = std::iter::once(Column { name: "table".to_owned(), kind: Kind::Text });
        let row = |row: &Vec<Cell>| std::iter::once(name.clone()).chain(row.iter().cloned()).collect();
        Table {
            columns: columns.chain(self.table.columns.iter().cloned()).collect(),
            rows: self.table.rows.iter().map(row).collect(),
            cut: self.table.cut,
        }
    }
}

/// The tables of an answer as programs take them: of several, every row says by its first column which it is of.
pub(crate) fn tables(parts: &[Part]) -> Vec<Table> {
    match parts {
        [one] => vec![one.table.clone()],
        several => several.iter().map(Part::named).collect(),
    }
}

/// Prints the tables of an answer.
pub(crate) fn print_all(format: Format, parts: &[Part]) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match format {
        Format::Table => parts.iter().try_for_each(|part| text(&mut out, &part.title, &part.table))?,
        Format::Json => tables(parts).iter().try_for_each(|table| json(&mut out, table))?,
        Format::Csv => csv(&mut out, &joined(&tables(parts)))?,
    }
    out.flush()?;
    cuts(parts).iter().for_each(|cut| eprintln!("{cut}"));
    Ok(())
}

/// What is to be said of the tables whose rows were left out.
pub(crate) fn cuts(parts: &[Part]) -> Vec<String> {
    parts.iter().filter_map(|part| cut(&part.title, &part.table)).collect()
}

/// One table with the columns of all, because CSV has one header: what a table does not have is empty in its rows.
fn joined(tables: &[Table]) -> Table {
    let mut whole = Table::default();
    for column in tables.iter().flat_map(|table| &table.columns) {
        if whole.column(&column.name).is_none() {
            whole.columns.push(column.clone());
        }
    }
    for table in tables {
        let places: Vec<Option<usize>> = whole.columns.iter().map(|column| table.column(&column.name)).collect();
        let cell = |row: &[Cell], place: &Option<usize>| place.and_then(|at| row.get(at).cloned());
        let row = |row: &Vec<Cell>| places.iter().map(|place| cell(row, place).unwrap_or(Cell::Empty)).collect();
        whole.rows.extend(table.rows.iter().map(row));
    }
    whole
}

/// What is to be said where rows were left out: whoever adds up the others has not all of it.
fn cut(title: &str, table: &Table) -> Option<String> {
    let remedy = "a shorter time (from, to) gives fewer, `smarketing query` all of them";
    table.cut.then(|| format!("{title}: more than {} rows, the others are left out; {remedy}", table.rows.len()))
}

/// Aligned columns: numbers to the right, text to the left.
pub(crate) fn text(out: &mut impl Write, title: &str, table: &Table) -> io::Result<()> {
    if !title.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    let cells: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let widths: Vec<usize> = (0..table.columns.len())
        .map(|index| {
            let column = cells.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
            column.chain([table.columns[index].name.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    line(out, table, &widths, &names)?;
    let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    line(out, table, &widths, &rules)?;
    cells.iter().try_for_each(|row| line(out, table, &widths, row))?;
    if cells.is_empty() {
        writeln!(out, "(nothing)")?;
    }
    Ok(())
}

fn line(out: &mut impl Write, table: &Table, widths: &[usize], cells: &[String]) -> io::Result<()> {
    let aligned = cells.iter().zip(widths).zip(&table.columns).map(|((cell, width), column)| {
        let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
        match column.kind {
            Kind::Integer | Kind::Decimal => format!("{pad}{cell}"),
            Kind::Text | Kind::Time => format!("{cell}{pad}"),
        }
    });
    writeln!(out, "{}", aligned.collect::<Vec<_>>().join("  ").trim_end())
}

/// Decimals without the zeros nobody needs, thousands grouped; nothing is rounded. Estimates beyond every deal
/// (`1.5e30`) stay as they are.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Integer(number) => group(&number.to_string()),
        Cell::Decimal(text) if !text.contains('e') => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let fraction = fraction.trim_end_matches('0');
            match fraction.len() {
                0 => group(whole),
                1 => format!("{}.{fraction}0", group(whole)),
                _ => format!("{}.{fraction}", group(whole)),
            }
        }
        Cell::Time(text) => text.replace('T', " ").replace(".000Z", "").replace('Z', ""),
        other => other.to_string(),
    }
}

fn group(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

/// One object a row; whole numbers are numbers, everything else is text, so that no digit is lost.
pub(crate) fn json(out: &mut impl Write, table: &Table) -> io::Result<()> {
    for row in &table.rows {
        let fields = table.columns.iter().zip(row).map(|(column, cell)| {
            let value = match cell {
                Cell::Empty => "null".to_owned(),
                Cell::Integer(number) => number.to_string(),
                other => serde_json::Value::from(other.to_string()).to_string(),
            };
            format!("{}:{value}", serde_json::Value::from(column.name.as_str()))
        });
        writeln!(out, "{{{}}}", fields.collect::<Vec<_>>().join(","))?;
    }
    Ok(())
}

fn csv(out: &mut impl Write, table: &Table) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(table.columns.iter().map(|column| column.name.as_str()))?;
    for row in &table.rows {
        writer.write_record(row.iter().map(ToString::to_string))?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        Table {
            columns: vec![
                column("channel", Kind::Text),
                column("leads", Kind::Integer),
                column("revenue", Kind::Decimal),
            ],
            rows: vec![
                vec![
                    Cell::Text("Paid, \"Search\"".into()),
                    Cell::Integer(1_234_567),
                    Cell::Decimal("-1234.5000".into()),
                ],
                vec![Cell::Empty, Cell::Integer(7), Cell::Decimal("0.0000".into())],
            ],
            cut: false,
        }
    }

    fn rendered(render: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        render(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_left_out_is_told() {
        assert_eq!(cut("Funnel", &sample()), None);
        let told = cut("Funnel", &Table { cut: true, ..sample() }).unwrap();
        assert!(told.starts_with(&format!("Funnel: more than {} rows", sample().rows.len())), "{told}");
    }

    #[test]
    fn people_see_aligned_columns() {
        let expect = "\nTitle\nchannel             leads    revenue\n──────────────  ─────────  ─────────\n\
                      Paid, \"Search\"  1,234,567  -1,234.50\n                        7          0\n";
        assert_eq!(rendered(|out| text(out, "Title", &sample())), expect);
    }

    #[test]
    fn of_several_tables_every_row_says_which_it_is_of() {
        let column = |name: &str| Column { name: name.to_owned(), kind: Kind::Text };
        let reps = Table {
            columns: vec![column("rep"), column("channel")],
            rows: vec![vec![Cell::Text("sam".into()), Cell::Text("Email".into())]],
            cut: false,
        };
        let parts = [Part::new("channels", "Channels", sample()), Part::new("reps", "Reps", reps)];
        assert_eq!(tables(&parts[1..]), [parts[1].table.clone()], "one table is told apart from none");
        let several = tables(&parts);
        let lines = rendered(|out| several.iter().try_for_each(|table| json(out, table)));
        assert!(lines.lines().nth(1).unwrap().starts_with(r#"{"table":"channels","channel":null,"#), "{lines}");
        assert!(lines.ends_with("{\"table\":\"reps\",\"rep\":\"sam\",\"channel\":\"Email\"}\n"), "{lines}");
        let csv = rendered(|out| csv(out, &joined(&several)));
        let expect = "table,channel,leads,revenue,rep\nchannels,\"Paid, \"\"Search\"\"\",1234567,-1234.5000,\n\
                      channels,,7,0.0000,\nreps,Email,,,sam\n";
        assert_eq!(csv, expect);
    }

    #[test]
    fn no_digit_of_a_large_amount_is_lost() {
        let large = Cell::Decimal("123456789012345678901.2300".into());
        assert_eq!(shown(&large), "123,456,789,012,345,678,901.23");
        assert_eq!(shown(&Cell::Integer(i128::from(i64::MAX) * 3)), "27,670,116,110,564,327,421");
        assert_eq!(shown(&Cell::Decimal("1.5e30".into())), "1.5e30");
    }

    #[test]
    fn programs_get_every_digit() {
        let lines = rendered(|out| json(out, &sample()));
        let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(
            first,
            serde_json::json!({"channel": "Paid, \"Search\"", "leads": 1_234_567, "revenue": "-1234.5000"})
        );
        assert!(
            rendered(|out| csv(out, &sample()))
                .starts_with("channel,leads,revenue\n\"Paid, \"\"Search\"\"\",1234567,-1234.5000\n")
        );
    }
}
