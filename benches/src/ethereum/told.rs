//! Blocks and receipts as go-ethereum tells them.

use std::fmt::LowerHex;

use alloy_primitives::{Address, B256, Bloom, Bytes};
use assay_indexer::decode::ethereum::Rules;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::rlp::Withdrawal;
use assay_indexer::rlp::block::all;
use assay_indexer::rlp::{
    Authorization, Block, Header, Log, Outcome, Reader, Receipt, Transaction,
};
use assay_model::ethereum::Network;
use serde_json::{Value, json};

use super::real::parse;
use super::template::{HASH, HEIGHT, PARENT};

/// Gas of one blob (EIP-4844).
const GAS_PER_BLOB: usize = 1 << 17;

/// What is told of a block.
pub(super) struct Told {
    /// The block with its transactions.
    pub block: Value,
    /// The block with the hashes of its transactions.
    pub block_of_hashes: Value,
    /// By transaction.
    pub receipts: Vec<Value>,
}

/// What is told of a transaction in more than one place.
struct Context<'a> {
    place: usize,
    hash: B256,
    sender: Address,
    price: i128,
    transaction: &'a Transaction<'a>,
}

impl Told {
    /// What is told of `raw`, with gaps for its hash, its parent's and its height.
    pub fn new(raw: &RawBlock) -> Told {
        let block = parse(&raw.bytes);
        let items = Reader::new(&raw.receipts).list().expect("a list");
        let receipts = all(items, Receipt::read).expect("receipts");
        let senders = raw.senders.as_deref().expect("blocks with senders");
        let contexts: Vec<Context<'_>> = block
            .transactions
            .iter()
            .zip(senders)
            .enumerate()
            .map(|(place, (transaction, &sender))| {
                let (hash, price) = (transaction.hash(), price(&block.header, transaction));
                Context { place, hash, sender, price, transaction }
            })
            .collect();
        let hashes = contexts.iter().map(|context| json!(context.hash)).collect();
        let transactions = contexts.iter().map(told_transaction).collect();
        Told {
            block_of_hashes: told_block(&block, hashes),
            block: told_block(&block, transactions),
            receipts: told_receipts(&block.header, &contexts, &receipts),
        }
    }
}

/// A number as nodes write it.
fn quantity(number: impl LowerHex) -> Value {
    json!(format!("{number:#x}"))
}

fn bytes(bytes: &[u8]) -> Value {
    json!(Bytes::copy_from_slice(bytes))
}

/// What the transaction pays per gas.
fn price(header: &Header<'_>, transaction: &Transaction<'_>) -> i128 {
    let fee = header.base_fee_per_gas.unwrap_or(0);
    let most = transaction.max_fee_per_gas.unwrap_or(0);
    let priority = transaction.max_priority_fee_per_gas.unwrap_or(0);
    transaction.gas_price.unwrap_or(most.min(fee + priority))
}

fn told_block(block: &Block<'_>, transactions: Vec<Value>) -> Value {
    let header = &block.header;
    let mut told = json!({
        "hash": HASH, "number": HEIGHT, "parentHash": PARENT, "sha3Uncles": header.uncles_hash,
        "miner": header.miner, "stateRoot": header.state_root,
        "transactionsRoot": header.transactions_root, "receiptsRoot": header.receipts_root,
        "logsBloom": Bloom::from(header.logs_bloom), "difficulty": quantity(header.difficulty),
        "gasLimit": quantity(header.gas_limit), "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.time), "extraData": bytes(header.extra_data),
        "mixHash": header.mix_hash, "nonce": bytes(header.nonce), "size": quantity(block.size),
        "transactions": transactions, "uncles": [],
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            told[name] = value;
        }
    };
    set("baseFeePerGas", header.base_fee_per_gas.map(quantity));
    set("withdrawalsRoot", header.withdrawals_root.map(|root| json!(root)));
    set("blobGasUsed", header.blob_gas_used.map(quantity));
    set("excessBlobGas", header.excess_blob_gas.map(quantity));
    set("parentBeaconBlockRoot", header.parent_beacon_root.map(|root| json!(root)));
    set("requestsHash", header.requests_hash.map(|hash| json!(hash)));
    let withdrawals = block.withdrawals.as_ref();
    set("withdrawals", withdrawals.map(|items| items.iter().map(told_withdrawal).collect()));
    told
}

