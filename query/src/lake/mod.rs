//! The rows of a lake: finds it, takes snapshots of it, and scans its files.
//!
//! | file | what it holds |
//! |---|---|
//! | `segment.rs` | one segment of a snapshot, its block times |
//! | `table.rs` | a stored table as DataFusion scans it |
//! | `pruning.rs` | which segments a filter needs |
//! | `scan.rs` | a scan of Parquet files |
//! | `derived.rs` | the tables that analyses compute |
//! | `statistics.rs` | what is known of a file without opening it |
//! | `files.rs` | the lake's files as the engine opens them |
//!
//! # Invariants
//!
//! * A snapshot is what one manifest names: its segments follow each other without a gap from the
//!   lake's first height.
//! * Two snapshots share the segments that both name, so what was loaded for one serves the next.

pub(crate) mod derived;
pub(crate) mod files;
mod pruning;
mod scan;
mod segment;
mod statistics;
pub(crate) mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use assay_model::lake::{
    LAKE_FILE, LakeInfo, LakeInfoError, MANIFEST_FILE, Manifest, Reorg, SCHEMA_VERSION,
};
use assay_model::{Chain, reference};

pub(crate) use self::segment::Segment;
use crate::QueryError;
use crate::catalog::snapshot::{ChainSnapshot, Rows, Tip};

/// The folder of a lake, and what was last seen of its chains.
#[derive(Debug)]
pub(crate) struct Lake {
    dir: PathBuf,
    last: Mutex<Vec<Arc<ChainSnapshot>>>,
}

/// What a manifest names.
#[derive(Debug)]
pub(crate) struct Manifested {
    /// The manifest as it was read; none before the first block.
    text: Option<Vec<u8>>,
    pub(crate) reorgs: Vec<Reorg>,
    /// In height order.
    pub(crate) segments: Vec<Arc<Segment>>,
}

impl Lake {
    /// The lake in `dir`. Unless it `needs_chain`, the folder may be empty, or not there.
    pub(crate) fn open(dir: &Path, needs_chain: bool) -> Result<Lake, QueryError> {
        let lake = Lake { dir: dir.to_owned(), last: Mutex::default() };
        // What chains burn can be computed, and asked, without them.
        let has_others = || {
            [reference::SCHEMA, assay_model::derived::SCHEMA].iter().any(|s| dir.join(s).is_dir())
        };
        if lake.chains()?.is_empty() && needs_chain && !has_others() {
            return Err(QueryError::NoLake { path: dir.to_owned() });
        }
        Ok(lake)
    }

    /// The folder of `chain`.
    pub(crate) fn chain_dir(&self, chain: Chain) -> PathBuf {
        self.dir.join(chain.name())
    }

    /// What the lake holds now. Does blocking I/O: it reads the manifests, and what is new in them.
    pub(crate) fn chains(&self) -> Result<Vec<Arc<ChainSnapshot>>, QueryError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut chains = Vec::new();
        for chain in Chain::ALL {
            let before = last.iter().find(|snapshot| snapshot.chain == chain);
            chains.extend(self.chain_snapshot(chain, before)?);
        }
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&chains);
        Ok(chains)
    }

    /// `None` if the lake does not have the chain.
    fn chain_snapshot(
        &self,
        chain: Chain,
        before: Option<&Arc<ChainSnapshot>>,
    ) -> Result<Option<Arc<ChainSnapshot>>, QueryError> {
        let dir = self.chain_dir(chain);
        let path = dir.join(MANIFEST_FILE);
        let Some(info) = read_info(&dir)? else { return Ok(None) };
        let text = read(&path)?;
        let old = before.and_then(|before| match &before.rows {
            Rows::Lake(old) => Some((before, old)),
            Rows::ClickHouse(_) => None,
        });
        if let Some((before, old)) = old
            && old.text == text
            && before.info == info
        {
            return Ok(Some(Arc::clone(before)));
        }
        let damaged = |reason: String| QueryError::Damaged { path: path.clone(), reason };
        let (manifest, heights) = match &text {
            Some(text) => {
                Manifest::read(text, info.from).map_err(|error| damaged(error.to_string()))?
            }
            None => Default::default(),
        };
        let known = |height| old.and_then(|(_, old)| old.segment_at(height));
        let segments = manifest.segments.iter().zip(heights).map(|(name, heights)| {
            match known(heights.start).filter(|segment| segment.name == *name) {
                Some(segment) => Ok(Arc::clone(segment)),
                None => Segment::open(&dir, name, heights).map(Arc::new),
            }
        });
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        let tip =
            segments.last().map(|last| Tip { height: last.heights.end - 1, hash: last.info.last });
        let rows = Rows::Lake(Manifested { text, reorgs: manifest.reorgs, segments });
        Ok(Some(Arc::new(ChainSnapshot::new(chain, info, manifest.finality, tip, rows))))
    }
}

impl Manifested {
    /// The segment that holds `height`.
    fn segment_at(&self, height: u64) -> Option<&Arc<Segment>> {
        let place = self.segments.partition_point(|segment| segment.heights.end <= height);
        self.segments.get(place).filter(|segment| segment.heights.contains(&height))
    }

    /// Header time of the block at `height`, microseconds since 1970; `None` where the lake has no
    /// such block. May read a file.
    pub(crate) fn time_at(&self, height: u64) -> Result<Option<i64>, QueryError> {
        match self.segment_at(height) {
            Some(segment) => Ok(Some(segment.times()?[(height - segment.heights.start) as usize])),
            None => Ok(None),
        }
    }

    /// Header times of all blocks in height order. May read files.
    pub(crate) fn times(&self) -> Result<Vec<i64>, QueryError> {
        let mut times = Vec::new();
        for segment in &self.segments {
            times.extend_from_slice(segment.times()?);
        }
        Ok(times)
    }
}

/// The content of a file; `None` if there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, QueryError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(QueryError::Read { path: path.to_owned(), source }),
    }
}

/// `None` if the folder holds no lake; an error if it holds one of another schema version.
fn read_info(dir: &Path) -> Result<Option<LakeInfo>, QueryError> {
    let path = dir.join(LAKE_FILE);
    let Some(text) = read(&path)? else { return Ok(None) };
    LakeInfo::read(&text).map(Some).map_err(|error| match error {
        LakeInfoError::SchemaVersion(found) => {
            QueryError::SchemaVersion { path: dir.to_owned(), found, expected: SCHEMA_VERSION }
        }
        LakeInfoError::Json(error) => QueryError::Damaged { path, reason: error.to_string() },
    })
}
