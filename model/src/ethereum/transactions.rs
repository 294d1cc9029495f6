//! `ethereum.transactions`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a transaction, with its receipt.
pub static TRANSACTIONS: Table = Table {
    chain: Chain::Ethereum,
    name: "transactions",
    doc: "One row per transaction, joined with its receipt.",
    key: &["height", "tx_index"],
    columns: &[
        Column::required("hash", ColumnType::Hex, "Keccak-256 of the signed transaction."),
        Column::required("height", ColumnType::Int64, "Number of the block."),
        Column::required("time", ColumnType::Time, "Header time of the block, UTC."),
        Column::required("tx_index", ColumnType::Int32, "Position in the block."),
        Column::required(
            "type",
            ColumnType::Int32,
            "0 legacy, 1 with access list (EIP-2930), 2 with priority fee (EIP-1559), 3 with blobs (EIP-4844), 4 with authorisations (EIP-7702).",
        ),
        Column::required(
            "nonce",
            ColumnType::Decimal38,
            "How many transactions the sender had sent before.",
        ),
        Column::required("from_address", ColumnType::Hex, "The sender."),
        Column::optional(
            "to_address",
            ColumnType::Hex,
            "The receiver; null where a contract is created.",
        ),
        Column::optional(
            "created_address",
            ColumnType::Hex,
            "The contract that it creates, or would have created had it not failed; null for others.",
        ),
        Column::required(
            "value",
            ColumnType::Decimal38,
            "Ether sent along, wei; moved only where the transaction succeeded.",
        ),
        Column::required(
            "input",
            ColumnType::Hex,
            "Call data, or the code that creates a contract.",
        ),
        Column::required("gas_limit", ColumnType::Int64, "Most gas that it might use."),
        Column::optional(
            "gas_price",
            ColumnType::Decimal38,
            "Price per gas that the sender set, wei; null for types with a priority fee.",
        ),
        Column::optional(
            "max_fee_per_gas",
            ColumnType::Decimal38,
            "Most that the sender would pay per gas, wei; null for types without a priority fee.",
        ),
        Column::optional(
            "max_priority_fee_per_gas",
            ColumnType::Decimal38,
            "Most that the fee recipient gets per gas, wei; null for types without a priority fee.",
        ),
        Column::optional(
            "max_fee_per_blob_gas",
            ColumnType::Decimal38,
            "Most that the sender would pay per blob gas, wei; null without blobs.",
        ),
        Column::optional(
            "blob_hashes",
            ColumnType::HexList,
            "Versioned hashes of the blobs; null without blobs.",
        ),
        Column::optional(
            "access_list",
            ColumnType::Structs(&ACCESS),
            "Addresses and storage keys announced ahead (EIP-2930); null for legacy transactions.",
        ),
        Column::optional(
            "authorizations",
            ColumnType::Structs(&AUTHORIZATION),
            "Accounts that delegate to code (EIP-7702), as signed; null for other types.",
        ),
        Column::optional(
            "chain_id",
            ColumnType::Decimal38,
            "The chain that it is signed for; null if for any (before EIP-155).",
        ),
        Column::required(
            "y_parity",
            ColumnType::Boolean,
            "Whether the y coordinate of the signature's point is odd.",
        ),
        Column::required("r", ColumnType::Hex, "Signature, first half, 32 bytes."),
        Column::required("s", ColumnType::Hex, "Signature, second half, 32 bytes."),
        Column::optional(
            "status",
            ColumnType::Boolean,
            "Whether it succeeded; null before Byzantium, whose receipts do not say.",
        ),
        Column::optional(
            "post_state_root",
            ColumnType::Hex,
            "Root of the tree of accounts after it; null since Byzantium.",
        ),
        Column::required(
            "is_failed",
            ColumnType::Boolean,
            "Whether it failed: from status, else from its trace, else told by the gas that it used (see the documentation).",
        ),
        Column::required("gas_used", ColumnType::Int64, "Gas that it used."),
        Column::required(
            "cumulative_gas_used",
            ColumnType::Int64,
            "Gas used in the block up to here.",
        ),
        Column::required(
            "effective_gas_price",
            ColumnType::Decimal38,
            "What it paid per gas, wei.",
        ),
        Column::required(
            "fee",
            ColumnType::Decimal38,
            "gas_used · effective_gas_price + blob_fee, wei.",
        ),
        Column::required(
            "burnt",
            ColumnType::Decimal38,
            "The part of the fee that was burnt: base fee and blob fee, wei.",
        ),
        Column::optional(
            "blob_gas_used",
            ColumnType::Int64,
            "Blob gas that it used; null without blobs.",
        ),
        Column::optional(
            "blob_gas_price",
            ColumnType::Decimal38,
            "What it paid per blob gas, wei; null without blobs.",
        ),
        Column::optional(
            "blob_fee",
            ColumnType::Decimal38,
            "blob_gas_used · blob_gas_price, wei; null without blobs.",
        ),
        Column::required("log_count", ColumnType::Int32, "Logs that it left."),
    ],
};

/// An entry of an access list (EIP-2930).
static ACCESS: [Column; 2] = [
    Column::required("address", ColumnType::Hex, "The account."),
    Column::required("storage_keys", ColumnType::HexList, "Places in its storage, 32 bytes each."),
];

/// An authorisation (EIP-7702).
static AUTHORIZATION: [Column; 7] = [
    Column::optional(
        "authority",
        ColumnType::Hex,
        "The account that delegates, from the signature; null if that is not valid.",
    ),
    Column::optional(
        "chain_id",
        ColumnType::Decimal38,
        "The chain that it is for, 0 for any; null where it has more than 38 digits.",
    ),
    Column::required("address", ColumnType::Hex, "The code that the account delegates to."),
    Column::required("nonce", ColumnType::Decimal38, "Nonce of the account."),
    Column::required("y_parity", ColumnType::Int32, "Signature: 0 or 1, if valid."),
    Column::required("r", ColumnType::Hex, "Signature, first half, 32 bytes."),
    Column::required("s", ColumnType::Hex, "Signature, second half, 32 bytes."),
];
