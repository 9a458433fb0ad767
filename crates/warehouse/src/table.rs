//! A small answer: named columns and typed cells, ready to be rendered.

use crate::{Error, Result};
use serde_json::Value;
use std::collections::HashMap;

/// An answer that fits in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The rows; every row has one cell a column.
    pub rows: Vec<Vec<Cell>>,
    /// Whether there are more rows, which were left out.
    pub cut: bool,
}

/// A column of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything to read, dates included.
    Text,
    /// A whole number.
    Integer,
    /// A number with decimals.
    Decimal,
    /// An instant.
    Time,
}

/// A cell of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// There is no value.
    Empty,
    /// Anything to read, dates included.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// A number with decimals, as plain text without loss.
    Decimal(String),
    /// An instant, RFC 3339 in UTC.
    Time(String),
}

impl Table {
    /// Reads an answer in the format `JSONCompactEachRowWithNamesAndTypes`.
    pub(crate) fn parse(subject: &str, body: &[u8]) -> Result<Self> {
        let unreadable = |message: String| Error::Answer { subject: subject.to_owned(), message };
        let mut lines = serde_json::Deserializer::from_slice(body).into_iter::<Vec<Value>>();
        let mut line = || lines.next().transpose().map_err(|error| unreadable(error.to_string()));
        let (Some(names), Some(types)) = (line()?, line()?) else { return Ok(Self::default()) };
        let column = |(name, kind): (Value, Value)| Column { name: plain(name), kind: Kind::of(&plain(kind)) };
        let columns: Vec<Column> = names.into_iter().zip(types).map(column).collect();
        let mut rows = Vec::new();
        while let Some(values) = line()? {
            if values.len() != columns.len() {
                return Err(unreadable(format!("{} cells in {} columns", values.len(), columns.len())));
            }
            rows.push(values.into_iter().zip(&columns).map(|(value, column)| Cell::new(value, column.kind)).collect());
        }
        Ok(Self { columns, rows, cut: false })
    }

    /// No more than so many rows, and whether there were more.
    pub(crate) fn held(mut self, rows: usize) -> Self {
        self.cut = self.rows.len() > rows;
        self.rows.truncate(rows);
        self
    }

    /// The rows from the last to the first: what was asked for latest first is read from the beginning.
    pub(crate) fn reversed(mut self) -> Self {
        self.rows.reverse();
        self
    }

    /// Where the column called `name` is.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Turns the last two columns, a name and a value, into one column a name: rows that agree in all other columns
    /// become one. Names and rows stand in the order in which they first appear.
    pub(crate) fn pivot(self) -> Self {
        let Some(keys) = self.columns.len().checked_sub(2) else { return self };
        let kind = self.columns.last().map_or(Kind::Decimal, |column| column.kind);
        let mut columns: Vec<Column> = self.columns.into_iter().take(keys).collect();
        let mut places: HashMap<Vec<Cell>, usize> = HashMap::new();
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        for mut row in self.rows {
            let (Some(value), Some(name)) = (row.pop(), row.pop()) else { continue };
            let name = name.to_string();
            let known = columns.iter().skip(keys).position(|column| column.name == name);
            let at = keys + known.unwrap_or(columns.len() - keys);
            if known.is_none() {
                columns.push(Column { name, kind });
            }
            let place = *places.entry(row.clone()).or_insert(rows.len());
            if place == rows.len() {
                rows.push(row);
            }
            if let Some(row) = rows.get_mut(place) {
                row.resize(row.len().max(at + 1), Cell::Empty);
                row.splice(at..=at, [value]);
            }
        }
        rows.iter_mut().for_each(|row| row.resize(columns.len(), Cell::Empty));
        Self { columns, rows, cut: self.cut }
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) | Self::Decimal(text) | Self::Time(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
        }
    }
}

impl Kind {
    /// The kind of a ClickHouse type.
    fn of(name: &str) -> Self {
        let inner = |name: &str, outer: &str| Some(name.strip_prefix(outer)?.strip_suffix(')')?.to_owned());
        let bare = inner(name, "LowCardinality(").unwrap_or_else(|| name.to_owned());
        let bare = inner(&bare, "Nullable(").unwrap_or(bare);
        match bare {
            number if number.starts_with("Int") || number.starts_with("UInt") => Self::Integer,
            number if number.starts_with("Decimal") || number.starts_with("Float") => Self::Decimal,
            time if time.starts_with("DateTime") => Self::Time,
            _ => Self::Text,
        }
    }
}

impl Cell {
    fn new(value: Value, kind: Kind) -> Self {
        match (kind, value) {
            (_, Value::Null) => Self::Empty,
            (Kind::Integer, value) => {
                let text = plain(value);
                text.parse().map_or(Self::Text(text), Self::Integer)
            }
            (Kind::Decimal, value) => Self::Decimal(plain(value)),
            (Kind::Time, value) => Self::Time(plain(value)),
            (Kind::Text, value) => Self::Text(plain(value)),
        }
    }
}

/// Text without quotes; anything else as JSON.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Table {
        Table::parse("test", body.as_bytes()).unwrap()
    }

    #[test]
    fn cells_keep_their_type_and_every_digit() {
        let table = answer(
            r#"["a","n","d","t","x"]
            ["LowCardinality(String)","UInt64","Nullable(Decimal(18, 4))","DateTime64(3, 'UTC')","Nullable(Int64)"]
            ["x",18446744073709551615,"12.3400","2026-03-01T09:30:00.000Z",null]"#,
        );
        let kinds: Vec<Kind> = table.columns.iter().map(|column| column.kind).collect();
        assert_eq!(kinds, [Kind::Text, Kind::Integer, Kind::Decimal, Kind::Time, Kind::Integer]);
        let expect = [
            Cell::Text("x".into()),
            Cell::Integer(u64::MAX.into()),
            Cell::Decimal("12.3400".into()),
            Cell::Time("2026-03-01T09:30:00.000Z".into()),
            Cell::Empty,
        ];
        assert_eq!(table.rows, [expect]);
        assert!(Table::parse("test", b"[\"a\"]\n[\"String\"]\n[1,2]").is_err());
        assert!(Table::parse("test", b"nonsense").is_err());
        assert_eq!(answer(""), Table::default());
    }

    #[test]
    fn models_are_put_side_by_side() {
        let long = answer(
            r#"["channel","model","credit"]["String","String","Int64"]
            ["a","first",1]["c","first",4]["a","last",2]["b","last",3]"#,
        );
        let table = long.pivot();
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["channel", "first", "last"]);
        let text: Vec<String> =
            table.rows.iter().map(|row| row.iter().map(Cell::to_string).collect::<Vec<_>>().join("|")).collect();
        assert_eq!(text, ["a|1|2", "c|4|", "b||3"]);
    }
}
