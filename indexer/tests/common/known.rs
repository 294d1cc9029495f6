//! What a node in a test knows: blocks out of files, or made up.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, Bloom, Bytes};
use assay_fixtures::shared;
use assay_indexer::rlp::block::all;
use assay_indexer::rlp::{Block, Header, Outcome, Reader, Receipt};
use serde_json::{Value, json};

use crate::node::{NO_METHOD, Outcome as Answered, number};

/// Blocks, and what belongs to them, by height.
#[derive(Clone, Default)]
pub struct Known {
    pub blocks: BTreeMap<u64, Value>,
    pub receipts: BTreeMap<u64, Value>,
    pub uncles: BTreeMap<u64, Vec<Value>>,
    /// Results of `trace_block`; a node that knows none does not have the method.
    pub traces: BTreeMap<u64, Value>,
    /// Results of `debug_traceBlockByNumber`; a node that knows none does not have the method.
    pub frames: BTreeMap<u64, Value>,
    /// Whether only single receipts are told.
    pub is_single: bool,
}

impl Known {
    /// What is answered to a call.
    pub fn answer(&self, method: &str, params: &Value) -> Answered {
        let at = |values: &BTreeMap<u64, Value>| {
            Ok(values.get(&number(&params[0])).cloned().unwrap_or(Value::Null))
        };
        match method {
            "eth_chainId" => Ok(json!("0x1")),
            "eth_getBlockByNumber" if params[0] == "latest" => {
                Ok(self.blocks.values().next_back().cloned().unwrap_or(Value::Null))
            }
            "eth_getBlockByNumber" => at(&self.blocks),
            "eth_getBlockReceipts" if !self.is_single => at(&self.receipts),
            "eth_getTransactionReceipt" if self.is_single => {
                let receipts = self.receipts.values().flat_map(|list| list.as_array());
                let mut receipts = receipts.flatten();
                let found = receipts.find(|receipt| receipt["transactionHash"] == params[0]);
                Ok(found.cloned().unwrap_or(Value::Null))
            }
            "eth_getUncleByBlockHashAndIndex" => {
                let block = self.blocks.iter().find(|(_, block)| block["hash"] == params[0]);
                let uncles = block.and_then(|(height, _)| self.uncles.get(height));
                let place = number(&params[1]) as usize;
                Ok(uncles.and_then(|uncles| uncles.get(place)).cloned().unwrap_or(Value::Null))
            }
            "trace_block" if !self.traces.is_empty() => at(&self.traces),
            "debug_traceBlockByNumber" if params[0] == "0x0" && !self.frames.is_empty() => {
                Err((-32000, "genesis is not traceable"))
            }
            "debug_traceBlockByNumber" if !self.frames.is_empty() => at(&self.frames),
            _ => NO_METHOD,
        }
    }

    /// Made-up blocks: `heights` of them from genesis on, each with one transaction.
    pub fn made_up(heights: u64) -> Known {
        let mut known = Known::default();
        for height in 0..heights {
            let block = block(height, hash(height), &[hash(1000 + height)]);
            known.receipts.insert(height, receipts_like(&block));
            known.blocks.insert(height, block);
        }
        known
    }
}

/// A made-up hash.
pub fn hash(number: u64) -> B256 {
    B256::left_padding_from(&(number + 1).to_be_bytes())
}

/// A block that is well-formed and no more, with made-up transactions.
pub fn block(height: u64, of: B256, transactions: &[B256]) -> Value {
    let parent = height.checked_sub(1).map_or(B256::ZERO, hash);
    let transaction = |hash: &B256| {
        json!({
            "hash": hash, "from": alloy_primitives::Address::ZERO, "to": null, "nonce": "0x0",
            "gas": "0x5208", "gasPrice": "0x1", "value": "0x0", "input": "0x", "v": "0x1b",
            "r": "0x1", "s": "0x1",
        })
    };
    let transactions: Vec<Value> = transactions.iter().map(transaction).collect();
    json!({
        "hash": of, "number": format!("{height:#x}"), "parentHash": parent,
        "sha3Uncles": B256::ZERO, "miner": alloy_primitives::Address::ZERO,
        "stateRoot": B256::ZERO, "transactionsRoot": B256::ZERO, "receiptsRoot": B256::ZERO,
        "logsBloom": Bloom::ZERO, "difficulty": "0x0", "gasLimit": "0x0", "gasUsed": "0x0",
        "timestamp": "0x0", "extraData": "0x", "mixHash": B256::ZERO,
        "nonce": "0x0000000000000000", "transactions": transactions, "uncles": [],
    })
}

