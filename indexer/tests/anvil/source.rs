//! The node as a source: over HTTP and a WebSocket, and when it is gone.

use std::time::Duration;

use alloy_primitives::{Address, U256, address, hex};
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_rpc::{Retry, Rpc, RpcOptions};
use serde_json::json;

use crate::anvil::{Anvil, bounded};
use crate::cells::read;
use crate::check;

/// Who gets ether from a contract only.
const HEIR: Address = address!("00000000000000000000000000000000000000ee");

/// Code of a contract that passes on to [`HEIR`] what it gets, and code that creates it.
fn passing_on() -> String {
    let runtime = format!("60006000600060003473{}5af100", hex::encode(HEIR));
    format!("0x602180600b6000396000f3{runtime}")
}

/// Makes more blocks than are fetched at once.
async fn make_blocks(anvil: &Anvil) {
    let accounts = anvil.accounts().await;
    let (from, to) = (accounts[0], accounts[1]);
    for height in 0..40 {
        let mut transfer = json!({ "from": from, "to": to, "value": "0x64" });
        match height % 3 {
            0 => transfer["gasPrice"] = json!("0x77359400"),
            1 => {
                transfer["gasPrice"] = json!("0x77359400");
                transfer["accessList"] = json!([{ "address": to, "storageKeys": [] }]);
            }
            _ => {}
        }
        anvil.send(transfer).await;
    }
    let created = anvil.send(json!({ "from": from, "data": passing_on() })).await;
    let contract = &created["contractAddress"];
    for value in ["0x3e8", "0x7"] {
        let receipt = anvil.send(json!({ "from": from, "to": contract, "value": value })).await;
        assert_eq!(receipt["status"], "0x1");
    }
}

/// Blocks come over a WebSocket as they do over HTTP.
async fn compare_schemes(anvil: &Anvil) {
    let (_, blocks) = anvil.blocks(&format!("http://{}", anvil.host)).await;
    let (rpc, same) = anvil.blocks(&format!("ws://{}", anvil.host)).await;
    assert!(rpc.has_traces());
    assert_eq!(rpc.network().chain_id, 31_337);
    for (one, other) in blocks.iter().zip(&same) {
        assert_eq!(one.block, other.block);
        assert_eq!((&one.bytes, &one.receipts), (&other.bytes, &other.receipts));
        assert_eq!((&one.senders, &one.traces), (&other.senders, &other.traces));
    }
    assert_eq!(blocks.len(), same.len());
}

/// When the node is gone, nothing waits for it.
async fn lose(anvil: Anvil) {
    let retry = Retry { attempts: 2, ..Retry::default() };
    let timeout = Duration::from_secs(5);
    let mut gone = Vec::new();
    for scheme in ["http", "ws"] {
        let url = format!("{scheme}://{}", anvil.host);
        let options = RpcOptions { retry, timeout, ..RpcOptions::new(url) };
        gone.push(Rpc::connect(options).await.expect("anvil answers"));
    }
    drop(anvil);
    for rpc in gone {
        let fetched = rpc.fetch(0..2).await;
        let shown = fetched.failure.expect("nobody is there").to_string();
        assert!(shown.contains("no answer after 2 attempts"), "{shown}");
    }
}

async fn make_and_read() {
    let Some(anvil) = Anvil::start(&[]) else { return };
    make_blocks(&anvil).await;
    let chain = check::all(&anvil).await;
    let counts = ["blocks", "transactions", "traces"].map(|table| chain.rows(table).len());
    assert_eq!(counts, [44, 43, 45]);
    let inherited: Vec<u64> = chain
        .rows("value_flows")
        .iter()
        .filter(|flow| flow["to_address"] == json!(HEIR))
        .map(|flow| read::<U256>(flow, "value").to())
        .collect();
    assert_eq!(inherited, [0x3e8, 0x7]);
    compare_schemes(&anvil).await;
    lose(anvil).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_node_tells_is_decoded() {
    bounded(make_and_read()).await;
}
