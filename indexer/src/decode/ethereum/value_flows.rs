//! Rows of `ethereum.value_flows`: every movement of ether.

use alloy_primitives::Address;
use arrow::array::{BinaryBuilder, RecordBatch, StringBuilder};
use assay_model::ethereum::VALUE_FLOWS;

use super::BlockContext;
use crate::decode::columns::{bytes, decimal38, int32, int64, rows_of, small, text, time};

/// A movement of ether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub kind: FlowKind,
    /// Who has it no more; `None` if it is new.
    pub from: Option<Address>,
    /// Who has it now; `None` if it is gone.
    pub to: Option<Address>,
    /// Wei.
    pub value: i128,
    pub tx_index: Option<usize>,
    pub trace_index: Option<usize>,
}

/// Why ether moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowKind {
    Genesis,
    DaoMove,
    BlockReward,
    UncleReward,
    Transfer,
    Internal,
    PriorityFee,
    BaseFeeBurn,
    BlobFeeBurn,
    Destroyed,
    Withdrawal,
}

impl FlowKind {
    fn name(self) -> &'static str {
        match self {
            FlowKind::Genesis => "genesis",
            FlowKind::DaoMove => "dao_move",
            FlowKind::BlockReward => "block_reward",
            FlowKind::UncleReward => "uncle_reward",
            FlowKind::Transfer => "transfer",
            FlowKind::Internal => "internal",
            FlowKind::PriorityFee => "priority_fee",
            FlowKind::BaseFeeBurn => "base_fee_burn",
            FlowKind::BlobFeeBurn => "blob_fee_burn",
            FlowKind::Destroyed => "destroyed",
            FlowKind::Withdrawal => "withdrawal",
        }
    }
}

impl Flow {
    /// New ether for `to`, outside of any transaction.
    pub fn issue(kind: FlowKind, to: Address, value: i128) -> Flow {
        Flow { kind, from: None, to: Some(to), value, tx_index: None, trace_index: None }
    }
}

#[derive(Default)]
pub(super) struct FlowRows {
    height: Vec<i64>,
    time: Vec<i64>,
    flow_index: Vec<i32>,
    kind: StringBuilder,
    from_address: BinaryBuilder,
    to_address: BinaryBuilder,
    value: Vec<i128>,
    tx_index: Vec<Option<i32>>,
    trace_index: Vec<Option<i32>>,
}

impl FlowRows {
    /// Adds the flows of a block, in the order of their effects; those of nothing are left out.
    pub fn add(&mut self, context: BlockContext, flows: &[Flow]) {
        for (flow_index, flow) in flows.iter().filter(|flow| flow.value > 0).enumerate() {
            self.height.push(context.height);
            self.time.push(context.time);
            self.flow_index.push(small(flow_index));
            self.kind.append_value(flow.kind.name());
            self.from_address.append_option(flow.from);
            self.to_address.append_option(flow.to);
            self.value.push(flow.value);
            self.tx_index.push(flow.tx_index.map(small));
            self.trace_index.push(flow.trace_index.map(small));
        }
    }

    pub fn finish(self) -> RecordBatch {
        rows_of(
            &VALUE_FLOWS,
            vec![
                int64(self.height),
                time(self.time),
                int32(self.flow_index),
                text(self.kind),
                bytes(self.from_address),
                bytes(self.to_address),
                decimal38(self.value),
                int32(self.tx_index),
                int32(self.trace_index),
            ],
        )
    }
}
