//! What the node says of blocks, transactions and logs, as rows.

use alloy_primitives::{B256, U256};
use serde_json::{Map, Value, json};

use crate::anvil::Anvil;
use crate::cells::quantity;

/// Our columns, and where nodes say the same.
type Names = &'static [(&'static str, &'static str)];

const BLOCK: Names = &[
    ("height", "/number"),
    ("hash", "/hash"),
    ("parent_hash", "/parentHash"),
    ("time", "/timestamp"),
    ("miner", "/miner"),
    ("uncles_hash", "/sha3Uncles"),
    ("state_root", "/stateRoot"),
    ("transactions_root", "/transactionsRoot"),
    ("receipts_root", "/receiptsRoot"),
    ("logs_bloom", "/logsBloom"),
    ("difficulty", "/difficulty"),
    ("gas_limit", "/gasLimit"),
    ("gas_used", "/gasUsed"),
    ("extra_data", "/extraData"),
    ("mix_hash", "/mixHash"),
    ("nonce", "/nonce"),
    ("base_fee_per_gas", "/baseFeePerGas"),
    ("withdrawals_root", "/withdrawalsRoot"),
    ("blob_gas_used", "/blobGasUsed"),
    ("excess_blob_gas", "/excessBlobGas"),
    ("parent_beacon_root", "/parentBeaconBlockRoot"),
    ("requests_hash", "/requestsHash"),
];

const TRANSACTION: Names = &[
    ("hash", "/hash"),
    ("height", "/blockNumber"),
    ("time", "/blockTimestamp"),
    ("tx_index", "/transactionIndex"),
    ("type", "/type"),
    ("nonce", "/nonce"),
    ("from_address", "/from"),
    ("to_address", "/to"),
    ("value", "/value"),
    ("input", "/input"),
    ("gas_limit", "/gas"),
    ("max_fee_per_gas", "/maxFeePerGas"),
    ("max_priority_fee_per_gas", "/maxPriorityFeePerGas"),
    ("max_fee_per_blob_gas", "/maxFeePerBlobGas"),
    ("blob_hashes", "/blobVersionedHashes"),
    ("chain_id", "/chainId"),
];

const RECEIPT: Names = &[
    ("hash", "/transactionHash"),
    ("height", "/blockNumber"),
    ("tx_index", "/transactionIndex"),
    ("type", "/type"),
    ("from_address", "/from"),
    ("to_address", "/to"),
    ("created_address", "/contractAddress"),
    ("gas_used", "/gasUsed"),
    ("cumulative_gas_used", "/cumulativeGasUsed"),
    ("effective_gas_price", "/effectiveGasPrice"),
    ("blob_gas_used", "/blobGasUsed"),
];

const LOG: Names = &[
    ("height", "/blockNumber"),
    ("time", "/blockTimestamp"),
    ("tx_hash", "/transactionHash"),
    ("tx_index", "/transactionIndex"),
    ("log_index", "/logIndex"),
    ("address", "/address"),
    ("topic0", "/topics/0"),
    ("topic1", "/topics/1"),
    ("topic2", "/topics/2"),
    ("topic3", "/topics/3"),
    ("data", "/data"),
];

/// The `names` of `told`; what it does not have is null.
fn named(told: &Value, names: Names) -> Map<String, Value> {
    let field = |path| told.pointer(path).cloned().unwrap_or(Value::Null);
    names.iter().map(|&(column, path)| (column.to_owned(), field(path))).collect()
}

/// The number that `told` has in `field`; zero if it has none.
pub fn number(told: &Value, field: &str) -> U256 {
    serde_json::from_value(told[field].clone()).unwrap_or_default()
}

/// Rows of `blocks` up to the height `last`.
pub async fn blocks(anvil: &Anvil, last: u64) -> Vec<Value> {
    let params: Vec<Value> = (0..=last).map(|height| json!([quantity(height), false])).collect();
    let told = anvil.call_all("eth_getBlockByNumber", &params).await;
    told.iter().map(|block| Value::Object(named(block, BLOCK))).collect()
}

