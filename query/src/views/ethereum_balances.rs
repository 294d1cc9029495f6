//! `ethereum.balances`.

use assay_model::{Column, ColumnType};

use super::View;

/// Holdings of ether by address.
pub(super) const BALANCES: View = View {
    schema: "ethereum",
    name: "balances",
    doc: "One row per address that holds ether as of the last block; see the column missing.",
    columns: &[
        Column::optional("address", ColumnType::Hex, "The account."),
        Column::optional(
            "balance",
            ColumnType::Decimal38,
            "received − sent, wei; not zero; below zero only where flows are missing.",
        ),
        Column::optional("received", ColumnType::Decimal38, "All that ever came to it, wei."),
        Column::optional("sent", ColumnType::Decimal38, "All that ever went from it, wei."),
        Column::optional("first_height", ColumnType::Int64, "Height of its first flow."),
        Column::optional("last_height", ColumnType::Int64, "Height of its last flow."),
        Column::optional(
            "missing",
            ColumnType::Text,
            "Which flows the lake does not know, so that balances are not whole; null if none.",
        ),
    ],
    sql: include_str!("../../../sql/views/ethereum/balances.sql"),
};
