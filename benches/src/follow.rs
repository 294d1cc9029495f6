//! How long a block takes from its announcement to where every reader sees it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_indexer::attempt::Attempt;
use assay_indexer::decode::Decode;
use assay_indexer::pipeline::{Complete, Options, Pipeline, PipelineError};
use assay_indexer::progress::Silent;
use assay_indexer::sink::Sink;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::{Finality, Live, Source, SourceError};
use assay_indexer::stop;
use assay_model::BlockRef;
use assay_model::lake::{MANIFEST_FILE, Manifest};
use async_trait::async_trait;
use tokio::sync::{Mutex, watch};

use crate::process::memory_kb;

/// A source that has its blocks already, and announces them when it is told to.
pub struct Announcing<S> {
    source: S,
    tip: watch::Sender<u64>,
    heard: Mutex<watch::Receiver<u64>>,
}

impl<S: Source> Announcing<S> {
    /// The chain of `source` up to height `tip`.
    pub fn new(source: S, tip: u64) -> Announcing<S> {
        let (tip, heard) = watch::channel(tip);
        Announcing { source, tip, heard: Mutex::new(heard) }
    }
}

#[async_trait]
impl<S: Source> Source for Announcing<S> {
    type Block = S::Block;

    async fn tip(&self) -> Result<Option<BlockRef>, SourceError> {
        let tip = *self.tip.borrow();
        self.source.block_at(tip).await
    }

    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        let is_announced = height <= *self.tip.borrow();
        match is_announced {
            true => self.source.block_at(height).await,
            false => Ok(None),
        }
    }

    fn plan(&self, heights: Range<u64>, bytes: u64) -> u64 {
        self.source.plan(heights, bytes)
    }

    fn bytes_of(&self, heights: Range<u64>) -> u64 {
        self.source.bytes_of(heights)
    }

    async fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<S::Block>, SourceError> {
        self.source.fetch(heights).await
    }
}

#[async_trait]
impl<S: Source> Live for Announcing<S> {
    async fn changed(&self) {
        // The sender lives as long as the source.
        let _ = self.heard.lock().await.changed().await;
    }

    async fn finality(&self) -> Result<Finality, SourceError> {
        Ok(Finality::default())
    }
}

/// What became of a block that was announced.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// How long it took to be visible.
    pub latency: Duration,
    /// The memory that the process held then, kilobytes.
    pub memory_kb: u64,
}

/// Follows `source` into `sink`, and announces `blocks` blocks, each when the one before is visible,
/// which readers learn from the manifest.
///
/// # Panics
///
/// If it fails.
pub async fn latencies<S, C, D>(
    source: Arc<Announcing<S>>,
    completer: C,
    decoder: D,
    sink: LakeSink,
    blocks: u64,
) -> Vec<Seen>
where
    S: Source + 'static,
    C: Complete<S::Block> + 'static,
    D: Decode<Block = S::Block>,
    PipelineError: From<D::Error>,
{
    let (stopper, stop) = stop::stop();
    let (manifest, from) = (sink.dir().join(MANIFEST_FILE), sink.first_height());
    let pipeline = Pipeline {
        source: Arc::clone(&source),
        completer: Arc::new(completer.into()),
        decoder,
        sink: Arc::new(sink),
        options: Options::new(2),
        progress: Arc::new(Silent),
        stop,
    };
    let following = tokio::spawn(async move { pipeline.follow().await });
    let first = *source.tip.borrow();
    visible(&manifest, from, first).await;
    let mut all = Vec::new();
    for height in first + 1..=first + blocks {
        let announced = Instant::now();
        source.tip.send_replace(height);
        visible(&manifest, from, height).await;
        all.push(Seen { latency: announced.elapsed(), memory_kb: memory_kb() });
    }
    stopper.stop();
    following.await.expect("no panic").expect("it ends well");
    all
}

/// Waits until the lake that begins at height `from` has the block at `height`.
async fn visible(manifest: &Path, from: u64, height: u64) {
    loop {
        let text = std::fs::read(manifest).unwrap_or_default();
        let heights = Manifest::read(&text, from).map(|(_, heights)| heights).unwrap_or_default();
        if heights.last().is_some_and(|last| last.end > height) {
            return;
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
}
