//! `bitcoin.outputs`.

use crate::{Chain, Column, ColumnType, Table};

/// One row an output.
pub static OUTPUTS: Table = Table {
    chain: Chain::Bitcoin,
    name: "outputs",
    doc: "One row per transaction output, spent or not.",
    key: &["height", "tx_index", "output_index"],
    columns: &[
        Column::required("txid", ColumnType::Bytes, "The transaction that creates it."),
        Column::required("height", ColumnType::Int64, "Height of the block."),
        Column::required("time", ColumnType::Time, "Header time of the block, UTC."),
        Column::required(
            "tx_index",
            ColumnType::Int32,
            "Position of the transaction in its block.",
        ),
        Column::required(
            "output_index",
            ColumnType::Int32,
            "Position of the output in its transaction (vout).",
        ),
        Column::required("value", ColumnType::Int64, "Value, satoshi."),
        Column::required(
            "script_type",
            ColumnType::Text,
            "p2pk, p2pkh, p2sh, p2wpkh, p2wsh, p2tr, p2a, witness_unknown, multisig, op_return or nonstandard.",
        ),
        Column::optional(
            "address",
            ColumnType::Text,
            "Address in the network's encoding; for p2pk that of the key's hash; null for multisig, op_return and nonstandard.",
        ),
        Column::required("script", ColumnType::Bytes, "The output script (scriptPubKey)."),
        Column::required(
            "is_spendable",
            ColumnType::Boolean,
            "False for outputs that can never be spent: OP_RETURN, oversized scripts, the genesis coinbase, coinbases overwritten under BIP 30.",
        ),
    ],
};
