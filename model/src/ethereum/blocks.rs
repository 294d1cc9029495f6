//! `ethereum.blocks`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a block of the canonical chain.
pub static BLOCKS: Table = Table {
    chain: Chain::Ethereum,
    name: "blocks",
    doc: "One row per block of the canonical chain.",
    key: &["height"],
    columns: &[
        Column::required(
            "height",
            ColumnType::Int64,
            "Number of the block: the distance from the genesis block, which has 0.",
        ),
        Column::required("hash", ColumnType::Hex, "Keccak-256 of the header."),
        Column::required(
            "parent_hash",
            ColumnType::Hex,
            "Hash of the block before; zero for the genesis block.",
        ),
        Column::required("time", ColumnType::Time, "Time in the header, UTC."),
        Column::required(
            "miner",
            ColumnType::Hex,
            "Who receives rewards and priority fees: the miner, or since the Merge the fee recipient.",
        ),
        Column::required(
            "uncles_hash",
            ColumnType::Hex,
            "Keccak-256 of the list of uncle headers (sha3Uncles).",
        ),
        Column::required(
            "state_root",
            ColumnType::Hex,
            "Root of the tree of accounts after the block.",
        ),
        Column::required("transactions_root", ColumnType::Hex, "Root of the tree of transactions."),
        Column::required("receipts_root", ColumnType::Hex, "Root of the tree of receipts."),
        Column::required(
            "logs_bloom",
            ColumnType::Hex,
            "Bloom filter of the logs' addresses and topics, 256 bytes.",
        ),
        Column::required(
            "difficulty",
            ColumnType::Decimal38,
            "Expected hashes to find the block; zero since the Merge.",
        ),
        Column::required("gas_limit", ColumnType::Int64, "Most gas that the block might use."),
        Column::required("gas_used", ColumnType::Int64, "Gas that its transactions used."),
        Column::required("extra_data", ColumnType::Hex, "What the miner wrote, at most 32 bytes."),
        Column::required(
            "mix_hash",
            ColumnType::Hex,
            "Part of the proof of work; since the Merge the beacon chain's randomness (EIP-4399).",
        ),
        Column::required(
            "nonce",
            ColumnType::Hex,
            "Part of the proof of work, 8 bytes; zero since the Merge.",
        ),
        Column::optional(
            "base_fee_per_gas",
            ColumnType::Decimal38,
            "Fee per gas that is burnt, wei (EIP-1559); null before London.",
        ),
        Column::optional(
            "withdrawals_root",
            ColumnType::Hex,
            "Root of the tree of withdrawals (EIP-4895); null before Shanghai.",
        ),
        Column::optional(
            "blob_gas_used",
            ColumnType::Int64,
            "Blob gas that its transactions used (EIP-4844); null before Cancun.",
        ),
        Column::optional(
            "excess_blob_gas",
            ColumnType::Int64,
            "Blob gas above the target, summed up (EIP-4844); null before Cancun.",
        ),
        Column::optional(
            "parent_beacon_root",
            ColumnType::Hex,
            "Root of the parent beacon block (EIP-4788); null before Cancun.",
        ),
        Column::optional(
            "requests_hash",
            ColumnType::Hex,
            "Commitment to deposits and other requests (EIP-7685); null before Prague.",
        ),
        Column::required("size", ColumnType::Int64, "Length of the block in RLP, bytes."),
        Column::required("transaction_count", ColumnType::Int64, "Transactions."),
        Column::required("uncle_count", ColumnType::Int64, "Uncles that the block includes."),
        Column::required(
            "withdrawal_count",
            ColumnType::Int64,
            "Withdrawals from the beacon chain.",
        ),
        Column::required("log_count", ColumnType::Int64, "Logs of all its transactions."),
        Column::required(
            "block_reward",
            ColumnType::Decimal38,
            "New ether for the miner, a 32nd more for every uncle, wei; zero since the Merge.",
        ),
        Column::required(
            "uncle_reward",
            ColumnType::Decimal38,
            "New ether for the miners of the uncles, wei.",
        ),
        Column::required(
            "fees",
            ColumnType::Decimal38,
            "Fees of all transactions, those for blobs included, wei.",
        ),
        Column::required("burnt", ColumnType::Decimal38, "The part of them that was burnt, wei."),
    ],
};
