//! Ethereum's main path: blocks in files into the lake beside Bitcoin, and SQL about both.

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, KECCAK256_EMPTY, U256, keccak256};
use alloy_trie::EMPTY_ROOT_HASH;
use alloy_trie::root::ordered_trie_root_encoded;
use assay_fixtures::bitcoin::golden;
use assay_indexer::decode::ethereum::Genesis;
use assay_indexer::rlp::Outcome;
use assay_indexer::rlp::encode::{HeaderFields, ReceiptFields, TransactionFields, list};
use serde_json::Value;

use crate::common::Place;

/// Who sent the first transaction of mainnet, which is signed for any chain, and to whom.
const SENDER: &str = "a1e4380a3b1f749673e270229993ee55f35663b4";
const RECEIVER: &str = "5df9b87991262f6ba471f09758cde1c0fc1de734";
/// Who mines the chain of these tests.
const MINER: &str = "0707070707070707070707070707070707070707";

const GENESIS: &str = r#"{
    "config": {
        "chainId": 1337, "homesteadBlock": 0, "byzantiumBlock": 0, "constantinopleBlock": 0,
        "ethash": {}
    },
    "alloc": { "a1e4380a3b1f749673e270229993ee55f35663b4": { "balance": "2000000000000000000" } }
}"#;

fn address(hex: &str) -> Address {
    hex.parse().expect("an address")
}

/// Mainnet's first transaction, of block 46,147.
fn transaction() -> TransactionFields {
    let number = |hex: &str| U256::from_str_radix(hex, 16).expect("hex");
    TransactionFields {
        kind: 0,
        chain_id: None,
        nonce: 0,
        gas_price: U256::from(50_000_000_000_000u64),
        max_priority_fee_per_gas: U256::ZERO,
        max_fee_per_gas: U256::ZERO,
        gas_limit: 21_000,
        to: Some(address(RECEIVER)),
        value: U256::from(31_337),
        input: Bytes::new(),
        access_list: Vec::new(),
        max_fee_per_blob_gas: U256::ZERO,
        blob_hashes: Vec::new(),
        authorizations: Vec::new(),
        y_parity: true,
        r: number("88ff6cf0fefd94db46111149ae4bfc179e9b94721fffd821d38d16464b3f71d0"),
        s: number("45e0aff800961cfce805daef7016b9b675c137a6a41a548f7b60a3484c06a33a"),
    }
}

fn bytes(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

/// Writes three blocks and their receipts to `place`: the genesis block, one with mainnet's first
/// transaction, and one with nothing.
fn write_chain(place: &Place) {
    place.write("genesis.json", GENESIS);
    let (_, genesis) = Genesis::read(GENESIS.as_bytes()).expect("a genesis file");
    let transaction = transaction();
    let receipt = ReceiptFields {
        kind: 0,
        outcome: Outcome::Status(true),
        cumulative_gas_used: 21_000,
        logs_bloom: Bloom::ZERO,
        logs: Vec::new(),
    };
    let root = |item: Vec<u8>| ordered_trie_root_encoded(&[item]);
    let (mut blocks, mut receipts, mut parent) = (Vec::new(), Vec::new(), B256::ZERO);
    for height in 0..3u64 {
        let is_full = height == 1;
        let mut header = HeaderFields {
            parent_hash: parent,
            uncles_hash: keccak256([0xc0]),
            miner: address(MINER),
            state_root: if height == 0 { genesis.state_root } else { KECCAK256_EMPTY },
            transactions_root: EMPTY_ROOT_HASH,
            receipts_root: EMPTY_ROOT_HASH,
            logs_bloom: Bloom::ZERO,
            difficulty: U256::from(131_072),
            height,
            gas_limit: 1_000_000,
            gas_used: 0,
            time: 1_500_000_000 + height,
            extra_data: Bytes::new(),
            mix_hash: B256::ZERO,
            nonce: B64::ZERO,
            base_fee_per_gas: None,
            withdrawals_root: None,
            blob_gas_used: None,
            excess_blob_gas: None,
            parent_beacon_root: None,
            requests_hash: None,
        };
        if is_full {
            header.transactions_root = root(bytes(|out| transaction.encode(out)));
            header.receipts_root = root(bytes(|out| receipt.encode(out)));
            header.gas_used = 21_000;
        }
        parent = keccak256(bytes(|out| header.encode(out)));
        list(&mut blocks, |out| {
            header.encode(out);
            list(out, |out| {
                if is_full {
                    transaction.encode_in_block(out)
                }
            });
            list(out, |_| {});
        });
        list(&mut receipts, |out| {
            if is_full {
                receipt.encode_in_list(out)
            }
        });
    }
    std::fs::create_dir_all(place.path("chain")).expect("writable");
    std::fs::write(place.path("chain/all.blocks"), blocks).expect("writable");
    std::fs::write(place.path("chain/all.receipts"), receipts).expect("writable");
}

const INDEX: [&str; 6] = ["index", "ethereum", "--era-dir", "chain", "--genesis", "genesis.json"];

/// A folder with the chain in its lake.
fn indexed() -> Place {
    let place = Place::empty();
    write_chain(&place);
    let ran = place.run(&INDEX);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.starts_with("indexed 3 blocks, heights 0 to 2"), "{ran:?}");
    place
}

