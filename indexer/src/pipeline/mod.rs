//! Runs a source, the decoder and a sink: in parallel, and in order.
//!
//! ```text
//! plan ─► fetch ─► cut into ─► complete ─► decode + encode ─► commit
//!        (2 at a    batches   (in order)  (a thread each)    (in order)
//!         time)
//! ```
//!
//! # Invariants
//!
//! * At most [`FETCHES`] + threads + 3 batches of [`Cuts::batch_bytes`](crate::sink::Cuts) are in
//!   memory, whatever the length of the chain.
//! * Everything below the first bad block is committed before its error is returned.
//! * A run that is stopped, at any moment and in any way, goes on where the sink's watermark is.
//! * A reorganisation, a restart and a crash take one path: the sink is brought onto the source's
//!   chain, and then what is missing is added.

mod align;
mod cut;
mod follow;
mod prevouts;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use assay_model::lake::Finality;
use assay_model::{Batch, BlockRef};
use async_trait::async_trait;
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

pub use self::align::{Step, plan};
use self::cut::{Start, cut};
pub use self::follow::Pause;
pub use self::prevouts::Prevouts;
use crate::attempt::Attempt;
use crate::decode::{Decode, bitcoin, ethereum};
use crate::metrics::{self, Meter};
use crate::progress::{Position, Progress, Unit};
use crate::raw::Raw;
use crate::sink::{Sink, SinkError};
use crate::source::{Source, SourceError};
use crate::stop::Stop;
use crate::task::join;
use crate::utxo_store::UtxoError;

/// Batches that are fetched at the same time.
pub const FETCHES: usize = 2;
/// Segments that may lie at the end of the lake before they are made one.
pub const MOST_PIECES: usize = 32;
/// How often a run begins anew because the chain changed, without getting any further.
const MOST_CHANGES: usize = 10;
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
    /// How long to wait before going on after trouble.
    pub pause: Pause,
}

impl Options {
    /// Indexes up to the tip on `threads` threads, with the usual limits.
    pub fn new(threads: usize) -> Options {
        Options { threads, last: None, max_reorg: 100, pause: Pause::default() }
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

impl Summary {
    /// What was done before the end was asked for.
    fn stopped(done: Option<Summary>) -> Summary {
        Summary { stopped: true, ..done.unwrap_or_default() }
    }

    /// This run and the one after it.
    fn then(self, next: Summary) -> Summary {
        Summary {
            from: self.from.min(next.from),
            to: next.to,
            block_bytes: self.block_bytes + next.block_bytes,
            reverted: self.reverted + next.reverted,
            stopped: next.stopped,
        }
    }
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
    /// What the source was asked for was not waited for, because the work is to end.
    #[error("stopped")]
    Stopped,
    /// The chain of the source changed while it was read.
    #[error("block {height} does not follow the one below: the chain changed; run again")]
    ChainChanged {
        /// Height of the block.
        height: u64,
    },
    /// The source has another chain than what it called final.
    #[error(
        "the source called block {} ({}) final, and has another chain now from height {} on: it \
         is of another network, or something is very wrong with it; nothing was changed",
        .finalized.height, .finalized.hash, .common_height + 1
    )]
    FinalTakenBack {
        /// The block that was final.
        finalized: Box<BlockRef>,
        /// Height of the last block that the store and the source both have.
        common_height: u64,
    },
    /// The source has another chain.
    #[error(
        "the store and the source part more than {max_reorg} blocks below the store's watermark \
         ({stored:?}): this is another chain, or one reorganised beyond belief. If the store is to \
         follow it, run again with a larger --max-reorg, or index into another store"
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

impl PipelineError {
    /// What it is of, in a word: how it is counted.
    pub fn kind(&self) -> &'static str {
        match self {
            PipelineError::Source(_) => metrics::SOURCE,
            PipelineError::Bitcoin(_) | PipelineError::Ethereum(_) => metrics::BLOCK,
            PipelineError::Prevouts(_) => metrics::PREVOUTS,
            PipelineError::Sink(_) => metrics::SINK,
            PipelineError::ChainChanged { .. } => metrics::CHAIN_CHANGED,
            PipelineError::Stopped => metrics::STOPPED,
            PipelineError::FinalTakenBack { .. } | PipelineError::TooDeep { .. } => {
                metrics::OTHER_CHAIN
            }
        }
    }

