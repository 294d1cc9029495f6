//! Rows of `ethereum.traces`.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use arrow::array::{
    ArrayRef, BinaryBuilder, Int32Builder, ListBuilder, RecordBatch, StringBuilder,
};
use arrow::datatypes::{DataType, Field};
use assay_model::ethereum::TRACES;

use super::BlockContext;
use crate::decode::columns::{boolean, bytes, decimal38, int32, int64, rows_of, small, text, time};
use crate::raw::ethereum::{Action, CallKind, CreateKind, Trace};

pub(super) struct TraceRows {
    height: Vec<i64>,
    time: Vec<i64>,
    trace_index: Vec<i32>,
    tx_hash: BinaryBuilder,
    tx_index: Vec<Option<i32>>,
    trace_address: ListBuilder<Int32Builder>,
    kind: StringBuilder,
    call_kind: StringBuilder,
    from_address: BinaryBuilder,
    to_address: BinaryBuilder,
    value: Vec<i128>,
    input: BinaryBuilder,
    output: BinaryBuilder,
    gas: Vec<Option<i64>>,
    gas_used: Vec<Option<i64>>,
    subtrace_count: Vec<i32>,
    error: StringBuilder,
    is_reverted: Vec<bool>,
}

impl Default for TraceRows {
    fn default() -> TraceRows {
        let item = Field::new_list_field(DataType::Int32, false);
        TraceRows {
            height: Vec::new(),
            time: Vec::new(),
            trace_index: Vec::new(),
            tx_hash: BinaryBuilder::new(),
            tx_index: Vec::new(),
            trace_address: ListBuilder::new(Int32Builder::new()).with_field(item),
            kind: StringBuilder::new(),
            call_kind: StringBuilder::new(),
            from_address: BinaryBuilder::new(),
            to_address: BinaryBuilder::new(),
            value: Vec::new(),
            input: BinaryBuilder::new(),
            output: BinaryBuilder::new(),
            gas: Vec::new(),
            gas_used: Vec::new(),
            subtrace_count: Vec::new(),
            error: StringBuilder::new(),
            is_reverted: Vec::new(),
        }
    }
}

/// What all kinds of actions have, or lack.
struct Parts<'a> {
    kind: &'static str,
    call_kind: Option<&'static str>,
    from: Option<Address>,
    to: Option<Address>,
    value: i128,
    input: Option<&'a Bytes>,
    output: Option<&'a Bytes>,
    gas: Option<i64>,
    gas_used: Option<i64>,
}

fn parts(action: &Action) -> Parts<'_> {
    match action {
        Action::Call { kind, from, to, value, input, gas, gas_used, output } => Parts {
            kind: "call",
            call_kind: Some(kind.name()),
            from: Some(*from),
            to: Some(*to),
            // The value that a delegate call shows is that of its caller's own call.
            value: if *kind == CallKind::DelegateCall { 0 } else { *value },
            input: Some(input),
            output: output.as_ref(),
            gas: Some(*gas),
            gas_used: *gas_used,
        },
        Action::Create { kind, from, to, value, init, gas, gas_used, code } => Parts {
            kind: "create",
            call_kind: kind.map(CreateKind::name),
            from: Some(*from),
            to: *to,
            value: *value,
            input: Some(init),
            output: code.as_ref(),
            gas: Some(*gas),
            gas_used: *gas_used,
        },
        Action::SelfDestruct { address, heir, balance } => Parts {
            kind: "selfdestruct",
            call_kind: None,
            from: Some(*address),
            to: Some(*heir),
            value: *balance,
            input: None,
            output: None,
            gas: None,
            gas_used: None,
        },
        Action::Reward { kind, miner, value } => Parts {
            kind: "reward",
            call_kind: Some(kind.name()),
            from: None,
            to: Some(*miner),
            value: *value,
            input: None,
            output: None,
            gas: None,
            gas_used: None,
        },
    }
}

impl TraceRows {
    /// Adds a trace; `is_reverted` says whether it had no effect, `hashes` are those of the block's
    /// transactions.
    pub fn add(
        &mut self,
        context: BlockContext,
        trace_index: usize,
        trace: &Trace,
        hashes: &[B256],
        is_reverted: bool,
    ) {
        let parts = parts(&trace.action);
        let tx_index = trace.tx_index.map(|tx_index| tx_index as usize);
        self.height.push(context.height);
        self.time.push(context.time);
        self.trace_index.push(small(trace_index));
        self.tx_hash.append_option(tx_index.map(|tx_index| hashes[tx_index]));
        self.tx_index.push(tx_index.map(small));
        for &place in &trace.trace_address {
            self.trace_address.values().append_value(small(place as usize));
        }
        self.trace_address.append(true);
        self.kind.append_value(parts.kind);
        self.call_kind.append_option(parts.call_kind);
        self.from_address.append_option(parts.from);
        self.to_address.append_option(parts.to);
        self.value.push(parts.value);
        self.input.append_option(parts.input);
        self.output.append_option(parts.output);
        self.gas.push(parts.gas);
        self.gas_used.push(parts.gas_used);
        self.subtrace_count.push(small(trace.subtrace_count as usize));
        self.error.append_option(trace.error.as_ref());
        self.is_reverted.push(is_reverted);
    }

    pub fn finish(mut self) -> RecordBatch {
        let trace_address: ArrayRef = Arc::new(self.trace_address.finish());
        rows_of(
            &TRACES,
            vec![
                int64(self.height),
                time(self.time),
                int32(self.trace_index),
                bytes(self.tx_hash),
                int32(self.tx_index),
                trace_address,
                text(self.kind),
                text(self.call_kind),
                bytes(self.from_address),
                bytes(self.to_address),
                decimal38(self.value),
                bytes(self.input),
                bytes(self.output),
                int64(self.gas),
                int64(self.gas_used),
                int32(self.subtrace_count),
                text(self.error),
                boolean(self.is_reverted),
            ],
        )
    }
}
