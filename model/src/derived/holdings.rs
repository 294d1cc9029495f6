//! `analytics.holdings_daily` and its companions: how unequally an asset is held, day by day.

use super::DerivedTable;
use crate::{Column, ColumnType};

const ASSET: Column = Column::required(
    "asset",
    ColumnType::Text,
    "bitcoin, ethereum, or the address of a token's contract.",
);
const BASIS: Column = Column::required(
    "basis",
    ColumnType::Text,
    "Who counts as one holder: address, or entity (all addresses that are known to be one's).",
);
const DAY: Column = Column::required("day", ColumnType::Time, "When the day begins, UTC.");

/// What an aggregate of the same name says of all balances.
const fn measure(name: &'static str, doc: &'static str) -> Column {
    Column::optional(name, ColumnType::Float64, doc)
}

/// Measures of concentration.
pub const HOLDINGS_DAILY: DerivedTable = DerivedTable {
    name: "holdings_daily",
    doc: "One row per asset, basis and whole day: how unequally the asset was held at its end.",
    key: &["asset", "basis", "day"],
    columns: &[
        ASSET,
        BASIS,
        DAY,
        Column::required(
            "height",
            ColumnType::Int64,
            "The last height of that day or before: what it is as of.",
        ),
        Column::required("holders", ColumnType::Int64, "Those who hold more than nothing."),
        Column::required("held", ColumnType::Decimal38, "What they hold together, base units."),
        Column::required(
            "supply",
            ColumnType::Decimal38,
            "All there is, that without an address included, base units.",
        ),
        measure(
            "gini",
            "Gini's coefficient of what holders hold, from 0 to 1; null if nobody does.",
        ),
        measure("theil", "Theil's index T, in nats."),
        measure(
            "hhi",
            "Herfindahl and Hirschman's index, the sum of all squared shares, from 0 to 1.",
        ),
        Column::optional(
            "nakamoto",
            ColumnType::Int64,
            "The least number of holders who hold more than half of what is held.",
        ),
        measure("top_10_share", "Share of what is held that the 10 richest hold, from 0 to 1."),
        measure("top_100_share", "Share of the 100 richest."),
        measure("top_1000_share", "Share of the 1,000 richest."),
        measure("top_10000_share", "Share of the 10,000 richest."),
        measure("top_1_percent_share", "Share of the richest hundredth of the holders."),
        measure("top_3_percent_share", "Share of the richest 3 in a hundred."),
        measure("top_10_percent_share", "Share of the richest tenth."),
        Column::required(
            "lorenz",
            ColumnType::Structs(&[
                Column::required(
                    "holders",
                    ColumnType::Float64,
                    "A share of the holders, the poorest first.",
                ),
                Column::required("held", ColumnType::Float64, "What share they hold."),
            ]),
            "Lorenz's curve at each hundredth of the holders; empty if nobody holds anything.",
        ),
        Column::optional(
            "missing",
            ColumnType::Text,
            "Which flows the store does not know, so that balances are not whole; null if none.",
        ),
        Column::required("method", ColumnType::Text, "Name and version of the method."),
    ],
};

/// Holders by what they hold.
pub const HOLDINGS_BRACKETS_DAILY: DerivedTable = DerivedTable {
    name: "holdings_brackets_daily",
    doc: "One row per asset, basis, whole day and bracket: how many held between what and what at its end. Exact.",
    key: &["asset", "basis", "day", "from_coins"],
    columns: &[
        ASSET,
        BASIS,
        DAY,
        Column::required(
            "from_coins",
            ColumnType::Float64,
            "Where the bracket begins, inclusive, whole coins; the first begins above 0.",
        ),
        Column::optional(
            "to_coins",
            ColumnType::Float64,
            "Where it ends, exclusive; null for one without an end.",
        ),
        Column::required("holders", ColumnType::Int64, "Who hold that much."),
        Column::required("holders_share", ColumnType::Float64, "Their share of all holders."),
        Column::required("amount", ColumnType::Decimal38, "What they hold together, base units."),
        Column::required("supply_share", ColumnType::Float64, "Its share of the supply."),
        Column::required("method", ColumnType::Text, "Name and version of the method."),
    ],
};

/// The same by the names and definitions of Coin Metrics.
pub const HOLDINGS_METRICS_DAILY: DerivedTable = DerivedTable {
    name: "holdings_metrics_daily",
    doc: "One row per asset, basis, whole day and metric, by the names and definitions of Coin Metrics.",
    key: &["asset", "basis", "day", "metric"],
    columns: &[
        ASSET,
        BASIS,
        DAY,
        Column::required(
            "metric",
            ColumnType::Text,
            "AdrBalCnt, AdrBalNtv0.01Cnt, AdrBal1in1KCnt, SplyAdrTop100, SER, NDF and so on.",
        ),
        Column::optional(
            "value",
            ColumnType::Float64,
            "A number of holders, whole coins, or a ratio; null where it is not defined.",
        ),
        Column::required("method", ColumnType::Text, "Name and version of the method."),
    ],
};
