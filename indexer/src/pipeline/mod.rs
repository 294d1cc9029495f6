//! Runs a source, the decoder and a sink: in parallel, and in order.
//!
//! ```text
//! plan ─► fetch ─► prevouts ─► decode + encode ─► commit
//!        (2 at a    (in order)  (a thread each)    (in order)
//!         time)
//! ```
//!
//! # Invariants
//!
//! * At most [`FETCHES`] + threads + 2 batches of [`Options::batch_bytes`] are in memory, whatever
//!   the length of the chain.
//! * Everything below the first bad block is committed before its error is returned.
//! * A run that is stopped, at any moment and in any way, goes on where the sink's watermark is.

mod align;
mod prevouts;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use assay_model::{Batch, BlockRef};
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

pub use self::align::{Step, plan};
use self::prevouts::Prevouts;
use crate::decode::{DecodeError, Decoder};
use crate::progress::{Progress, Unit};
use crate::raw::RawBlock;
use crate::sink::{Sink, SinkError};
use crate::source::{Source, SourceError};
use crate::task::join;
use crate::utxo_store::UtxoError;

/// Bytes of block data that one batch, and so one row group, is made from.
pub const BATCH_BLOCK_BYTES: u64 = 16 << 20;
/// Batches that are fetched at the same time.
pub const FETCHES: usize = 2;
/// Most batches that are decoded at the same time, so that memory stays bounded on large machines.
pub const MAX_DECODES: usize = 12;

/// How a pipeline runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that decode, from 1 to [`MAX_DECODES`].
    pub threads: usize,
    /// Last height to index; the tip if not given.
    pub last: Option<u64>,
    /// Most blocks that a reorganisation of the chain may take away from the sink.
    pub max_reorg: u64,
    /// Folder of the store of unspent outputs, which is made when it is needed.
    pub utxo_dir: PathBuf,
    /// Bytes of block data in a batch, at least 1; [`BATCH_BLOCK_BYTES`] unless a test wants less.
    pub batch_bytes: u64,
}

impl Options {
    /// Indexes up to the tip on `threads` threads, with the usual limits.
    pub fn new(threads: usize, utxo_dir: PathBuf) -> Options {
        Options { threads, last: None, max_reorg: 100, utxo_dir, batch_bytes: BATCH_BLOCK_BYTES }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// First height that was committed.
    pub from: u64,
    /// The height after the last that was committed.
    pub to: u64,
    /// Bytes of raw block data of what was committed.
    pub block_bytes: u64,
    /// Blocks that were removed first, because the source's chain no longer has them.
    pub reverted: u64,
    /// Whether the run was asked to stop before the end.
    pub stopped: bool,
}

/// A pipeline cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A block is not valid.
    #[error(transparent)]
    Decode(#[from] Box<DecodeError>),
    /// The outputs that a block spends could not be found.
    #[error(transparent)]
    Prevouts(#[from] UtxoError),
    /// The sink failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The source has another chain.
    #[error(
        "the lake and the source part more than {max_reorg} blocks below the lake's watermark \
         ({stored:?}): this is another chain, or one reorganised beyond belief. If the lake is to \
         follow it, run again with a larger --max-reorg, or index into another lake"
    )]
    TooDeep {
        /// Most blocks that may be taken away.
        max_reorg: u64,
        /// The sink's watermark.
        stored: BlockRef,
    },
}

/// Items that are done, and the reason why those behind them are not.
struct Attempt<T> {
    done: T,
    failure: Option<PipelineError>,
}

/// Brings `sink` up to the tip of `source`, or until `stop` is set.
///
/// # Errors
///
/// At the first block that cannot be indexed; all blocks below it are committed.
pub async fn run<S: Source + 'static, K: Sink + 'static>(
    source: Arc<S>,
    sink: Arc<K>,
    decoder: Decoder,
    options: &Options,
    progress: Arc<dyn Progress>,
    stop: &AtomicBool,
) -> Result<Summary, PipelineError> {
    let Some(tip) = source.tip().await? else { return Ok(Summary::default()) };
    let (from, reverted) = align::align(&*source, &*sink, options.max_reorg).await?;
    let mut summary = Summary { from, to: from, reverted, ..Summary::default() };
    let last = options.last.unwrap_or(tip.height).min(tip.height);
    if from > last {
        return Ok(summary);
    }
    progress.begin("indexing", source.bytes_between(from, last), Unit::Bytes);
    let committed = Arc::new(AtomicU64::new(from));
    let batches = batches(source, from..last + 1, options, &progress, &committed, stop);
    let encoded = encode(batches, Arc::clone(&sink), decoder, options.threads);
    let mut encoded = std::pin::pin!(encoded);
    let mut failure = None;
    while let Some(attempt) = encoded.next().await {
        if let Some((batch, encoded)) = attempt.done {
            commit(&*sink, &batch, encoded, &*progress).await?;
            summary.to = batch.heights().end;
            summary.block_bytes += batch.block_bytes;
            committed.store(summary.to, Ordering::Relaxed);
        }
        if attempt.failure.is_some() {
            failure = attempt.failure;
            break;
        }
    }
    sink.flush().await?;
    progress.end();
    summary.stopped = summary.to <= last;
    failure.map_or(Ok(summary), Err)
}

