//! Blocks as nodes have told them, kept beside the repository, so these tests are skipped where they
//! are absent: what they are put together to is what their hashes say.

#[path = "common/known.rs"]
mod known;
#[path = "common/node.rs"]
mod node;
#[path = "common/replay.rs"]
mod replay;

use alloy_primitives::{Address, B256};
use alloy_trie::root::ordered_trie_root_with_encoder;
use assay_fixtures::shared;
use assay_indexer::raw::dao::DAO_ACCOUNTS;
use assay_indexer::raw::ethereum::{Action, RawBlock, Trace};
use assay_indexer::rlp::{Block, Reader};
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_rpc::{Rpc, RpcOptions};
use assay_model::Batch;
use assay_model::ethereum::DAO_FORK_HEIGHT;
use known::{Known, by_height, hash, read_json, receipts_like};
use node::{Node, Reply, answer, connect};
use replay::{complete, decode, fetch_one, node, of_trace_block, traced};
use serde_json::{Value, json};

/// Compares the header and the transactions of `raw` with what the node says their hashes are.
fn check(raw: &RawBlock, told: &Value) {
    let height = raw.block.height;
    let block = Block::read(&mut Reader::new(&raw.bytes)).expect("a block");
    assert_eq!(json!(block.header.hash), told["hash"], "block {height}");
    let hashes: Vec<B256> = block.transactions.iter().map(|item| item.hash()).collect();
    let told = told["transactions"].as_array().expect("transactions").iter();
    assert_eq!(json!(hashes), told.map(|item| item["hash"].clone()).collect::<Value>());
    let root = ordered_trie_root_with_encoder(&block.transactions, |item, out| {
        out.extend_from_slice(item.bytes)
    });
    assert_eq!(root, block.header.transactions_root, "block {height}");
}

#[tokio::test]
async fn blocks_of_all_forks_are_put_together_to_their_hashes() {
    let Some(dir) = shared::dir("ethereum") else { return };
    let paths = by_height(&dir.join("rpc/mainnet"), "eth_getBlockByNumber.json");
    let mut known = Known::default();
    let mut real = Vec::new();
    for (&height, path) in &paths {
        if complete(&dir, &mut known, height, read_json(path)) {
            real.push(height);
        }
    }
    assert!(paths.len() > 100 && real.len() > 10, "{} files, {} real", paths.len(), real.len());
    let node = node(known.clone()).await;
    let options = RpcOptions { traces: false, ..node.options() };
    let rpc = Rpc::connect(options).await.expect("the node answers");
    for (height, told) in &known.blocks {
        let raw = fetch_one(&rpc, *height).await;
        check(&raw, told);
        if real.contains(height) {
            let rows = decode(&raw);
            // What is said of senders is what signatures say.
            let recovered = decode(&RawBlock { senders: None, ..raw });
            let rows_of =
                |batch: &Batch| batch.tables().map(|(_, rows)| rows.clone()).collect::<Vec<_>>();
            assert_eq!(rows_of(&rows), rows_of(&recovered), "block {height}");
        }
    }
}

#[tokio::test]
async fn blocks_decode_with_their_traces() {
    let Some(dir) = shared::dir("ethereum") else { return };
    for height in [15_537_393, 15_537_394] {
        let file = |name| by_height(&dir.join("rpc/mainnet"), name)[&height].clone();
        let mut known = Known::default();
        let block = read_json(&file("eth_getBlockByNumber.json"));
        assert!(complete(&dir, &mut known, height, block), "block {height}");
        known.traces.insert(height, read_json(&file("trace_block.json")));
        for is_single in [false, true] {
            let node = node(Known { is_single, ..known.clone() }).await;
            let rpc = connect(&node).await;
            assert!(rpc.has_traces());
            let raw = fetch_one(&rpc, height).await;
            assert!(raw.traces.as_ref().is_some_and(|traces| !traces.is_empty()));
            assert_eq!(raw.place, format!("{}, eth_getBlockByNumber", node.url));
            decode(&raw);
        }
    }
}

#[tokio::test]
async fn an_archive_node_says_what_the_fork_of_the_dao_moved() {
    let Some(dir) = shared::dir("ethereum") else { return };
    let block = read_json(&dir.join("rpc/mainnet/1920000/eth_getBlockByNumber.json"));
    let mut known = Known::default();
    complete(&dir, &mut known, DAO_FORK_HEIGHT, block);
    for has_state in [true, false] {
        let known = known.clone();
        let node = Node::start(move |_, body| {
            Reply::Json(answer(body, |name, params| match name {
                "eth_getBalance" if has_state => {
                    assert_eq!(params[1], "0x1d4bff", "the block before");
                    let account: Address = params[0].as_str().expect("text").parse().expect("one");
                    Ok(json!(format!("{:#x}", account.0[0])))
                }
                "eth_getBalance" => Err((-32000, "missing trie node")),
                _ => known.answer(name, params),
            }))
        })
        .await;
        let rpc = connect(&node).await;
        assert_eq!(rpc.has_dao_balances(), has_state);
        let raw = fetch_one(&rpc, DAO_FORK_HEIGHT).await;
        let wanted = has_state
            .then(|| DAO_ACCOUNTS.iter().map(|account| i128::from(account.0[0])).collect());
        assert_eq!(raw.dao_balances, wanted);
    }
}

