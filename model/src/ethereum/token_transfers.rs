//! `ethereum.token_transfers`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a movement of tokens.
pub static TOKEN_TRANSFERS: Table = Table {
    chain: Chain::Ethereum,
    name: "token_transfers",
    doc: "One row per movement of a token, as its contract logs it.",
    key: &["height", "log_index", "batch_index"],
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
        Column::required(
            "batch_index",
            ColumnType::Int32,
            "Position in the batch of an ERC-1155 TransferBatch; 0 for others.",
        ),
        Column::required("token", ColumnType::Hex, "The contract of the token."),
        Column::required(
            "standard",
            ColumnType::Text,
            "What the log looks like: erc20, erc721, erc1155, or unindexed for transfers whose log has all three values in its data, as that of CryptoKitties.",
        ),
        Column::optional(
            "operator",
            ColumnType::Hex,
            "Who moved it on the holder's behalf; null but for ERC-1155.",
        ),
        Column::required("from_address", ColumnType::Hex, "Who gave it; zero where it was minted."),
        Column::required("to_address", ColumnType::Hex, "Who got it; zero where it was burnt."),
        Column::optional(
            "token_id",
            ColumnType::Decimal76,
            "Which of the tokens; null for ERC-20, and where it has more than 76 digits.",
        ),
        Column::optional("token_id_raw", ColumnType::Hex, "The same, 32 bytes; null for ERC-20."),
        Column::optional(
            "value",
            ColumnType::Decimal76,
            "How many, in the token's base unit; 1 for ERC-721; null where it has more than 76 digits, and for unindexed logs, which do not tell whether their number is a value or an id.",
        ),
        Column::required(
            "value_raw",
            ColumnType::Hex,
            "The same, 32 bytes; of unindexed logs their number.",
        ),
    ],
};