/// The rows that `sql` answers.
fn rows(place: &Place, sql: &str) -> Vec<Value> {
    serde_json::from_str(&place.run(&["sql", "-f", "json", sql]).ok()).expect("JSON")
}

#[test]
fn balances_are_what_came_less_what_went() {
    let place = indexed();
    let sql = "select address, balance, missing from ethereum.balances order by balance";
    let found: Vec<_> = rows(&place, sql)
        .iter()
        .map(|row| [&row["address"], &row["balance"]].map(|v| v.as_str().expect("text").to_owned()))
        .collect();
    // Two rewards of 2 ether, and a fee of 21,000 · 50,000 Gwei.
    let expected = [
        [format!("0x{RECEIVER}"), "31337".into()],
        [format!("0x{SENDER}"), "949999999999968663".into()],
        [format!("0x{MINER}"), "5050000000000000000".into()],
    ];
    assert_eq!(found, expected);
    let missing = &rows(&place, "select ethereum_missing_flows() as missing")[0]["missing"];
    assert_eq!(missing, "transfers by contracts");
    let hash = "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060";
    let sql = format!(
        "select height, ether(fee) as fee from ethereum.transactions where hash = '{hash}'"
    );
    let found = rows(&place, &sql);
    assert_eq!(
        (&found[0]["height"], &found[0]["fee"]),
        (&1.into(), &"1.050000000000000000".into())
    );
}

#[test]
fn status_and_verify_know_the_chain_and_a_second_run_has_nothing_to_do() {
    let place = indexed();
    let status = place.run(&["status"]).ok();
    for part in ["ethereum (1337)", "genesis accounts  kept", "traces            not kept"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let verified = place.run(&["verify", "ethereum"]).ok();
    assert!(verified.contains("heights 0 to 2: no differences"), "{verified}");
    let again = place.run(&INDEX);
    assert!(again.code == Some(0) && again.err.contains("nothing new"), "{again:?}");
}

#[test]
fn both_chains_are_asked_at_once() {
    let place = indexed();
    let dir = golden::blocks_dir();
    let ran = place.run(&["-q", "index", "bitcoin", "--blocks-dir", dir.to_str().expect("text")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let sql = "select (select count(*) from bitcoin.blocks) as bitcoin, \
               (select count(*) from ethereum.blocks) as ethereum";
    let counts = &rows(&place, sql)[0];
    assert_eq!((&counts["bitcoin"], &counts["ethereum"]), (&151.into(), &3.into()));
    let watermarks = rows(&place, "select chain, network, height from system.watermarks");
    assert_eq!(watermarks.len(), 2, "{watermarks:?}");
}

#[test]
fn what_does_not_belong_is_refused_with_what_to_do() {
    let place = indexed();
    let other = place.run(&[&INDEX[..], &["--network", "sepolia"]].concat()).failed(2);
    assert!(other.contains("is of network 1337, not of sepolia"), "{other}");
    let unknown = place.run(&INDEX[..4]).failed(2);
    assert!(unknown.contains("--network NAME"), "{unknown}");
    let none = place.run(&["index", "ethereum"]).failed(2);
    assert!(none.contains("--rpc URL") && none.contains("--era-dir DIR"), "{none}");
    let both = [&INDEX[..], &["--rpc", "http://127.0.0.1:1"]].concat();
    assert!(place.run(&both).failed(2).contains("--rpc"), "they exclude each other");
    let start = place.run(&[&INDEX[..], &["--from", "2"]].concat()).failed(2);
    assert!(start.contains("begins at height 0, not at 2"), "{start}");
}

#[test]
fn a_damaged_block_is_named_and_those_below_it_are_kept() {
    let place = Place::empty();
    write_chain(&place);
    let path = place.path("chain/all.receipts");
    let mut receipts = std::fs::read(&path).expect("readable");
    // The status of the one receipt, before the 21,000 gas that it used.
    let status = receipts.windows(4).position(|bytes| bytes == [1, 0x82, 0x52, 0x08]);
    receipts[status.expect("it succeeded")] = 0x80;
    std::fs::write(&path, receipts).expect("writable");
    let error = place.run(&INDEX).failed(2);
    for part in ["block 1 ", "receipts are not those", "all blocks below it are indexed"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(rows(&place, "select count(*) as n from ethereum.blocks")[0]["n"], 1);
}
