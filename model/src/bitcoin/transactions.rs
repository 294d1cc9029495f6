//! `bitcoin.transactions`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a transaction of the best chain.
pub static TRANSACTIONS: Table = Table {
    chain: Chain::Bitcoin,
    name: "transactions",
    doc: "One row per transaction, coinbases included.",
    key: &["height", "tx_index"],
    columns: &[
        Column::required(
            "txid",
            ColumnType::Bytes,
            "Transaction id: hash without witnesses, as explorers show it.",
        ),
        Column::required(
            "wtxid",
            ColumnType::Bytes,
            "Hash with witnesses; equals txid where there are none.",
        ),
        Column::required("height", ColumnType::Int64, "Height of the block."),
        Column::required(
            "tx_index",
            ColumnType::Int32,
            "Position in the block; 0 is the coinbase.",
        ),
        Column::required("time", ColumnType::Time, "Header time of the block, UTC."),
        Column::required(
            "version",
            ColumnType::Int64,
            "Transaction version, as the unsigned number that nodes show.",
        ),
        Column::required(
            "lock_time",
            ColumnType::Int64,
            "Earliest height (below 500,000,000) or Unix time at which it is valid.",
        ),
        Column::required("size", ColumnType::Int64, "Serialised size with witnesses, bytes."),
        Column::required(
            "virtual_size",
            ColumnType::Int64,
            "weight / 4, rounded up: what fee rates are quoted against, bytes.",
        ),
        Column::required(
            "weight",
            ColumnType::Int64,
            "3 · size without witnesses + size, weight units (BIP 141).",
        ),
        Column::required(
            "is_coinbase",
            ColumnType::Boolean,
            "True for the transaction that pays the miner.",
        ),
        Column::required(
            "input_count",
            ColumnType::Int32,
            "Inputs that spend an output: 0 for the coinbase.",
        ),
        Column::required("output_count", ColumnType::Int32, "Outputs."),
        Column::required(
            "input_value",
            ColumnType::Int64,
            "Value of the outputs that it spends, satoshi; 0 for the coinbase.",
        ),
        Column::required("output_value", ColumnType::Int64, "Value of its outputs, satoshi."),
        Column::required(
            "fee",
            ColumnType::Int64,
            "input_value − output_value, satoshi; 0 for the coinbase.",
        ),
    ],
};
