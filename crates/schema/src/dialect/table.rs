//! CSV files of an export: rows that know where they stand and where they ended.

use super::{Error, moment};
use crate::form::bearable;
use crate::reject::shown;
use crate::{ID_MAX, Reason, Rejected, TEXT_MAX, instant};
use smarketing_kernel::money::{Currency, minor_units};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{Day, Timestamp};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Most bytes of a file.
const FILE_MAX: u64 = 1 << 30;
/// Most rows of a file whose quotes do not close.
const RECOVERIES_MAX: usize = 100;
/// What export tools that hash every text leave of an empty one: MD5 of nothing, in hex and in base64.
const HASHES_OF_NOTHING: [&str; 2] = ["d41d8cd98f00b204e9800998ecf8427e", "1B2M2Y8AsgTpgAmY7PhCfg=="];

/// Where a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody has said yet.
    Untold,
    /// It became events.
    Turned,
    /// It adds to the events of another row.
    Joined,
    /// It says nothing we use, for this reason.
    Ignored(&'static str),
    /// It is malformed.
    Rejected,
}

/// One CSV file, read whole. The delimiter (`,`, `;` or tab) is the one its header has most of;
/// with `;` amounts have a decimal comma. A byte order mark and the case of the header do not matter.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: Text,
    columns: BTreeMap<String, usize>,
    width: usize,
    delimiter: u8,
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    number: u64,
    raw: Range<usize>,
    cells: csv::ByteRecord,
    fate: Cell<Fate>,
    /// A column that was asked for and holds more text than any field takes.
    excess: Cell<Option<usize>>,
}

/// A row of a table; copies are the same row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'t> {
    table: &'t Table,
    line: &'t Line,
}

impl Table {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let file: Text = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into();
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let bytes = fs::metadata(path).map_err(failed)?.len();
        if bytes > FILE_MAX {
            return Err(Error::TooLarge { file, bytes, limit: FILE_MAX });
        }
        Self::parse(file, fs::read(path).map_err(failed)?)
    }

    fn parse(file: Text, bytes: Vec<u8>) -> Result<Self, Error> {
        let start = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let delimiter = delimiter(bytes.get(start..end).unwrap_or_default());
        let limit = RECOVERIES_MAX;
        let mut lines =
            lines(&bytes, delimiter, start).ok_or_else(|| Error::Quotes { file: file.clone(), limit })?.into_iter();
        let header = lines.next().map(|line| line.cells).unwrap_or_default();
        let mut columns = BTreeMap::new();
        for (index, cell) in header.iter().enumerate() {
            columns.entry(String::from_utf8_lossy(cell).trim().to_lowercase()).or_insert(index);
        }
        Ok(Self { file, columns, width: header.len(), delimiter, lines: lines.collect(), bytes })
    }

    /// Fails when the header lacks one of `columns`.
    pub(super) fn with_columns(self, columns: &[&'static str]) -> Result<Self, Error> {
        match columns.iter().find(|column| !self.columns.contains_key(**column)) {
            None => Ok(self),
            Some(column) => Err(Error::MissingColumn {
                column,
                columns: self.columns.keys().cloned().collect::<Vec<_>>().join(", "),
                file: self.file,
            }),
        }
    }

    /// Every row, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.lines.iter().map(|line| Row { table: self, line })
    }

    /// The first sound row of every value of `column`; rows that repeat one are ignored.
    pub(super) fn index(&self, column: &str) -> BTreeMap<&str, Row<'_>> {
        let mut found = BTreeMap::new();
        for row in self.rows().filter(|row| row.check().is_ok()) {
            let Some(key) = row.get(column) else { continue };
            if found.contains_key(key) {
                row.ignored("repeats the id of an earlier row");
            } else {
                found.insert(key, row);
            }
        }
        found
    }
}

impl<'t> Row<'t> {
    /// The line of the file the row begins at.
    pub(super) fn number(self) -> u64 {
        self.line.number
    }

