//! `analytics.network_daily`: what a chain did, day by day.

use super::DerivedTable;
use crate::{Column, ColumnType};

/// What a chain did.
pub const NETWORK_DAILY: DerivedTable = DerivedTable {
    name: "network_daily",
    doc: "One row per chain and whole day: blocks, transactions, addresses, values, fees and supply.",
    key: &["chain", "day"],
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required("day", ColumnType::Time, "When the day begins, UTC."),
        Column::required(
            "height",
            ColumnType::Int64,
            "The last height of that day or before: what supply and counts are as of.",
        ),
        Column::required("blocks", ColumnType::Int64, "Blocks of the day."),
        Column::required(
            "transactions",
            ColumnType::Int64,
            "Transactions in them, those that create new coins included.",
        ),
        Column::required(
            "active_addresses",
            ColumnType::Int64,
            "Addresses that coins came to or went from.",
        ),
        Column::required(
            "new_addresses",
            ColumnType::Int64,
            "Those of them that no coins had ever come to before.",
        ),
        Column::required(
            "transfer_value",
            ColumnType::Decimal38,
            "What transactions moved, new coins left out, base units; change counts as moved.",
        ),
        Column::required(
            "transfer_value_adjusted",
            ColumnType::Decimal38,
            "The same without what came back to an address that sent it, and without Bitcoin's outputs that were spent again within an hour; what came back to another address of the sender is still in it.",
        ),
        Column::required("fees", ColumnType::Decimal38, "Fees of all transactions, base units."),
        Column::optional(
            "fee_mean",
            ColumnType::Float64,
            "Mean fee of a transaction, those without one by rule left out, base units; null if there are none.",
        ),
        Column::optional("fee_median", ColumnType::Float64, "Median of the same, base units."),
        Column::required("issued", ColumnType::Decimal38, "New coins, base units."),
        Column::required(
            "lost",
            ColumnType::Decimal38,
            "Coins that ceased to be: burnt, or in outputs that nobody can spend, base units.",
        ),
        Column::required(
            "supply",
            ColumnType::Decimal38,
            "All coins at the end of the day, base units.",
        ),
        Column::optional(
            "coin_days_destroyed",
            ColumnType::Float64,
            "What moved, in whole coins, times the days since it last had; null of Ethereum, whose coins have no age.",
        ),
        Column::optional(
            "block_interval_seconds",
            ColumnType::Float64,
            "Mean time from the header before to that of a block; null if there are none.",
        ),
        Column::required("size", ColumnType::Int64, "Size of the blocks, bytes."),
        Column::optional("gas_used", ColumnType::Int64, "Gas that was used; null of Bitcoin."),
        Column::optional(
            "gas_limit",
            ColumnType::Int64,
            "Gas that could have been used; null of Bitcoin.",
        ),
        Column::optional(
            "missing",
            ColumnType::Text,
            "Which flows the store does not know, so that values and supply are not whole; null if none.",
        ),
        Column::required("method", ColumnType::Text, "Name and version of the method."),
    ],
};
