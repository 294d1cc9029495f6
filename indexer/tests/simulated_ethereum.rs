//! The simulated Ethereum chain, whose state is known at every height: what is read of it from a node
//! makes the same balances, and archives and exports hold the same blocks.

#[path = "common/following.rs"]
mod following;
#[path = "common/ethereum_source.rs"]
mod source;
#[path = "../../fixtures/tests/simulated/table.rs"]
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Address;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type, UInt32Type};
use assay_fixtures::simulate::ethereum::server::{Server, TraceMethods};
use assay_fixtures::simulate::ethereum::simulator::Simulator;
use assay_fixtures::simulate::ethereum::{self, simulate};
use assay_fixtures::simulate::options::PART_BLOCKS;
use assay_indexer::attempt::Attempt;
use assay_indexer::decode::ethereum::{Decoder, Genesis};
use assay_indexer::pipeline::{Nothing, Options, Pipeline};
use assay_indexer::progress::Silent;
use assay_indexer::sink::Wanted;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_rpc::{Rpc, RpcOptions};
use assay_indexer::stop::{self, Stop};
use assay_model::Chain;
use assay_model::lake::{Extra, Manifest};
use following::Following;
use source::{decode, fetch_all, opened, table, text};
use tempfile::TempDir;

const OPTIONS: ethereum::Options =
    ethereum::Options { seed: 11, years: 1, blocks: 400, load: 6, part_blocks: PART_BLOCKS };

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
    for row in (0..flows.num_rows()).filter(|&row| heights.value(row) as u64 <= height) {
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

/// What brings the chain of `server`, over a WebSocket, into the lake in `lake`.
async fn pipeline(
    server: &Server,
    decoder: Decoder,
    lake: &Path,
    stop: Stop,
) -> Pipeline<Rpc, Nothing, Decoder, LakeSink> {
    // Nobody would wait for the node to be asked: it has to announce.
    let poll = Duration::from_secs(600);
    let options = RpcOptions { poll, ..RpcOptions::new(server.ws_url()) };
    let source = Rpc::connect(options).await.expect("a node");
    let network = source.network().to_string();
    let extras = BTreeSet::from([Extra::Genesis, Extra::Traces]);
    let wanted = Wanted { chain: Chain::Ethereum, network, from: None, extras };
    Pipeline {
        source: Arc::new(source),
        completer: Arc::new(Nothing.into()),
        decoder,
        sink: Arc::new(LakeSink::open(lake, &wanted).expect("a lake")),
        options: Options { max_reorg: 64, ..Options::new(2) },
        progress: Arc::new(Silent),
        stop,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_follows_what_is_announced_from_branch_to_branch() {
    let mut trunk = Simulator::new(OPTIONS);
    let past: Vec<_> = trunk.by_ref().take(380).map(Arc::new).collect();
    let mut branch = trunk.branch(1);
    let extended = |simulator: &mut Simulator, count| -> Vec<_> {
        past.iter().cloned().chain(simulator.by_ref().take(count).map(Arc::new)).collect()
    };
    let chains = [past.clone(), extended(&mut trunk, 5), extended(&mut branch, 7)];
    let server = Server::start(past.clone(), TraceMethods::CallTracer).expect("a free port");
    let lake = TempDir::new().expect("a folder");
    let (stopper, stop) = stop::stop();
    let decoder = decoder_of(trunk.genesis_file().to_string().as_bytes());
    let pipeline = pipeline(&server, decoder, lake.path(), stop).await;
    let following = Following::start(pipeline, stopper);
    for chain in chains {
        let tip = chain.last().expect("a block").hash.to_string();
        server.set_chain(chain);
        following.reaches(tip.trim_start_matches("0x").parse().expect("a hash")).await;
    }
    following.end().await;
    let lake = lake.path().join("ethereum");
    let manifest = std::fs::read(lake.join("manifest.json")).expect("a manifest");
    let manifest: Manifest = serde_json::from_slice(&manifest).expect("JSON");
    let replaced: Vec<_> = manifest.reorgs.iter().map(|reorg| reorg.replaced.len()).collect();
    assert_eq!(replaced, [5]);
    let mut held = BTreeMap::<Address, i128>::new();
    for segment in manifest.segments {
        let flows = truth::read(&lake.join(segment).join("value_flows.parquet"));
        for (address, value) in balances(&flows, u64::MAX) {
            *held.entry(address).or_default() += value;
        }
    }
    held.retain(|_, balance| *balance != 0);
    let accounts = branch.world().accounts();
    let wanted = accounts.map(|(address, account)| (address, account.balance as i128));
    assert_eq!(held, wanted.filter(|(_, balance)| *balance > 0).collect());
}

#[test]
fn archives_and_exports_hold_the_same_blocks() {
    let dir = TempDir::new().expect("a folder");
    let go_on = &mut |_| ControlFlow::Continue(());
    let (summary, _) = simulate(&OPTIONS, dir.path(), go_on).expect("written");
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