    /// The row's own bytes, without its line end.
    pub(super) fn raw(self) -> &'t [u8] {
        self.table.bytes.get(self.line.raw.clone()).unwrap_or_default()
    }

    /// Where the row ended.
    pub(super) fn fate(self) -> Fate {
        self.line.fate.get()
    }

    /// Says where the row ended.
    pub(super) fn ended(self, fate: Fate) {
        self.line.fate.set(fate);
    }

    /// The row says nothing we use, unless something was said before.
    pub(super) fn ignored(self, reason: &'static str) {
        self.first(Fate::Ignored(reason));
    }

    /// The row adds to the events of another, unless something was said before.
    pub(super) fn joined(self) {
        self.first(Fate::Joined);
    }

    fn first(self, fate: Fate) {
        if self.fate() == Fate::Untold {
            self.ended(fate);
        }
    }

    /// Whether the row has as many cells as the header, all of them UTF-8, and none that was asked for is too long.
    pub(super) fn check(self) -> Result<(), Rejected> {
        let (has, width) = (self.line.cells.len(), self.table.width);
        if has != width {
            let detail = format!("{} has {has} cells, the header has {width}", self.place());
            return Err(Rejected::new(Reason::RowWidth, detail));
        }
        let is_broken = |index: usize| std::str::from_utf8(self.line.cells.get(index).unwrap_or_default()).is_err();
        if let Some((column, _)) = self.table.columns.iter().find(|(_, index)| is_broken(**index)) {
            return Err(self.reject(Reason::InvalidUtf8, column, "is not UTF-8"));
        }
        let excess = self.line.excess.get();
        match self.table.columns.iter().find(|(_, index)| Some(**index) == excess) {
            None => Ok(()),
            Some((column, _)) => {
                let problem = format!("is longer than {TEXT_MAX} characters");
                Err(self.reject(Reason::FieldTooLong, column, &problem))
            }
        }
    }

    /// A cell, trimmed; `None` when it or its column is not there, or it is blank.
    pub(super) fn get(self, column: &str) -> Option<&'t str> {
        let index = *self.table.columns.get(column)?;
        let text = std::str::from_utf8(self.line.cells.get(index)?).ok()?.trim();
        if text.len() > TEXT_MAX && text.chars().count() > TEXT_MAX {
            self.line.excess.set(Some(index));
            return None;
        }
        (!text.is_empty() && !HASHES_OF_NOTHING.contains(&text)).then_some(text)
    }

    /// A cell as [`Text`].
    pub(super) fn text(self, column: &str) -> Option<Text> {
        self.get(column).map(Text::from)
    }

    /// The first of `columns` that is not blank: for columns that were renamed between versions of an export.
    pub(super) fn any(self, columns: &[&str]) -> Option<&'t str> {
        columns.iter().find_map(|column| self.get(column))
    }

    /// A cell that must not be blank, such as an id: short and without control characters.
    pub(super) fn need(self, column: &str) -> Result<&'t str, Rejected> {
        let text = self.get(column).ok_or_else(|| self.reject(Reason::MissingField, column, "is blank"))?;
        if text.chars().nth(ID_MAX).is_some() {
            let problem = format!("is longer than {ID_MAX} characters");
            return Err(self.reject(Reason::FieldTooLong, column, &problem));
        }
        if text.contains(char::is_control) {
            return Err(self.wrong(Reason::InvalidValue, column, text, "no id: it has control characters"));
        }
        Ok(text)
    }

    /// A time; `None` when blank.
    pub(super) fn time(self, column: &str) -> Result<Option<Timestamp>, Rejected> {
        let parse = |text| moment::time(text).ok_or_else(|| self.wrong(Reason::InvalidTime, column, text, "no time"));
        self.get(column).map(parse).transpose()
    }

    /// The first time of `columns`, which must not all be blank.
    pub(super) fn need_time(self, columns: &[&str]) -> Result<Timestamp, Rejected> {
        let column = columns
            .iter()
            .find(|column| self.get(column).is_some())
            .or_else(|| columns.first())
            .copied()
            .unwrap_or_default();
        self.need(column)?;
        self.time(column)?.ok_or_else(|| self.reject(Reason::MissingField, column, "is blank"))
    }

    /// A day, which must not be blank.
    pub(super) fn need_day(self, column: &str) -> Result<Day, Rejected> {
        let text = self.need(column)?;
        instant::day(text).ok_or_else(|| self.wrong(Reason::InvalidTime, column, text, "no day such as 2026-03-01"))
    }

    /// An amount in major units, as minor units; `None` when blank.
    pub(super) fn money(self, column: &str, currency: Currency) -> Result<Option<i64>, Rejected> {
        let parse = |text| {
            let inexact = || self.wrong(Reason::InvalidAmount, column, text, "no exact amount");
            let too_much = || self.wrong(Reason::AmountOverflow, column, text, "more than 15 digits of minor units");
            let minor = minor_units(&self.decimal(text), currency).ok_or_else(inexact)?;
            bearable(minor).ok_or_else(too_much)
        };
        self.get(column).map(parse).transpose()
    }

    /// Decimal text with a point, whatever the file writes.
    pub(super) fn decimal(self, text: &str) -> String {
        if self.table.delimiter == b';' { text.replace(',', ".") } else { text.to_owned() }
    }

    /// A currency; `otherwise` when blank.
    pub(super) fn currency(self, column: &str, otherwise: Currency) -> Result<Currency, Rejected> {
        let Some(text) = self.get(column) else { return Ok(otherwise) };
        let refused = || self.wrong(Reason::UnknownCurrency, column, text, "no ISO 4217 code");
        Currency::parse(&text.to_ascii_uppercase()).ok_or_else(refused)
    }

    /// Whether a cell says yes.
    pub(super) fn flag(self, column: &str) -> bool {
        self.get(column).is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "t" | "1" | "yes"))
    }

    /// A reject that names file, line and column, and shows what stood there.
    pub(super) fn wrong(self, reason: Reason, column: &str, text: &str, what: &str) -> Rejected {
        self.reject(reason, column, &format!("holds {}, which is {what}", shown(text)))
    }

    /// A reject of the whole row, naming file and line.
    pub(super) fn refuse(self, reason: Reason, problem: &str) -> Rejected {
        Rejected::new(reason, format!("{}: {problem}", self.place()))
    }

    /// A reject that names file, line and column.
    pub(super) fn reject(self, reason: Reason, column: &str, problem: &str) -> Rejected {
        Rejected::new(reason, format!("{} column \"{column}\" {problem}", self.place()))
    }

    fn place(self) -> String {
        format!("file \"{}\" line {}", self.table.file, self.line.number)
    }
}

