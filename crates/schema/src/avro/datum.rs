//! One datum, read by its writer's schema as a serde deserializer: values go straight to whoever asked.
//!
//! Bounded by two counters: nesting, since schemas may be recursive, and the number of values, since an array of
//! nulls is any number of values in six bytes.

use super::schema::{Node, Record, TypeId, WriterSchema};
use crate::reject::{Reason, Rejected};
use crate::wire::{Visitor as WireVisitor, Wire};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use smarketing_kernel::time::Day;
use std::fmt;

/// Deepest nesting of values in a datum.
const NESTING_MAX: u8 = 64;
/// Most values in a datum.
const VALUES_MAX: u32 = 65_536;

/// Bytes of datums, read from the front.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

/// Why a datum cannot be read.
#[derive(Debug)]
pub(super) enum Broken {
    Truncated,
    TooDeep,
    TooMany,
    Invalid(&'static str),
    Custom(String),
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    pub(super) fn bytes(&mut self, n: usize) -> Result<&'a [u8], Broken> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Broken::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    /// A zigzag variable-length integer of at most 64 bits.
    pub(super) fn long(&mut self) -> Result<i64, Broken> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.bytes(1)? else { return Err(Broken::Truncated) };
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(Broken::Invalid("an integer is longer than 64 bits"))
    }

    /// A length or a number of things; never negative.
    pub(super) fn length(&mut self) -> Result<usize, Broken> {
        usize::try_from(self.long()?).map_err(|_| Broken::Invalid("a length is negative"))
    }

    fn text(&mut self) -> Result<&'a str, Broken> {
        let length = self.length()?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| Broken::Invalid("a string is not UTF-8"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        self.bytes(N)?.try_into().map_err(|_| Broken::Truncated)
    }
}

/// Reads the next datum, a record, into the fields of an event.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>, writer: &'a WriterSchema) -> Result<Wire<'a>, Broken> {
    let mut values = VALUES_MAX;
    let mut datum = Datum { cursor, writer, id: writer.root, levels: NESTING_MAX, values: &mut values };
    let record = datum.top_record()?;
    let event = record.event;
    let mut wire = datum.deserialize_any(WireVisitor { raw_numbers: false })?;
    if let Some(event) = event {
        wire.name_event(event);
    }
    Ok(wire)
}

/// A value about to be read.
struct Datum<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    writer: &'a WriterSchema,
    id: TypeId,
    levels: u8,
    values: &'c mut u32,
}

impl<'a> Datum<'_, 'a> {
    fn node(&self) -> Result<&'a Node, Broken> {
        self.writer.node(self.id).ok_or(Broken::Invalid("the schema names a type it does not have"))
    }

    /// Goes through unions to the record an event must be.
    fn top_record(&mut self) -> Result<&'a Record, Broken> {
        for _ in 0..NESTING_MAX {
            match self.node()? {
                Node::Record(record) => return Ok(record),
                Node::Union(branches) => self.id = self.branch(branches)?,
                _ => return Err(Broken::Invalid("an event is a record")),
            }
        }
        Err(Broken::TooDeep)
    }

    fn branch(&mut self, branches: &[TypeId]) -> Result<TypeId, Broken> {
        let at = self.cursor.length()?;
        branches.get(at).copied().ok_or(Broken::Invalid("a union has no such branch"))
    }

    /// The value of another type at this place.
    fn inner(&mut self, id: TypeId) -> Result<Datum<'_, 'a>, Broken> {
        let levels = self.levels.checked_sub(1).ok_or(Broken::TooDeep)?;
        Ok(Datum { cursor: self.cursor, writer: self.writer, id, levels, values: self.values })
    }
}

impl<'a> Deserializer<'a> for Datum<'_, 'a> {
    type Error = Broken;