fn told_withdrawal(withdrawal: &Withdrawal<'_>) -> Value {
    json!({
        "index": quantity(withdrawal.index), "address": withdrawal.address,
        "validatorIndex": quantity(withdrawal.validator_index),
        "amount": quantity(withdrawal.amount_gwei),
    })
}

fn told_transaction(context: &Context<'_>) -> Value {
    let transaction = context.transaction;
    let parity = u64::from(transaction.y_parity);
    let v = match (transaction.kind, transaction.chain_id) {
        (0, Some(chain_id)) => chain_id * 2 + 35 + parity,
        (0, None) => 27 + parity,
        _ => parity,
    };
    let mut told = json!({
        "blockHash": HASH, "blockNumber": HEIGHT, "from": context.sender,
        "gas": quantity(transaction.gas_limit), "gasPrice": quantity(context.price),
        "hash": context.hash, "input": bytes(transaction.input),
        "nonce": quantity(transaction.nonce), "to": transaction.to,
        "transactionIndex": quantity(context.place), "value": quantity(transaction.value),
        "type": quantity(transaction.kind), "v": quantity(v), "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            told[name] = value;
        }
    };
    set("chainId", transaction.chain_id.map(quantity));
    set("yParity", (transaction.kind > 0).then(|| quantity(parity)));
    set("maxPriorityFeePerGas", transaction.max_priority_fee_per_gas.map(quantity));
    set("maxFeePerGas", transaction.max_fee_per_gas.map(quantity));
    set("accessList", transaction.access_list.map(told_access_list));
    set("maxFeePerBlobGas", transaction.max_fee_per_blob_gas.map(quantity));
    set("blobVersionedHashes", transaction.blob_hashes.map(|hashes| json!(words(hashes))));
    set("authorizationList", transaction.authorizations.map(told_authorizations));
    told
}

/// The 32 bytes of each item.
fn words(items: Reader<'_>) -> Vec<B256> {
    all(items, |items| items.array().map(B256::from)).expect("a valid transaction")
}

fn told_access_list(items: Reader<'_>) -> Value {
    let read = |items: &mut Reader<'_>| {
        let mut item = items.list()?;
        let (address, keys) = (item.address()?, item.list()?);
        Ok(json!({ "address": address, "storageKeys": words(keys) }))
    };
    all(items, read).expect("a valid transaction").into()
}

fn told_authorizations(items: Reader<'_>) -> Value {
    let told = |item: Authorization| {
        json!({
            "chainId": quantity(item.chain_id), "address": item.address,
            "nonce": quantity(item.nonce), "yParity": quantity(item.y_parity),
            "r": quantity(item.r), "s": quantity(item.s),
        })
    };
    let items = all(items, Authorization::read).expect("a valid transaction");
    items.into_iter().map(told).collect()
}

