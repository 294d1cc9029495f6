//! Rows of `bitcoin.outputs`.

use arrow::array::{BinaryBuilder, RecordBatch, StringBuilder};
use assay_model::bitcoin::OUTPUTS;
use assay_model::{ScriptType, address, script};

use super::TransactionContext;
use super::columns::{boolean, bytes, int32, int64, rows_of, small, text, time};

#[derive(Default)]
pub(super) struct OutputRows {
    txid: BinaryBuilder,
    height: Vec<i64>,
    time: Vec<i64>,
    tx_index: Vec<i32>,
    output_index: Vec<i32>,
    value: Vec<i64>,
    script_type: StringBuilder,
    address: StringBuilder,
    script: BinaryBuilder,
    is_spendable: Vec<bool>,
    /// The address being written.
    scratch: String,
}

impl OutputRows {
    pub fn add(&mut self, context: TransactionContext<'_>) {
        let TransactionContext { block, tx_index, txid, transaction } = context;
        let network = block.decoder.network;
        // Nobody can spend the genesis coinbase, nor one that a later coinbase overwrote.
        let is_lost =
            tx_index == 0 && (block.height == 0 || network.coinbase_is_overwritten(block.height));
        for (index, output) in transaction.outputs.iter().enumerate() {
            let kind = ScriptType::of(output.script);
            self.scratch.clear();
            let has_address = address::encode_into(network, kind, output.script, &mut self.scratch);
            self.txid.append_value(txid.0);
            self.height.push(block.height());
            self.time.push(block.time);
            self.tx_index.push(small(tx_index));
            self.output_index.push(small(index));
            self.value.push(output.value as i64); // at most the supply: the sums were checked
            self.script_type.append_value(kind.name());
            self.address.append_option(has_address.then_some(&self.scratch));
            self.script.append_value(output.script);
            self.is_spendable.push(!is_lost && !script::is_unspendable(output.script));
        }
    }

    pub fn finish(self) -> RecordBatch {
        rows_of(
            &OUTPUTS,
            vec![
                bytes(self.txid),
                int64(self.height),
                time(self.time),
                int32(self.tx_index),
                int32(self.output_index),
                int64(self.value),
                text(self.script_type),
                text(self.address),
                bytes(self.script),
                boolean(self.is_spendable),
            ],
        )
    }
}
