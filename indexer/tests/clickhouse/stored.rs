//! What comes in goes out the same, once, and only into a store that is made for it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use assay_clickhouse::Connection;
use assay_fixtures::simulate::ethereum::server::{Server, TraceMethods};
use assay_fixtures::simulate::ethereum::{self, simulator::Simulator};
use assay_fixtures::simulate::options::PART_BLOCKS;
use assay_indexer::attempt::Attempt;
use assay_indexer::decode::ethereum::{Decoder, Genesis};
use assay_indexer::sink::clickhouse::ClickHouseSink;
use assay_indexer::sink::{Sink, Wanted};
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_rpc::{Rpc, RpcOptions};
use assay_model::lake::Extra;
use assay_model::{Batch, Chain, Network};

use crate::common;
use crate::ethereum_source;
use crate::server::{assert_holds, shared};

/// A store of regtest's blocks with their scripts.
pub fn bitcoin() -> Wanted {
    let (chain, network) = (Chain::Bitcoin, Network::Regtest.to_string());
    Wanted { chain, network, from: None, extras: BTreeSet::from([Extra::Scripts]) }
}

/// The rows of `golden-a`.
fn golden() -> Vec<Batch> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bitcoin/golden-a/blocks");
    common::index(&dir, false).batches()
}

pub async fn open(connection: &Connection, wanted: &Wanted) -> ClickHouseSink {
    ClickHouseSink::open(connection.clone(), wanted).await.expect("a server")
}

pub async fn commit(sink: &ClickHouseSink, batch: &Batch) {
    sink.commit(sink.encode(batch).expect("rows of a block")).await.expect("committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn bitcoins_rows_come_back_as_they_went_in() {
    let Some(connection) = shared("golden") else { return };
    let batches = tokio::task::spawn_blocking(golden).await.expect("indexed");
    let sink = open(&connection, &bitcoin()).await;
    for batch in &batches {
        commit(&sink, batch).await;
    }
    assert_holds(&connection, Chain::Bitcoin, &batches).await;
    let bytes: u64 = batches.iter().map(|batch| batch.block_bytes).sum();
    assert_eq!(sink.block_bytes().await.expect("known"), bytes);
    // What was committed is not committed again, whoever tries.
    for batch in &batches {
        commit(&sink, batch).await;
    }
    drop(sink);
    let sink = open(&connection, &bitcoin()).await;
    assert_eq!(sink.watermark().await.expect("known"), batches.last().map(|batch| batch.last));
    for batch in &batches {
        commit(&sink, batch).await;
    }
    assert_holds(&connection, Chain::Bitcoin, &batches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ethereums_rows_come_back_as_they_went_in() {
    let Some(connection) = shared("ethereum") else { return };
    let options =
        ethereum::Options { seed: 5, years: 3, blocks: 200, load: 6, part_blocks: PART_BLOCKS };
    let mut simulator = Simulator::new(options);
    let blocks: Vec<_> = simulator.by_ref().map(Arc::new).collect();
    let (rules, genesis) =
        Genesis::read(simulator.genesis_file().to_string().as_bytes()).expect("a genesis file");
    let network = rules.network.to_string();
    let genesis = Some(Arc::new(genesis));
    let decoder = Decoder { rules: Arc::new(rules), genesis, with_traces: true };
    let node = Server::start(blocks, TraceMethods::TraceBlock).expect("a free port");
    let rpc = Rpc::connect(RpcOptions::new(node.url())).await.expect("a node");
    let Attempt { done, failure } = rpc.fetch(0..options.blocks + 1).await;
    assert!(failure.is_none(), "{failure:?}");
    let batches: Vec<_> =
        done.chunks(30).map(|blocks| ethereum_source::decode(&decoder, blocks)).collect();
    let extras = BTreeSet::from([Extra::Genesis, Extra::Traces]);
    let wanted = Wanted { chain: Chain::Ethereum, network, from: None, extras };
    let sink = open(&connection, &wanted).await;
    for batch in &batches {
        commit(&sink, batch).await;
    }
    assert_holds(&connection, Chain::Ethereum, &batches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_of_one_network_and_one_kind() {
    let Some(connection) = shared("kinds") else { return };
    drop(open(&connection, &Wanted { extras: BTreeSet::new(), ..bitcoin() }).await);
    let refused = async |wanted: Wanted| {
        let error = ClickHouseSink::open(connection.clone(), &wanted).await;
        error.err().expect("refused").to_string()
    };
    let error = refused(Wanted { network: "mainnet".to_owned(), ..bitcoin() }).await;
    assert!(error.contains("holds regtest and these blocks are of mainnet"), "{error}");
    let error = refused(bitcoin()).await;
    assert!(error.contains("made without scripts"), "{error}");
    let error = refused(Wanted { from: Some(7), extras: BTreeSet::new(), ..bitcoin() }).await;
    assert!(error.contains("begins at height 0, not at 7"), "{error}");
}
