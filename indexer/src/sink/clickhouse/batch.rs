//! A batch as ClickHouse is sent it: one Arrow stream a table.

use std::ops::Range;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use assay_clickhouse::stored;
use assay_model::{Batch, BlockRef, Table};
use bytes::Bytes;

use crate::sink::SinkError;

/// A batch whose tables are streams in Arrow's IPC format.
#[derive(Clone, Debug)]
pub struct EncodedBatch {
    pub(super) first: BlockRef,
    pub(super) last: BlockRef,
    /// Time in the header of the last block, Unix seconds.
    pub(super) time: Option<i64>,
    pub(super) block_bytes: u64,
    /// In the order of [`assay_model::Chain::tables`].
    pub(super) tables: Vec<EncodedTable>,
}

/// The rows of one table in one batch.
#[derive(Clone, Debug)]
pub(super) struct EncodedTable {
    pub table: &'static Table,
    pub rows: u64,
    pub stream: Bytes,
}

impl EncodedBatch {
    pub(super) fn of(batch: &Batch) -> Result<EncodedBatch, SinkError> {
        let tables = batch.tables().map(|(table, rows)| {
            let stream = encode(table, rows)
                .map_err(|source| SinkError::Encode { table: table.full_name(), source })?;
            Ok(EncodedTable { table, rows: rows.num_rows() as u64, stream })
        });
        let Batch { first, last, block_bytes, .. } = *batch;
        let tables = tables.collect::<Result<_, SinkError>>()?;
        Ok(EncodedBatch { first, last, time: last_time(batch), block_bytes, tables })
    }

    pub(super) fn heights(&self) -> Range<u64> {
        self.first.height..self.last.height + 1
    }

    /// Rows of each table.
    pub(super) fn rows(&self) -> Vec<u64> {
        self.tables.iter().map(|table| table.rows).collect()
    }
}

fn encode(table: &Table, rows: &RecordBatch) -> Result<Bytes, ArrowError> {
    let rows = stored(table, rows)?;
    let mut writer =
        StreamWriter::try_new(Vec::with_capacity(rows.get_array_memory_size()), &rows.schema())?;
    writer.write(&rows)?;
    Ok(writer.into_inner()?.into())
}

fn last_time(batch: &Batch) -> Option<i64> {
    let (_, blocks) = batch.tables().find(|(table, _)| *table == table.chain.blocks())?;
    let times = blocks.column_by_name("time")?.as_primitive_opt::<TimestampMicrosecondType>()?;
    times.values().last().map(|micros| micros.div_euclid(1_000_000))
}
