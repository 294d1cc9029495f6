//! `ethereum.value_flows`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a movement of ether.
pub static VALUE_FLOWS: Table = Table {
    chain: Chain::Ethereum,
    name: "value_flows",
    doc: "One row per movement of ether, of every kind: what goes to an address less what comes from it is its balance.",
    key: &["height", "flow_index"],
    columns: &[
        Column::required("height", ColumnType::Int64, "Number of the block."),
        Column::required("time", ColumnType::Time, "Header time of the block, UTC."),
        Column::required(
            "flow_index",
            ColumnType::Int32,
            "Position in the block, in the order of its effects.",
        ),
        Column::required(
            "kind",
            ColumnType::Text,
            "genesis, dao_move (block 1,920,000 of the main network, EIP-779), block_reward, uncle_reward, transfer, internal, priority_fee, base_fee_burn, blob_fee_burn, destroyed or withdrawal.",
        ),
        Column::optional(
            "from_address",
            ColumnType::Hex,
            "Who has it no more; null where it is new.",
        ),
        Column::optional(
            "to_address",
            ColumnType::Hex,
            "Who has it now; null where it is gone for good.",
        ),
        Column::required("value", ColumnType::Decimal38, "How much, wei; above zero."),
        Column::optional(
            "tx_index",
            ColumnType::Int32,
            "Position of the transaction in the block; null for flows outside of transactions.",
        ),
        Column::optional(
            "trace_index",
            ColumnType::Int32,
            "Position of the trace in the block; null but for internal and destroyed.",
        ),
    ],
};
