//! What coins cost, and what tokens are.

use super::{ReferenceTable, SOURCE};
use crate::{Column, ColumnType};

/// Prices of coins and tokens.
pub const PRICES: ReferenceTable = ReferenceTable {
    name: "prices",
    doc: "One row per asset, currency and day on which its price changes: a price holds until the next row. Those that come with the program are means of months.",
    key: &["asset", "currency", "day"],
    series: &["asset", "currency"],
    columns: &[
        Column::required(
            "asset",
            ColumnType::Text,
            "bitcoin, ethereum, or the address of a token's contract.",
        ),
        Column::required("currency", ColumnType::Text, "usd, eur and so on."),
        Column::required("day", ColumnType::Time, "The day from whose beginning it holds, UTC."),
        Column::required("price", ColumnType::Float64, "What one whole coin costs."),
        SOURCE,
    ],
};

/// Tokens in words.
pub const TOKENS: ReferenceTable = ReferenceTable {
    name: "tokens",
    doc: "One row per token of Ethereum whose symbol and decimal places are known.",
    key: &["token"],
    series: &["token"],
    columns: &[
        Column::required("token", ColumnType::Text, "Address of its contract, in lower case."),
        Column::required("symbol", ColumnType::Text, "What people call it."),
        Column::required(
            "decimals",
            ColumnType::Int32,
            "A whole token has 10 to this power units.",
        ),
        Column::required("project", ColumnType::Text, "Who it is a token of."),
        SOURCE,
    ],
};
