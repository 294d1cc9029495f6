//! `analytics.energy_compare`.

use assay_model::{Column, ColumnType};

use super::View;

/// Chains beside countries.
pub(super) const ENERGY_COMPARE: View = View {
    schema: "analytics",
    name: "energy_compare",
    doc: "One row per chain, method, year and country: what the chain burnt, and what that is of the electricity that the country used.",
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required("method", ColumnType::Text, "Name and version of the method."),
        Column::required("year", ColumnType::Int32, "The year."),
        Column::required("days", ColumnType::Int64, "Days of it that have an estimate."),
        Column::required("twh_lower", ColumnType::Float64, "Energy of those days at least, TWh."),
        Column::required("twh", ColumnType::Float64, "The same, best guess, TWh."),
        Column::required("twh_upper", ColumnType::Float64, "The same, at most, TWh."),
        Column::required("country", ColumnType::Text, "Code of the country, ISO 3166-1."),
        Column::required("name", ColumnType::Text, "Name of the country."),
        Column::required(
            "country_year",
            ColumnType::Int32,
            "The year of its figure: the same, or the nearest that is known.",
        ),
        Column::required("country_twh", ColumnType::Float64, "Electricity that it used, TWh."),
        Column::required("share", ColumnType::Float64, "Best guess over that: 1 is as much."),
    ],
    sql: include_str!("../../../sql/views/analytics/energy_compare.sql"),
};
