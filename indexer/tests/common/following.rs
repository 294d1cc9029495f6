//! A lake that follows a node, in this process.

use std::sync::Arc;
use std::time::Duration;

use assay_indexer::decode::Decode;
use assay_indexer::pipeline::{Complete, Pipeline, PipelineError, Summary};
use assay_indexer::sink::Sink;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::Live;
use assay_indexer::stop::Stopper;
use assay_model::BlockHash;
use tokio::task::JoinHandle;

/// A lake that follows a node.
pub struct Following {
    /// The lake.
    pub sink: Arc<LakeSink>,
    stopper: Stopper,
    task: JoinHandle<Result<Summary, PipelineError>>,
}

impl Following {
    /// Has `pipeline` follow, until `stopper` ends it.
    pub fn start<S, C, D>(pipeline: Pipeline<S, C, D, LakeSink>, stopper: Stopper) -> Following
    where
        S: Live + 'static,
        C: Complete<S::Block> + 'static,
        D: Decode<Block = S::Block>,
        PipelineError: From<D::Error>,
    {
        let sink = Arc::clone(&pipeline.sink);
        let task = tokio::spawn(async move { pipeline.follow().await });
        Following { sink, stopper, task }
    }

    /// Waits until the lake ends with the block `hash`.
    pub async fn reaches(&self, hash: BlockHash) {
        while self.sink.watermark().await.expect("a lake").is_none_or(|block| block.hash != hash) {
            assert!(!self.task.is_finished(), "it ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it, which must not take long, whatever the node does.
    pub async fn end(self) -> Summary {
        self.stopper.stop();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.task).await;
        ended.expect("in time").expect("no panic").expect("it ends well")
    }
}
