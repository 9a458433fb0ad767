//! Types of columns that have no type of their own in Rust: how they are written in ClickHouse's Native format.

use super::BoxedError;
use clickhouse::native::DataTypeNode;
use clickhouse::native::encode::{Encode, ValueWriter};
use smarketing_kernel::time::{Day, Timestamp};

/// Declares a newtype and the column it is written to.
macro_rules! column {
    ($(#[$doc:meta])* $name:ident($inner:ty) as $type:literal, |$value:ident, $writer:ident| $write:expr) => {
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) $inner);

        impl Encode for $name {
            fn produces() -> DataTypeNode {
                // Any other answer than the type itself would be refused by the server, loudly.
                DataTypeNode::new($type).unwrap_or(DataTypeNode::String)
            }

            fn encode(&self, $writer: &mut ValueWriter<'_>) -> Result<(), BoxedError> {
                let $value = self.0;
                Ok($write?)
            }
        }
    };
}

column! {
    /// An instant, in milliseconds.
    Moment(Timestamp) as "DateTime64(3, 'UTC')", |at, writer| writer.write_fixed(&at.0.to_le_bytes())
}

column! {
    /// A day, held at the ends of what ClickHouse's `Date` counts: 1970-01-01 and 2149-06-06.
    Date(Day) as "Date", |day, writer| writer.write_fixed(&date(day).to_le_bytes())
}

column! {
    /// A rate: digits of a decimal with twelve places.
    Twelfths(i128) as "Decimal(38, 12)", |digits, writer| writer.write_fixed(&digits.to_le_bytes())
}

/// Bytes that need not be text, in a column of type `String`.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Encode for Bytes<'_> {
    fn produces() -> DataTypeNode {
        DataTypeNode::String
    }

    fn encode(&self, writer: &mut ValueWriter<'_>) -> Result<(), BoxedError> {
        Ok(writer.write_string(self.0)?)
    }
}

/// One field of every element of a list, as an array.
pub(crate) struct Each<'a, T, V>(pub(crate) &'a [T], pub(crate) fn(&'a T) -> V);

impl<T, V: Encode> Encode for Each<'_, T, V> {
    fn produces() -> DataTypeNode {
        DataTypeNode::Array(Box::new(V::produces()))
    }

    fn encode(&self, writer: &mut ValueWriter<'_>) -> Result<(), BoxedError> {
        let mut array = writer.write_array::<V>()?;
        for element in self.0 {
            array.write(self.1(element))?;
        }
        array.finish();
        Ok(())
    }
}

/// An instant that may be missing.
pub(crate) fn ms(at: Option<Timestamp>) -> Option<Moment> {
    at.map(Moment)
}

/// A day as ClickHouse's `Date` counts it.
pub(crate) fn date(day: Day) -> u16 {
    u16::try_from(day.0.max(0)).unwrap_or(u16::MAX)
}
