//! `analytics.balances`: what each address holds, kept up to date.

use super::DerivedTable;
use crate::{Column, ColumnType};

/// What each address holds.
pub const BALANCES: DerivedTable = DerivedTable {
    name: "balances",
    doc: "One row per asset and address that holds any as of the last final block that was gone through.",
    key: &["asset", "address"],
    columns: &[
        Column::required(
            "asset",
            ColumnType::Text,
            "bitcoin, ethereum, or the address of a token's contract.",
        ),
        Column::required(
            "address",
            ColumnType::Text,
            "The address as people write it; one of Ethereum in lower case.",
        ),
        Column::required(
            "balance",
            ColumnType::Decimal38,
            "What it holds, base units; below zero only where flows are missing.",
        ),
        Column::required("height", ColumnType::Int64, "The block that it is as of."),
    ],
};
