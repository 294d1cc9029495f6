//! The layout of a lake: what its folders and files are called, and what the small JSON files say.
//!
//! ```text
//! lake/bitcoin/lake.json                          which network, which schema: `LakeInfo`
//! lake/bitcoin/last_run.json                      what the last run did: `RunInfo`
//! lake/bitcoin/000000000-000000151/               one segment: heights 0 to 150
//!                                 /segment.json   its blocks and row counts: `SegmentInfo`
//!                                 /blocks.parquet one file a table
//! lake/bitcoin/.staging/                          segments being written; nobody reads them
//! lake/bitcoin/.lock                              held by the one writer
//! ```
//!
//! The indexer writes by this module and the query layer reads by it, so that neither has to know
//! the other.
//!
//! # Invariants
//!
//! * A segment's folder exists under its name only when every file in it is complete.
//! * Segments follow each other without a gap from the lake's first height, which is 0 unless it was
//!   asked otherwise; the end of the last one is the watermark. What [`contiguous`] does not return is not part of the lake.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::BlockHash;
use crate::ethereum::DAO_FORK_HEIGHT;

/// Version of the tables' schemas; a lake of another version is refused, not misread.
pub const SCHEMA_VERSION: u32 = 2;
/// Name of the file that holds [`LakeInfo`].
pub const LAKE_FILE: &str = "lake.json";
/// Name of the file that holds [`RunInfo`].
pub const RUN_FILE: &str = "last_run.json";
/// Name of the file in every segment that holds [`SegmentInfo`].
pub const SEGMENT_FILE: &str = "segment.json";
/// Name of the folder in which segments are written before they appear.
pub const STAGING_DIR: &str = ".staging";
/// Name of the file that the one writer holds locked.
pub const LOCK_FILE: &str = ".lock";

/// What a chain's folder holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeInfo {
    /// [`SCHEMA_VERSION`] of the program that made it.
    pub schema_version: u32,
    /// Name of the network whose blocks it holds.
    pub network: String,
    /// First height.
    pub from: u64,
    /// What it holds beyond what every lake of its chain holds.
    pub extras: BTreeSet<Extra>,
}

/// The file with [`LakeInfo`] cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LakeInfoError {
    /// It is not what this program would have written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It is of a program with other schemas.
    #[error("schema version {0}, where {SCHEMA_VERSION} is known")]
    SchemaVersion(u64),
}

impl LakeInfo {
    /// Reads what [`LAKE_FILE`] says.
    ///
    /// # Errors
    ///
    /// If it is of another schema version, whatever else it says: that need not be readable then;
    /// or if it is damaged.
    pub fn read(json: &[u8]) -> Result<LakeInfo, LakeInfoError> {
        let any: serde_json::Value = serde_json::from_slice(json)?;
        match any.get("schema_version").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(SCHEMA_VERSION) => {
                Err(LakeInfoError::SchemaVersion(found))
            }
            _ => Ok(serde_json::from_value(any)?),
        }
    }
}

/// What a lake may hold or not, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// Script signatures and witnesses of Bitcoin's inputs.
    Scripts,
    /// Traces of Ethereum's transactions, and the internal transfers that they show.
    Traces,
    /// The accounts of Ethereum's genesis block.
    Genesis,
    /// What the fork of The DAO moved, in block 1,920,000 of Ethereum's main network.
    DaoMove,
}

impl Extra {
    /// What it is, for people.
    pub fn name(self) -> &'static str {
        match self {
            Extra::Scripts => "scripts",
            Extra::Traces => "traces",
            Extra::Genesis => "genesis accounts",
            Extra::DaoMove => "what the fork of The DAO moved",
        }
    }

    /// Whether a lake whose first height is `from` can hold it: some is in one block alone.
    pub fn is_within(self, from: u64) -> bool {
        match self {
            Extra::Scripts | Extra::Traces => true,
            Extra::Genesis => from == 0,
            Extra::DaoMove => from <= DAO_FORK_HEIGHT,
        }
    }
}

/// What a segment holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// First height.
    pub from: u64,
    /// The height after the last.
    pub to: u64,
    /// Hash of the block before the first; zero if the first is the genesis block.
    pub parent: BlockHash,
    /// Hash of the last block.
    pub last: BlockHash,
    /// Hash of the block before the last.
    pub last_parent: BlockHash,
    /// Bytes of raw block data that the rows were made from.
    pub block_bytes: u64,
    /// Each table's file, by table name.
    pub tables: BTreeMap<String, FileInfo>,
}

/// One table's file in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Rows.
    pub rows: u64,
    /// Size of the file, bytes.
    pub bytes: u64,
}

/// What the last run of the indexer did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Version of the program.
    pub program_version: String,
    /// Unix time at which the run started, seconds.
    pub started: u64,
    /// How long it took, seconds.
    pub seconds: f64,
    /// First height that it committed.
    pub from: u64,
    /// The height after the last that it committed.
    pub to: u64,
    /// Bytes of raw block data that it read.
    pub block_bytes: u64,
}

/// Name of the file that holds `table` in a segment.
pub fn table_file(table: &str) -> String {
    format!("{table}.parquet")
}

/// Name of the folder of the segment of `heights`.
pub fn segment_dir(heights: &Range<u64>) -> String {
    format!("{:09}-{:09}", heights.start, heights.end)
}

/// The heights of the segment whose folder is called `name`; `None` if no segment is called so.
pub fn segment_heights(name: &str) -> Option<Range<u64>> {
    let (from, to) = name.split_once('-')?;
    let heights = from.parse().ok()?..to.parse().ok()?;
    (heights.start < heights.end && segment_dir(&heights) == name).then_some(heights)
}

/// Those of `segments`, sorted, that follow each other without a gap from height `from`: the lake.
pub fn contiguous(from: u64, mut segments: Vec<Range<u64>>) -> Vec<Range<u64>> {
    segments.sort_by_key(|heights| heights.start);
    let mut next = from;
    segments.retain(|heights| {
        let follows = heights.start == next;
        next = if follows { heights.end } else { next };
        follows
    });
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segments_name_says_its_heights_and_nothing_else_does() {
        assert_eq!(segment_dir(&(0..151)), "000000000-000000151");
        assert_eq!(segment_heights("000000000-000000151"), Some(0..151));
        for name in [".staging", "lake.json", "0-151", "000000151-000000151", "000000002-000000001"]
        {
            assert_eq!(segment_heights(name), None, "{name}");
        }
    }

    #[test]
    fn what_lies_behind_a_gap_is_not_part_of_the_lake() {
        assert_eq!(contiguous(0, vec![7..9, 0..3, 3..5]), [0..3, 3..5]);
        assert_eq!(contiguous(3, vec![7..9, 5..6, 0..3, 3..5]), [3..5, 5..6]);
        assert!(contiguous(0, vec![1..3, 3..4]).is_empty());
    }
}
