//! Sink: the lake, a folder of Parquet files.
//!
//! # Invariants
//!
//! * What is visible is what the manifest names, and the manifest changes as a whole, after all that
//!   it names is durable: a crash at any moment leaves the state of before or after.
//! * Batches and segments end where [`Cuts`] says. Where runs ended in between there are more
//!   segments, until they are compacted: then equal chains have equal files.
//! * One writer at a time: it holds the lock file until it ends, however it ends.
//! * Segments that were replaced stay readable for [`KEEP_REPLACED`].

mod disk;
mod encoding;
mod rebuild;
mod replaced;
mod segment;

use std::any::Any;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use assay_model::lake::{
    Finality, LAKE_FILE, LOCK_FILE, LakeInfo, LakeInfoError, MANIFEST_FILE, Manifest, RUN_FILE,
    Reorg, RunInfo, SCHEMA_VERSION, SEGMENT_FILE, STAGING_DIR, SegmentInfo,
};
use assay_model::{Batch, BlockHash, BlockRef, Chain};
use async_trait::async_trait;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::task::spawn_blocking;

pub use self::disk::{Disk, LocalDisk, NewFile};
use self::rebuild::{Rebuild, read_last_time};
use self::replaced::ReplacedSegments;
pub use self::segment::EncodedBatch;
use self::segment::{Encoder, OpenSegment, StagedSegment, write_json};
use super::{Cuts, Sink, SinkError, Wanted, order};
use crate::metrics::Meter;
use crate::task::join;

/// How long segments stay readable after they were replaced: statements that run meanwhile began
/// before. One that runs for longer fails.
pub const KEEP_REPLACED: Duration = Duration::from_secs(3600);

/// The lake of one chain, opened for writing.
pub struct LakeSink {
    inner: Arc<Inner>,
}

struct Inner {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    chain: Chain,
    info: LakeInfo,
    encoder: Encoder,
    cuts: Cuts,
    state: Mutex<State>,
    /// Held by whoever compacts.
    compacting: Mutex<()>,
    /// Held as long as the sink lives.
    _lock: Box<dyn Any + Send + Sync>,
}

/// What is in the lake, and what is being added.
struct State {
    segments: Vec<SegmentInfo>,
    finality: Finality,
    reorgs: Vec<Reorg>,
    open: Option<OpenSegment>,
    replaced: ReplacedSegments,
    /// Time in the header of the block with the hash, if it can be read: that of the last visible
    /// block at some time.
    last_time: Option<(BlockHash, Option<i64>)>,
    /// Whether what is on disk may be another state: a change failed half-way.
    is_stale: bool,
}

impl LakeSink {
    /// Opens the lake in `lake_dir`, making it if there is none.
    ///
    /// # Errors
    ///
    /// If another writer has it, or it holds something else than is wanted: another network or
    /// schema, from another height on, or without an extra.
    pub fn open(lake_dir: &Path, wanted: &Wanted) -> Result<LakeSink, SinkError> {
        LakeSink::open_on(Arc::new(LocalDisk), lake_dir, wanted, Cuts::of(wanted.chain))
    }

