//! `analytics.market_values`.

use assay_model::{Column, ColumnType};

use super::View;

/// What assets are worth.
pub(super) const MARKET_VALUES: View = View {
    schema: "analytics",
    name: "market_values",
    doc: "One row per coin and known token that anybody holds: what all of it is worth in US dollars as of the last block.",
    columns: &[
        Column::required(
            "asset",
            ColumnType::Text,
            "bitcoin, ethereum, or the address of a token's contract.",
        ),
        Column::required("symbol", ColumnType::Text, "What people call it."),
        Column::required(
            "project",
            ColumnType::Text,
            "Who it is a token of; coins of their chains.",
        ),
        Column::required("supply", ColumnType::Decimal76, "What all hold, base units."),
        Column::optional(
            "price",
            ColumnType::Float64,
            "What a whole coin costs; null if there is no price.",
        ),
        Column::optional(
            "value",
            ColumnType::Money,
            "What the supply is worth; null if there is no price.",
        ),
    ],
    sql: include_str!("../../../sql/views/analytics/market_values.sql"),
};
