//! Finds a lake and takes snapshots of it.
//!
//! # Invariants
//!
//! * A snapshot is what one manifest names: its segments follow each other without a gap from the
//!   lake's first height.
//! * Two snapshots share the segments that both name, so what was loaded for one serves the next.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use assay_model::Chain;
use assay_model::lake::{
    LAKE_FILE, LakeInfo, LakeInfoError, MANIFEST_FILE, Manifest, SCHEMA_VERSION,
};

use super::segment::Segment;
use crate::QueryError;

/// The folder of a lake, and the last snapshot taken of it.
#[derive(Debug)]
pub(crate) struct Lake {
    dir: PathBuf,
    last: Mutex<Arc<Snapshot>>,
}

/// What a lake holds at one moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) chains: Vec<Arc<ChainSnapshot>>,
}

/// What a lake holds of one chain at one moment.
#[derive(Debug)]
pub(crate) struct ChainSnapshot {
    pub(crate) chain: Chain,
    pub(crate) info: LakeInfo,
    pub(crate) manifest: Manifest,
    /// The manifest as it was read; none before the first block.
    text: Option<Vec<u8>>,
    /// In height order.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// For each height the least header time of it and all blocks above it.
    least_times: OnceLock<Box<[i64]>>,
}

impl Lake {
    /// The lake in `dir`.
    pub(crate) fn open(dir: &Path) -> Result<Lake, QueryError> {
        let lake = Lake { dir: dir.to_owned(), last: Mutex::default() };
        if lake.snapshot()?.chains.is_empty() {
            return Err(QueryError::NoLake { path: dir.to_owned() });
        }
        Ok(lake)
    }

    /// The folder of `chain`.
    pub(crate) fn chain_dir(&self, chain: Chain) -> PathBuf {
        self.dir.join(chain.name())
    }

    /// What the lake holds now. Does blocking I/O: it reads the manifests, and what is new in them.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, QueryError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut chains = Vec::new();
        for chain in Chain::ALL {
            let before = last.chains.iter().find(|snapshot| snapshot.chain == chain);
            chains.extend(self.chain_snapshot(chain, before)?);
        }
        let snapshot = Arc::new(Snapshot { chains });
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        Ok(snapshot)
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
        if let Some(before) = before.filter(|before| before.text == text && before.info == info) {
            return Ok(Some(Arc::clone(before)));
        }
        let damaged = |reason: String| QueryError::Damaged { path: path.clone(), reason };
        let (manifest, heights) = match &text {
            Some(text) => {
                Manifest::read(text, info.from).map_err(|error| damaged(error.to_string()))?
            }
            None => Default::default(),
        };
        let known = |height| before.and_then(|before| before.segment_at(height));
        let segments = manifest.segments.iter().zip(heights).map(|(name, heights)| {
            match known(heights.start).filter(|segment| segment.name == *name) {
                Some(segment) => Ok(Arc::clone(segment)),
                None => Segment::open(&dir, name, heights).map(Arc::new),
            }
        });
        let segments = segments.collect::<Result<_, _>>()?;
        let least_times = OnceLock::new();
        Ok(Some(Arc::new(ChainSnapshot { chain, info, manifest, text, segments, least_times })))
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

impl Snapshot {
    /// What it holds of `chain`.
    pub(crate) fn chain(&self, chain: Chain) -> Option<&ChainSnapshot> {
        self.chains.iter().find(|snapshot| snapshot.chain == chain).map(AsRef::as_ref)
    }

    /// Loads all block times, so that functions that need them do not block later.
    pub(crate) fn load_times(&self) -> Result<(), QueryError> {
        self.chains.iter().try_for_each(|chain| chain.least_times().map(|_| ()))
    }
}

impl ChainSnapshot {
    /// The height after the last.
    pub(crate) fn end(&self) -> u64 {
        self.segments.last().map_or(self.info.from, |segment| segment.heights.end)
    }

    /// The last height; `None` before the first block.
    pub(crate) fn tip(&self) -> Option<u64> {
        self.segments.last().map(|segment| segment.heights.end - 1)
    }

    /// The segment that holds `height`.
    pub(crate) fn segment_at(&self, height: u64) -> Option<&Arc<Segment>> {
        let place = self.segments.partition_point(|segment| segment.heights.end <= height);
        self.segments.get(place).filter(|segment| segment.heights.contains(&height))
    }

    /// Header time of the block at `height`, microseconds since 1970; `None` where
    /// the lake has no such block.
    pub(crate) fn time_at(&self, height: u64) -> Result<Option<i64>, QueryError> {
        match self.segment_at(height) {
            Some(segment) => Ok(Some(segment.times()?[(height - segment.heights.start) as usize])),
            None => Ok(None),
        }
    }

    /// The greatest height whose header time is at or before `time`; `None` before the first.
    pub(crate) fn height_at(&self, time: i64) -> Result<Option<u64>, QueryError> {
        let count = self.least_times()?.partition_point(|least| *least <= time);
        Ok((count as u64).checked_sub(1).map(|place| self.info.from + place))
    }

    fn least_times(&self) -> Result<&[i64], QueryError> {
        if let Some(times) = self.least_times.get() {
            return Ok(times);
        }
        let mut times = Vec::with_capacity((self.end() - self.info.from) as usize);
        for segment in &self.segments {
            times.extend_from_slice(segment.times()?);
        }
        keep_least_from_here(&mut times);
        Ok(self.least_times.get_or_init(|| times.into()))
    }
}

/// Puts in the place of each time the least of it and all after it.
///
/// Header times run backwards here and there, so they cannot be searched; what this leaves never
/// falls. The last place at which it is ≤ t is the last whose own time is: all after it are later.
fn keep_least_from_here(times: &mut [i64]) {
    for place in (1..times.len()).rev() {
        times[place - 1] = times[place - 1].min(times[place]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searching_the_least_times_finds_what_looking_at_each_does() {
        let cases: [&[i64]; 5] =
            [&[], &[5], &[1, 9, 2, 8, 3], &[9, 8, 7, 1], &[1, 7, 7, 2, 2, 9, 4]];
        for times in cases {
            let mut least = times.to_vec();
            keep_least_from_here(&mut least);
            for moment in 0..=10 {
                let found = least.partition_point(|time| *time <= moment).checked_sub(1);
                assert_eq!(found, times.iter().rposition(|time| *time <= moment), "{times:?}");
            }
        }
    }
}