    fn deserialize_any<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, Broken> {
        *self.values = self.values.checked_sub(1).ok_or(Broken::TooMany)?;
        match self.node()? {
            Node::Null => visitor.visit_unit(),
            Node::Boolean => match self.cursor.array()? {
                [0] => visitor.visit_bool(false),
                [1] => visitor.visit_bool(true),
                _ => Err(Broken::Invalid("a boolean is neither 0 nor 1")),
            },
            Node::Int | Node::Long => visitor.visit_i64(self.cursor.long()?),
            Node::FineTime(unit) => visitor.visit_i64(self.cursor.long()?.div_euclid(*unit)),
            Node::Date => {
                let day = i32::try_from(self.cursor.long()?).map_err(|_| Broken::Invalid("a date is out of range"))?;
                visitor.visit_str(&Day(day).to_string())
            }
            Node::Float => visitor.visit_f64(f64::from(f32::from_le_bytes(self.cursor.array()?))),
            Node::Double => visitor.visit_f64(f64::from_le_bytes(self.cursor.array()?)),
            Node::Text => visitor.visit_borrowed_str(self.cursor.text()?),
            Node::Bytes => {
                let length = self.cursor.length()?;
                visitor.visit_borrowed_bytes(self.cursor.bytes(length)?)
            }
            Node::Fixed(size) => visitor.visit_borrowed_bytes(self.cursor.bytes(*size)?),
            Node::Enum(symbols) => {
                let at = self.cursor.length()?;
                visitor.visit_borrowed_str(symbols.get(at).ok_or(Broken::Invalid("an enum has no such symbol"))?)
            }
            Node::Union(branches) => {
                let id = self.branch(branches)?;
                self.inner(id)?.deserialize_any(visitor)
            }
            Node::Array(id) => visitor.visit_seq(Entries { id: *id, left: 0, datum: self }),
            Node::Map(id) => visitor.visit_map(Entries { id: *id, left: 0, datum: self }),
            Node::Record(record) => visitor.visit_map(Fields { fields: record.fields.iter(), next: None, datum: self }),
        }
    }

    forward_to_deserialize_any! {
        <W: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The entries of an array or a map, in blocks.
struct Entries<'c, 'a> {
    datum: Datum<'c, 'a>,
    id: TypeId,
    /// Entries left in this block.
    left: u64,
}

impl Entries<'_, '_> {
    /// Whether another entry follows.
    fn advance(&mut self) -> Result<bool, Broken> {
        if self.left == 0 {
            let count = self.datum.cursor.long()?;
            if count < 0 {
                // A negative count is followed by the block's size in bytes, for those who skip.
                self.datum.cursor.length()?;
            }
            self.left = count.unsigned_abs();
        }
        let more = self.left > 0;
        self.left = self.left.saturating_sub(1);
        Ok(more)
    }
}

impl<'a> SeqAccess<'a> for Entries<'_, 'a> {
    type Error = Broken;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Broken> {
        if !self.advance()? {
            return Ok(None);
        }
        seed.deserialize(self.datum.inner(self.id)?).map(Some)
    }
}

impl<'a> MapAccess<'a> for Entries<'_, 'a> {
    type Error = Broken;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Broken> {
        if !self.advance()? {
            return Ok(None);
        }
        let key = self.datum.cursor.text()?;
        seed.deserialize(Borrowed::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Broken> {
        seed.deserialize(self.datum.inner(self.id)?)
    }
}

/// The fields of a record, in the writer's order.
struct Fields<'c, 'a> {
    datum: Datum<'c, 'a>,
    fields: std::slice::Iter<'a, (String, TypeId)>,
    next: Option<TypeId>,
}

impl<'a> MapAccess<'a> for Fields<'_, 'a> {
    type Error = Broken;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Broken> {
        let Some((name, id)) = self.fields.next() else { return Ok(None) };
        self.next = Some(*id);
        seed.deserialize(Borrowed::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Broken> {
        let id = self.next.take().ok_or(Broken::Invalid("a value was read before its name"))?;
        seed.deserialize(self.datum.inner(id)?)
    }
}

type Borrowed<'a> = serde::de::value::BorrowedStrDeserializer<'a, Broken>;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("datum ends early"),
            Self::TooDeep => write!(f, "datum is nested deeper than {NESTING_MAX} levels"),
            Self::TooMany => write!(f, "datum holds more than {VALUES_MAX} values"),
            Self::Invalid(what) => f.write_str(what),
            Self::Custom(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Broken {}

impl serde::de::Error for Broken {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

impl Broken {
    /// The reject of a record that broke here.
    pub(super) fn refused(self) -> Rejected {
        let reason = match self {
            Self::Truncated => Reason::TruncatedAvro,
            Self::TooDeep => Reason::TooDeep,
            Self::TooMany => Reason::TooLarge,
            Self::Invalid(_) | Self::Custom(_) => Reason::InvalidAvro,
        };
        Rejected::new(reason, self.to_string())
    }
}