    /// The same on another disk, and with batches and segments that end elsewhere.
    ///
    /// # Errors
    ///
    /// Those of [`LakeSink::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        lake_dir: &Path,
        wanted: &Wanted,
        cuts: Cuts,
    ) -> Result<LakeSink, SinkError> {
        let chain = wanted.chain;
        let dir = lake_dir.join(chain.name());
        disk.create_dir(&dir).map_err(SinkError::io("create", &dir))?;
        let path = dir.join(LOCK_FILE);
        let lock = disk.lock(&path).map_err(SinkError::io("lock", &path))?;
        let lock = lock.ok_or(SinkError::Locked { path })?;
        let info = read_or_make_info(&*disk, &dir, wanted)?;
        make_durable(&*disk, &dir)?;
        let staging = dir.join(STAGING_DIR);
        disk.remove_dir(&staging).map_err(SinkError::io("remove", &staging))?;
        let state = State::load(&*disk, &dir, info.from)?;
        Meter::new(chain).segments(state.segments.len());
        let state = Mutex::new(state);
        let encoder = Encoder::new(chain);
        let compacting = Mutex::new(());
        let inner = Inner { disk, dir, chain, info, encoder, cuts, state, compacting, _lock: lock };
        Ok(LakeSink { inner: Arc::new(inner) })
    }

    /// The chain's folder in the lake.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Does blocking work on the lake.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &mut State) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let inner = Arc::clone(&self.inner);
        let work = move || {
            let mut state = inner.state();
            if state.is_stale {
                // What is being added follows the same block still: whatever moves the watermark
                // gives it up first.
                let read = State::load(&*inner.disk, &inner.dir, inner.info.from)?;
                *state = State { open: state.open.take(), ..read };
            }
            work(&inner, &mut state)
        };
        join(spawn_blocking(work)).await
    }
}

#[async_trait]
impl Sink for LakeSink {
    type Encoded = EncodedBatch;

    fn info(&self) -> &LakeInfo {
        &self.inner.info
    }

    fn cuts(&self) -> Cuts {
        self.inner.cuts
    }

    async fn block_bytes(&self) -> Result<u64, SinkError> {
        self.blocking(|_, state| Ok(block_bytes(&state.segments))).await
    }

    async fn watermark(&self) -> Result<Option<BlockRef>, SinkError> {
        self.blocking(|_, state| Ok(state.watermark())).await
    }

    async fn last_time(&self) -> Option<i64> {
        self.blocking(|inner, state| Ok(inner.last_time(state))).await.ok()?
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

    async fn revert(&self, to: BlockRef, by: &[BlockRef]) -> Result<(), SinkError> {
        let by = by.to_vec();
        self.blocking(move |inner, state| inner.revert(state, to, &by)).await
    }

    async fn settle(&self, finality: Finality) -> Result<(), SinkError> {
        self.blocking(move |_, state| {
            state.finality = finality;
            Ok(())
        })
        .await
    }

    async fn finality(&self) -> Result<Finality, SinkError> {
        self.blocking(|_, state| Ok(state.finality)).await
    }

    async fn compact(&self, most: usize) -> Result<(), SinkError> {
        let inner = Arc::clone(&self.inner);
        join(spawn_blocking(move || inner.compact(most))).await
    }

    async fn record_run(&self, run: &RunInfo) -> Result<(), SinkError> {
        write_json(&*self.inner.disk, &self.inner.dir.join(RUN_FILE), run)
    }
}

/// Bytes of raw block data of `segments`.
fn block_bytes(segments: &[SegmentInfo]) -> u64 {
    segments.iter().map(|segment| segment.block_bytes).sum()
}

impl State {
    /// What the lake in the folder `dir` holds. Segments that a run left behind that was cut short,
    /// or a change that failed, are put out of the way.
    fn load(disk: &dyn Disk, dir: &Path, from: u64) -> Result<State, SinkError> {
        let (manifest, segments) = read_segments(disk, dir, from)?;
        // Whoever wrote the manifest may have ended before it was durable.
        sync_dir(disk, dir)?;
        let replaced = ReplacedSegments::open(disk, dir, &manifest.segments)?;
        let Manifest { finality, reorgs, .. } = manifest;
        let (open, last_time, is_stale) = (None, None, false);
        Ok(State { segments, finality, reorgs, open, replaced, last_time, is_stale })
    }

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
        block_bytes(&self.segments) + self.open.as_ref().map_or(0, OpenSegment::block_bytes)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn staging(&self, name: &str) -> PathBuf {
        self.dir.join(STAGING_DIR).join(name)
    }

