//! A lake that follows a Bitcoin node.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::{Options, Pause, Pipeline, PipelineError, Prevouts, Summary};
use assay_indexer::progress::Silent;
use assay_indexer::sink::Sink;
use assay_indexer::sink::lake::{LakeSink, LocalDisk};
use assay_indexer::source::bitcoin_node::{BitcoinNode, NodeOptions};
use assay_indexer::stop::{Stop, Stopper, stop};
use assay_model::{BlockHash, Network};
use tokio::task::JoinHandle;

use crate::lake::{Run, wanted};

/// What brings the chain of a node into the lake in `lake`; trouble is got over at once.
pub async fn pipeline(
    node: NodeOptions,
    lake: &Path,
    stop: Stop,
) -> Pipeline<BitcoinNode, Prevouts<BitcoinNode>, Decoder, LakeSink> {
    let node = NodeOptions { poll: Duration::from_millis(5), ..node };
    let source = Arc::new(BitcoinNode::connect(node).await.expect("the node answers"));
    let run = Run::default();
    let wanted = wanted(Network::Regtest, run.with_scripts);
    let sink = LakeSink::open_on(Arc::new(LocalDisk), lake, &wanted, run.cuts);
    let progress = Arc::new(Silent);
    let prevouts = Prevouts::new(Arc::clone(&source), lake.join("utxo"), progress.clone());
    let pause = Pause { first: Duration::from_millis(1), longest: Duration::from_millis(20) };
    Pipeline {
        source,
        completer: Arc::new(prevouts.into()),
        decoder: Decoder { network: Network::Regtest, with_scripts: run.with_scripts },
        sink: Arc::new(sink.expect("a lake")),
        options: Options { pause, ..Options::new(run.threads) },
        progress,
        stop,
    }
}

/// A lake that follows a node, in this process.
pub struct Following {
    sink: Arc<LakeSink>,
    stopper: Stopper,
    task: JoinHandle<Result<Summary, PipelineError>>,
}

impl Following {
    pub async fn start(node: NodeOptions, lake: &Path) -> Following {
        let (stopper, stop) = stop();
        let pipeline = pipeline(node, lake, stop).await;
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
