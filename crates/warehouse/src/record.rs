//! How a row of the kernel is spelled in its table: borrowed, column by column, no copies.
//!
//! One `record!` a table lists its columns with their types and where they come from; the last four columns are the
//! same everywhere and come from the [`Stamp`].

pub(crate) mod credit;
pub(crate) mod deals;
pub(crate) mod money;
pub(crate) mod people;

use crate::write::Opener;
use clickhouse::{Row, RowWrite};
use smarketing_kernel::row::Table;
use smarketing_kernel::time::{Day, Timestamp};

/// Who says a row, and whether it is still there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) partition: u32,
    pub(crate) version: u64,
    pub(crate) deleted: bool,
    pub(crate) digest: u64,
}

/// A row of the kernel that has a table here.
pub(crate) trait Stored {
    /// Its table.
    const TABLE: Table;
    /// Its columns.
    type Record: RowWrite;

    /// The day that decides the table's monthly partition; `None` where the table has only one partition.
    fn day(&self) -> Option<Day>;

    /// Roughly how many bytes it makes, for the size of blocks.
    fn weight(&self) -> usize {
        256
    }

    /// The row as its table wants it. Only a lead has anything for the `opener`.
    fn record<'a>(&'a self, stamp: Stamp, opener: &dyn Opener) -> <Self::Record as Row>::Value<'a>;
}

/// Declares the columns of a table: a struct, and [`Stored`] for the kernel's row.
macro_rules! record {
    (
        $record:ident: $table:ident, one partition a $period:tt,
        |$row:ident: $kind:ty, $opener:ident| { $($column:ident: $type:ty = $value:expr,)* }
        $(weighs $weight:expr;)?
    ) => {
        #[derive(clickhouse::Row, serde::Serialize)]
        pub(crate) struct $record<'a> {
            $($column: $type,)*
            partition: u32,
            version: u64,
            is_deleted: u8,
            row_digest: u64,
        }

        impl $crate::record::Stored for $kind {
            const TABLE: smarketing_kernel::row::Table = smarketing_kernel::row::Table::$table;
            type Record = $record<'static>;

            $crate::record::record!(@day $row $period);

            $(fn weight(&self) -> usize {
                let $row = self;
                $weight
            })?

            fn record<'a>(
                &'a self,
                stamp: $crate::record::Stamp,
                $opener: &dyn $crate::write::Opener,
            ) -> $record<'a> {
                let $row = self;
                $record {
                    $($column: $value,)*
                    partition: stamp.partition,
                    version: stamp.version,
                    is_deleted: u8::from(stamp.deleted),
                    row_digest: stamp.digest,
                }
            }
        }
    };
    (@day $row:ident table) => {
        fn day(&self) -> Option<smarketing_kernel::time::Day> {
            None
        }
    };
    (@day $row:ident (month of $day:expr)) => {
        fn day(&self) -> Option<smarketing_kernel::time::Day> {
            let $row = self;
            Some($day)
        }
    };
}
pub(crate) use record;

/// Milliseconds of an instant that may be missing.
fn ms(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| at.0)
}

/// A day as ClickHouse's `Date` counts it: from 1970-01-01 to 2149-06-06, held at the ends.
pub(crate) fn date(day: Day) -> u16 {
    u16::try_from(day.0.max(0)).unwrap_or(u16::MAX)
}
