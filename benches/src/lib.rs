//! What the benches measure: the work itself, without clocks, and what a process took to do it.

pub mod bitcoin;
pub mod ethereum;
pub mod follow;
pub mod process;

use std::sync::Arc;

use assay_indexer::decode::Decode;
use assay_indexer::pipeline::{Complete, Options, Pipeline, PipelineError};
use assay_indexer::progress::Silent;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::Source;
use assay_indexer::stop::Stop;
use tokio::runtime::{Builder, Runtime};

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().expect("a runtime")
}

/// Brings `sink` up to the tip of `source` on `threads` threads; returns the bytes of block data.
///
/// # Panics
///
/// If it fails.
async fn run<S, C, D>(
    source: Arc<S>,
    completer: C,
    decoder: D,
    sink: LakeSink,
    threads: usize,
) -> u64
where
    S: Source + 'static,
    C: Complete<S::Block> + 'static,
    D: Decode<Block = S::Block>,
    PipelineError: From<D::Error>,
{
    let pipeline = Pipeline {
        source,
        completer: Arc::new(completer.into()),
        decoder,
        sink: Arc::new(sink),
        options: Options::new(threads),
        progress: Arc::new(Silent),
        stop: Stop::never(),
    };
    pipeline.run().await.expect("a valid chain").block_bytes
}
