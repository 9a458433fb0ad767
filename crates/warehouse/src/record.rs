//! How a row of the kernel is spelled in its table, column by column.
//!
//! One `record!` a table lists its columns with their types and where they come from; the last four columns are the
//! same everywhere and come from the [`Stamp`].

pub(crate) mod column;
pub(crate) mod credit;
pub(crate) mod deals;
pub(crate) mod money;
pub(crate) mod people;

use crate::write::Opener;
use column::Block;
use smarketing_kernel::row::Table;
use smarketing_kernel::time::Day;

/// Who says a row, and whether it is still there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) partition: u32,
    pub(crate) version: u64,
    pub(crate) deleted: bool,
    pub(crate) digest: u64,
}

/// A row of the kernel that has a table here.
pub(crate) trait Stored: Sized {
    /// Its table.
    const TABLE: Table;

    /// The day that decides the table's monthly partition; `None` where the table has only one partition.
    fn day(&self) -> Option<Day>;

    /// Roughly how many bytes it makes, for the size of inserts.
    fn weight(&self) -> usize {
        256
    }

    /// Rows as their table wants them, column by column, as a block of the Native format. Only a lead has anything for
    /// the `opener`.
    fn block(rows: &[(&Self, Stamp)], opener: &dyn Opener) -> Vec<u8>;
}

/// Declares how a row of the kernel fills the columns of its table.
macro_rules! record {
    (
        $table:ident, one partition a $period:tt,
        |$row:ident: $kind:ty, $opener:ident| { $($column:ident: $type:ty = $value:expr,)* }
        $(weighs $weight:expr;)?
    ) => {
        impl $crate::record::Stored for $kind {
            const TABLE: smarketing_kernel::row::Table = smarketing_kernel::row::Table::$table;

            $crate::record::record!(@day $row $period);

            $(fn weight(&self) -> usize {
                let $row = self;
                $weight
            })?

            fn block(
                rows: &[(&Self, $crate::record::Stamp)],
                $opener: &dyn $crate::write::Opener,
            ) -> Vec<u8> {
                let columns = [$(stringify!($column)),*].len() + $crate::record::STAMPS;
                let mut block = $crate::record::column::Block::new(columns, rows.len());
                $(block.column(stringify!($column), rows.iter().map(|($row, _)| -> $type { $value }));)*
                $crate::record::stamps(rows, &mut block);
                block.finish()
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

/// How many columns every table ends with.
pub(crate) const STAMPS: usize = 4;

/// The columns every table ends with.
pub(crate) fn stamps<R>(rows: &[(&R, Stamp)], block: &mut Block) {
    let stamps = || rows.iter().map(|(_, stamp)| stamp);
    block.column("partition", stamps().map(|stamp| stamp.partition));
    block.column("version", stamps().map(|stamp| stamp.version));
    block.column("is_deleted", stamps().map(|stamp| u8::from(stamp.deleted)));
    block.column("row_digest", stamps().map(|stamp| stamp.digest));
}
