//! `ethereum.withdrawals`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a withdrawal from the beacon chain.
pub static WITHDRAWALS: Table = Table {
    chain: Chain::Ethereum,
    name: "withdrawals",
    doc: "One row per withdrawal from the beacon chain (EIP-4895).",
    key: &["height", "withdrawal_index"],
    columns: &[
        Column::required("height", ColumnType::Int64, "Number of the block."),
        Column::required("time", ColumnType::Time, "Header time of the block, UTC."),
        Column::required(
            "withdrawal_index",
            ColumnType::Int64,
            "Number of the withdrawal since Shanghai.",
        ),
        Column::required("validator_index", ColumnType::Int64, "The validator."),
        Column::required("address", ColumnType::Hex, "Who receives it."),
        Column::required("amount", ColumnType::Decimal38, "How much, wei."),
    ],
};
