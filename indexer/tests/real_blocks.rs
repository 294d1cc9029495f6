//! Single real blocks from 2009 to today, and what other programs say about them: kept beside the
//! repository, so these tests are skipped where they are absent.

#[path = "common/block.rs"]
mod block;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use assay_fixtures::shared;
use assay_indexer::wire::sha256d;
use assay_model::{Batch, Network, hex};
use bitcoin::Block;
use bitcoin::consensus::deserialize;
use block::{Spent, balancing, check, raw_block, table};
use serde_json::Value;

/// A block file and, if there is one, the file that says what the block spends.
struct Sample {
    height: u64,
    bytes: PathBuf,
    spent: Option<PathBuf>,
}

/// The part of a file's name before its first dot, if that is a height.
fn height_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.split('.').next()?.parse().ok()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files
}

fn samples(network: &Path) -> Vec<Sample> {
    let mut spent: HashMap<u64, PathBuf> = files(&network.join("prevouts"))
        .into_iter()
        .filter_map(|path| Some((height_of(&path)?, path)))
        .collect();
    let samples = files(&network.join("blocks")).into_iter().map(|bytes| {
        // A file without a height in its name holds a genesis block.
        let height = height_of(&bytes).unwrap_or(0);
        Sample { height, bytes, spent: spent.remove(&height) }
    });
    samples.collect()
}

/// What the inputs of `block` spend according to `text`, lines of
/// `txid,vin,prev_txid,prev_vout,value_sat,prev_height,prev_coinbase,script_pubkey_hex`.
fn read_spent(text: &str, block: &Block) -> Vec<Vec<Spent>> {
    let mut lines = text.lines().skip(1);
    let spent = block.txdata.iter().skip(1).map(|tx| {
        let txid = tx.compute_txid().to_string();
        let spent = tx.input.iter().map(|input| {
            let fields: Vec<&str> = lines.next().expect("a line an input").split(',').collect();
            let from = input.previous_output;
            assert_eq!(fields[0], txid);
            assert_eq!((fields[2], fields[3]), (&*from.txid.to_string(), &*from.vout.to_string()));
            let height = fields[5].parse().unwrap_or(0); // not known everywhere
            let script = hex::decode(fields[7]).expect("hex");
            Spent { value: fields[4].parse().expect("a value"), height, script }
        });
        spent.collect()
    });
    let spent = spent.collect();
    assert_eq!(lines.next(), None, "more lines than inputs");
    spent
}

fn check_sample(network: Network, sample: &Sample) {
    let bytes = shared::read(&sample.bytes).expect("a readable file");
    let block: Block = deserialize(&bytes).expect("a block");
    let Some(spent) = &sample.spent else {
        let spent = balancing(network, sample.height, &block);
        check(network, &raw_block(sample.height, bytes, &spent), &block, &spent);
        return;
    };
    let text = String::from_utf8(shared::read(spent).expect("a readable file")).expect("text");
    let spent = read_spent(&text, &block);
    let batch = check(network, &raw_block(sample.height, bytes, &spent), &block, &spent);
    // The miners of these blocks took all that they might.
    let rows = table(&batch, "blocks");
    let int = |name| number(rows, name, 0);
    assert_eq!(int("coinbase_value"), int("subsidy") + int("fees"), "at {}", sample.height);
}

/// Runs `work` on every item, on two threads.
fn for_each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

fn check_network(network: Network, name: &str, least: usize) {
    let Some(dir) = shared::dir(&format!("bitcoin/{name}")) else { return };
    let samples = samples(&dir);
    assert!(samples.len() >= least, "{} blocks", samples.len());
    for_each(&samples, |sample| check_sample(network, sample));
}

#[test]
fn mainnet_blocks() {
    check_network(Network::Mainnet, "mainnet", 83);
}

#[test]
fn testnet3_blocks() {
    check_network(Network::Testnet3, "testnet3", 13);
}

#[test]
fn testnet4_blocks() {
    check_network(Network::Testnet4, "testnet4", 1);
}

#[test]
fn signet_blocks() {
    check_network(Network::Signet, "signet", 6);
}

