//! Rows of `ethereum.blocks`.

use arrow::array::{BinaryBuilder, RecordBatch};
use assay_model::ethereum::BLOCKS;

use super::check::Checked;
use super::{BlockContext, Totals};
use crate::decode::columns::{bytes, decimal38, int64, large, rows_of, time};

#[derive(Default)]
pub(super) struct BlockRows {
    height: Vec<i64>,
    hash: BinaryBuilder,
    parent_hash: BinaryBuilder,
    time: Vec<i64>,
    miner: BinaryBuilder,
    uncles_hash: BinaryBuilder,
    state_root: BinaryBuilder,
    transactions_root: BinaryBuilder,
    receipts_root: BinaryBuilder,
    logs_bloom: BinaryBuilder,
    difficulty: Vec<i128>,
    gas_limit: Vec<i64>,
    gas_used: Vec<i64>,
    extra_data: BinaryBuilder,
    mix_hash: BinaryBuilder,
    nonce: BinaryBuilder,
    base_fee_per_gas: Vec<Option<i128>>,
    withdrawals_root: BinaryBuilder,
    blob_gas_used: Vec<Option<i64>>,
    excess_blob_gas: Vec<Option<i64>>,
    parent_beacon_root: BinaryBuilder,
    requests_hash: BinaryBuilder,
    size: Vec<i64>,
    transaction_count: Vec<i64>,
    uncle_count: Vec<i64>,
    withdrawal_count: Vec<i64>,
    log_count: Vec<i64>,
    block_reward: Vec<i128>,
    uncle_reward: Vec<i128>,
    fees: Vec<i128>,
    burnt: Vec<i128>,
}

impl BlockRows {
    pub fn add(&mut self, context: BlockContext, checked: &Checked<'_>, totals: Totals) {
        let block = &checked.block;
        let header = &block.header;
        self.height.push(context.height);
        self.hash.append_value(header.hash);
        self.parent_hash.append_value(header.parent_hash);
        self.time.push(context.time);
        self.miner.append_value(header.miner);
        self.uncles_hash.append_value(header.uncles_hash);
        self.state_root.append_value(header.state_root);
        self.transactions_root.append_value(header.transactions_root);
        self.receipts_root.append_value(header.receipts_root);
        self.logs_bloom.append_value(header.logs_bloom);
        self.difficulty.push(header.difficulty);
        self.gas_limit.push(header.gas_limit);
        self.gas_used.push(header.gas_used);
        self.extra_data.append_value(header.extra_data);
        self.mix_hash.append_value(header.mix_hash);
        self.nonce.append_value(header.nonce);
        self.base_fee_per_gas.push(header.base_fee_per_gas);
        self.withdrawals_root.append_option(header.withdrawals_root);
        self.blob_gas_used.push(header.blob_gas_used);
        self.excess_blob_gas.push(header.excess_blob_gas);
        self.parent_beacon_root.append_option(header.parent_beacon_root);
        self.requests_hash.append_option(header.requests_hash);
        self.size.push(large(block.size));
        self.transaction_count.push(large(block.transactions.len()));
        self.uncle_count.push(large(block.uncles.len()));
        self.withdrawal_count.push(large(block.withdrawals.as_ref().map_or(0, Vec::len)));
        self.log_count.push(checked.receipts.iter().map(|receipt| large(receipt.logs.len())).sum());
        self.block_reward.push(totals.block_reward);
        self.uncle_reward.push(totals.uncle_reward);
        self.fees.push(totals.fees);
        self.burnt.push(totals.burnt);
    }

    pub fn finish(self) -> RecordBatch {
        rows_of(
            &BLOCKS,
            vec![
                int64(self.height),
                bytes(self.hash),
                bytes(self.parent_hash),
                time(self.time),
                bytes(self.miner),
                bytes(self.uncles_hash),
                bytes(self.state_root),
                bytes(self.transactions_root),
                bytes(self.receipts_root),
                bytes(self.logs_bloom),
                decimal38(self.difficulty),
                int64(self.gas_limit),
                int64(self.gas_used),
                bytes(self.extra_data),
                bytes(self.mix_hash),
                bytes(self.nonce),
                decimal38(self.base_fee_per_gas),
                bytes(self.withdrawals_root),
                int64(self.blob_gas_used),
                int64(self.excess_blob_gas),
                bytes(self.parent_beacon_root),
                bytes(self.requests_hash),
                int64(self.size),
                int64(self.transaction_count),
                int64(self.uncle_count),
                int64(self.withdrawal_count),
                int64(self.log_count),
                decimal38(self.block_reward),
                decimal38(self.uncle_reward),
                decimal38(self.fees),
                decimal38(self.burnt),
            ],
        )
    }
}
