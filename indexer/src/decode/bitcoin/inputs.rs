//! Rows of `bitcoin.inputs`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, ListBuilder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field};
use assay_model::address::AddressBuilder;
use assay_model::bitcoin::INPUTS;
use assay_model::{BlockHash, Network, ScriptType};

use super::TransactionContext;
use crate::decode::columns::{bytes, hashes, int32, int64, rows_of, small, text, time};
use crate::raw::bitcoin::SpentOutputs;
use crate::wire::Input;

pub(super) struct InputRows {
    txid: Vec<[u8; 32]>,
    height: Vec<i64>,
    time: Vec<i64>,
    tx_index: Vec<i32>,
    input_index: Vec<i32>,
    spent_txid: Vec<[u8; 32]>,
    spent_output_index: Vec<i64>,
    spent_height: Vec<i64>,
    value: Vec<i64>,
    script_type: StringBuilder,
    address: AddressBuilder,
    sequence: Vec<i64>,
    script_sig: BinaryBuilder,
    witness: ListBuilder<BinaryBuilder>,
}

impl InputRows {
    /// No rows yet, with room for so many.
    pub fn new(network: Network, rows: usize) -> InputRows {
        let item = Field::new_list_field(DataType::Binary, false);
        InputRows {
            txid: Vec::with_capacity(rows),
            height: Vec::with_capacity(rows),
            time: Vec::with_capacity(rows),
            tx_index: Vec::with_capacity(rows),
            input_index: Vec::with_capacity(rows),
            spent_txid: Vec::with_capacity(rows),
            spent_output_index: Vec::with_capacity(rows),
            spent_height: Vec::with_capacity(rows),
            value: Vec::with_capacity(rows),
            script_type: StringBuilder::new(),
            address: AddressBuilder::new(network, rows),
            sequence: Vec::with_capacity(rows),
            script_sig: BinaryBuilder::new(),
            witness: ListBuilder::new(BinaryBuilder::new()).with_field(item),
        }
    }

    /// Adds the inputs of a transaction; a coinbase spends nothing and has no rows.
    pub fn add(&mut self, context: TransactionContext<'_>, spent: &SpentOutputs) {
        let TransactionContext { block, tx_index, txid, transaction } = context;
        let spent = spent.of_transaction(tx_index);
        for (index, (input, spent)) in transaction.inputs.iter().zip(spent).enumerate() {
            let kind = ScriptType::of(spent.script);
            self.txid.push(txid.0);
            self.height.push(block.height());
            self.time.push(block.time);
            self.tx_index.push(small(tx_index));
            self.input_index.push(small(index));
            self.spent_txid.push(BlockHash::from_wire(*input.spent_txid).0);
            self.spent_output_index.push(i64::from(input.spent_output_index));
            self.spent_height.push(spent.height as i64);
            self.value.push(spent.value as i64); // at most the supply: the sums were checked
            self.script_type.append_value(kind.name());
            self.address.push(kind, spent.script);
            self.sequence.push(i64::from(input.sequence));
            self.add_scripts(input, block.decoder.with_scripts);
        }
    }

    fn add_scripts(&mut self, input: &Input<'_>, with_scripts: bool) {
        if !with_scripts {
            self.script_sig.append_null();
            self.witness.append(false);
            return;
        }
        self.script_sig.append_value(input.script_sig);
        for item in input.witness_items() {
            self.witness.values().append_value(item);
        }
        self.witness.append(true);
    }

    pub fn finish(mut self) -> RecordBatch {
        let witness: ArrayRef = Arc::new(self.witness.finish());
        rows_of(
            &INPUTS,
            vec![
                hashes(self.txid),
                int64(self.height),
                time(self.time),
                int32(self.tx_index),
                int32(self.input_index),
                hashes(self.spent_txid),
                int64(self.spent_output_index),
                int64(self.spent_height),
                int64(self.value),
                text(self.script_type),
                Arc::new(self.address.finish()),
                int64(self.sequence),
                bytes(self.script_sig),
                witness,
            ],
        )
    }
}
