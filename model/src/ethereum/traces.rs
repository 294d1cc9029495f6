//! `ethereum.traces`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a step of execution.
pub static TRACES: Table = Table {
    chain: Chain::Ethereum,
    name: "traces",
    doc: "One row per call, creation, self-destruction or reward; empty where the source has no traces.",
    key: &["height", "trace_index"],
    columns: &[
        Column::required("height", ColumnType::Int64, "Number of the block."),
        Column::required("time", ColumnType::Time, "Header time of the block, UTC."),
        Column::required("trace_index", ColumnType::Int32, "Position in the block."),
        Column::optional("tx_hash", ColumnType::Hex, "The transaction; null for rewards."),
        Column::optional(
            "tx_index",
            ColumnType::Int32,
            "Its position in the block; null for rewards.",
        ),
        Column::required(
            "trace_address",
            ColumnType::Int32List,
            "Path in the tree of calls: empty for the transaction itself, [1, 0] for the first call of its second call.",
        ),
        Column::required("kind", ColumnType::Text, "call, create, selfdestruct or reward."),
        Column::optional(
            "call_kind",
            ColumnType::Text,
            "call, callcode, delegatecall or staticcall; create or create2; block or uncle; null for selfdestruct, and where the source does not say.",
        ),
        Column::optional(
            "from_address",
            ColumnType::Hex,
            "Caller, creator, or the contract that is destroyed; null for rewards.",
        ),
        Column::optional(
            "to_address",
            ColumnType::Hex,
            "Callee, created contract, heir, or miner; null where a creation failed.",
        ),
        Column::required(
            "value",
            ColumnType::Decimal38,
            "Ether that it moves, wei; of a delegatecall zero, because it moves none.",
        ),
        Column::optional(
            "input",
            ColumnType::Hex,
            "Call data, or the code that creates a contract; null for others.",
        ),
        Column::optional(
            "output",
            ColumnType::Hex,
            "What it returned, or the code of the contract; null where it failed, and for others.",
        ),
        Column::optional(
            "gas",
            ColumnType::Int64,
            "Gas that it might use; null for selfdestruct and reward.",
        ),
        Column::optional(
            "gas_used",
            ColumnType::Int64,
            "Gas that it used; null where the source does not say.",
        ),
        Column::required("subtrace_count", ColumnType::Int32, "Its direct children."),
        Column::optional(
            "error",
            ColumnType::Text,
            "Why it failed, in the words of the source; null if it did not.",
        ),
        Column::required(
            "is_reverted",
            ColumnType::Boolean,
            "Whether it had no effect: it, or a call that it is part of, failed.",
        ),
    ],
};
