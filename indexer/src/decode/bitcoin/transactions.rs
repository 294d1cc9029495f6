//! Rows of `bitcoin.transactions`.

use arrow::array::RecordBatch;
use assay_model::BlockHash;
use assay_model::bitcoin::TRANSACTIONS;

use super::TransactionContext;
use super::check::Sums;
use crate::decode::columns::{boolean, hashes, int32, int64, large, rows_of, small, time};

#[derive(Default)]
pub(super) struct TransactionRows {
    txid: Vec<[u8; 32]>,
    wtxid: Vec<[u8; 32]>,
    height: Vec<i64>,
    tx_index: Vec<i32>,
    time: Vec<i64>,
    version: Vec<i64>,
    lock_time: Vec<i64>,
    size: Vec<i64>,
    virtual_size: Vec<i64>,
    weight: Vec<i64>,
    is_coinbase: Vec<bool>,
    input_count: Vec<i32>,
    output_count: Vec<i32>,
    input_value: Vec<i64>,
    output_value: Vec<i64>,
    fee: Vec<i64>,
}

impl TransactionRows {
    pub fn add(&mut self, context: TransactionContext<'_>, wtxid: BlockHash, sums: Sums) {
        let TransactionContext { block, tx_index, txid, transaction } = context;
        let is_coinbase = tx_index == 0;
        let weight = 3 * transaction.stripped_size() + transaction.size();
        let inputs = if is_coinbase { 0 } else { transaction.inputs.len() };
        self.txid.push(txid.0);
        self.wtxid.push(wtxid.0);
        self.height.push(block.height());
        self.tx_index.push(small(tx_index));
        self.time.push(block.time);
        self.version.push(i64::from(transaction.version));
        self.lock_time.push(i64::from(transaction.lock_time));
        self.size.push(large(transaction.size()));
        self.virtual_size.push(large(weight.div_ceil(4)));
        self.weight.push(large(weight));
        self.is_coinbase.push(is_coinbase);
        self.input_count.push(small(inputs));
        self.output_count.push(small(transaction.outputs.len()));
        self.input_value.push(sums.input_value.to_i64());
        self.output_value.push(sums.output_value.to_i64());
        self.fee.push(sums.fee.to_i64());
    }

    pub fn finish(self) -> RecordBatch {
        rows_of(
            &TRANSACTIONS,
            vec![
                hashes(self.txid),
                hashes(self.wtxid),
                int64(self.height),
                int32(self.tx_index),
                time(self.time),
                int64(self.version),
                int64(self.lock_time),
                int64(self.size),
                int64(self.virtual_size),
                int64(self.weight),
                boolean(self.is_coinbase),
                int32(self.input_count),
                int32(self.output_count),
                int64(self.input_value),
                int64(self.output_value),
                int64(self.fee),
            ],
        )
    }
}