#[tokio::test]
async fn traces_come_in_order_and_without_what_is_none() {
    let Some(dir) = shared::dir("ethereum/rpc/mainnet") else { return };
    let with_withdrawals = by_height(&dir, "trace_block.includeWithdrawals.json");
    let paths = by_height(&dir, "trace_block.json");
    assert!(paths.len() > 20 && !with_withdrawals.is_empty());
    for (height, path) in paths {
        let told = read_json(&path);
        let traces = of_trace_block(told.clone()).await;
        assert_eq!(traces.len(), told.as_array().expect("a list").len(), "block {height}");
        if let Some(path) = with_withdrawals.get(&height) {
            assert_eq!(of_trace_block(read_json(path)).await, traces, "block {height}");
        }
        let reversed = told.as_array().expect("a list").iter().rev().cloned().collect();
        let sorted = of_trace_block(reversed).await;
        let steps = |traces: &[Trace]| -> Vec<Trace> {
            traces.iter().filter(|trace| trace.tx_index.is_some()).cloned().collect()
        };
        assert_eq!(steps(&sorted), steps(&traces), "block {height}");
    }
}

/// Both ways to tell what the same transaction did, out of go-ethereum's tests.
#[tokio::test]
async fn trees_of_calls_are_told_as_steps_are() {
    let Some(dir) = shared::dir("ethereum/devchain/geth-calltracer") else { return };
    for name in ["create", "delegatecall", "revert", "simple"] {
        let tree = read_json(&dir.join(format!("call_tracer/{name}.json")));
        let steps = read_json(&dir.join(format!("call_tracer_flat/{name}.json")));
        assert_eq!(tree["input"], steps["input"], "{name}");
        let frames = json!([{ "txHash": hash(7), "result": tree["result"] }]);
        let of_tree = traced(&[hash(7)], |known| drop(known.frames.insert(1, frames))).await;
        let mut entries = steps["result"].clone();
        for entry in entries.as_array_mut().expect("a list") {
            entry["transactionPosition"] = json!(0);
        }
        let of_steps = of_trace_block(entries).await;
        assert_eq!(comparable(of_tree), comparable(of_steps), "{name}");
    }
}

/// What nodes built on revm tell of a contract that names itself as heir and stays (EIP-6780).
#[tokio::test]
async fn an_end_that_moves_nothing_needs_no_heir() {
    let (contract, nobody) = (Address::with_last_byte(5), Address::ZERO);
    let call = |end: Value| {
        json!([{ "txHash": hash(7), "result": {
            "type": "CALL", "from": nobody, "to": contract, "value": "0x0", "gas": "0x9",
            "gasUsed": "0x9", "input": "0x", "calls": [end],
        } }])
    };
    let mut end = json!({ "type": "SELFDESTRUCT", "from": nobody, "gas": "0x0", "gasUsed": "0x0" });
    let traces = traced(&[hash(7)], |known| drop(known.frames.insert(1, call(end.clone())))).await;
    let told = Action::SelfDestruct { address: nobody, heir: nobody, balance: 0 };
    assert_eq!(traces.last().map(|trace| &trace.action), Some(&told));

    // Any other must have one.
    end["value"] = json!("0x1");
    let block = known::block(1, hash(1), &[hash(7)]);
    let mut known = Known::default();
    known.receipts.insert(1, receipts_like(&block));
    known.blocks.insert(1, block);
    known.frames.insert(1, call(end));
    let node = node(known).await;
    let fetched = connect(&node).await.fetch(1..2).await;
    let shown = fetched.failure.expect("it is refused").to_string();
    assert!(shown.contains("block 1"), "{shown}");
}

/// Traces without what the two ways to tell them do not agree on: the words of errors, and what a
/// failed step used and returned.
fn comparable(traces: Vec<Trace>) -> Vec<Trace> {
    let mut traces = traces;
    for trace in &mut traces {
        let has_failed = trace.error.is_some();
        trace.error = trace.error.take().map(|_| "failed".to_owned());
        match &mut trace.action {
            Action::Call { gas_used, output, .. } if has_failed => {
                (*gas_used, *output) = (None, None)
            }
            Action::Create { gas_used, .. } if has_failed => *gas_used = None,
            _ => {}
        }
    }
    traces
}

#[tokio::test]
async fn every_frame_of_a_tree_becomes_a_trace() {
    let Some(dir) = shared::dir("ethereum") else { return };
    let mut told = vec![read_json(
        &dir.join("rpc/mainnet/24298763/debug_traceBlockByNumber.callTracer.json.gz"),
    )];
    let besu = dir.join("devchain/besu-debug-geth/call-tracer");
    for entry in std::fs::read_dir(besu).expect("a readable folder") {
        told.push(read_json(&entry.expect("a file").path())["response"]["result"].clone());
    }
    let mut destroyed = 0;
    for transactions in told.iter().filter_map(Value::as_array).filter(|list| !list.is_empty()) {
        let hashes: Vec<B256> = transactions
            .iter()
            .map(|of| of["txHash"].as_str().expect("a hash").parse().expect("a hash"))
            .collect();
        let frames = json!(transactions);
        let wanted: usize = transactions.iter().map(|of| count(&of["result"])).sum();
        let traces = traced(&hashes, |known| drop(known.frames.insert(1, frames))).await;
        assert_eq!(traces.len(), wanted);
        let is_destruction = |trace: &&Trace| matches!(trace.action, Action::SelfDestruct { .. });
        destroyed += traces.iter().filter(is_destruction).count();
        for pair in traces.windows(2).filter(|pair| pair[0].tx_index == pair[1].tx_index) {
            assert!(pair[0].trace_address < pair[1].trace_address);
        }
    }
    assert!(destroyed > 0);
}

fn count(frame: &Value) -> usize {
    1 + frame["calls"].as_array().into_iter().flatten().map(count).sum::<usize>()
}
