//! Blocks as a node told them, fetched from a node in the test's own process, and decoded.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::sync::Arc;

use alloy_primitives::B256;
use assay_indexer::decode::Decode;
use assay_indexer::decode::ethereum::{Decoder, Rules};
use assay_indexer::raw::ethereum::{RawBlock, Trace};
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_rpc::Rpc;
use assay_model::Batch;
use assay_model::ethereum::Network;
use serde_json::{Value, json};

use crate::known::{
    self, Known, by_height, hash, read_json, receipts_like, told_receipts, told_uncles,
};
use crate::node::{Node, Reply, answer, connect};

/// A node that knows what is known.
pub async fn node(known: Known) -> Node {
    Node::start(move |_, body| Reply::Json(answer(body, |name, params| known.answer(name, params))))
        .await
}

pub async fn fetch_one(rpc: &Rpc, height: u64) -> RawBlock {
    let mut attempt = rpc.fetch(height..height + 1).await;
    assert!(attempt.failure.is_none(), "{}", attempt.failure.expect("one"));
    attempt.done.pop().expect("a block")
}

/// The block at `height`, from a node of its own.
pub async fn fetch_known(known: Known, height: u64) -> RawBlock {
    let node = node(known).await;
    fetch_one(&connect(&node).await, height).await
}

/// The block of mainnet at `height` as the files in `dir` tell it, all of it real; with traces if
/// they tell them.
pub async fn told(dir: &Path, height: u64) -> RawBlock {
    let file = |name| by_height(&dir.join("rpc/mainnet"), name).remove(&height);
    let block = file("eth_getBlockByNumber.json").expect("a file with the block");
    let mut known = Known::default();
    let is_real = complete(dir, &mut known, height, read_json(&block));
    assert!(is_real, "block {height} is not told in full");
    known.traces.extend(file("trace_block.json").map(|path| (height, read_json(&path))));
    fetch_known(known, height).await
}

pub fn decode_in(network: Network, raw: &RawBlock) -> Batch {
    let decoder = Decoder { rules: Arc::new(Rules::of(network)), genesis: None, with_traces: true };
    match decoder.decode(std::slice::from_ref(raw)) {
        Ok(batch) => batch,
        Err((_, error)) => panic!("{error}: {}", error.fault),
    }
}

pub fn decode(raw: &RawBlock) -> Batch {
    decode_in(Network::MAINNET, raw)
}

/// What a node would know of the block at `height` besides `block`: out of other files, or made up.
/// Says whether all of it is real.
pub fn complete(dir: &Path, known: &mut Known, height: u64, block: Value) -> bool {
    let rlp = dir.join("rlp/mainnet");
    let read = |name: &str| std::fs::read(rlp.join(format!("{height}.{name}.rlp"))).ok();
    let told = by_height(&dir.join("rpc/mainnet"), "eth_getBlockReceipts.json");
    let receipts = match (told.get(&height), read("receipts")) {
        (Some(path), _) => Some(read_json(path)),
        (None, Some(bytes)) => Some(told_receipts(&block, &bytes)),
        (None, None) => None,
    };
    let uncles = block["uncles"].as_array().map_or(0, Vec::len);
    let (is_uncle_real, told) = match read("block").filter(|_| uncles > 0) {
        Some(bytes) => (true, told_uncles(&bytes)),
        None => (uncles == 0, vec![block.clone(); uncles]),
    };
    let is_real = receipts.is_some() && is_uncle_real;
    known.uncles.insert(height, told);
    known.receipts.insert(height, receipts.unwrap_or_else(|| receipts_like(&block)));
    known.blocks.insert(height, block);
    is_real
}

/// The traces of a node that knows one block with made-up transactions, and what `set` adds.
pub async fn traced(transactions: &[B256], set: impl FnOnce(&mut Known)) -> Vec<Trace> {
    let mut known = Known::default();
    let block = known::block(1, hash(1), transactions);
    known.receipts.insert(1, receipts_like(&block));
    known.blocks.insert(1, block);
    set(&mut known);
    fetch_known(known, 1).await.traces.expect("the node has traces")
}

/// The traces that `entries`, a result of `trace_block`, become.
pub async fn of_trace_block(mut entries: Value) -> Vec<Trace> {
    for entry in entries.as_array_mut().expect("a list") {
        entry["blockHash"] = json!(hash(1));
    }
    traced(&[], |known| drop(known.traces.insert(1, entries))).await
}

/// The traces that `frames`, a result of `debug_traceBlockByNumber` with `callTracer`, become.
pub async fn of_call_tracer(frames: Value) -> Vec<Trace> {
    let count = frames.as_array().expect("a list").len() as u64;
    let hashes: Vec<B256> = (0..count).map(hash).collect();
    traced(&hashes, |known| drop(known.frames.insert(1, frames))).await
}
