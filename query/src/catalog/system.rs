//! The schema `system`: how far the store reaches, what it is made of, and what can be called.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use assay_model::lake::{Finality, Reorg, Replaced};
use assay_model::{BlockRef, Chain, Column, ColumnType};
use datafusion::common::Result;

use super::described::{Described, Kind};
use super::snapshot::{Rows, Snapshot};
use crate::QueryError;
use crate::functions::{DescribedFunction, described_functions};
use crate::lake::Segment;
use crate::store::blocking;

const SCHEMA: &str = "system";

/// The tables of the schema.
pub(super) const TABLES: [Described; 4] = [WATERMARKS, SEGMENTS, REORGS, FUNCTIONS];

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
        Column::optional(
            "safe_height",
            ColumnType::Int64,
            "Height of the last block that only an attack takes back, by its node; null where that is not known.",
        ),
        Column::optional(
            "finalized_height",
            ColumnType::Int64,
            "Height of the last block that is never taken back, by its node; null where that is not known.",
        ),
    ],
};

const REORGS: Described = Described {
    schema: SCHEMA,
    name: "reorgs",
    doc: "One row per block that was indexed and then taken back because the chain was reorganised.",
    kind: Kind::System,
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required("noticed", ColumnType::Time, "When it was noticed, UTC."),
        Column::required(
            "depth",
            ColumnType::Int64,
            "Number of blocks that were taken back together.",
        ),
        Column::required(
            "common_height",
            ColumnType::Int64,
            "Height of the last block that stayed.",
        ),
        Column::required("height", ColumnType::Int64, "Height of the block."),
        Column::required("hash", ColumnType::Bytes, "Its hash, as explorers show it."),
        Column::optional(
            "replaced_by",
            ColumnType::Bytes,
            "Hash of the block that took its place; null if there was none yet.",
        ),
    ],
};

const SEGMENTS: Described = Described {
    schema: SCHEMA,
    name: "segments",
    doc: "One row per segment of the lake: the files that hold a range of heights; ClickHouse has none.",
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

const FUNCTIONS: Described = Described {
    schema: SCHEMA,
    name: "functions",
    doc: "One row per SQL function that assay adds to the engine's.",
    kind: Kind::System,
    columns: &[
        Column::required("name", ColumnType::Text, "Its name."),
        Column::required(
            "kind",
            ColumnType::Text,
            "What it answers with: scalar (a value for each row), aggregate (a value for many rows) or table (rows).",
        ),
        Column::required("syntax", ColumnType::Text, "How it is called."),
        Column::required("description", ColumnType::Text, "What it answers."),
        Column::optional("example", ColumnType::Text, "A statement that shows it."),
    ],
};

/// The rows of one of [`TABLES`].
pub(super) async fn rows(name: &str, snapshot: &Arc<Snapshot>) -> Result<RecordBatch> {
    match name {
        "watermarks" => {
            let shared = Arc::clone(snapshot);
            let times = blocking(move || {
                shared
                    .chains
                    .iter()
                    .map(|chain| chain.tip_time())
                    .collect::<Result<_, QueryError>>()
            });
            watermarks(snapshot, times.await?)
        }
        "reorgs" => {
            let mut reorgs = Vec::new();
            for chain in &snapshot.chains {
                reorgs.push((chain.chain, chain.reorgs().await?));
            }
            self::reorgs(&reorgs)
        }
        "functions" => functions(),
        _ => segments(snapshot),
    }
}

fn watermarks(snapshot: &Snapshot, times: Vec<Option<i64>>) -> Result<RecordBatch> {
    let chains = &snapshot.chains;
    let settled = |block: &dyn Fn(Finality) -> Option<BlockRef>| -> ArrayRef {
        let heights = chains.iter().map(|chain| block(chain.finality));
        Arc::new(Int64Array::from_iter(heights.map(|block| block.map(|block| block.height as i64))))
    };
    let hashes = chains.iter().map(|chain| chain.tip.map(|tip| tip.hash.0));
    batch(
        &WATERMARKS,
        vec![
            Arc::new(StringArray::from_iter_values(chains.iter().map(|chain| chain.chain.name()))),
            Arc::new(StringArray::from_iter_values(
                chains.iter().map(|chain| chain.info.network.as_str()),
            )),
            Arc::new(Int64Array::from_iter(
                chains.iter().map(|chain| chain.tip.map(|tip| tip.height as i64)),
            )),
            Arc::new(BinaryArray::from_iter(hashes)),
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
            settled(&|finality| finality.safe),
            settled(&|finality| finality.finalized),
        ],
    )
}

fn reorgs(reorgs: &[(Chain, Vec<Reorg>)]) -> Result<RecordBatch> {
    let all: Vec<(Chain, &Reorg, &Replaced)> = reorgs
        .iter()
        .flat_map(|(chain, reorgs)| reorgs.iter().map(|reorg| (*chain, reorg)))
        .flat_map(|(chain, reorg)| reorg.replaced.iter().map(move |block| (chain, reorg, block)))
        .collect();
    let numbers = |number: &dyn Fn(&Reorg, &Replaced) -> u64| -> ArrayRef {
        let values = all.iter().map(|(_, reorg, block)| number(reorg, block) as i64);
        Arc::new(Int64Array::from_iter_values(values))
    };
    let noticed = all.iter().map(|(_, reorg, _)| reorg.noticed);
    batch(
        &REORGS,
        vec![
            Arc::new(StringArray::from_iter_values(all.iter().map(|(chain, ..)| chain.name()))),
            Arc::new(TimestampMicrosecondArray::from_iter_values(noticed).with_timezone("UTC")),
            numbers(&|reorg, _| reorg.replaced.len() as u64),
            numbers(&|reorg, _| reorg.common.height),
            numbers(&|_, block| block.height),
            Arc::new(BinaryArray::from_iter_values(all.iter().map(|(.., block)| block.hash.0))),
            Arc::new(BinaryArray::from_iter(
                all.iter().map(|(.., block)| block.by.map(|hash| hash.0)),
            )),
        ],
    )
}

fn segments(snapshot: &Snapshot) -> Result<RecordBatch> {
    let all: Vec<_> = snapshot
        .chains
        .iter()
        .flat_map(|chain| {
            let segments = match &chain.rows {
                Rows::Lake(lake) => lake.segments.as_slice(),
                Rows::ClickHouse(_) => &[],
            };
            segments.iter().map(|segment| (chain.chain, segment))
        })
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

fn functions() -> Result<RecordBatch> {
    let all = described_functions();
    let text = |field: fn(&DescribedFunction) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(all.iter().map(field)))
    };
    batch(
        &FUNCTIONS,
        vec![
            text(|function| Some(&function.name)),
            text(|function| Some(function.kind.name())),
            text(|function| Some(&function.syntax)),
            text(|function| Some(&function.doc)),
            text(|function| function.example.as_deref()),
        ],
    )
}

fn batch(table: &Described, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_new(table.arrow_schema(), columns)?)
}