    /// Whether it may be gone if the same is tried again later.
    pub fn is_passing(&self) -> bool {
        match self {
            PipelineError::Source(error) => error.is_passing(),
            PipelineError::ChainChanged { .. } => true,
            PipelineError::Sink(error) => error.is_passing(),
            _ => false,
        }
    }
}

/// A source, and what becomes of its blocks.
pub struct Pipeline<S, C, D, K> {
    /// Where blocks come from.
    pub source: Arc<S>,
    /// Adds to them what their source does not know.
    pub completer: Arc<Mutex<C>>,
    /// Makes rows of them.
    pub decoder: D,
    /// Where rows go.
    pub sink: Arc<K>,
    /// How it runs.
    pub options: Options,
    /// Who is told.
    pub progress: Arc<dyn Progress>,
    /// When it is to end.
    pub stop: Stop,
}

impl<S, C, D, K> Pipeline<S, C, D, K>
where
    S: Source + 'static,
    C: Complete<S::Block> + 'static,
    D: Decode<Block = S::Block>,
    PipelineError: From<D::Error>,
    K: Sink + 'static,
{
    /// Brings the sink up to the tip of the source, or until it is to end.
    ///
    /// # Errors
    ///
    /// At the first block that cannot be indexed; all blocks below it are committed.
    pub async fn run(&self) -> Result<Summary, PipelineError> {
        let mut summary = None;
        match self.run_noting(None, &mut summary).await {
            Ok(()) => Ok(summary.unwrap_or_default()),
            Err(PipelineError::Stopped) => Ok(Summary::stopped(summary)),
            Err(error) => Err(error),
        }
    }

    /// The same; `finality` is kept with the blocks that are added, and what is done is added to
    /// `summary`.
    async fn run_noting(
        &self,
        finality: Option<Finality>,
        summary: &mut Option<Summary>,
    ) -> Result<(), PipelineError> {
        let mut changes = 0;
        loop {
            let mut run = None;
            let result = self.run_once(finality, &mut run).await;
            let is_further = run.is_some_and(|run| run.to > run.from);
            if let Some(run) = run {
                *summary = Some(summary.map_or(run, |before| before.then(run)));
            }
            match result {
                Err(PipelineError::ChainChanged { height }) if !self.stop.is_asked() => {
                    tracing::info!(height, "the chain changed while it was read");
                    changes = if is_further { 0 } else { changes + 1 };
                    if changes > MOST_CHANGES {
                        return Err(PipelineError::ChainChanged { height });
                    }
                }
                result => return result,
            }
        }
    }

    async fn run_once(
        &self,
        finality: Option<Finality>,
        summary: &mut Option<Summary>,
    ) -> Result<(), PipelineError> {
        let Some(tip) = unless_stopped(&self.stop, self.source.tip()).await? else { return Ok(()) };
        let (from, reverted) =
            align::align(&*self.source, &*self.sink, self.options.max_reorg, &self.stop).await?;
        let summary = summary.insert(Summary { from, to: from, reverted, ..Summary::default() });
        // Not before: what was final until now is not to be taken back, whatever is final now.
        if let Some(finality) = finality {
            self.sink.settle(finality).await?;
        }
        self.tell(tip.height).await?;
        let last = self.options.last.unwrap_or(tip.height).min(tip.height);
        if from > last {
            return Ok(());
        }
        let heights = from..last + 1;
        self.progress.begin("indexing", self.source.bytes_of(heights.clone()), Unit::Bytes);
        let start =
            Start { below: self.sink.watermark().await?, bytes: self.sink.block_bytes().await? };
        let result = self.append(heights, tip.height, start, summary).await;
        self.publish(tip.height).await?;
        self.progress.end();
        summary.stopped = summary.to <= last;
        result
    }

    /// Makes visible what was committed, of a chain that ends at height `tip`.
    async fn publish(&self, tip: u64) -> Result<(), SinkError> {
        let start = Instant::now();
        self.sink.flush().await?;
        Meter::of::<S::Block>().published(start.elapsed());
        self.tell(tip).await
    }

    /// Tells how far the sink is, of a chain that ends at height `tip`.
    async fn tell(&self, tip: u64) -> Result<(), SinkError> {
        let height = self.sink.watermark().await?.map(|block| block.height);
        let position = Position { tip, height, time: self.sink.last_time().await };
        Meter::of::<S::Block>().seen(&position);
        self.progress.seen(&position);
        Ok(())
    }

    /// Adds the blocks of `heights`, of a chain that ends at height `tip`.
    async fn append(
        &self,
        heights: Range<u64>,
        tip: u64,
        start: Start,
        summary: &mut Summary,
    ) -> Result<(), PipelineError> {
        let committed = Arc::new(AtomicU64::new(heights.start));
        let cuts = self.sink.cuts();
        let fetched = fetch(Arc::clone(&self.source), heights, cuts.batch_bytes, &self.stop);
        let batches = cut(fetched, cuts, start);
        let batches = complete(batches, Arc::clone(&self.completer), &committed);
        let sink = Arc::clone(&self.sink);
        let encoded = encode(batches, self.decoder.clone(), sink, self.options.threads);
        let mut encoded = std::pin::pin!(encoded);
        while let Some(attempt) = encoded.next().await {
            if let Some((batch, encoded)) = attempt.done {
                self.commit(&batch, encoded, tip).await?;
                summary.to = batch.heights().end;
                summary.block_bytes += batch.block_bytes;
                committed.store(summary.to, Ordering::Relaxed);
            }
            if let Some(error) = attempt.failure {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn commit(&self, batch: &Batch, encoded: K::Encoded, tip: u64) -> Result<(), SinkError> {
        let start = Instant::now();
        self.sink.commit(encoded).await?;
        let elapsed = start.elapsed();
        let (height, elapsed_ms) = (batch.last.height, elapsed.as_millis() as u64);
        let blocks = batch.heights().end - batch.heights().start;
        let (rows, lag_blocks) = (batch.row_count(), tip.saturating_sub(height));
        tracing::info!(height, blocks, rows, lag_blocks, elapsed_ms, "committed");
        Meter::of::<S::Block>().committed(batch, elapsed);
        self.progress.committed(height, blocks, batch.block_bytes);
        self.tell(tip).await
    }
}

/// What the source answers, unless the work is to end first: a node may be silent for long.
async fn unless_stopped<T>(
    stop: &Stop,
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, PipelineError> {
    tokio::select! {
        biased;
        answer = answer => answer.map_err(PipelineError::from),
        () = stop.asked() => Err(PipelineError::Stopped),
    }
}

/// Fetches the blocks of `heights`, about `bytes` of them at a time.
fn fetch<S: Source + 'static>(
    source: Arc<S>,
    heights: Range<u64>,
    bytes: u64,
    stop: &Stop,
) -> impl Stream<Item = Attempt<Vec<S::Block>, PipelineError>> {
    let planner = Arc::clone(&source);
    let fetch_until = stop.clone();
    let ranges = std::iter::successors(Some(heights.start..heights.start), move |before| {
        let rest = before.end..heights.end;
        if rest.is_empty() || stop.is_asked() {
            return None;
        }
        Some(rest.start..planner.plan(rest, bytes))
    });
    let fetched = stream::iter(ranges.skip(1)).map(move |heights| {
        let (source, stop) = (Arc::clone(&source), fetch_until.clone());
        join(tokio::spawn(async move {
            tokio::select! {
                biased;
                Attempt { done, failure } = source.fetch(heights) => {
                    Attempt { done, failure: failure.map(PipelineError::from) }
                }
                () = stop.asked() => Attempt { done: Vec::new(), failure: Some(PipelineError::Stopped) },
            }
        }))
    });
    counted::<S::Block, _>(fetched, metrics::FETCH, FETCHES)
}

/// The results of `work` in its order, up to `most` of it at once; what is under way or not taken
/// yet counts as the queue of `stage`.
fn counted<B: Raw, F: Future>(
    work: impl Stream<Item = F>,
    stage: &'static str,
    most: usize,
) -> impl Stream<Item = F::Output> {
    let meter = Meter::of::<B>();
    work.map(move |future| {
        let queued = meter.enter(stage);
        async move { (queued, future.await) }
    })
    .buffered(most)
    .map(|(_queued, result)| result)
}

/// Completes `batches`, one after the other.
fn complete<B: Send + 'static>(
    batches: impl Stream<Item = Attempt<Vec<B>, PipelineError>>,
    completer: Arc<Mutex<impl Complete<B> + 'static>>,
    committed: &AtomicU64,
) -> impl Stream<Item = Attempt<Vec<B>, PipelineError>> {
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
    let encoded = batches.map(move |blocks| {
        let (decoder, sink) = (decoder.clone(), Arc::clone(&sink));
        join(spawn_blocking(move || encode_batch(&decoder, &*sink, blocks)))
    });
    counted::<D::Block, _>(encoded, metrics::ENCODE, threads.clamp(1, MAX_DECODES))
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