/// Rows of `transactions`, which have the `hashes`; `blocks` are those of the chain.
pub async fn transactions(anvil: &Anvil, hashes: &[B256], blocks: &[Value]) -> Vec<Value> {
    let params: Vec<Value> = hashes.iter().map(|hash| json!([hash])).collect();
    let transactions = anvil.call_all("eth_getTransactionByHash", &params).await;
    let receipts = anvil.call_all("eth_getTransactionReceipt", &params).await;
    let pairs = transactions.iter().zip(&receipts);
    pairs.map(|(transaction, receipt)| transaction_row(transaction, receipt, blocks)).collect()
}

fn transaction_row(transaction: &Value, receipt: &Value, blocks: &[Value]) -> Value {
    let mut row = named(transaction, TRANSACTION);
    let of_receipt = named(receipt, RECEIPT);
    for (column, value) in of_receipt {
        let other = row.insert(column.clone(), value.clone());
        assert!(other.is_none_or(|other| other == value), "{column}: {transaction} {receipt}");
    }
    // Those with a priority fee show what they pay in the end.
    let is_priced = number(transaction, "type") < U256::from(2);
    let gas_price = if is_priced { transaction["gasPrice"].clone() } else { Value::Null };
    let word = |field: &str| json!(B256::from(number(transaction, field)));
    // Legacy transactions have the chain in v (EIP-155).
    let parity = match is_priced && transaction["yParity"].is_null() {
        true => number(transaction, "v") - U256::from(35),
        false => number(transaction, "yParity"),
    };
    let has_succeeded = receipt["status"] == "0x1";
    let gas_used = number(receipt, "gasUsed");
    let blob_fee = number(receipt, "blobGasUsed") * number(receipt, "blobGasPrice");
    let has_blobs = !transaction["blobVersionedHashes"].is_null();
    let of_blobs = |value: Value| if has_blobs { value } else { Value::Null };
    let height: usize = number(transaction, "blockNumber").to();
    let base_fee = number(&blocks[height], "base_fee_per_gas");
    row.extend([
        ("gas_price".to_owned(), gas_price),
        ("r".to_owned(), word("r")),
        ("s".to_owned(), word("s")),
        ("y_parity".to_owned(), json!(parity.bit(0))),
        ("status".to_owned(), json!(has_succeeded)),
        ("is_failed".to_owned(), json!(!has_succeeded)),
        ("post_state_root".to_owned(), Value::Null),
        ("blob_gas_price".to_owned(), of_blobs(receipt["blobGasPrice"].clone())),
        ("blob_fee".to_owned(), of_blobs(quantity(blob_fee))),
        ("burnt".to_owned(), quantity(gas_used * base_fee + blob_fee)),
        ("fee".to_owned(), quantity(gas_used * number(receipt, "effectiveGasPrice") + blob_fee)),
        ("log_count".to_owned(), quantity(receipt["logs"].as_array().map_or(0, Vec::len))),
        ("access_list".to_owned(), access_list(transaction)),
        ("authorizations".to_owned(), authorizations(transaction)),
    ]);
    Value::Object(row)
}

/// The items of a list in `field`, as `item` says; null if there is no list.
pub fn items(told: &Value, field: &str, item: impl Fn(&Value) -> Value) -> Value {
    told[field].as_array().map_or(Value::Null, |list| list.iter().map(item).collect())
}

fn access_list(transaction: &Value) -> Value {
    items(
        transaction,
        "accessList",
        |entry| json!({ "address": entry["address"], "storage_keys": entry["storageKeys"] }),
    )
}

/// Authorisations without who gave them, which nodes do not say.
fn authorizations(transaction: &Value) -> Value {
    items(transaction, "authorizationList", |item| {
        let word = |field| json!(B256::from(number(item, field)));
        json!({
            "chain_id": item["chainId"], "address": item["address"], "nonce": item["nonce"],
            "y_parity": item["yParity"], "r": word("r"), "s": word("s"),
        })
    })
}

/// Rows of `logs`.
pub async fn logs(anvil: &Anvil) -> Vec<Value> {
    let filter = json!([{ "fromBlock": "0x0", "toBlock": "latest" }]);
    let told = anvil.call("eth_getLogs", filter).await;
    let logs = told.as_array().expect("a list").iter();
    logs.map(|log| Value::Object(named(log, LOG))).collect()
}
