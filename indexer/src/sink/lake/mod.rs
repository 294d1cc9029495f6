//! Sink: the lake, a folder of Parquet files.
//!
//! # Invariants
//!
//! * Rows appear by the rename of a segment's folder, all tables at once; the layout is that of
//!   [`assay_model::lake`].
//! * Segments end where the bytes of block data since the first block pass a multiple of
//!   [`segment_block_bytes`], or where a run ended.
//! * One writer at a time: it holds the lock file until it ends, however it ends.

mod encoding;
mod segment;

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use assay_model::lake::{
    Extra, LAKE_FILE, LOCK_FILE, LakeInfo, LakeInfoError, RUN_FILE, RunInfo, SCHEMA_VERSION,
    SEGMENT_FILE, STAGING_DIR, SegmentInfo, contiguous, segment_dir, segment_heights, table_file,
};
use assay_model::{Batch, BlockHash, BlockRef, Chain};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use tokio::task::spawn_blocking;

pub use self::segment::EncodedBatch;
use self::segment::{Encoder, OpenSegment, remove_dir, sync_dir, write_json};
use super::{Sink, SinkError};
use crate::task::join;

/// Bytes of raw block data that a full segment is made from. Ethereum's blocks have many times as
/// many bytes of rows as of their own: logs and traces.
pub fn segment_block_bytes(chain: Chain) -> u64 {
    match chain {
        Chain::Bitcoin => 256 << 20,
        Chain::Ethereum => 64 << 20,
    }
}

/// What a lake is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The chain.
    pub chain: Chain,
    /// Name of the network.
    pub network: String,
    /// First height; that of the lake, or 0, if not given.
    pub from: Option<u64>,
    /// What else than every lake of the chain, as far as its first height allows. A lake that has
    /// more goes on getting it.
    pub extras: BTreeSet<Extra>,
}

impl Wanted {
    /// The extras that a lake with first height `from` can hold.
    fn extras_from(&self, from: u64) -> BTreeSet<Extra> {
        self.extras.iter().copied().filter(|extra| extra.is_within(from)).collect()
    }
}

/// The lake of one chain, opened for writing.
pub struct LakeSink {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    chain: Chain,
    info: LakeInfo,
    encoder: Encoder,
    segment_bytes: u64,
    state: Mutex<State>,
    /// Held as long as the sink lives.
    _lock: File,
}

/// The table of every chain that has one row a block, with its height, hash, parent and size.
const BLOCKS: &str = "blocks";

/// What is in the lake, and what is being added.
struct State {
    segments: Vec<SegmentInfo>,
    open: Option<OpenSegment>,
}

impl LakeSink {
    /// Opens the lake in `lake_dir`, making it if there is none.
    ///
    /// # Errors
    ///
    /// If another writer has it, or it holds something else than is wanted: another network or
    /// schema, from another height on, or without an extra.
    pub fn open(lake_dir: &Path, wanted: &Wanted) -> Result<LakeSink, SinkError> {
        let chain = wanted.chain;
        let dir = lake_dir.join(chain.name());
        std::fs::create_dir_all(&dir).map_err(SinkError::io("create", &dir))?;
        let lock = lock(&dir.join(LOCK_FILE))?;
        let info = read_or_make_info(&dir, wanted)?;
        remove_dir(&dir.join(STAGING_DIR))?;
        let segments = read_segments(&dir, info.from)?;
        let state = Mutex::new(State { segments, open: None });
        let encoder = Encoder::new(chain);
        let segment_bytes = segment_block_bytes(chain);
        let inner = Inner { dir, chain, info, encoder, segment_bytes, state, _lock: lock };
        Ok(LakeSink { inner: Arc::new(inner) })
    }

    /// The same with segments made from `bytes` of block data, at least 1: for tests.
    pub fn with_segment_bytes(mut self, bytes: u64) -> LakeSink {
        let inner = Arc::get_mut(&mut self.inner).expect("nobody else has it before the first use");
        inner.segment_bytes = bytes.max(1);
        self
    }

