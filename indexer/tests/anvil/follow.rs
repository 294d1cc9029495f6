//! The tip of a real node, which mines, reorganises and goes away: the lake follows, and is in the end
//! what a fresh run over the same chain makes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assay_indexer::decode::ethereum::{Decoder, Rules};
use assay_indexer::pipeline::{Nothing, Options, Pause, Pipeline};
use assay_indexer::progress::Silent;
use assay_indexer::sink::Sink;
use assay_indexer::sink::Wanted;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::ethereum_rpc::{Rpc, RpcOptions};
use assay_indexer::stop::{self, Stop};
use assay_model::lake::{Extra, Manifest, SEGMENT_FILE, table_file};
use assay_model::{BlockHash, Chain};
use serde_json::{Value, json};

use crate::anvil::{Anvil, bounded};
use crate::following::Following;

type ToLake = Pipeline<Rpc, Nothing, Decoder, LakeSink>;

/// What brings the chain of the node at `url` into the lake in `lake`.
async fn pipeline(url: &str, lake: &Path, stop: Stop) -> ToLake {
    let poll = Duration::from_millis(20);
    let source = Rpc::connect(RpcOptions { poll, ..RpcOptions::new(url) }).await;
    let source = source.expect("anvil answers");
    let network = source.network();
    let extras = BTreeSet::from([Extra::Traces]);
    let wanted =
        Wanted { chain: Chain::Ethereum, network: network.to_string(), from: None, extras };
    let pause = Pause { first: Duration::from_millis(20), longest: Duration::from_millis(100) };
    Pipeline {
        source: Arc::new(source),
        completer: Arc::new(Nothing.into()),
        decoder: Decoder { rules: Arc::new(Rules::of(network)), genesis: None, with_traces: true },
        sink: Arc::new(LakeSink::open(lake, &wanted).expect("a lake")),
        options: Options { max_reorg: 64, pause, ..Options::new(2) },
        progress: Arc::new(Silent),
        stop,
    }
}

/// Has the lake in `lake` follow the node at `url`.
async fn start(url: &str, lake: &Path) -> Following {
    let (stopper, stop) = stop::stop();
    Following::start(pipeline(url, lake, stop).await, stopper)
}

/// Waits until `following` ends with the block that the node calls the last.
async fn reaches_tip(following: &Following, anvil: &Anvil) {
    let tip = anvil.call("eth_getBlockByNumber", json!(["latest", false])).await;
    following.reaches(hash(&tip)).await;
}

fn hash(block: &Value) -> BlockHash {
    let hash = block["hash"].as_str().expect("a hash");
    hash.trim_start_matches("0x").parse().expect("a hash")
}

/// Mines `count` blocks, each with a transfer.
async fn mine(anvil: &Anvil, count: usize) {
    let accounts = anvil.accounts().await;
    for _ in 0..count {
        anvil.send(json!({ "from": accounts[0], "to": accounts[1], "value": "0x64" })).await;
    }
}

fn manifest(lake: &Path) -> Manifest {
    let path = lake.join("ethereum/manifest.json");
    serde_json::from_slice(&std::fs::read(path).expect("a manifest")).expect("JSON")
}

/// Every file of every segment.
fn files(lake: &Path) -> Vec<(String, Vec<u8>)> {
    let names: Vec<_> =
        Chain::Ethereum.tables().iter().map(|table| table_file(table.name)).collect();
    let mut files = Vec::new();
    for segment in manifest(lake).segments {
        for name in names.iter().map(String::as_str).chain([SEGMENT_FILE]) {
            let path = lake.join("ethereum").join(&segment).join(name);
            files.push((format!("{segment}/{name}"), std::fs::read(path).expect("a file")));
        }
    }
    files
}

/// Follows a node over `scheme` through everything that it does.
async fn follows(scheme: &str) {
    let Some(anvil) = Anvil::start(&[]) else { return };
    let url = format!("{scheme}://{}", anvil.host);
    let (lake, fresh) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    mine(&anvil, 5).await;
    let following = start(&url, lake.path()).await;
    reaches_tip(&following, &anvil).await;
    mine(&anvil, 3).await;
    reaches_tip(&following, &anvil).await;
    let mut depths = Vec::new();
    for depth in [1, 4, 2] {
        anvil.call("anvil_reorg", json!([depth, []])).await;
        mine(&anvil, 1).await;
        reaches_tip(&following, &anvil).await;
        depths.push(depth);
    }
    // Many blocks while nobody looks, and a reorganisation of blocks that were seen.
    following.end().await;
    mine(&anvil, 40).await;
    anvil.call("anvil_reorg", json!([45, []])).await;
    depths.push(5);
    let following = start(&url, lake.path()).await;
    reaches_tip(&following, &anvil).await;
    let sink = Arc::clone(&following.sink);
    following.end().await;

    let reorgs = manifest(lake.path()).reorgs;
    let found: Vec<_> = reorgs.iter().map(|reorg| reorg.replaced.len()).collect();
    // Another look may see the chain between the reorganisation and the block after it.
    assert_eq!(found, depths, "{reorgs:?}");
    sink.compact(1).await.expect("merged");
    let straight = pipeline(&url, fresh.path(), Stop::never()).await;
    straight.run().await.expect("a good chain");
    let (found, expected) = (files(lake.path()), files(fresh.path()));
    for ((found, bytes), (expected, wanted)) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
        assert!(bytes == wanted, "{found} differs");
    }
    assert_eq!(found.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_follows_a_node_that_announces_blocks() {
    bounded(follows("ws")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_follows_a_node_that_is_asked() {
    bounded(follows("http")).await;
}
