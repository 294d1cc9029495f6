//! `bitcoin.inputs`.

use crate::{Chain, Column, ColumnType, Table};

/// One row an input, with the output that it spends.
pub static INPUTS: Table = Table {
    chain: Chain::Bitcoin,
    name: "inputs",
    doc: "One row per input, with the output that it spends; a coinbase spends none and has no row.",
    key: &["height", "tx_index", "input_index"],
    columns: &[
        Column::required("txid", ColumnType::Bytes, "The spending transaction."),
        Column::required(
            "height",
            ColumnType::Int64,
            "Height of the block of the spending transaction.",
        ),
        Column::required("time", ColumnType::Time, "Header time of that block, UTC."),
        Column::required(
            "tx_index",
            ColumnType::Int32,
            "Position of the spending transaction in its block.",
        ),
        Column::required(
            "input_index",
            ColumnType::Int32,
            "Position of the input in its transaction (vin).",
        ),
        Column::required("spent_txid", ColumnType::Bytes, "The transaction whose output is spent."),
        Column::required(
            "spent_output_index",
            ColumnType::Int64,
            "Position of that output in its transaction (vout).",
        ),
        Column::required(
            "spent_height",
            ColumnType::Int64,
            "Height at which that output was created.",
        ),
        Column::required("value", ColumnType::Int64, "Value of that output, satoshi."),
        Column::required(
            "script_type",
            ColumnType::Text,
            "Kind of that output's script; see outputs.script_type.",
        ),
        Column::optional(
            "address",
            ColumnType::Text,
            "Address of that output; see outputs.address.",
        ),
        Column::required(
            "sequence",
            ColumnType::Int64,
            "Sequence number: relative lock time (BIP 68), replaceability (BIP 125).",
        ),
        Column::optional(
            "script_sig",
            ColumnType::Bytes,
            "Input script; null unless indexed with --with-scripts.",
        ),
        Column::optional(
            "witness",
            ColumnType::BytesList,
            "Witness stack, empty if none; null unless indexed with --with-scripts.",
        ),
    ],
};