    /// What the lake holds.
    pub fn info(&self) -> &LakeInfo {
        &self.inner.info
    }

    /// The chain's folder in the lake.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Writes down what a run did, for people who ask later.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn record_run(&self, run: &RunInfo) -> Result<(), SinkError> {
        write_json(&self.inner.dir.join(RUN_FILE), run)
    }

    /// Does blocking work on the lake.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &mut State) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let inner = Arc::clone(&self.inner);
        let work = move || {
            let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
            work(&inner, &mut state)
        };
        join(spawn_blocking(work)).await
    }
}

#[async_trait]
impl Sink for LakeSink {
    type Encoded = EncodedBatch;

    fn first_height(&self) -> u64 {
        self.inner.info.from
    }

    async fn watermark(&self) -> Result<Option<BlockRef>, SinkError> {
        self.blocking(|_, state| Ok(state.watermark())).await
    }

    async fn blocks_up_to(&self, last: u64, count: u64) -> Result<Vec<BlockRef>, SinkError> {
        let heights = (last + 1).saturating_sub(count)..last + 1;
        self.blocking(move |inner, state| inner.read_blocks(state, heights)).await
    }

    fn encode(&self, batch: &Batch) -> Result<EncodedBatch, SinkError> {
        self.inner.encoder.encode(batch)
    }

    async fn commit(&self, encoded: EncodedBatch) -> Result<(), SinkError> {
        self.blocking(move |inner, state| inner.commit(state, encoded)).await
    }

    async fn flush(&self) -> Result<(), SinkError> {
        self.blocking(|inner, state| inner.publish(state)).await
    }

    async fn revert(&self, to: Option<BlockRef>) -> Result<(), SinkError> {
        let next = to.map_or(self.first_height(), |block| block.height + 1);
        self.blocking(move |inner, state| inner.revert(state, next)).await
    }
}

impl State {
    fn watermark(&self) -> Option<BlockRef> {
        self.segments.last().map(|segment| BlockRef {
            height: segment.to - 1,
            hash: segment.last,
            parent: segment.last_parent,
        })
    }

    /// The last block that was committed, visible or not.
    fn tip(&self) -> Option<BlockRef> {
        self.open.as_ref().and_then(OpenSegment::last).or_else(|| self.watermark())
    }

    /// Bytes of raw block data of all that was committed.
    fn block_bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, OpenSegment::block_bytes);
        self.segments.iter().map(|segment| segment.block_bytes).sum::<u64>() + open
    }
}

impl Inner {
    fn staging(&self) -> PathBuf {
        self.dir.join(STAGING_DIR).join("segment")
    }

    fn commit(&self, state: &mut State, batch: EncodedBatch) -> Result<(), SinkError> {
        let next = state.tip().map_or(self.info.from, |tip| tip.height + 1);
        if batch.last.height < next {
            return Ok(()); // committed before
        }
        // What the first block follows, only the genesis block tells.
        let parent = match state.tip() {
            Some(tip) => Some(tip.hash),
            None => (next == 0).then(BlockHash::default),
        };
        let follows = parent.is_none_or(|parent| parent == batch.first.parent);
        if batch.first.height != next || !follows {
            return Err(SinkError::NotNext { expected: next, found: batch.first.height });
        }
        let before = state.block_bytes();
        let open = match &mut state.open {
            Some(open) => open,
            None => state.open.insert(self.encoder.begin(self.staging(), batch.first)?),
        };
        open.add(batch)?;
        if state.block_bytes() / self.segment_bytes > before / self.segment_bytes {
            self.publish(state)?;
        }
        Ok(())
    }

    fn publish(&self, state: &mut State) -> Result<(), SinkError> {
        let Some(open) = state.open.take() else { return Ok(()) };
        let last = open.last().expect("a segment is opened for a batch, which is added at once");
        let block_bytes = open.block_bytes();
        state.segments.push(open.publish(&self.dir, last, block_bytes)?);
        Ok(())
    }

