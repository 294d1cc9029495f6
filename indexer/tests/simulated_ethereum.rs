//! The simulated Ethereum chain, whose state is known at every height: what is read of it from a node
//! makes the same balances, and archives and exports hold the same blocks.

#[path = "common/ethereum_source.rs"]
mod source;
#[path = "../../fixtures/tests/simulated/table.rs"]
mod truth;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use alloy_primitives::Address;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type, UInt32Type};
use assay_fixtures::simulate::ethereum::server::{Server, TraceMethods};
use assay_fixtures::simulate::ethereum::simulator::Simulator;
use assay_fixtures::simulate::ethereum::{Options, simulate};
use assay_indexer::attempt::Attempt;
use assay_indexer::decode::ethereum::{Decoder, Genesis};
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_rpc::{Rpc, RpcOptions};
use source::{decode, fetch_all, opened, table, text};
use tempfile::TempDir;

const OPTIONS: Options = Options { seed: 11, years: 1, blocks: 400, load: 6 };

/// A decoder with the rules and the accounts of the genesis file `json`.
fn decoder_of(json: &[u8]) -> Decoder {
    let (rules, genesis) = Genesis::read(json).expect("a genesis file");
    let genesis = Some(Arc::new(genesis));
    Decoder { rules: Arc::new(rules), genesis, with_traces: true }
}

/// Of each account what the flows up to and with `height` leave, wei; none of nothing.
fn balances(flows: &RecordBatch, height: u64) -> BTreeMap<Address, i128> {
    let column = |name| flows.column_by_name(name).expect("a column");
    let heights = column("height").as_primitive::<Int64Type>();
    let values = column("value").as_primitive::<Decimal128Type>();
    let sides = [("from_address", -1), ("to_address", 1)]
        .map(|(name, sign)| (column(name).as_binary::<i32>(), sign));
    let mut balances = BTreeMap::<Address, i128>::new();
    for row in (0..flows.num_rows()).filter(|&row| heights.value(row) <= height as i64) {
        for (addresses, sign) in sides.iter().filter(|(addresses, _)| addresses.is_valid(row)) {
            let address = Address::from_slice(addresses.value(row));
            *balances.entry(address).or_default() += sign * values.value(row);
        }
    }
    balances.retain(|_, balance| *balance != 0);
    balances
}

/// The balances of the truth, wei by account, at each of its heights.
fn told(dir: &Path) -> BTreeMap<u64, BTreeMap<Address, i128>> {
    let rows = truth::table(dir, "ethereum_balances");
    let heights = rows["height"].as_primitive::<UInt32Type>();
    let addresses = rows["address"].as_binary::<i32>();
    let values = rows["wei"].as_primitive::<Decimal128Type>();
    let mut told = BTreeMap::<u64, BTreeMap<Address, i128>>::new();
    for row in 0..rows.num_rows() {
        let address = Address::from_slice(addresses.value(row));
        let balances = told.entry(heights.value(row).into()).or_default();
        balances.insert(address, values.value(row));
    }
    told
}

#[tokio::test]
async fn what_a_node_tells_makes_the_simulated_balances() {
    let dir = TempDir::new().expect("a folder");
    simulate(&OPTIONS, dir.path(), &mut |_| ControlFlow::Continue(())).expect("written");
    let known = told(dir.path());
    assert_eq!(known.len(), 10);
    let mut simulator = Simulator::new(OPTIONS);
    let blocks: Vec<_> = simulator.by_ref().map(Arc::new).collect();
    let decoder = decoder_of(simulator.genesis_file().to_string().as_bytes());
    for traces in [TraceMethods::TraceBlock, TraceMethods::CallTracer] {
        let server = Server::start(blocks.clone(), traces).expect("a free port");
        let rpc = Rpc::connect(RpcOptions::new(server.url())).await.expect("a node");
        assert!(rpc.has_traces());
        let Attempt { done, failure } = rpc.fetch(0..OPTIONS.blocks + 1).await;
        assert!(failure.is_none(), "{failure:?}");
        let batch = decode(&decoder, &done);
        for (height, wanted) in &known {
            assert_eq!(&balances(table(&batch, "value_flows"), *height), wanted, "{height}");
        }
    }
}

#[test]
fn archives_and_exports_hold_the_same_blocks() {
    let dir = TempDir::new().expect("a folder");
    let summary =
        simulate(&OPTIONS, dir.path(), &mut |_| ControlFlow::Continue(())).expect("written");
    let json = std::fs::read(dir.path().join("ethereum/genesis.json")).expect("it is there");
    let decoder = decoder_of(&json);
    let all = fetch_all(&opened(&dir.path().join("ethereum/rlp")));
    assert_eq!(all.len() as u64, summary.blocks + 1);
    let rows = decode(&decoder, &all);
    let transactions = table(&rows, "transactions");
    assert_eq!(transactions.num_rows() as u64, summary.transactions);
    let mined = fetch_all(&opened(&dir.path().join("ethereum/era1")));
    assert!(mined.len() > 200 && mined.len() < all.len(), "{} mined blocks", mined.len());
    for (mined, block) in mined.iter().zip(&all) {
        assert_eq!((&mined.bytes, &mined.receipts), (&block.bytes, &block.receipts));
    }
    assert_eq!(text(table(&rows, "blocks"), "height", mined.len()), mined.len().to_string());
}
