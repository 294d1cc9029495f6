//! From a Bitcoin node into a lake.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::{Options, Pause, Pipeline, Prevouts};
use assay_indexer::progress::Silent;
use assay_indexer::sink::lake::{LakeSink, LocalDisk};
use assay_indexer::source::bitcoin_node::{BitcoinNode, NodeOptions};
use assay_indexer::stop::Stop;
use assay_model::Network;

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