fn told_receipts(
    header: &Header<'_>,
    contexts: &[Context<'_>],
    receipts: &[Receipt<'_>],
) -> Vec<Value> {
    let excess = header.excess_blob_gas.map(i64::unsigned_abs);
    let rules = Rules::of(Network::MAINNET);
    let blob_price = excess.and_then(|excess| rules.blob_gas_price(header.time, excess));
    let (mut before, mut log_index) = (0, 0);
    let mut told = Vec::with_capacity(receipts.len());
    for (context, receipt) in contexts.iter().zip(receipts) {
        let gas_used = receipt.cumulative_gas_used - before;
        before = receipt.cumulative_gas_used;
        let mut one = told_receipt(context, receipt, gas_used, log_index);
        if let Some(hashes) = context.transaction.blob_hashes {
            one["blobGasUsed"] = quantity(GAS_PER_BLOB * words(hashes).len());
            one["blobGasPrice"] = quantity(blob_price.expect("blocks with blobs have a price"));
        }
        told.push(one);
        log_index += receipt.logs.len();
    }
    told
}

fn told_receipt(
    context: &Context<'_>,
    receipt: &Receipt<'_>,
    gas_used: i64,
    first_log: usize,
) -> Value {
    let transaction = context.transaction;
    let mut bloom = Bloom::ZERO;
    for log in &receipt.logs {
        bloom.accrue_raw_log(log.address, &topics(log));
    }
    let told_log = |(log_index, log): (usize, &Log<'_>)| {
        json!({
            "address": log.address, "topics": topics(log), "data": bytes(log.data),
            "blockNumber": HEIGHT, "transactionHash": context.hash,
            "transactionIndex": quantity(context.place), "blockHash": HASH,
            "logIndex": quantity(log_index), "removed": false,
        })
    };
    let logs: Vec<Value> = (first_log..).zip(&receipt.logs).map(told_log).collect();
    let created = transaction.to.is_none().then(|| context.sender.create(transaction.nonce));
    let Outcome::Status(status) = receipt.outcome else { panic!("receipts have a status") };
    json!({
        "blockHash": HASH, "blockNumber": HEIGHT, "contractAddress": created,
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(context.price), "from": context.sender,
        "gasUsed": quantity(gas_used), "logs": logs, "logsBloom": bloom,
        "status": quantity(u8::from(status)), "to": transaction.to,
        "transactionHash": context.hash, "transactionIndex": quantity(context.place),
        "type": quantity(receipt.kind),
    })
}

fn topics(log: &Log<'_>) -> Vec<B256> {
    log.topics.iter().map(|&&topic| B256::new(topic)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use assay_fixtures::shared;

    use super::*;
    use crate::ethereum::real;
    use crate::ethereum::template::Template;

    /// What a node said of the block at `height`, if it is at hand.
    fn recorded(data: &Path, height: u64) -> Option<Value> {
        let path = data.join(format!("rpc/mainnet/{height}/eth_getBlockByNumber.json.gz"));
        let text = path.is_file().then(|| shared::read(&path).expect("readable"))?;
        Some(serde_json::from_slice(&text).expect("JSON"))
    }

    /// Compares what both say.
    fn check(told: &Value, recorded: &Value, place: &str) {
        match (told, recorded) {
            (Value::Object(told), Value::Object(recorded)) => {
                let both =
                    told.iter().filter_map(|(name, told)| Some((name, told, recorded.get(name)?)));
                both.for_each(|(name, told, recorded)| {
                    check(told, recorded, &format!("{place}.{name}"))
                });
            }
            (Value::Array(told), Value::Array(recorded)) => {
                assert_eq!(told.len(), recorded.len(), "{place}");
                told.iter().zip(recorded).for_each(|(told, recorded)| check(told, recorded, place));
            }
            _ => assert_eq!(told, recorded, "{place}"),
        }
    }

    #[test]
    fn blocks_are_told_as_nodes_have_told_them() {
        let Some(data) = shared::dir("ethereum") else { return };
        let mut compared = 0;
        for raw in real::blocks(&data) {
            let Some(recorded) = recorded(&data, raw.block.height) else { continue };
            let mut text = Vec::new();
            Template::new(&Told::new(&raw).block).write(&raw.block, &mut text);
            let told: Value = serde_json::from_slice(&text).expect("JSON");
            check(&told, &recorded, &format!("block {}", raw.block.height));
            compared += 1;
        }
        assert!(compared >= 4, "{compared} blocks");
    }
}
