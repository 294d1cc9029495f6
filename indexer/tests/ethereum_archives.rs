//! Real archives and exports of Ethereum blocks decode to what is known of them. They are kept
//! beside the repository, so these tests are skipped where they are absent.

#[path = "common/ethereum_source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type};
use assay_fixtures::shared;
use assay_indexer::attempt::Attempt;
use assay_indexer::decode::ethereum::{Decoder, Genesis};
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_files::{EthereumFiles, FileFault};
use assay_model::Batch;
use assay_model::ethereum::Network;
use source::{
    block_on, decode, decoder, fetch, fetch_all, file_error, folder, opened, refusal, table, text,
};
use tempfile::TempDir;

/// The rows of a CSV file, each as its fields by their names.
fn csv(path: &Path) -> Vec<HashMap<String, String>> {
    let bytes = shared::read(path).expect("a readable file");
    let text = String::from_utf8(bytes).expect("text");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let names: Vec<String> = lines.next().expect("a line of names").collect();
    lines.map(|fields| names.iter().cloned().zip(fields).collect()).collect()
}

/// The batches of all blocks of `source`.
fn decode_all(source: &EthereumFiles, decoder: &Decoder) -> Vec<Batch> {
    let end = block_on(source.tip()).expect("a tip").expect("a block").height + 1;
    let (mut at, mut batches) = (source.first_height(), Vec::new());
    while at < end {
        let next = source.plan(at..end, 1 << 19);
        let Attempt { done, failure } = block_on(source.fetch(at..next));
        assert!(failure.is_none(), "{failure:?}");
        batches.push(decode(decoder, &done));
        at = next;
    }
    batches
}

#[test]
fn real_archives_hold_what_is_known_of_them() {
    let Some(data) = shared::dir("ethereum") else { return };
    for stats in csv(&data.join("expected/era1-stats.csv")) {
        let source = opened(&data.join("era1").join(&stats["file"]));
        let network = source.network().expect("the name tells");
        assert_eq!(network.to_string(), stats["chain"]);
        assert_eq!(source.first_height().to_string(), stats["first_block"]);
        let tip = block_on(source.tip()).expect("a tip").expect("a block");
        assert_eq!(tip.height.to_string(), stats["last_block"]);
        assert_eq!(format!("0x{}", tip.hash), stats["last_hash"]);
        let first = block_on(source.block_at(source.first_height())).expect("read");
        assert_eq!(format!("0x{}", first.expect("a block").hash), stats["first_hash"]);
        let batches = decode_all(&source, &decoder(network, None));
        let sum = |column: &str| -> usize {
            let of_batch = |batch: &Batch| -> usize {
                let rows = table(batch, "blocks");
                (0..rows.num_rows())
                    .map(|row| text(rows, column, row).parse::<usize>().expect("a number"))
                    .sum()
            };
            batches.iter().map(of_batch).sum()
        };
        assert_eq!(sum("transaction_count").to_string(), stats["txs"]);
        assert_eq!(sum("uncle_count").to_string(), stats["uncles"]);
        assert_eq!(sum("log_count").to_string(), stats["logs"]);
    }
}

#[test]
fn two_archives_with_a_gap_are_refused() {
    let Some(data) = shared::dir("ethereum/era1") else { return };
    let dir = TempDir::new().expect("a folder");
    for name in ["sepolia-00000-643a00f7.era1", "sepolia-00021-b8814b14.era1"] {
        fs::copy(data.join(name), dir.path().join(name)).expect("copied");
    }
    let fault = refusal(dir.path()).fault;
    assert_eq!(fault, FileFault::Gap { missing: 8192, found: 172_032 });
    let fault = refusal(&data).fault;
    assert!(matches!(fault, FileFault::TwoNetworks { .. }), "{fault}");
}

/// Accounts of mainnet's genesis block that have no ether, and so no flows.
const POOR: usize = 2;

