//! Runs a source, the decoder and a sink: in parallel, and in order.
//!
//! ```text
//! plan ─► fetch ─► complete ─► decode + encode ─► commit
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

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use assay_model::{Batch, BlockRef};
use async_trait::async_trait;
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

pub use self::align::{Step, plan};
pub use self::prevouts::Prevouts;
use crate::attempt::Attempt;
use crate::decode::{Decode, bitcoin, ethereum};
use crate::progress::{Progress, Unit};
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
    /// Bytes of block data in a batch, at least 1; [`BATCH_BLOCK_BYTES`] unless a test wants less.
    pub batch_bytes: u64,
}

impl Options {
    /// Indexes up to the tip on `threads` threads, with the usual limits.
    pub fn new(threads: usize) -> Options {
        Options { threads, last: None, max_reorg: 100, batch_bytes: BATCH_BLOCK_BYTES }
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
    /// A block of Bitcoin is not valid.
    #[error(transparent)]
    Bitcoin(#[from] Box<bitcoin::DecodeError>),
    /// A block of Ethereum is not valid.
    #[error(transparent)]
    Ethereum(#[from] Box<ethereum::DecodeError>),
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

/// Adds to blocks, in order of height, what their source does not know about them.
#[async_trait]
pub trait Complete<B>: Send {
    /// Completes `blocks`; everything below height `committed` is in the sink. On failure those
    /// from the first that cannot be completed are taken away.
    async fn complete(&mut self, blocks: &mut Vec<B>, committed: u64) -> Result<(), PipelineError>;
}

/// The stage for blocks that are complete as their source gives them.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

#[async_trait]
impl<B: Send + 'static> Complete<B> for Nothing {
    async fn complete(&mut self, _: &mut Vec<B>, _: u64) -> Result<(), PipelineError> {
        Ok(())
    }
}

/// Brings `sink` up to the tip of `source`, or until `stop` is set.
///
/// # Errors
///
/// At the first block that cannot be indexed; all blocks below it are committed.
pub async fn run<S, D, K>(
    source: Arc<S>,
    completer: impl Complete<S::Block> + 'static,
    decoder: D,
    sink: Arc<K>,
    options: &Options,
    progress: Arc<dyn Progress>,
    stop: &AtomicBool,
) -> Result<Summary, PipelineError>
where
    S: Source + 'static,
    D: Decode<Block = S::Block>,
    PipelineError: From<D::Error>,
    K: Sink + 'static,
{
    let Some(tip) = source.tip().await? else { return Ok(Summary::default()) };
    let (from, reverted) = align::align(&*source, &*sink, options.max_reorg).await?;
    let mut summary = Summary { from, to: from, reverted, ..Summary::default() };
    let last = options.last.unwrap_or(tip.height).min(tip.height);
    if from > last {
        return Ok(summary);
    }
    let heights = from..last + 1;
    progress.begin("indexing", source.bytes_of(heights.clone()), Unit::Bytes);
    let committed = Arc::new(AtomicU64::new(from));
    let batches = fetch(source, heights, options.batch_bytes, stop);
    let batches = complete(batches, completer, &committed);
    let encoded = encode(batches, decoder, Arc::clone(&sink), options.threads);
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

/// Fetches the blocks of `heights` in batches.
fn fetch<S: Source + 'static>(
    source: Arc<S>,
    heights: Range<u64>,
    batch_bytes: u64,
    stop: &AtomicBool,
) -> impl Stream<Item = Attempt<Vec<S::Block>, PipelineError>> {
    let planner = Arc::clone(&source);
    let ranges = std::iter::successors(Some(heights.start..heights.start), move |before| {
        let rest = before.end..heights.end;
        if rest.is_empty() || stop.load(Ordering::Relaxed) {
            return None;
        }
        Some(rest.start..planner.plan(rest, batch_bytes.max(1)))
    });
    stream::iter(ranges.skip(1))
        .map(move |heights| {
            let source = Arc::clone(&source);
            join(tokio::spawn(async move {
                let Attempt { done, failure } = source.fetch(heights).await;
                Attempt { done, failure: failure.map(PipelineError::from) }
            }))
        })
        .buffered(FETCHES)
}

/// Completes `batches`, one after the other.
fn complete<B: Send + 'static>(
    batches: impl Stream<Item = Attempt<Vec<B>, PipelineError>>,
    completer: impl Complete<B> + 'static,
    committed: &AtomicU64,
) -> impl Stream<Item = Attempt<Vec<B>, PipelineError>> {
    let completer = Arc::new(Mutex::new(completer));
    batches.then(move |mut attempt| {
        let completer = Arc::clone(&completer);
        async move {
            let committed = committed.load(Ordering::Relaxed);
            let completed = completer.lock().await.complete(&mut attempt.done, committed).await;
            if let Err(error) = completed {
                attempt.failure = Some(error);
            }
            attempt
        }
    })
}

/// Decodes and encodes `batches` on `threads` threads.
fn encode<D: Decode, K: Sink + 'static>(
    batches: impl Stream<Item = Attempt<Vec<D::Block>, PipelineError>>,
    decoder: D,
    sink: Arc<K>,
    threads: usize,
) -> impl Stream<Item = Attempt<Option<(Batch, K::Encoded)>, PipelineError>>
where
    PipelineError: From<D::Error>,
{
    batches
        .map(move |blocks| {
            let (decoder, sink) = (decoder.clone(), Arc::clone(&sink));
            join(spawn_blocking(move || encode_batch(&decoder, &*sink, blocks)))
        })
        .buffered(threads.clamp(1, MAX_DECODES))
}

fn encode_batch<D: Decode, K: Sink>(
    decoder: &D,
    sink: &K,
    blocks: Attempt<Vec<D::Block>, PipelineError>,
) -> Attempt<Option<(Batch, K::Encoded)>, PipelineError>
where
    PipelineError: From<D::Error>,
{
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
