//! Columns in ClickHouse's Native format.
//!
//! A block is a number of columns and rows, then column by column a name, a type and the values. Values of most types
//! stand in one stream; those with a part that comes before all others (which values are missing, where lists end) have
//! a stream for it, and streams follow each other.

use smarketing_kernel::time::{Day, Timestamp};

/// A value of a column.
pub(crate) trait Value {
    /// Streams a column of such values has.
    const STREAMS: usize = 1;

    /// The type of the column; ClickHouse converts it where the table has a kindred one, such as a low-cardinality text.
    fn name() -> String;

    /// Appends the value, a part to each stream.
    fn put(&self, streams: &mut [Vec<u8>]);
}

/// A value of eight bytes.
pub(crate) trait Eight: Value {}

impl Eight for i64 {}
impl Eight for Moment {}

/// A block of rows, written column by column.
pub(crate) struct Block {
    bytes: Vec<u8>,
    streams: Vec<Vec<u8>>,
}

impl Block {
    pub(crate) fn new(columns: usize, rows: usize) -> Self {
        let mut bytes = Vec::with_capacity(256 * rows);
        put_length(&mut bytes, columns);
        put_length(&mut bytes, rows);
        Self { bytes, streams: Vec::new() }
    }

    /// Writes the next column.
    pub(crate) fn column<V: Value>(&mut self, name: &str, values: impl Iterator<Item = V>) {
        put_text(&mut self.bytes, name.as_bytes());
        put_text(&mut self.bytes, V::name().as_bytes());
        self.streams.resize_with(V::STREAMS.max(self.streams.len()), Vec::new);
        values.for_each(|value| value.put(&mut self.streams));
        for stream in &mut self.streams {
            self.bytes.append(stream);
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// A length of variable length: seven bits a byte, the lowest first.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    let mut rest = length;
    while rest > 0x7F {
        let [low, ..] = rest.to_le_bytes();
        bytes.push(low | 0x80);
        rest >>= 7;
    }
    let [low, ..] = rest.to_le_bytes();
    bytes.push(low);
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text);
}

/// Types of a fixed number of bytes.
macro_rules! fixed {
    ($($value:ty as $name:literal, |$of:ident| $bytes:expr;)+) => {$(
        impl Value for $value {
            fn name() -> String {
                $name.to_owned()
            }

            fn put(&self, streams: &mut [Vec<u8>]) {
                let $of = self;
                if let Some(stream) = streams.first_mut() {
                    stream.extend_from_slice(&$bytes);
                }
            }
        }
    )+};
}

/// Types of bytes, text or not.
macro_rules! text {
    ($($value:ty),+) => {$(
        impl Value for $value {
            fn name() -> String {
                "String".to_owned()
            }

            fn put(&self, streams: &mut [Vec<u8>]) {
                if let Some(stream) = streams.first_mut() {
                    put_text(stream, self.as_ref());
                }
            }
        }
    )+};
}

/// An instant, in milliseconds.
pub(crate) struct Moment(pub(crate) Timestamp);

/// A day, held at the ends of what ClickHouse's `Date` counts: 1970-01-01 and 2149-06-06.
pub(crate) struct Date(pub(crate) Day);

/// A rate: digits of a decimal with twelve places.
pub(crate) struct Twelfths(pub(crate) i128);

/// Bytes that need not be text.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

fixed! {
    u8 as "UInt8", |number| number.to_le_bytes();
    u32 as "UInt32", |number| number.to_le_bytes();
    u64 as "UInt64", |number| number.to_le_bytes();
    i64 as "Int64", |number| number.to_le_bytes();
    Moment as "DateTime64(3, 'UTC')", |at| at.0.0.to_le_bytes();
    Date as "Date", |day| date(day.0).to_le_bytes();
    Twelfths as "Decimal(38, 12)", |digits| digits.0.to_le_bytes();
}

text!(&str, String, Bytes<'_>);

impl AsRef<[u8]> for Bytes<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

/// A value of eight bytes that may be missing; then zeroes stand in its place.
impl<V: Eight> Value for Option<V> {
    const STREAMS: usize = 2;

    fn name() -> String {
        format!("Nullable({})", V::name())
    }

    fn put(&self, streams: &mut [Vec<u8>]) {
        let [missing, values, ..] = streams else { return };
        missing.push(u8::from(self.is_none()));
        match self {
            Some(value) => value.put(std::slice::from_mut(values)),
            None => values.extend_from_slice(&[0; 8]),
        }
    }
}

/// One field of every element of a list, as an array.
pub(crate) struct Each<'a, T, V>(pub(crate) &'a [T], pub(crate) fn(&'a T) -> V);

impl<T, V: Value> Value for Each<'_, T, V> {
    const STREAMS: usize = 1 + V::STREAMS;

    fn name() -> String {
        format!("Array({})", V::name())
    }

    fn put(&self, streams: &mut [Vec<u8>]) {
        let Some((ends, rest)) = streams.split_first_mut() else { return };
        put_end(ends, self.0.len());
        self.0.iter().for_each(|element| self.1(element).put(rest));
    }
}

impl Value for &[i64] {
    const STREAMS: usize = 2;

    fn name() -> String {
        "Array(Int64)".to_owned()
    }

    fn put(&self, streams: &mut [Vec<u8>]) {
        let Some((ends, rest)) = streams.split_first_mut() else { return };
        put_end(ends, self.len());
        self.iter().for_each(|number| number.put(rest));
    }
}

/// Where a list of so many elements ends, counted from the first element of the block.
fn put_end(ends: &mut Vec<u8>, elements: usize) {
    let before = ends.last_chunk().map_or(0, |end| u64::from_le_bytes(*end));
    ends.extend_from_slice(&(before + elements as u64).to_le_bytes());
}

/// An instant that may be missing.
pub(crate) fn ms(at: Option<Timestamp>) -> Option<Moment> {
    at.map(Moment)
}

/// A day as ClickHouse's `Date` counts it.
pub(crate) fn date(day: Day) -> u16 {
    u16::try_from(day.0.max(0)).unwrap_or(u16::MAX)
}
