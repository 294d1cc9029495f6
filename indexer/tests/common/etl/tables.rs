//! What ethereum-etl's columns are in our tables, and where they differ: blocks, transactions,
//! receipts, logs and token transfers.

use super::Source::{Empty, Foreign, Made, OfBlock, Own};
use super::row::Row;
use super::{Column, Difference, LeftOut, Table, same};

/// Wei of one Gwei.
const GWEI: u128 = 1_000_000_000;

pub static BLOCKS: Table = Table {
    name: "blocks",
    ours: "blocks",
    key: &[],
    left_out: None,
    columns: &[
        same("number", Own("height")),
        same("hash", Own("hash")),
        same("parent_hash", Own("parent_hash")),
        same("nonce", Own("nonce")),
        same("sha3_uncles", Own("uncles_hash")),
        same("logs_bloom", Own("logs_bloom")),
        same("transactions_root", Own("transactions_root")),
        same("state_root", Own("state_root")),
        same("receipts_root", Own("receipts_root")),
        same("miner", Own("miner")),
        same("difficulty", Own("difficulty")),
        // A sum over all blocks before, which nodes keep beside the chain.
        same("total_difficulty", Foreign("the total difficulty is in no block")),
        same("size", Own("size")),
        same("extra_data", Own("extra_data")),
        same("gas_limit", Own("gas_limit")),
        same("gas_used", Own("gas_used")),
        same("timestamp", Own("time")),
        same("transaction_count", Own("transaction_count")),
        same("base_fee_per_gas", Own("base_fee_per_gas")),
        same("withdrawals_root", Own("withdrawals_root")),
        Column {
            theirs: "withdrawals",
            ours: Made(|row| withdrawals(row, 1)),
            differences: &[GWEI_AMOUNTS],
        },
        same("blob_gas_used", Own("blob_gas_used")),
        same("excess_blob_gas", Own("excess_blob_gas")),
        same("type", Made(|_| "block".to_owned())),
        same("item_id", Made(|row| format!("block_{}", row.text("hash")))),
        ITEM_TIMESTAMP,
    ],
};

/// When an item was, in a second form; ours is shown in the same.
pub const ITEM_TIMESTAMP: Column = same("item_timestamp", Made(|row| row.block().shown("time")));

/// Withdrawals are told in Gwei, as the beacon chain counts them; ours are in wei, as all amounts
/// are.
const GWEI_AMOUNTS: Difference = Difference {
    name: "amounts of withdrawals are in Gwei",
    theirs: |row| Some(withdrawals(row, GWEI)),
};

/// The rows of `withdrawals` as JSON, with amounts in units of `unit` wei.
fn withdrawals(row: &Row<'_>, unit: u128) -> String {
    let item = |item: &Row<'_>| {
        let wei: u128 = item.text("amount").parse().expect("an amount");
        assert_eq!(wei % unit, 0);
        format!(
            r#"{{"index":{},"validator_index":{},"address":"{}","amount":{}}}"#,
            item.text("withdrawal_index"),
            item.text("validator_index"),
            item.text("address"),
            wei / unit,
        )
    };
    row.ours.rows("withdrawals").iter().map(item).collect::<Vec<_>>().join(",")
}

/// `gasPrice` of a node is what a transaction with a priority fee really paid; ours is the field that
/// such a transaction does not have.
const PAID_PRICE: Difference = Difference {
    name: "the gas price of a transaction that has none is what it paid",
    theirs: |row| row.text("gas_price").is_empty().then(|| row.text("effective_gas_price")),
};

pub static TRANSACTIONS: Table = Table {
    name: "transactions",
    ours: "transactions",
    key: &["transaction_index"],
    left_out: None,
    columns: &[
        same("hash", Own("hash")),
        same("nonce", Own("nonce")),
        same("block_hash", OfBlock("hash")),
        same("block_number", Own("height")),
        same("transaction_index", Own("tx_index")),
        same("from_address", Own("from_address")),
        same("to_address", Own("to_address")),
        same("value", Own("value")),
        same("gas", Own("gas_limit")),
        Column { theirs: "gas_price", ours: Own("gas_price"), differences: &[PAID_PRICE] },
        same("input", Own("input")),
        same("block_timestamp", Own("time")),
        same("max_fee_per_gas", Own("max_fee_per_gas")),
        same("max_priority_fee_per_gas", Own("max_priority_fee_per_gas")),
        same("transaction_type", Own("type")),
        same("max_fee_per_blob_gas", Own("max_fee_per_blob_gas")),
        same("blob_versioned_hashes", Own("blob_hashes")),
        same("receipt_cumulative_gas_used", Own("cumulative_gas_used")),
        same("receipt_gas_used", Own("gas_used")),
        same("receipt_contract_address", Own("created_address")),
        same("receipt_root", Own("post_state_root")),
        same("receipt_status", Own("status")),
        same("receipt_effective_gas_price", Own("effective_gas_price")),
        // Of Optimism.
        same("receipt_l1_fee", Empty),
        same("receipt_l1_gas_used", Empty),
        same("receipt_l1_gas_price", Empty),
        same("receipt_l1_fee_scalar", Empty),
        same("type", Made(|_| "transaction".to_owned())),
        same("item_id", Made(|row| format!("transaction_{}", row.text("hash")))),
        ITEM_TIMESTAMP,
    ],
};

