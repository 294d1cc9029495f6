//! `bitcoin.balances`.

use assay_model::{Column, ColumnType};

use super::View;

/// Holdings by address.
pub(super) const BALANCES: View = View {
    schema: "bitcoin",
    name: "balances",
    doc: "One row per address that holds more than zero as of the last block.",
    columns: &[
        Column::optional(
            "address",
            ColumnType::Text,
            "Address in the network's encoding; holds what its p2pk outputs hold, too.",
        ),
        Column::optional("balance", ColumnType::Int64, "received − sent, satoshi; above zero."),
        Column::optional(
            "utxo_count",
            ColumnType::Int64,
            "Outputs not spent, those of value zero included.",
        ),
        Column::optional(
            "received",
            ColumnType::Int64,
            "Value of all its spendable outputs ever, change included, satoshi.",
        ),
        Column::optional("sent", ColumnType::Int64, "Value of those of them spent, satoshi."),
        Column::optional("first_height", ColumnType::Int64, "Height at which it first received."),
        Column::optional(
            "last_height",
            ColumnType::Int64,
            "Height at which it last received or spent.",
        ),
    ],
    sql: include_str!("../../../sql/views/bitcoin/balances.sql"),
};