/// The rows of the mainnet block at `height`, if it is at hand.
fn mainnet_rows(data: &Path, height: u64) -> Option<Batch> {
    let bytes = match height {
        0 => {
            let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin);
            bitcoin::consensus::serialize(&genesis)
        }
        _ => {
            let names = ["raw", "raw.zst"].map(|kind| format!("mainnet/blocks/{height:06}.{kind}"));
            let path = names.iter().map(|name| data.join(name)).find(|path| path.exists())?;
            shared::read(&path).expect("a readable file")
        }
    };
    let block: Block = deserialize(&bytes).expect("a block");
    let spent = balancing(Network::Mainnet, height, &block);
    let raw = raw_block(height, bytes, &spent);
    Some(block::decode(Network::Mainnet, &raw).expect("a valid block"))
}

fn number(rows: &RecordBatch, name: &str, row: usize) -> i64 {
    let column = rows.column_by_name(name).unwrap_or_else(|| panic!("column {name}"));
    match column.as_primitive_opt::<Int64Type>() {
        Some(values) => values.value(row),
        None => column.as_primitive::<arrow::datatypes::Int32Type>().value(row).into(),
    }
}

fn hash(rows: &RecordBatch, name: &str, row: usize) -> String {
    let column = rows.column_by_name(name).unwrap_or_else(|| panic!("column {name}"));
    hex::encode(column.as_binary::<i32>().value(row))
}

fn text<'a>(rows: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = rows.column_by_name(name).unwrap_or_else(|| panic!("column {name}"));
    column.is_valid(row).then(|| column.as_string::<i32>().value(row))
}

fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// Type and address of an output against those that a Bitcoin Core of 2020 gives, which names an
/// address for public keys too, and those of all keys of a multisig.
fn check_output(rows: &RecordBatch, row: usize, script: &Value) {
    let theirs = match script["type"].as_str().expect("a type") {
        "pubkey" => "p2pk",
        "pubkeyhash" => "p2pkh",
        "scripthash" => "p2sh",
        "witness_v0_keyhash" => "p2wpkh",
        "witness_v0_scripthash" => "p2wsh",
        "witness_unknown" => "witness_unknown",
        "multisig" => "multisig",
        "nulldata" => "op_return",
        "nonstandard" => "nonstandard",
        other => panic!("unknown type {other}"),
    };
    assert_eq!(text(rows, "script_type", row), Some(theirs));
    let address = script["addresses"].get(0).and_then(Value::as_str);
    let address = address.filter(|_| theirs != "multisig");
    if theirs == "p2pk" && address.is_none() {
        return; // none for keys that are no point of the curve
    }
    assert_eq!(text(rows, "address", row), address, "{script}");
}

fn check_getblock(batch: &Batch, node: &Value) {
    let rows = table(batch, "blocks");
    for (name, field) in [
        ("height", "height"),
        ("version", "version"),
        ("nonce", "nonce"),
        ("size", "size"),
        ("stripped_size", "strippedsize"),
        ("weight", "weight"),
        ("transaction_count", "nTx"),
    ] {
        assert_eq!(number(rows, name, 0), integer(&node[field]), "{name}");
    }
    assert_eq!(hash(rows, "hash", 0), node["hash"]);
    assert_eq!(hash(rows, "merkle_root", 0), node["merkleroot"]);
    let (transactions, outputs) = (table(batch, "transactions"), table(batch, "outputs"));
    let mut output = 0;
    for (row, tx) in node["tx"].as_array().expect("transactions").iter().enumerate() {
        assert_eq!(hash(transactions, "txid", row), tx["txid"]);
        assert_eq!(hash(transactions, "wtxid", row), tx["hash"]);
        for (name, field) in [("size", "size"), ("virtual_size", "vsize"), ("weight", "weight")] {
            assert_eq!(number(transactions, name, row), integer(&tx[field]), "{name}");
        }
        // Versions were signed then.
        assert_eq!(number(transactions, "version", row) as i32, integer(&tx["version"]) as i32);
        assert_eq!(number(transactions, "lock_time", row), integer(&tx["locktime"]));
        for theirs in tx["vout"].as_array().expect("outputs") {
            let value = theirs["value"].as_f64().expect("a value");
            assert_eq!(number(outputs, "value", output), (value * 1e8).round() as i64);
            assert_eq!(hash(outputs, "script", output), theirs["scriptPubKey"]["hex"]);
            check_output(outputs, output, &theirs["scriptPubKey"]);
            output += 1;
        }
    }
    assert_eq!(outputs.num_rows(), output);
}