    /// Removes all rows from height `next` on. At every moment what is visible is a whole lake,
    /// only a shorter one: the segments above go first, the highest at the beginning, and what is
    /// left of the one that is cut comes back last.
    fn revert(&self, state: &mut State, next: u64) -> Result<(), SinkError> {
        state.open = None;
        let cut = match state
            .segments
            .iter()
            .find(|segment| (segment.from + 1..segment.to).contains(&next))
        {
            Some(segment) => Some(self.stage_below(segment.clone(), next)?),
            None => None,
        };
        while state.segments.last().is_some_and(|segment| segment.to > next) {
            let segment = state.segments.pop().expect("there is a last one");
            let place = self.dir.join(segment_dir(&(segment.from..segment.to)));
            // Renamed first, so that no reader finds half of it.
            let trash = self.dir.join(STAGING_DIR).join("removed");
            remove_dir(&trash)?;
            std::fs::create_dir_all(self.dir.join(STAGING_DIR))
                .and_then(|()| std::fs::rename(&place, &trash))
                .map_err(SinkError::io("remove", &place))?;
            sync_dir(&self.dir)?;
            remove_dir(&trash)?;
        }
        if let Some((open, last, block_bytes)) = cut {
            state.segments.push(open.publish(&self.dir, last, block_bytes)?);
        }
        Ok(())
    }

    /// Writes what `segment` has below height `next` to the staging folder.
    fn stage_below(
        &self,
        segment: SegmentInfo,
        next: u64,
    ) -> Result<(OpenSegment, BlockRef, u64), SinkError> {
        let heights = segment.from..next;
        let dir = self.dir.join(segment_dir(&(segment.from..segment.to)));
        let blocks = read_block_refs(&dir, heights.clone())?;
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Err(SinkError::BadSegment { path: dir });
        };
        let mut open = self.encoder.begin(self.staging(), *first)?;
        let mut block_bytes = 0;
        for (place, table) in self.chain.tables().iter().enumerate() {
            let path = dir.join(table_file(table.name));
            let rows = encoding::read(&path, None).map_err(SinkError::parquet("read", &path))?;
            for rows in rows {
                let rows = rows.map_err(SinkError::parquet("read", &path))?;
                let row_heights = rows.column_by_name("height").expect("every table has heights");
                let row_heights = row_heights.as_primitive::<Int64Type>().values();
                let keep = row_heights.partition_point(|&height| (height as u64) < next);
                if let (BLOCKS, Some(sizes)) = (table.name, rows.column_by_name("size")) {
                    block_bytes += sizes.as_primitive::<Int64Type>().values()[..keep]
                        .iter()
                        .sum::<i64>() as u64;
                }
                if keep > 0 {
                    open.add_rows(place, rows.slice(0, keep))?;
                }
            }
        }
        Ok((open, *last, block_bytes))
    }

    fn read_blocks(&self, state: &State, heights: Range<u64>) -> Result<Vec<BlockRef>, SinkError> {
        let mut blocks = Vec::new();
        for segment in &state.segments {
            if segment.from < heights.end && heights.start < segment.to {
                let dir = self.dir.join(segment_dir(&(segment.from..segment.to)));
                blocks.extend(read_block_refs(&dir, heights.clone())?);
            }
        }
        Ok(blocks)
    }
}

