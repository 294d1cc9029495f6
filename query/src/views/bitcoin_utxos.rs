//! `bitcoin.utxos`.

use assay_model::{Column, ColumnType};

use super::View;

/// Outputs not spent.
pub(super) const UTXOS: View = View {
    schema: "bitcoin",
    name: "utxos",
    doc: "One row per spendable output that is not spent as of the last block.",
    columns: &[
        Column::required("txid", ColumnType::Bytes, "The transaction that created it."),
        Column::required(
            "output_index",
            ColumnType::Int32,
            "Position of the output in its transaction (vout).",
        ),
        Column::required("height", ColumnType::Int64, "Height of the block."),
        Column::required("time", ColumnType::Time, "Header time of the block, UTC."),
        Column::required("value", ColumnType::Int64, "Value, satoshi."),
        Column::required(
            "script_type",
            ColumnType::Text,
            "Kind of the script; see outputs.script_type.",
        ),
        Column::optional(
            "address",
            ColumnType::Text,
            "Address in the network's encoding; see outputs.address.",
        ),
        Column::required("script", ColumnType::Bytes, "The output script (scriptPubKey)."),
    ],
    sql: include_str!("../../../sql/views/bitcoin/utxos.sql"),
};