/// The golden test: balances of all accounts of mainnet after its first archive.
#[test]
fn value_flows_of_mainnets_first_archive_make_all_balances() {
    let Some(data) = shared::dir("ethereum") else { return };
    let source = opened(&data.join("era1/mainnet-00000-5ec1ffb8.era1"));
    let decoder = decoder(Network::MAINNET, Some(Genesis::mainnet()));
    let batches = decode_all(&source, &decoder);
    let expected = data.join("expected");

    let mut checkpoints =
        csv(&expected.join("mainnet-supply-checkpoints.csv")).into_iter().peekable();
    // By address: balance, and what was mined.
    let mut accounts = BTreeMap::<String, (i128, i128)>::new();
    let mut supply = 0;
    for batch in &batches {
        let (flows, blocks) = (table(batch, "value_flows"), table(batch, "blocks"));
        let heights = blocks.column_by_name("height").expect("a column");
        let column = |name| flows.column_by_name(name).expect("a column");
        let flow_heights = column("height").as_primitive::<Int64Type>();
        let values = column("value").as_primitive::<Decimal128Type>();
        let (from, to) =
            (column("from_address").as_binary::<i32>(), column("to_address").as_binary::<i32>());
        let kinds = column("kind").as_string::<i32>();
        let mut row = 0;
        for &height in heights.as_primitive::<Int64Type>().values() {
            while row < flows.num_rows() && flow_heights.value(row) == height {
                let value = values.value(row);
                if from.is_valid(row) {
                    accounts.entry(address(from.value(row))).or_default().0 -= value;
                    supply -= value;
                }
                if to.is_valid(row) {
                    let account = accounts.entry(address(to.value(row))).or_default();
                    account.0 += value;
                    let is_reward = matches!(kinds.value(row), "block_reward" | "uncle_reward");
                    account.1 += if is_reward { value } else { 0 };
                    supply += value;
                }
                row += 1;
            }
            if let Some(point) = checkpoints.next_if(|point| point["block"] == height.to_string()) {
                assert_eq!(supply.to_string(), point["total_supply_wei"], "at {height}");
                let with_ether = point["accounts"].parse::<usize>().expect("a number") - POOR;
                assert_eq!(accounts.len(), with_ether, "at {height}");
            }
        }
        assert_eq!(row, flows.num_rows());
    }
    assert!(checkpoints.peek().is_none());

    let balances = csv(&expected.join("mainnet-balances-at-8191.csv.gz"));
    assert_eq!(balances.len(), 9238);
    assert_eq!(accounts.len() + POOR, balances.len());
    for row in balances {
        let (balance, mined) = accounts.get(&row["address"]).copied().unwrap_or_default();
        assert_eq!(balance.to_string(), row["balance_wei"], "{}", row["address"]);
        assert_eq!(mined.to_string(), row["mined_wei"], "{}", row["address"]);
    }
}

fn address(bytes: &[u8]) -> String {
    format!("0x{}", assay_model::hex::encode(bytes))
}

/// The lists of a file, one by one.
fn split(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).expect("a readable file");
    let mut reader = assay_indexer::rlp::Reader::new(&bytes);
    let mut items = Vec::new();
    while !reader.is_empty() {
        items.push(reader.raw().expect("an item").to_vec());
    }
    items
}

/// The files of a folder whose names end so.
fn ending(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a readable folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths
}

