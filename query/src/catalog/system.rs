//! The schema `system`: how far the lake reaches and what it is made of.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use assay_model::{Column, ColumnType};
use datafusion::common::Result;

use super::described::{Described, Kind};
use super::lake::Snapshot;
use super::segment::Segment;

const SCHEMA: &str = "system";

/// The tables of the schema.
pub(super) const TABLES: [Described; 2] = [WATERMARKS, SEGMENTS];

const WATERMARKS: Described = Described {
    schema: SCHEMA,
    name: "watermarks",
    doc: "One row per chain: the last block that is indexed.",
    kind: Kind::System,
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required("network", ColumnType::Text, "Network, such as mainnet."),
        Column::optional(
            "height",
            ColumnType::Int64,
            "Height of the block; null before the first.",
        ),
        Column::optional("hash", ColumnType::Bytes, "Hash of its header, as explorers show it."),
        Column::optional("time", ColumnType::Time, "Its header time, UTC."),
    ],
};

const SEGMENTS: Described = Described {
    schema: SCHEMA,
    name: "segments",
    doc: "One row per segment of the lake: the files that hold a range of heights.",
    kind: Kind::System,
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required("from_height", ColumnType::Int64, "First height."),
        Column::required("to_height", ColumnType::Int64, "The height after the last."),
        Column::required("rows", ColumnType::Int64, "Rows of all tables together."),
        Column::required("bytes", ColumnType::Int64, "Size of all files together, bytes."),
        Column::required(
            "block_bytes",
            ColumnType::Int64,
            "Size of the raw blocks that the rows were made from, bytes.",
        ),
    ],
};

/// The rows of one of [`TABLES`]. May read block times from the lake.
pub(super) fn rows(name: &str, snapshot: &Snapshot) -> Result<RecordBatch> {
    if name == WATERMARKS.name { watermarks(snapshot) } else { segments(snapshot) }
}

fn watermarks(snapshot: &Snapshot) -> Result<RecordBatch> {
    let chains = &snapshot.chains;
    let heights: Vec<_> = chains.iter().map(|chain| chain.tip()).collect();
    let times = chains.iter().zip(&heights).map(|(chain, height)| match height {
        Some(height) => chain.time_at(*height),
        None => Ok(None),
    });
    let times = times.collect::<Result<Vec<_>, _>>()?;
    let hashes = chains.iter().map(|chain| chain.segments.last().map(|last| last.info.last.0));
    batch(
        &WATERMARKS,
        vec![
            Arc::new(StringArray::from_iter_values(chains.iter().map(|chain| chain.chain.name()))),
            Arc::new(StringArray::from_iter_values(
                chains.iter().map(|chain| chain.info.network.as_str()),
            )),
            Arc::new(Int64Array::from_iter(
                heights.iter().map(|height| height.map(|height| height as i64)),
            )),
            Arc::new(BinaryArray::from_iter(hashes)),
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        ],
    )
}

fn segments(snapshot: &Snapshot) -> Result<RecordBatch> {
    let all: Vec<_> = snapshot
        .chains
        .iter()
        .flat_map(|chain| chain.segments.iter().map(|segment| (chain.chain, segment)))
        .collect();
    let numbers = |number: &dyn Fn(&Segment) -> u64| -> ArrayRef {
        let values = all.iter().map(|(_, segment)| number(segment) as i64);
        Arc::new(Int64Array::from_iter_values(values))
    };
    batch(
        &SEGMENTS,
        vec![
            Arc::new(StringArray::from_iter_values(all.iter().map(|(chain, _)| chain.name()))),
            numbers(&|segment| segment.heights.start),
            numbers(&|segment| segment.heights.end),
            numbers(&|segment| segment.info.tables.values().map(|file| file.rows).sum()),
            numbers(&|segment| segment.info.tables.values().map(|file| file.bytes).sum()),
            numbers(&|segment| segment.info.block_bytes),
        ],
    )
}

fn batch(table: &Described, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_new(table.arrow_schema(), columns)?)
}
