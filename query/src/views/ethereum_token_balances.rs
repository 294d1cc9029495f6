//! `ethereum.token_balances`.

use assay_model::{Column, ColumnType};

use super::View;

/// Holdings of ERC-20 tokens by token and address.
pub(super) const TOKEN_BALANCES: View = View {
    schema: "ethereum",
    name: "token_balances",
    doc: "One row per ERC-20 token and address that holds some as of the last block, as logs tell.",
    columns: &[
        Column::required("token", ColumnType::Hex, "The contract of the token."),
        Column::required("address", ColumnType::Hex, "The holder."),
        Column::optional(
            "balance",
            ColumnType::Decimal76,
            "received − sent, in the token's base unit; not zero. A token whose contract logs less \
             than it moves shows other balances than its contract.",
        ),
        Column::optional("received", ColumnType::Decimal76, "All that ever came to it."),
        Column::optional("sent", ColumnType::Decimal76, "All that ever went from it."),
        Column::optional("first_height", ColumnType::Int64, "Height of its first transfer."),
        Column::optional("last_height", ColumnType::Int64, "Height of its last transfer."),
    ],
    sql: include_str!("../../../sql/views/ethereum/token_balances.sql"),
};
