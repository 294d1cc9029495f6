//! Rows of `bitcoin.blocks`.

use arrow::array::{BinaryBuilder, RecordBatch};
use assay_model::bitcoin::BLOCKS;
use assay_model::{BlockHash, Sats};

use super::check::Checked;
use crate::decode::columns::{bytes, float64, int32, int64, large, micros, rows_of, time};
use crate::raw::bitcoin::RawBlock;

#[derive(Default)]
pub(super) struct BlockRows {
    height: Vec<i64>,
    hash: BinaryBuilder,
    parent_hash: BinaryBuilder,
    time: Vec<i64>,
    median_time: Vec<i64>,
    version: Vec<i32>,
    merkle_root: BinaryBuilder,
    bits: Vec<i64>,
    nonce: Vec<i64>,
    difficulty: Vec<f64>,
    chain_work: BinaryBuilder,
    size: Vec<i64>,
    stripped_size: Vec<i64>,
    weight: Vec<i64>,
    transaction_count: Vec<i64>,
    input_count: Vec<i64>,
    output_count: Vec<i64>,
    output_value: Vec<i64>,
    subsidy: Vec<i64>,
    fees: Vec<i64>,
    coinbase_value: Vec<i64>,
    coinbase_script: BinaryBuilder,
    coinbase_sequence: Vec<i64>,
    coinbase_witness: BinaryBuilder,
}

impl BlockRows {
    pub fn add(&mut self, raw: &RawBlock, checked: &Checked<'_>, subsidy: Sats) {
        let Checked { block, totals, .. } = checked;
        let header = &block.header;
        let coinbase = &block.transactions[0].inputs[0];
        self.height.push(raw.block.height as i64);
        self.hash.append_value(raw.block.hash.0);
        self.parent_hash.append_value(raw.block.parent.0);
        self.time.push(micros(header.time));
        self.median_time.push(micros(raw.median_time));
        self.version.push(header.version);
        self.merkle_root.append_value(BlockHash::from_wire(header.merkle_root).0);
        self.bits.push(i64::from(header.bits));
        self.nonce.push(i64::from(header.nonce));
        self.difficulty.push(header.difficulty());
        self.chain_work.append_value(raw.chain_work);
        self.size.push(large(block.size));
        self.stripped_size.push(large(block.stripped_size));
        self.weight.push(large(3 * block.stripped_size + block.size));
        self.transaction_count.push(large(block.transactions.len()));
        self.input_count.push(large(totals.input_count));
        self.output_count.push(large(totals.output_count));
        self.output_value.push(totals.output_value);
        self.subsidy.push(subsidy.to_i64());
        self.fees.push(totals.fees.to_i64());
        self.coinbase_value.push(totals.coinbase_value.to_i64());
        self.coinbase_script.append_value(coinbase.script_sig);
        self.coinbase_sequence.push(i64::from(coinbase.sequence));
        self.coinbase_witness.append_option(coinbase.witness_items().next());
    }

    pub fn finish(self) -> RecordBatch {
        rows_of(
            &BLOCKS,
            vec![
                int64(self.height),
                bytes(self.hash),
                bytes(self.parent_hash),
                time(self.time),
                time(self.median_time),
                int32(self.version),
                bytes(self.merkle_root),
                int64(self.bits),
                int64(self.nonce),
                float64(self.difficulty),
                bytes(self.chain_work),
                int64(self.size),
                int64(self.stripped_size),
                int64(self.weight),
                int64(self.transaction_count),
                int64(self.input_count),
                int64(self.output_count),
                int64(self.output_value),
                int64(self.subsidy),
                int64(self.fees),
                int64(self.coinbase_value),
                bytes(self.coinbase_script),
                int64(self.coinbase_sequence),
                bytes(self.coinbase_witness),
            ],
        )
    }
}