/// The blocks of the segment in `dir` with heights in `heights`.
fn read_block_refs(dir: &Path, heights: Range<u64>) -> Result<Vec<BlockRef>, SinkError> {
    let path = dir.join(table_file(BLOCKS));
    let columns = ["height", "hash", "parent_hash"];
    let batches =
        encoding::read(&path, Some(&columns)).map_err(SinkError::parquet("read", &path))?;
    let mut blocks = Vec::new();
    for rows in batches {
        let rows = rows.map_err(SinkError::parquet("read", &path))?;
        let [height, hash, parent] = [0, 1, 2].map(|place| rows.column(place));
        let (hash, parent) = (hash.as_binary::<i32>(), parent.as_binary::<i32>());
        for (row, &height) in height.as_primitive::<Int64Type>().values().iter().enumerate() {
            let bytes = |value: &[u8]| {
                let hash = value.try_into().map(BlockHash);
                hash.map_err(|_| SinkError::BadSegment { path: dir.to_owned() })
            };
            if heights.contains(&(height as u64)) {
                let (hash, parent) = (bytes(hash.value(row))?, bytes(parent.value(row))?);
                blocks.push(BlockRef { height: height as u64, hash, parent });
            }
        }
    }
    Ok(blocks)
}

/// Takes the lock of the one writer; the system frees it when the process ends.
fn lock(path: &Path) -> Result<File, SinkError> {
    let file = File::create(path).map_err(SinkError::io("create", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(SinkError::Locked { path: path.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(SinkError::io("lock", path)(error)),
    }
}

fn read_or_make_info(dir: &Path, wanted: &Wanted) -> Result<LakeInfo, SinkError> {
    let file = dir.join(LAKE_FILE);
    let Some(text) = read(&file)? else {
        let (schema_version, from) = (SCHEMA_VERSION, wanted.from.unwrap_or(0));
        let (network, extras) = (wanted.network.clone(), wanted.extras_from(from));
        let info = LakeInfo { schema_version, network, from, extras };
        write_json(&file, &info)?;
        sync_dir(dir)?;
        return Ok(info);
    };
    let path = dir.to_owned();
    let info = match LakeInfo::read(&text) {
        Ok(info) => info,
        Err(LakeInfoError::SchemaVersion(found)) => {
            return Err(SinkError::OtherSchema { path, found, wanted: SCHEMA_VERSION });
        }
        Err(LakeInfoError::Json(source)) => return Err(SinkError::BadJson { path: file, source }),
    };
    if info.network != wanted.network {
        let (found, wanted) = (info.network, wanted.network.clone());
        return Err(SinkError::OtherNetwork { path, found, wanted });
    }
    if let Some(from) = wanted.from.filter(|&from| from != info.from) {
        return Err(SinkError::OtherStart { path, found: info.from, wanted: from });
    }
    match wanted.extras_from(info.from).difference(&info.extras).next() {
        Some(&missing) => Err(SinkError::NoExtra { path, missing }),
        None => Ok(info),
    }
}

/// The segments that make up the lake. Folders behind a gap would be in the way of those to come,
/// and whoever took away what is missing may yet bring it back: they are refused.
fn read_segments(dir: &Path, from: u64) -> Result<Vec<SegmentInfo>, SinkError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(SinkError::io("read", dir))? {
        let name = entry.map_err(SinkError::io("read", dir))?.file_name();
        found.extend(name.to_str().and_then(segment_heights));
    }
    let segments = contiguous(from, found.clone());
    if let Some(lost) = found.iter().find(|heights| !segments.contains(heights)) {
        let missing = segments.last().map_or(from, |heights| heights.end);
        return Err(SinkError::Gap { path: dir.join(segment_dir(lost)), missing });
    }
    let read = |heights: &Range<u64>| {
        let path = dir.join(segment_dir(heights));
        read_json(&path.join(SEGMENT_FILE))?.ok_or(SinkError::BadSegment { path })
    };
    segments.iter().map(read).collect()
}

/// The value in the JSON file at `path`; `None` if there is no file.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, SinkError> {
    let Some(text) = read(path)? else { return Ok(None) };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| SinkError::BadJson { path: path.to_owned(), source })
}

/// The content of the file at `path`; `None` if there is no file.
fn read(path: &Path) -> Result<Option<Vec<u8>>, SinkError> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SinkError::io("read", path)(error)),
    }
}