/// Fetches the blocks of `heights` in batches and finds what they spend.
fn batches<'a, S: Source + 'static>(
    source: Arc<S>,
    heights: std::ops::Range<u64>,
    options: &Options,
    progress: &Arc<dyn Progress>,
    committed: &Arc<AtomicU64>,
    stop: &'a AtomicBool,
) -> impl Stream<Item = Attempt<Vec<RawBlock>>> + 'a {
    let prevouts = Prevouts::new(
        Arc::clone(&source),
        options.utxo_dir.clone(),
        Arc::clone(progress),
        Arc::clone(committed),
    );
    let prevouts = Arc::new(Mutex::new(prevouts));
    let planner = Arc::clone(&source);
    let batch_bytes = options.batch_bytes.max(1);
    stream::unfold(heights.start, move |next| {
        let source = Arc::clone(&planner);
        async move {
            if next >= heights.end || stop.load(Ordering::Relaxed) {
                return None;
            }
            let blocks = source.plan(next, heights.end - 1, batch_bytes).await;
            // After an error the heights make no more sense: it is the last item.
            let then = match &blocks {
                Ok(blocks) => blocks.last().map_or(u64::MAX, |block| block.height + 1),
                Err(_) => u64::MAX,
            };
            Some((blocks, then))
        }
    })
    .map(move |blocks| join(tokio::spawn(fetch(Arc::clone(&source), blocks))))
    .buffered(FETCHES)
    .then(move |mut attempt| {
        let prevouts = Arc::clone(&prevouts);
        async move {
            prevouts.lock().await.complete(&mut attempt).await;
            attempt
        }
    })
}

/// Fetches `blocks`, in order, up to the first that fails.
async fn fetch<S: Source>(
    source: Arc<S>,
    blocks: Result<Vec<BlockRef>, SourceError>,
) -> Attempt<Vec<RawBlock>> {
    let mut done = Vec::new();
    let blocks = match blocks {
        Ok(blocks) => blocks,
        Err(error) => return Attempt { done, failure: Some(error.into()) },
    };
    for block in blocks {
        match source.fetch(block).await {
            Ok(raw) => done.push(raw),
            Err(error) => return Attempt { done, failure: Some(error.into()) },
        }
    }
    Attempt { done, failure: None }
}

/// Decodes and encodes `batches` on `threads` threads.
fn encode<K: Sink + 'static>(
    batches: impl Stream<Item = Attempt<Vec<RawBlock>>>,
    sink: Arc<K>,
    decoder: Decoder,
    threads: usize,
) -> impl Stream<Item = Attempt<Option<(Batch, K::Encoded)>>> {
    batches
        .map(move |blocks| {
            let sink = Arc::clone(&sink);
            join(spawn_blocking(move || encode_batch(&*sink, decoder, blocks)))
        })
        .buffered(threads.clamp(1, MAX_DECODES))
}

fn encode_batch<K: Sink>(
    sink: &K,
    decoder: Decoder,
    blocks: Attempt<Vec<RawBlock>>,
) -> Attempt<Option<(Batch, K::Encoded)>> {
    let Attempt { done: mut blocks, mut failure } = blocks;
    let batch = loop {
        if blocks.is_empty() {
            return Attempt { done: None, failure };
        }
        match decoder.decode(&blocks) {
            Ok(batch) => break batch,
            // The blocks below the bad one are good, and wanted.
            Err((at, error)) => {
                blocks.truncate(at);
                failure = Some(error.into());
            }
        }
    };
    drop(blocks);
    match sink.encode(&batch) {
        Ok(encoded) => Attempt { done: Some((batch, encoded)), failure },
        Err(error) => Attempt { done: None, failure: Some(error.into()) },
    }
}

async fn commit<K: Sink>(
    sink: &K,
    batch: &Batch,
    encoded: K::Encoded,
    progress: &dyn Progress,
) -> Result<(), SinkError> {
    let start = Instant::now();
    sink.commit(encoded).await?;
    let height = batch.last.height;
    let blocks = batch.heights().end - batch.heights().start;
    let elapsed_ms = start.elapsed().as_millis() as u64;
    tracing::info!(height, rows = batch.row_count(), elapsed_ms, "committed");
    progress.committed(height, blocks, batch.block_bytes);
    Ok(())
}