pub static RECEIPTS: Table = Table {
    name: "receipts",
    ours: "transactions",
    key: &["transaction_index"],
    left_out: None,
    columns: &[
        same("transaction_hash", Own("hash")),
        same("transaction_index", Own("tx_index")),
        same("block_hash", OfBlock("hash")),
        same("block_number", Own("height")),
        same("cumulative_gas_used", Own("cumulative_gas_used")),
        same("gas_used", Own("gas_used")),
        same("contract_address", Own("created_address")),
        same("root", Own("post_state_root")),
        same("status", Own("status")),
        same("effective_gas_price", Own("effective_gas_price")),
        // Of Optimism.
        same("l1_fee", Empty),
        same("l1_gas_used", Empty),
        same("l1_gas_price", Empty),
        same("l1_fee_scalar", Empty),
        same("blob_gas_price", Own("blob_gas_price")),
        same("blob_gas_used", Own("blob_gas_used")),
    ],
};

/// The columns that rows of transactions' parts have in common.
const TX_HASH: Column = same("transaction_hash", Own("tx_hash"));
const BLOCK_HASH: Column = same("block_hash", OfBlock("hash"));
const BLOCK_NUMBER: Column = same("block_number", Own("height"));
const BLOCK_TIMESTAMP: Column = same("block_timestamp", Own("time"));
const LOG_INDEX: Column = same("log_index", Own("log_index"));

pub static LOGS: Table = Table {
    name: "logs",
    ours: "logs",
    key: &["log_index"],
    left_out: None,
    columns: &[
        LOG_INDEX,
        TX_HASH,
        same("transaction_index", Own("tx_index")),
        BLOCK_HASH,
        BLOCK_NUMBER,
        BLOCK_TIMESTAMP,
        same("address", Own("address")),
        same("data", Own("data")),
        same("topics", Made(topics)),
        same("type", Made(|_| "log".to_owned())),
        same("item_id", Made(|row| place(row, "log"))),
        ITEM_TIMESTAMP,
    ],
};

/// The topics, which are columns of ours, as a list.
fn topics(row: &Row<'_>) -> String {
    let topics = ["topic0", "topic1", "topic2", "topic3"].map(|name| row.text(name));
    let topics: Vec<&str> =
        topics.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    topics.join(",")
}

fn place(row: &Row<'_>, kind: &str) -> String {
    format!("{kind}_{}_{}", row.text("tx_hash"), row.text("log_index"))
}

/// It knows one event, `Transfer`.
const NO_ERC1155: LeftOut = LeftOut {
    name: "transfers of ERC-1155 are not told",
    is: |row| row.text("standard") == "erc1155",
};

/// It writes the third number of the event, whatever the number is.
const ID_AS_VALUE: Difference = Difference {
    name: "the value of an ERC-721 transfer is the token's id",
    theirs: |row| (row.text("standard") == "erc721").then(|| row.word("token_id_raw")),
};

pub static TOKEN_TRANSFERS: Table = Table {
    name: "token_transfers",
    ours: "token_transfers",
    key: &["log_index"],
    left_out: Some(NO_ERC1155),
    columns: &[
        same("token_address", Own("token")),
        same("from_address", Own("from_address")),
        same("to_address", Own("to_address")),
        Column { theirs: "value", ours: Own("value"), differences: &[ID_AS_VALUE] },
        TX_HASH,
        LOG_INDEX,
        BLOCK_NUMBER,
        BLOCK_HASH,
        BLOCK_TIMESTAMP,
        same("type", Made(|_| "token_transfer".to_owned())),
        same("item_id", Made(|row| place(row, "token_transfer"))),
        ITEM_TIMESTAMP,
    ],
};
