//! Blocks that only ethereum-etl's rows are left of, put together again. The rows have no signatures
//! and no access lists, so transactions are made up in that; receipts, withdrawals and blooms are
//! whole, and their roots are those of the real headers.

use std::fmt::Debug;
use std::str::FromStr;

use alloy_primitives::{Bloom, U256};
use assay_indexer::rlp::Outcome;
use assay_indexer::rlp::encode::{
    HeaderFields, LogFields, ReceiptFields, TransactionFields, WithdrawalFields,
};
use serde_json::Value;

use super::peer::Fields;
use crate::made_up::{MadeUp, header, receipt, transaction};

/// What rows say of a block, and a block that is put together from them does not have.
pub const UNKNOWN: &[&str] = &["transactions_root", "size"];

/// The block whose row is `block`.
pub fn block(chain_id: u64, block: &Fields, transactions: &[Fields], logs: &[Fields]) -> MadeUp {
    let sent =
        |(place, row): (usize, &Fields)| (get(row, "from_address"), sent(chain_id, place, row));
    let mut receipts: Vec<ReceiptFields> = transactions.iter().map(receipt_of).collect();
    add_logs(&mut receipts, logs);
    let mut header = header_of(block);
    for receipt in &receipts {
        header.logs_bloom |= receipt.logs_bloom;
    }
    MadeUp {
        header,
        transactions: transactions.iter().enumerate().map(sent).collect(),
        uncles: Vec::new(),
        receipts,
        withdrawals: maybe::<String>(block, "withdrawals_root").map(|_| withdrawals(block)),
        traces: None,
    }
}

/// A block at `height` with nothing but `logs`, at the positions that they say.
pub fn around_logs(height: u64, logs: &[Fields]) -> MadeUp {
    let indices = logs.iter().map(|log| get::<usize>(log, "transaction_index"));
    let count = indices.max().map_or(0, |last| last + 1);
    let mut receipts: Vec<_> = (0..count).map(|at| receipt(at, true)).collect();
    add_logs(&mut receipts, logs);
    let mut header = header(height);
    header.gas_used = receipts.last().map_or(0, |receipt| receipt.cumulative_gas_used);
    let transactions = (0..count).map(|at| (Default::default(), transaction(at))).collect();
    MadeUp { header, transactions, uncles: vec![], receipts, withdrawals: None, traces: None }
}

/// The field `name`.
fn get<T: FromStr<Err: Debug>>(row: &Fields, name: &str) -> T {
    row[name].parse().unwrap_or_else(|error| panic!("{name} {}: {error:?}", row[name]))
}

/// The field `name`, if there is something in it.
fn maybe<T: FromStr<Err: Debug>>(row: &Fields, name: &str) -> Option<T> {
    (!row[name].is_empty()).then(|| get(row, name))
}

fn header_of(block: &Fields) -> HeaderFields {
    HeaderFields {
        parent_hash: get(block, "parent_hash"),
        miner: get(block, "miner"),
        state_root: get(block, "state_root"),
        difficulty: get(block, "difficulty"),
        gas_limit: get(block, "gas_limit"),
        gas_used: get(block, "gas_used"),
        time: get(block, "timestamp"),
        extra_data: get(block, "extra_data"),
        nonce: get(block, "nonce"),
        base_fee_per_gas: maybe(block, "base_fee_per_gas"),
        ..header(get(block, "number"))
    }
}

fn sent(chain_id: u64, place: usize, row: &Fields) -> TransactionFields {
    let kind = get(row, "transaction_type");
    let price = |name| maybe::<U256>(row, name).unwrap_or_default();
    TransactionFields {
        kind,
        chain_id: (kind > 0).then_some(chain_id),
        nonce: get(row, "nonce"),
        gas_price: price("gas_price"),
        max_priority_fee_per_gas: price("max_priority_fee_per_gas"),
        max_fee_per_gas: price("max_fee_per_gas"),
        gas_limit: get(row, "gas"),
        to: maybe(row, "to_address"),
        value: get(row, "value"),
        input: get(row, "input"),
        ..transaction(place)
    }
}

fn receipt_of(row: &Fields) -> ReceiptFields {
    ReceiptFields {
        kind: get(row, "transaction_type"),
        outcome: Outcome::Status(row["receipt_status"] == "1"),
        cumulative_gas_used: get(row, "receipt_cumulative_gas_used"),
        logs_bloom: Bloom::ZERO,
        logs: Vec::new(),
    }
}

/// Adds `logs`, which are in order, to the receipts of their transactions; where some before them
/// are missing, empty ones keep their places.
fn add_logs(receipts: &mut [ReceiptFields], logs: &[Fields]) {
    let mut next = 0;
    for log in logs {
        let receipt = &mut receipts[get::<usize>(log, "transaction_index")];
        let place: usize = get(log, "log_index");
        let nothing = || LogFields {
            address: Default::default(),
            topics: Vec::new(),
            data: Default::default(),
        };
        receipt.logs.extend(std::iter::repeat_with(nothing).take(place - next));
        next = place + 1;
        let topics = log["topics"].split(',').filter(|topic| !topic.is_empty());
        let topics: Vec<_> = topics.map(|topic| topic.parse().expect("a hash")).collect();
        let (address, data) = (get(log, "address"), get(log, "data"));
        receipt.logs_bloom.accrue_raw_log(address, &topics);
        receipt.logs.push(LogFields { address, topics, data });
    }
}

fn withdrawals(block: &Fields) -> Vec<WithdrawalFields> {
    let text = format!("[{}]", block["withdrawals"]);
    let items: Vec<Value> = serde_json::from_str(&text).expect("a list");
    let number = |item: &Value, name: &str| item[name].as_u64().expect("a number");
    let withdrawal = |item: &Value| WithdrawalFields {
        index: number(item, "index"),
        validator_index: number(item, "validator_index"),
        address: item["address"].as_str().expect("text").parse().expect("an address"),
        amount_gwei: number(item, "amount"),
    };
    items.iter().map(withdrawal).collect()
}
