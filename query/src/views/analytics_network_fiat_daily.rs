//! `analytics.network_fiat_daily`.

use assay_model::{Column, ColumnType};

use super::View;

/// What a chain did, in dollars.
pub(super) const NETWORK_FIAT_DAILY: View = View {
    schema: "analytics",
    name: "network_fiat_daily",
    doc: "One row per chain and whole day of network_daily: fees, values and supply in US dollars at the price of the day, null before the first price.",
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required("day", ColumnType::Time, "When the day begins, UTC."),
        Column::optional("price", ColumnType::Float64, "The price of the day, as price() says."),
        Column::optional("fees", ColumnType::Money, "Fees of all transactions."),
        Column::optional(
            "fee_mean",
            ColumnType::Float64,
            "Mean fee of a transaction, those without one by rule left out; null if there are none.",
        ),
        Column::optional("fee_median", ColumnType::Float64, "Median of the same."),
        Column::optional(
            "transfer_value",
            ColumnType::Money,
            "What transactions moved; see network_daily.",
        ),
        Column::optional(
            "transfer_value_adjusted",
            ColumnType::Money,
            "The same without change that is known as such; see network_daily.",
        ),
        Column::optional("issued", ColumnType::Money, "New coins."),
        Column::optional("supply", ColumnType::Money, "All coins: what is called market value."),
    ],
    sql: include_str!("../../../sql/views/analytics/network_fiat_daily.sql"),
};
