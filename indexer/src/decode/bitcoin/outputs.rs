//! Rows of `bitcoin.outputs`.

use std::sync::Arc;

use arrow::array::{BinaryBuilder, RecordBatch, StringBuilder};
use assay_model::address::AddressBuilder;
use assay_model::bitcoin::OUTPUTS;
use assay_model::{Network, ScriptType, script};

use super::TransactionContext;
use crate::decode::columns::{boolean, bytes, hashes, int32, int64, rows_of, small, text, time};

pub(super) struct OutputRows {
    txid: Vec<[u8; 32]>,
    height: Vec<i64>,
    time: Vec<i64>,
    tx_index: Vec<i32>,
    output_index: Vec<i32>,
    value: Vec<i64>,
    script_type: StringBuilder,
    address: AddressBuilder,
    script: BinaryBuilder,
    is_spendable: Vec<bool>,
}

impl OutputRows {
    /// No rows yet, with room for so many.
    pub fn new(network: Network, rows: usize) -> OutputRows {
        OutputRows {
            txid: Vec::with_capacity(rows),
            height: Vec::with_capacity(rows),
            time: Vec::with_capacity(rows),
            tx_index: Vec::with_capacity(rows),
            output_index: Vec::with_capacity(rows),
            value: Vec::with_capacity(rows),
            script_type: StringBuilder::new(),
            address: AddressBuilder::new(network, rows),
            script: BinaryBuilder::new(),
            is_spendable: Vec::with_capacity(rows),
        }
    }

    pub fn add(&mut self, context: TransactionContext<'_>) {
        let TransactionContext { block, tx_index, txid, transaction } = context;
        // Nobody can spend the genesis coinbase, nor one that a later coinbase overwrote.
        let network = block.decoder.network;
        let is_lost =
            tx_index == 0 && (block.height == 0 || network.coinbase_is_overwritten(block.height));
        for (index, output) in transaction.outputs.iter().enumerate() {
            let kind = ScriptType::of(output.script);
            self.txid.push(txid.0);
            self.height.push(block.height());
            self.time.push(block.time);
            self.tx_index.push(small(tx_index));
            self.output_index.push(small(index));
            self.value.push(output.value as i64); // at most the supply: the sums were checked
            self.script_type.append_value(kind.name());
            self.address.push(kind, output.script);
            self.script.append_value(output.script);
            self.is_spendable.push(!is_lost && !script::is_unspendable(output.script));
        }
    }

    pub fn finish(self) -> RecordBatch {
        rows_of(
            &OUTPUTS,
            vec![
                hashes(self.txid),
                int64(self.height),
                time(self.time),
                int32(self.tx_index),
                int32(self.output_index),
                int64(self.value),
                text(self.script_type),
                Arc::new(self.address.finish()),
                bytes(self.script),
                boolean(self.is_spendable),
            ],
        )
    }
}