#[test]
fn blocks_are_as_an_old_bitcoin_core_describes_them() {
    let Some(data) = shared::dir("bitcoin") else { return };
    let answers = files(&data.join("peers/js-bitcoin-block"));
    let compared = Mutex::new(0);
    for_each(&answers, |path| {
        let Some(batch) = height_of(path).and_then(|height| mainnet_rows(&data, height)) else {
            return;
        };
        let answer = shared::read(path).expect("a readable file");
        check_getblock(&batch, &serde_json::from_slice(&answer).expect("JSON"));
        *compared.lock().expect("no panic before") += 1;
    });
    assert!(*compared.lock().expect("no panic before") >= 25, "too few blocks at hand");
}

/// The lines of bitcoin-etl's expected rows in `folder`.
fn etl_rows(folder: &Path, table: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(format!("expected_{table}.json")));
    let text = text.expect("a readable file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn check_etl(batch: &Batch, block: &Value, transactions: &[Value]) {
    let rows = table(batch, "blocks");
    for (name, field) in [
        ("size", "size"),
        ("stripped_size", "stripped_size"),
        ("weight", "weight"),
        ("version", "version"),
        ("transaction_count", "transaction_count"),
    ] {
        assert_eq!(number(rows, name, 0), integer(&block[field]), "{name}");
    }
    assert_eq!(hash(rows, "hash", 0), block["hash"]);
    assert_eq!(hash(rows, "merkle_root", 0), block["merkle_root"]);
    assert_eq!(hash(rows, "coinbase_script", 0), block["coinbase_param"]);
    assert_eq!(format!("{:08x}", number(rows, "bits", 0)), block["bits"]);
    assert_eq!(format!("{:x}", number(rows, "nonce", 0)), block["nonce"]);
    let (ours, outputs) = (table(batch, "transactions"), table(batch, "outputs"));
    let mut output = 0;
    for (row, tx) in transactions.iter().enumerate() {
        assert_eq!(hash(ours, "txid", row), tx["hash"]);
        for name in ["size", "virtual_size", "version", "lock_time", "input_count"]
            .into_iter()
            .chain(["output_count", "input_value", "output_value", "fee"])
        {
            assert_eq!(number(ours, name, row), integer(&tx[name]), "{name}");
        }
        for theirs in tx["outputs"].as_array().expect("outputs") {
            assert_eq!(number(outputs, "value", output), integer(&theirs["value"]));
            assert_eq!(hash(outputs, "script", output), theirs["script_hex"]);
            check_output(outputs, output, theirs);
            output += 1;
        }
    }
    assert_eq!(ours.num_rows(), transactions.len());
}

#[test]
fn blocks_are_as_bitcoin_etl_describes_them() {
    let Some(data) = shared::dir("bitcoin") else { return };
    let mut compared = Vec::new();
    for folder in files(&data.join("peers/bitcoin-etl/bitcoin")) {
        let transactions = etl_rows(&folder, "transactions");
        for block in etl_rows(&folder, "blocks") {
            let height = integer(&block["number"]);
            let Some(batch) = mainnet_rows(&data, height as u64) else { continue };
            let of_block = |tx: &&Value| integer(&tx["block_number"]) == height;
            let transactions: Vec<Value> = transactions.iter().filter(of_block).cloned().collect();
            if transactions.is_empty() {
                continue; // exported without them
            }
            check_etl(&batch, &block, &transactions);
            compared.push(height);
        }
    }
    assert_eq!(compared, [0, 50_000]);
}

#[test]
fn a_block_of_another_height_or_network_claims_too_much_or_is_refused() {
    let Some(data) = shared::dir("bitcoin/mainnet/blocks") else { return };
    // The last block with 50 coins, one height too late; and one whose target signet does allow.
    let bytes = shared::read(&data.join("100000.raw")).expect("a readable file");
    let block: Block = deserialize(&bytes).expect("a block");
    let spent = balancing(Network::Mainnet, 100_000, &block);
    let raw = raw_block(210_000, bytes.clone(), &spent);
    let fault = block::decode(Network::Mainnet, &raw).expect_err("it claims 50 coins");
    assert!(fault.to_string().contains("its coinbase pays out 5000000000 satoshi"), "{fault}");
    let mut easier = bytes;
    easier[72..76].copy_from_slice(&Network::Regtest.pow_limit_bits().to_le_bytes());
    assert_ne!(sha256d(&[&easier[..80]]), raw.block.hash.to_wire());
    let raw = raw_block(100_000, easier, &spent);
    let fault = block::decode(Network::Mainnet, &raw).expect_err("the target is too easy");
    assert!(fault.to_string().contains("no proof of work"), "{fault}");
}