    fn commit(&self, state: &mut State, batch: EncodedBatch) -> Result<(), SinkError> {
        if !order::is_next(state.tip(), self.info.from, &batch.first, &batch.last)? {
            return Ok(()); // committed before
        }
        let before = state.block_bytes();
        let mut open = match state.open.take() {
            Some(open) => open,
            None => self.encoder.begin(&*self.disk, self.staging("segment"), batch.first)?,
        };
        // If this fails, the rows of its segment are gone, and are to be committed again.
        open.add(batch)?;
        state.open = Some(open);
        if self.cuts.ends_segment(before, state.block_bytes()) {
            self.publish(state)?;
        }
        Ok(())
    }

    /// Makes what was committed visible.
    fn publish(&self, state: &mut State) -> Result<(), SinkError> {
        let Some(open) = state.open.take() else { return Ok(()) };
        let added = open.finish(&*self.disk)?;
        let end = state.segments.len();
        self.replace(state, end..end, Some(added), None)
    }

    /// Puts `staged` in the place of the segments at `places`, and notes `reorg`.
    ///
    /// On failure the state on disk may be that of before or the new one: it is read again then.
    fn replace(
        &self,
        state: &mut State,
        places: Range<usize>,
        staged: Option<StagedSegment>,
        reorg: Option<Reorg>,
    ) -> Result<(), SinkError> {
        state.is_stale = true;
        let info = match staged {
            Some(staged) => Some(staged.publish(&*self.disk, &self.dir)?),
            None => None,
        };
        let mut names: Vec<String> = state.segments.iter().map(SegmentInfo::dir).collect();
        names.splice(places.clone(), info.as_ref().map(SegmentInfo::dir));
        let mut reorgs = state.reorgs.clone();
        reorgs.extend(reorg);
        let manifest = Manifest { segments: names, finality: state.finality, reorgs };
        write_json(&*self.disk, &self.dir.join(MANIFEST_FILE), &manifest)?;
        sync_dir(&*self.disk, &self.dir)?;
        let before: Vec<_> = state.segments.splice(places, info).collect();
        state.reorgs = manifest.reorgs;
        Meter::new(self.chain).segments(state.segments.len());
        state.is_stale = false;
        // Whatever becomes of them, they are no part of the lake any more.
        state.replaced.retire(&*self.disk, &self.dir, &before);
        Ok(())
    }

    /// Removes all rows above `to`.
    fn revert(&self, state: &mut State, to: BlockRef, by: &[BlockRef]) -> Result<(), SinkError> {
        state.open = None;
        let next = to.height + 1;
        let first = state.segments.partition_point(|segment| segment.to <= next);
        let end = state.segments.len();
        if first == end {
            return Ok(());
        }
        let replaced = order::replaced(self.read_blocks(state, next..u64::MAX)?, by);
        let since = self.disk.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let noticed = since.as_micros() as i64;
        let reorg = Reorg { noticed, common: to, replaced };
        let kept = match &state.segments[first] {
            cut if cut.from < next => {
                let sources = std::slice::from_ref(cut);
                let bytes_below = block_bytes(&state.segments[..first]);
                let rebuild = Rebuild { lake: self, sources, heights: cut.from..next, bytes_below };
                Some(rebuild.run("reverted")?)
            }
            _ => None,
        };
        self.replace(state, first..end, kept, Some(reorg))
    }

    /// Merges segments that lie between two cuts.
    fn compact(&self, most: usize) -> Result<(), SinkError> {
        let _only_one = self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let state = self.state();
            let due = rebuild::due(&state.segments, self.cuts, most);
            let Some(places) = due else { return Ok(()) };
            let pieces = state.segments[places.clone()].to_vec();
            let bytes_below = block_bytes(&state.segments[..places.start]);
            // Segments are never changed, so they are read without keeping commits waiting.
            drop(state);
            let heights = pieces[0].from..pieces[pieces.len() - 1].to;
            let rebuild = Rebuild { lake: self, sources: &pieces, heights, bytes_below };
            let result = rebuild.run("compacted");
            let mut state = self.state();
            // A reorganisation may have taken some of them away meanwhile, and their files with them.
            if state.segments.get(places.clone()) != Some(&pieces[..]) || state.is_stale {
                return Ok(());
            }
            self.replace(&mut state, places, Some(result?), None)?;
            Meter::new(self.chain).compacted();
        }
    }