/// The delimiter a header uses: the one it has most of.
fn delimiter(header: &[u8]) -> u8 {
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    b",;\t".iter().copied().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// The header and every row, read from `start`. A row that is wider or narrower than the header and spans lines has a
/// quote that does not close: only its first line is given up, and reading begins anew at the next.
/// `None` when that happens too often.
fn lines(bytes: &[u8], delimiter: u8, start: usize) -> Option<Vec<Line>> {
    let mut found: Vec<Line> = Vec::new();
    let mut records = Records::at(bytes, delimiter, start, 1);
    let mut recoveries = 0;
    while let Some(mut line) = records.next() {
        let raw = bytes.get(line.raw.clone()).unwrap_or_default();
        let is_odd = found.first().is_some_and(|header| header.cells.len() != line.cells.len());
        if let Some(end) = raw.iter().position(|byte| *byte == b'\n').filter(|_| is_odd) {
            recoveries += 1;
            if recoveries > RECOVERIES_MAX {
                return None;
            }
            line.raw.end = line.raw.start + end;
            records = Records::at(bytes, delimiter, line.raw.end, line.number);
        }
        found.push(line);
    }
    Some(found)
}

/// Reads records and keeps where each began.
struct Records<'b> {
    bytes: &'b [u8],
    reader: csv::Reader<&'b [u8]>,
    /// Where the reader began, and on which line.
    base: (usize, u64),
}

impl<'b> Records<'b> {
    fn at(bytes: &'b [u8], delimiter: u8, start: usize, line: u64) -> Self {
        let mut builder = csv::ReaderBuilder::new();
        let builder = builder.has_headers(false).flexible(true).delimiter(delimiter);
        Self { bytes, reader: builder.from_reader(bytes.get(start..).unwrap_or_default()), base: (start, line) }
    }

    /// The next record; an error cannot happen here, as the bytes are in memory and any width is taken.
    fn next(&mut self) -> Option<Line> {
        let (from, mut number) = self.position();
        let mut cells = csv::ByteRecord::new();
        if !self.reader.read_byte_record(&mut cells).ok()? {
            return None;
        }
        let mut raw = from..self.position().0;
        // The reader stands between the two bytes of a line end, and skips blank lines while it reads.
        while let Some(byte @ (b'\r' | b'\n')) = self.bytes.get(raw.start).filter(|_| raw.start < raw.end) {
            number += u64::from(*byte == b'\n');
            raw.start += 1;
        }
        while self.bytes.get(raw.end.wrapping_sub(1)).is_some_and(|byte| matches!(byte, b'\r' | b'\n'))
            && raw.end > raw.start
        {
            raw.end -= 1;
        }
        Some(Line { number, raw, cells, fate: Cell::new(Fate::Untold), excess: Cell::new(None) })
    }

    fn position(&self) -> (usize, u64) {
        let position = self.reader.position();
        let byte = usize::try_from(position.byte()).unwrap_or(usize::MAX);
        (self.base.0.saturating_add(byte), self.base.1 + position.line() - 1)
    }
}
