//! Rows on their way into a store.

use std::ops::Range;

use arrow::record_batch::RecordBatch;

use crate::{BlockRef, Chain, Table};

/// All tables' rows of one contiguous range of heights.
///
/// Invariant: `tables` holds every table of the chain once, in the order of [`Chain::tables`],
/// each with the table's own schema.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The first block of the range.
    pub first: BlockRef,
    /// The last block of the range.
    pub last: BlockRef,
    /// Bytes of raw block data that the rows were made from.
    pub block_bytes: u64,
    tables: Vec<(&'static Table, RecordBatch)>,
}

impl Batch {
    /// The batch of the blocks `first` to `last` of `chain`; `rows` in the order of
    /// [`Chain::tables`].
    ///
    /// # Panics
    ///
    /// If `rows` does not have one entry a table, or one with another schema: the decoder that
    /// made it is wrong.
    pub fn new(
        chain: Chain,
        first: BlockRef,
        last: BlockRef,
        block_bytes: u64,
        rows: Vec<RecordBatch>,
    ) -> Batch {
        assert_eq!(rows.len(), chain.tables().len(), "one entry for every table");
        let tables: Vec<_> = chain.tables().iter().copied().zip(rows).collect();
        for (table, rows) in &tables {
            assert_eq!(rows.schema(), table.schema(), "schema of {}", table.full_name());
        }
        Batch { first, last, block_bytes, tables }
    }

    /// The heights of the batch.
    pub fn heights(&self) -> Range<u64> {
        self.first.height..self.last.height + 1
    }

    /// Each table with its rows.
    pub fn tables(&self) -> impl Iterator<Item = (&'static Table, &RecordBatch)> {
        self.tables.iter().map(|(table, rows)| (*table, rows))
    }

    /// Rows of all tables together.
    pub fn row_count(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows.num_rows() as u64).sum()
    }
}