#[test]
fn every_real_block_with_receipts_decodes_to_what_is_known_of_it() {
    let Some(data) = shared::dir("ethereum") else { return };
    let rlp = data.join("rlp/mainnet");
    let facts = csv(&data.join("expected/block-facts.csv"));
    let decoder = decoder(Network::MAINNET, None);
    let mut checked = BTreeSet::new();
    let mut check = |blocks: &[RawBlock]| {
        for raw in blocks {
            let batch = decode(&decoder, std::slice::from_ref(raw));
            let fact = facts.iter().find(|fact| fact["block"] == raw.block.height.to_string());
            if let Some(fact) = fact {
                check_facts(&batch, fact);
                checked.insert(raw.block.height);
            }
        }
    };
    for path in ending(&rlp, ".block.rlp") {
        let source = opened(&path);
        let Attempt { done, failure } = fetch(&source);
        match failure.map(file_error) {
            None => check(&done),
            // Kept without receipts.
            Some(error) => assert!(matches!(error.fault, FileFault::NoReceipts { .. }), "{error}"),
        }
    }
    check(&fetch_all(&opened(&rlp.join("0-999.blocks"))));
    check(&fetch_all(&opened(&rlp.join("1000000-1000030.blocks"))));
    // Eleven blocks from here and there are no chain: each has to be a file of its own.
    let selected = rlp.join("selected-1-3000026.blocks");
    assert!(matches!(refusal(&selected).fault, FileFault::WrongHeight { .. }));
    let receipts = split(&selected.with_extension("receipts"));
    for (block, receipts) in split(&selected).iter().zip(&receipts) {
        let dir = folder(&[("1.block.rlp", block), ("1.receipts.rlp", receipts)]);
        check(&fetch_all(&opened(dir.path())));
    }
    assert!(checked.len() > 50, "{} blocks with known facts", checked.len());
}

/// Compares the rows of one block with what is known of it.
fn check_facts(batch: &Batch, fact: &HashMap<String, String>) {
    let height = &fact["block"];
    let blocks = table(batch, "blocks");
    let check = |column: &str, wanted: &str| {
        assert_eq!(text(blocks, column, 0), wanted, "{column} of block {height}");
    };
    check("hash", fact["hash"].trim_start_matches("0x"));
    check("transaction_count", &fact["txs"]);
    check("gas_used", &fact["gas_used"]);
    for (column, name) in [("uncle_count", "uncles"), ("log_count", "logs")] {
        if !fact[name].is_empty() {
            check(column, &fact[name]);
        }
    }
    let number = |name: &str| fact[name].parse::<i128>().unwrap_or(0);
    check("burnt", &(number("burnt_wei") + number("blob_burnt_wei")).to_string());
    let withdrawals = table(batch, "withdrawals").num_rows();
    assert_eq!(withdrawals as i128, number("withdrawals"), "withdrawals of block {height}");
    let transactions = table(batch, "transactions");
    for kind in 0..=4 {
        let rows = 0..transactions.num_rows();
        let found = rows.filter(|&row| text(transactions, "type", row) == kind.to_string()).count();
        assert_eq!(found as i128, number(&format!("type{kind}")), "type {kind} in block {height}");
    }
    let transfers = table(batch, "token_transfers");
    for standard in ["erc20", "erc721", "unindexed"] {
        let rows = 0..transfers.num_rows();
        let found = rows.filter(|&row| text(transfers, "standard", row) == standard).count();
        let wanted = number(&format!("{standard}_transfers"));
        assert_eq!(found as i128, wanted, "{standard} in block {height}");
    }
}

#[test]
fn exports_of_development_chains_are_read() {
    let Some(data) = shared::dir("ethereum/devchain") else { return };
    for (name, first, count) in [
        ("execution-apis/chain.rlp", 1, 54),
        ("geth-ethtest/chain.rlp", 1, 600),
        ("besu-debug-geth/blocks.bin", 1, 34),
    ] {
        let path = data.join(name);
        let source = opened(&path);
        assert_eq!(source.first_height(), first);
        let tip = block_on(source.tip()).expect("a tip").expect("a block");
        assert_eq!(tip.height, first + count - 1, "{name}");
        // All blocks are there; the first with transactions lacks receipts.
        let Attempt { done, failure } = fetch(&source);
        let error = file_error(failure.expect("receipts are missing"));
        assert!(matches!(error.fault, FileFault::NoReceipts { .. }), "{error}");
        assert_eq!(error.height, Some(first + done.len() as u64));
    }
}
