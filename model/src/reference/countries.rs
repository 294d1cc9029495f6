//! Where mining happens, and what electricity is there.

use super::{ReferenceTable, SOURCE};
use crate::{Column, ColumnType};

/// Where miners are.
pub const MINING_SHARES: ReferenceTable = ReferenceTable {
    name: "mining_shares",
    doc: "One row per chain, month and country: what share of the hash rate was there. Shares hold until the next month that has some.",
    key: &["chain", "month", "country"],
    series: &["chain"],
    columns: &[
        Column::required("chain", ColumnType::Text, "bitcoin or ethereum."),
        Column::required("month", ColumnType::Time, "The first day of the month, UTC."),
        Column::required(
            "country",
            ColumnType::Text,
            "ISO 3166-1 code of three letters, or other for all the rest.",
        ),
        Column::required(
            "share",
            ColumnType::Float64,
            "Share, 0 to 1; those of a month add up to 1.",
        ),
        SOURCE,
    ],
};

/// What a kilowatt-hour emits.
pub const GRID_INTENSITY: ReferenceTable = ReferenceTable {
    name: "grid_intensity",
    doc: "One row per country and year: what its electricity emits. A year holds until the next that there is.",
    key: &["country", "year"],
    series: &["country"],
    columns: &[
        Column::required(
            "country",
            ColumnType::Text,
            "ISO 3166-1 code of three letters, or WLD for the world.",
        ),
        Column::required("year", ColumnType::Int32, "The year."),
        Column::required(
            "g_co2e_per_kwh",
            ColumnType::Float64,
            "Emissions, grams of CO2 equivalents a kWh.",
        ),
        SOURCE,
    ],
};

/// What countries use.
pub const ELECTRICITY_USE: ReferenceTable = ReferenceTable {
    name: "electricity_use",
    doc: "One row per country and year: what electricity it used.",
    key: &["country", "year"],
    series: &["country"],
    columns: &[
        Column::required("country", ColumnType::Text, "ISO 3166-1 code of three letters."),
        Column::required("year", ColumnType::Int32, "The year."),
        Column::required("name", ColumnType::Text, "Name of the country."),
        Column::required("twh", ColumnType::Float64, "Electricity used, TWh."),
        SOURCE,
    ],
};