    /// Time in the header of the last visible block, Unix seconds. That it cannot be read is told by
    /// who needs its rows.
    fn last_time(&self, state: &mut State) -> Option<i64> {
        let segment = state.segments.last()?;
        match state.last_time {
            Some((of, time)) if of == segment.last => time,
            _ => {
                let time = read_last_time(self, segment).ok()?;
                state.last_time = Some((segment.last, time));
                time
            }
        }
    }

    fn read_blocks(&self, state: &State, heights: Range<u64>) -> Result<Vec<BlockRef>, SinkError> {
        let mut blocks = Vec::new();
        for segment in &state.segments {
            if segment.from < heights.end && heights.start < segment.to {
                let read = rebuild::read_blocks(self, segment, &heights)?;
                blocks.extend(read.into_iter().map(|(block, _)| block));
            }
        }
        Ok(blocks)
    }
}

fn sync_dir(disk: &dyn Disk, path: &Path) -> Result<(), SinkError> {
    disk.sync_dir(path).map_err(SinkError::io("write", path))
}

/// Makes the names in the folder `dir` durable, and its own, and those of the folders above it: some
/// may have been made for it.
fn make_durable(disk: &dyn Disk, dir: &Path) -> Result<(), SinkError> {
    for folder in dir.ancestors() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        match disk.sync_dir(folder) {
            // Where we may not read, we have made nothing.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && folder != dir => {}
            result => result.map_err(SinkError::io("write", folder))?,
        }
    }
    Ok(())
}

fn read_or_make_info(disk: &dyn Disk, dir: &Path, wanted: &Wanted) -> Result<LakeInfo, SinkError> {
    let file = dir.join(LAKE_FILE);
    let Some(text) = read(disk, &file)? else {
        let info = wanted.info();
        write_json(disk, &file, &info)?;
        return Ok(info);
    };
    let place = dir.display().to_string();
    let info = match LakeInfo::read(&text) {
        Ok(info) => info,
        Err(LakeInfoError::SchemaVersion(found)) => {
            return Err(SinkError::OtherSchema { place, found, wanted: SCHEMA_VERSION });
        }
        Err(LakeInfoError::Json(source)) => return Err(SinkError::BadJson { path: file, source }),
    };
    wanted.check(&info, &place)?;
    Ok(info)
}

/// The manifest, and the segments that it names.
fn read_segments(
    disk: &dyn Disk,
    dir: &Path,
    from: u64,
) -> Result<(Manifest, Vec<SegmentInfo>), SinkError> {
    let path = dir.join(MANIFEST_FILE);
    let Some(text) = read(disk, &path)? else { return Ok(Default::default()) };
    let (manifest, _) = Manifest::read(&text, from)
        .map_err(|source| SinkError::BadManifest { path: path.clone(), source })?;
    let segment = |name: &String| {
        let path = dir.join(name);
        let info: Option<SegmentInfo> = read_json(disk, &path.join(SEGMENT_FILE))?;
        let info = info.ok_or_else(|| SinkError::NoSegment { path: path.clone() })?;
        if info.dir() == *name { Ok(info) } else { Err(SinkError::BadSegment { path }) }
    };
    let segments = manifest.segments.iter().map(segment).collect::<Result<_, _>>()?;
    Ok((manifest, segments))
}

/// The value in the JSON file at `path`; `None` if there is no file.
fn read_json<T: DeserializeOwned>(disk: &dyn Disk, path: &Path) -> Result<Option<T>, SinkError> {
    let Some(text) = read(disk, path)? else { return Ok(None) };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| SinkError::BadJson { path: path.to_owned(), source })
}

/// The content of the file at `path`; `None` if there is no file.
fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Bytes>, SinkError> {
    match disk.read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SinkError::io("read", path)(error)),
    }
}
