//! The layout of a lake: what its folders and files are called, and what the small JSON files say.
//!
//! ```text
//! lake/bitcoin/lake.json                          which network, which schema: `LakeInfo`
//! lake/bitcoin/manifest.json                      which segments make up the lake: `Manifest`
//! lake/bitcoin/last_run.json                      what the last run did: `RunInfo`
//! lake/bitcoin/000000000-000000151-1f02a4c7/      one segment: heights 0 to 150, and how the hash of
//!                                                 the last ends
//!                                 /segment.json   its blocks and row counts: `SegmentInfo`
//!                                 /blocks.parquet one file a table
//! lake/bitcoin/.staging/                          segments being written; nobody reads them
//! lake/bitcoin/.replaced/                         segments of before, for statements that began then
//! lake/bitcoin/.lock                              held by the one writer
//! ```
//!
//! The indexer writes by this module and the query layer reads by it, so that neither has to know
//! the other.
//!
//! # Invariants
//!
//! * A segment's folder exists under its name only when every file in it is complete, and its files
//!   never change: its last hash commits to every block below it, so equal names mean equal rows.
//! * The manifest is the lake: it is replaced as a whole, by a rename, so every reader sees one state
//!   from before or after a commit, a reorganisation or a compaction, and none in between.
//! * Its segments follow each other without a gap from the lake's first height; the end of the last
//!   one is the watermark.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ethereum::DAO_FORK_HEIGHT;
use crate::{BlockHash, BlockRef, hex};

/// Version of the tables' schemas; a lake of another version is refused, not misread.
pub const SCHEMA_VERSION: u32 = 3;
/// Name of the file that holds [`LakeInfo`].
pub const LAKE_FILE: &str = "lake.json";
/// Name of the file that holds [`Manifest`].
pub const MANIFEST_FILE: &str = "manifest.json";
/// Name of the file that holds [`RunInfo`].
pub const RUN_FILE: &str = "last_run.json";
/// Name of the file in every segment that holds [`SegmentInfo`].
pub const SEGMENT_FILE: &str = "segment.json";
/// Name of the folder in which segments are written before they appear.
pub const STAGING_DIR: &str = ".staging";
/// Name of the folder in which segments are kept for a while after they were replaced.
pub const REPLACED_DIR: &str = ".replaced";
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

/// What makes up the lake of one chain at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Names of the segments' folders, in order of height.
    pub segments: Vec<String>,
    /// How far the chain was settled when a block was last added, as far as its source says so.
    #[serde(default, skip_serializing_if = "Finality::is_unknown")]
    pub finality: Finality,
    /// What was taken back, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reorgs: Vec<Reorg>,
}

/// How far a chain is settled: what its consensus promises not to take back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finality {
    /// The last block that only an attack on the network takes back (Ethereum's `safe`).
    pub safe: Option<BlockRef>,
    /// The last block that is never taken back (Ethereum's `finalized`).
    pub finalized: Option<BlockRef>,
}

impl Finality {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Finality::default()
    }
}

/// A reorganisation of the chain that the lake went along with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reorg {
    /// When it was noticed, microseconds since 1970.
    pub noticed: i64,
    /// The last block that both chains have.
    pub common: BlockRef,
    /// The blocks above it that were taken back, in order of height.
    pub replaced: Vec<Replaced>,
}

/// A block that was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Height.
    pub height: u64,
    /// Its hash.
    pub hash: BlockHash,
    /// Hash of the block at this height in the chain that won, if it had one by then.
    pub by: Option<BlockHash>,
}

/// A manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not what this program would have written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A segment does not follow the one before.
    #[error("the segment '{name}' is not one that begins at height {height}")]
    Gap {
        /// Name of the segment's folder.
        name: String,
        /// The height that is next.
        height: u64,
    },
}

impl Manifest {
    /// Reads what [`MANIFEST_FILE`] says of a lake that begins at height `from`, and the heights of
    /// each of its segments.
    ///
    /// # Errors
    ///
    /// If it is damaged, or its segments do not follow each other.
    pub fn read(json: &[u8], from: u64) -> Result<(Manifest, Vec<Range<u64>>), ManifestError> {
        let manifest: Manifest = serde_json::from_slice(json)?;
        let mut height = from;
        let mut all = Vec::with_capacity(manifest.segments.len());
        for name in &manifest.segments {
            let heights = segment_heights(name).filter(|heights| heights.start == height);
            let heights =
                heights.ok_or_else(|| ManifestError::Gap { name: name.clone(), height })?;
            height = heights.end;
            all.push(heights);
        }
        Ok((manifest, all))
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

/// Name of the folder of the segment of `heights` whose last block is `last`.
pub fn segment_dir(heights: &Range<u64>, last: BlockHash) -> String {
    let [.., a, b, c, d] = last.0;
    format!("{:09}-{:09}-{}", heights.start, heights.end, hex::encode(&[a, b, c, d]))
}

/// The heights of the segment whose folder is called `name`; `None` if no segment is called so.
pub fn segment_heights(name: &str) -> Option<Range<u64>> {
    let (heights, hash) = name.rsplit_once('-')?;
    let (from, to) = heights.split_once('-')?;
    let heights = from.parse().ok()?..to.parse().ok()?;
    let [a, b, c, d] = hex::decode(hash)?.try_into().ok()?;
    let mut last = BlockHash::default();
    last.0[28..].copy_from_slice(&[a, b, c, d]);
    (heights.start < heights.end && segment_dir(&heights, last) == name).then_some(heights)
}

impl SegmentInfo {
    /// The heights that it holds.
    pub fn heights(&self) -> Range<u64> {
        self.from..self.to
    }

    /// Name of its folder.
    pub fn dir(&self) -> String {
        segment_dir(&self.heights(), self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segments_name_says_its_heights_and_nothing_else_does() {
        let hash = BlockHash([0x1f; 32]);
        assert_eq!(segment_dir(&(0..151), hash), "000000000-000000151-1f1f1f1f");
        assert_eq!(segment_heights("000000000-000000151-1f1f1f1f"), Some(0..151));
        for name in [
            ".staging",
            "lake.json",
            "0-151-1f1f1f1f",
            "000000000-000000151",
            "000000000-000000151-1F1F1F1F",
            "000000000-000000151-1f1f1f",
            "000000151-000000151-1f1f1f1f",
            "000000002-000000001-1f1f1f1f",
        ] {
            assert_eq!(segment_heights(name), None, "{name}");
        }
    }

    #[test]
    fn segments_of_a_manifest_follow_each_other() {
        let json = |names: &[&str]| {
            let segments = names.iter().map(|name| format!("{name}-00000000")).collect();
            serde_json::to_vec(&Manifest { segments, ..Manifest::default() }).expect("JSON")
        };
        let good = json(&["000000003-000000005", "000000005-000000006"]);
        let (manifest, heights) = Manifest::read(&good, 3).expect("a manifest");
        assert_eq!((manifest.segments.len(), heights), (2, vec![3..5, 5..6]));
        for (bad, from) in [
            (good, 0),
            (json(&["000000003-000000005", "000000006-000000007"]), 3),
            (json(&["000000003-000000005", "000000003-000000005"]), 3),
            (json(&["what"]), 0),
            (b"{".to_vec(), 0),
        ] {
            assert!(Manifest::read(&bad, from).is_err());
        }
    }
}
