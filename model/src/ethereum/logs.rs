//! `ethereum.logs`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a log.
pub static LOGS: Table = Table {
    chain: Chain::Ethereum,
    name: "logs",
    doc: "One row per log (event) that a contract left.",
    key: &["height", "log_index"],
    columns: &[
        Column::required("height", ColumnType::Int64, "Number of the block."),
        Column::required("time", ColumnType::Time, "Header time of the block, UTC."),
        Column::required("tx_hash", ColumnType::Hex, "The transaction."),
        Column::required(
            "tx_index",
            ColumnType::Int32,
            "Position of the transaction in the block.",
        ),
        Column::required("log_index", ColumnType::Int32, "Position of the log in the block."),
        Column::required("address", ColumnType::Hex, "The contract."),
        Column::optional(
            "topic0",
            ColumnType::Hex,
            "First topic, 32 bytes: the hash of the event's signature, unless the event is anonymous.",
        ),
        Column::optional("topic1", ColumnType::Hex, "Second topic."),
        Column::optional("topic2", ColumnType::Hex, "Third topic."),
        Column::optional("topic3", ColumnType::Hex, "Fourth topic."),
        Column::required("data", ColumnType::Hex, "What is not indexed."),
    ],
};
