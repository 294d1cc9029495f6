//! `analytics.energy_per_use_daily`.

use assay_model::{Column, ColumnType};

use super::View;

/// Energy over what was done.
pub(super) const ENERGY_PER_USE_DAILY: View = View {
    schema: "analytics",
    name: "energy_per_use_daily",
    doc: "One row per chain, method and day: energy over what the chain did. Misleading when used alone: a transaction more takes no energy, since blocks are found at the same rate, empty or full.",
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required(
            "method",
            ColumnType::Text,
            "Name and version of the method of its power.",
        ),
        Column::required("day", ColumnType::Time, "When the day begins, UTC."),
        Column::required(
            "kwh_per_transaction",
            ColumnType::Float64,
            "Best guess of the day's energy over its transactions, kWh: no cost of one.",
        ),
        Column::optional(
            "kwh_per_usd_moved",
            ColumnType::Float64,
            "The same over the adjusted transfer value in US dollars, kWh; null if nothing moved, or without a price.",
        ),
    ],
    sql: include_str!("../../../sql/views/analytics/energy_per_use_daily.sql"),
};
