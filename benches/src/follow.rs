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
        match height <= *self.tip.borrow() {
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

/// Follows `source` into `sink`, and announces `blocks` blocks, each when the one before is visible,
/// which readers learn from the manifest. Returns how long each took.
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
) -> Vec<Duration>
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
    let mut latencies = Vec::new();
    for height in first + 1..=first + blocks {
        let announced = Instant::now();
        source.tip.send_replace(height);
        visible(&manifest, from, height).await;
        latencies.push(announced.elapsed());
    }
    stopper.stop();
    following.await.expect("no panic").expect("it ends well");
    latencies
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