/// Receipts of a block that are well-formed and no more.
pub fn receipts_like(block: &Value) -> Value {
    let receipt = |transaction: &Value| {
        json!({
            "blockHash": block["hash"], "transactionHash": transaction["hash"],
            "type": transaction.get("type").unwrap_or(&json!("0x0")), "status": "0x1",
            "cumulativeGasUsed": "0x0", "logsBloom": Bloom::ZERO, "logs": [],
        })
    };
    block["transactions"].as_array().into_iter().flatten().map(receipt).collect()
}

/// The files of `name`, packed or not, by the height that their folder is called by.
pub fn by_height(dir: &Path, name: &str) -> BTreeMap<u64, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).expect("a readable folder") {
        let folder = entry.expect("a readable folder").path();
        let height = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
        let names = [name.to_owned(), format!("{name}.gz")];
        let file = names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
        found.extend(height.zip(file));
    }
    found
}

/// The JSON of a file, packed or not.
pub fn read_json(path: &Path) -> Value {
    let text = shared::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The receipts in `bytes`, as a node tells those of `block`.
pub fn told_receipts(block: &Value, bytes: &[u8]) -> Value {
    let items = Reader::new(bytes).list().expect("a list");
    let receipts = all(items, Receipt::read).expect("receipts");
    let transactions = block["transactions"].as_array().expect("transactions");
    receipts
        .iter()
        .zip(transactions)
        .map(|(receipt, of)| told_receipt(block, of, receipt))
        .collect()
}

fn told_receipt(block: &Value, transaction: &Value, receipt: &Receipt<'_>) -> Value {
    let mut bloom = Bloom::ZERO;
    let mut logs = Vec::new();
    for log in &receipt.logs {
        let topics: Vec<B256> = log.topics.iter().map(|&&topic| B256::new(topic)).collect();
        bloom.accrue_raw_log(log.address, &topics);
        let data = Bytes::copy_from_slice(log.data);
        logs.push(json!({ "address": log.address, "topics": topics, "data": data }));
    }
    let mut told = json!({
        "blockHash": block["hash"], "transactionHash": transaction["hash"],
        "type": format!("{:#x}", receipt.kind), "logsBloom": bloom, "logs": logs,
        "cumulativeGasUsed": format!("{:#x}", receipt.cumulative_gas_used),
    });
    match receipt.outcome {
        Outcome::Status(status) => told["status"] = json!(format!("{:#x}", u8::from(status))),
        Outcome::StateRoot(root) => told["root"] = json!(root),
    }
    told
}

/// The uncles of the block in `bytes`, as a node tells them.
pub fn told_uncles(bytes: &[u8]) -> Vec<Value> {
    let block = Block::read(&mut Reader::new(bytes)).expect("a block");
    block.uncles.iter().map(told_header).collect()
}

fn told_header(header: &Header<'_>) -> Value {
    let mut told = json!({
        "hash": header.hash, "number": format!("{:#x}", header.height),
        "parentHash": header.parent_hash, "sha3Uncles": header.uncles_hash, "miner": header.miner,
        "stateRoot": header.state_root, "transactionsRoot": header.transactions_root,
        "receiptsRoot": header.receipts_root, "logsBloom": Bloom::from(header.logs_bloom),
        "difficulty": format!("{:#x}", header.difficulty),
        "gasLimit": format!("{:#x}", header.gas_limit),
        "gasUsed": format!("{:#x}", header.gas_used), "timestamp": format!("{:#x}", header.time),
        "extraData": Bytes::copy_from_slice(header.extra_data), "mixHash": header.mix_hash,
        "nonce": Bytes::copy_from_slice(header.nonce),
    });
    if let Some(fee) = header.base_fee_per_gas {
        told["baseFeePerGas"] = json!(format!("{fee:#x}"));
    }
    told
}
