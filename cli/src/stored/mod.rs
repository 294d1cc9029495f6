//! What a store says of itself without a query: its chains, how far they are, and the last run.

mod clickhouse;
mod lake;

use std::ops::Range;
use std::path::PathBuf;

use assay_model::Chain;
use assay_model::lake::{Finality, LakeInfo, Reorg, RunInfo, SegmentInfo};

use crate::config::Config;
use crate::store::Store;

/// One chain of a store.
#[derive(Clone, Debug)]
pub struct StoredChain {
    /// The chain.
    pub chain: Chain,
    /// Its folder, if it is in a lake.
    pub dir: Option<PathBuf>,
    /// Network and schema version.
    pub info: LakeInfo,
    /// How far it is settled.
    pub finality: Finality,
    /// What was taken back.
    pub reorgs: Vec<Reorg>,
    /// What it consists of, without a gap from its first height on; a server has all in one.
    pub segments: Vec<Segment>,
    /// How many pieces the rows are in: segments of a lake, parts of a server's tables.
    pub pieces: u64,
    /// What says how many rows there are.
    pub log: &'static str,
    /// What the last run did, if one has ended.
    pub last_run: Option<RunInfo>,
    /// Whether an indexer is at work; `None` if that cannot be told.
    pub has_writer: Option<bool>,
}

/// A range of heights.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The heights in the name of its folder.
    pub heights: Range<u64>,
    /// Its folder, if it is in a lake.
    pub dir: Option<PathBuf>,
    /// What it says of itself.
    pub info: SegmentInfo,
}

impl StoredChain {
    /// The heights that the store holds.
    pub fn heights(&self) -> Range<u64> {
        self.info.from..self.segments.last().map_or(self.info.from, |last| last.heights.end)
    }
}

/// Every chain of the store that `config` names; an error if there is none.
pub async fn chains(config: &Config) -> anyhow::Result<Vec<StoredChain>> {
    match &config.store {
        Store::Lake => lake::chains(&config.lake_dir),
        Store::ClickHouse(server) => clickhouse::chains(server).await,
    }
}

pub use lake::chains as lake_chains;
