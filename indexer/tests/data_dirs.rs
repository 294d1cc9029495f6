//! Whole data directories that Bitcoin Core wrote, of several networks: kept beside the
//! repository, so these tests are skipped where they are absent.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use assay_fixtures::shared;
use common::{MemorySink, Rows};

/// Every value of every row as text, for comparison.
fn dump(rows: &Rows) -> Vec<String> {
    (0..rows.len()).map(|row| format!("{:?}", rows.0.slice(row, 1).columns())).collect()
}

/// Sum of outputs less sum of inputs, at every height, is what coinbases claimed less fees; and
/// every input spends an output that is there and not spent before.
fn check_supply(sink: &MemorySink) {
    let (blocks, inputs, outputs) =
        (sink.rows("blocks"), sink.rows("inputs"), sink.rows("outputs"));
    let mut created = vec![0; blocks.len()];
    let mut unspent = std::collections::HashMap::new();
    for row in 0..outputs.len() {
        created[outputs.int("height", row) as usize] += outputs.int("value", row);
        let key = (outputs.hex("txid", row), outputs.int("output_index", row));
        unspent.insert(key, (row, outputs.int("height", row)));
    }
    for row in 0..inputs.len() {
        created[inputs.int("height", row) as usize] -= inputs.int("value", row);
        let key = (inputs.hex("spent_txid", row), inputs.int("spent_output_index", row));
        let (output, height) = unspent.remove(&key).expect("a spent output exists, once");
        assert_eq!(inputs.int("spent_height", row), height);
        assert_eq!(inputs.int("value", row), outputs.int("value", output));
        assert_eq!(inputs.text("address", row), outputs.text("address", output));
        assert_eq!(inputs.text("script_type", row), outputs.text("script_type", output));
    }
    for (height, created) in created.into_iter().enumerate() {
        let claimed = blocks.int("coinbase_value", height) - blocks.int("fees", height);
        assert_eq!(created, claimed, "at height {height}");
    }
}

/// Indexes the folder with undo data and without: the rows must be the same.
fn index_both_ways(dir: &Path) -> std::sync::Arc<MemorySink> {
    let (sink, without) = (common::index(dir, false), common::index(dir, true));
    for table in ["blocks", "transactions", "inputs", "outputs"] {
        assert_eq!(dump(&sink.rows(table)), dump(&without.rows(table)), "{table}");
    }
    check_supply(&sink);
    sink
}

/// The node's chain: height and hash of the tip, and how many inputs the undo data covers.
fn check_dir(name: &str, blocks: usize, transactions: usize, inputs: usize, fees: i64) {
    let Some(dir) = shared::dir("bitcoin/core-datadir") else { return };
    let sink = index_both_ways(&dir.join(name).join("blocks"));
    assert_eq!(sink.rows("blocks").len(), blocks);
    assert_eq!(sink.rows("transactions").len(), transactions);
    assert_eq!(sink.rows("inputs").len(), inputs);
    assert_eq!(sink.rows("blocks").ints("fees").iter().sum::<i64>(), fees);
}

#[test]
fn mainnet() {
    check_dir("mainnet", 4522, 4583, 260, 201_000_000);
}

#[test]
fn testnet3() {
    check_dir("testnet3", 401, 444, 81, 1_700_000);
}

#[test]
fn regtest_with_segwit() {
    check_dir("regtest-kernel", 207, 232, 26, 3616);
}

#[test]
fn regtest_with_a_reorganisation() {
    // 22 blocks are there, five of them on the branch that lost.
    check_dir("regtest-reorg", 17, 17, 0, 0);
}

/// The unspent outputs at the tip against those in the chainstate of the node.
fn check_utxos(name: &str) {
    let Some(data) = shared::dir("bitcoin") else { return };
    let sink = common::index(&data.join("core-datadir").join(name).join("blocks"), false);
    let expected = shared::read(&data.join(format!("expected/utxo-set-{name}.csv.zst")));
    let expected = String::from_utf8(expected.expect("the file is there")).expect("text");
    let theirs: BTreeSet<String> = expected.lines().skip(1).map(without_coinbase).collect();
    let (outputs, inputs) = (sink.rows("outputs"), sink.rows("inputs"));
    let spent: BTreeSet<(String, i64)> = (0..inputs.len())
        .map(|row| (inputs.hex("spent_txid", row), inputs.int("spent_output_index", row)))
        .collect();
    let ours: BTreeSet<String> = (0..outputs.len())
        .filter(|&row| {
            let key = (outputs.hex("txid", row), outputs.int("output_index", row));
            outputs.bool("is_spendable", row) && !spent.contains(&key)
        })
        .map(|row| {
            let int = |column| outputs.int(column, row);
            let (txid, script) = (outputs.hex("txid", row), outputs.hex("script", row));
            format!("{txid},{},{},{},{script}", int("output_index"), int("height"), int("value"))
        })
        .collect();
    assert_eq!(ours, theirs);
}

/// A line of `txid,vout,height,coinbase,value,script` without the fourth field.
fn without_coinbase(line: &str) -> String {
    let fields: Vec<&str> = line.split(',').collect();
    [&fields[..3], &fields[4..]].concat().join(",")
}

#[test]
fn the_unspent_outputs_of_testnet3_are_those_of_its_chainstate() {
    check_utxos("testnet3");
}

#[test]
fn the_unspent_outputs_of_wasabi_2_are_those_of_its_chainstate() {
    check_utxos("regtest-wasabi2");
}

#[test]
fn mainnet_headers_are_those_that_are_known() {
    let Some(data) = shared::dir("bitcoin") else { return };
    let sink = common::index(&data.join("core-datadir/mainnet/blocks"), false);
    let expected = shared::read(&data.join("mainnet/chain/headers-000000-122071.csv.zst"));
    let expected = String::from_utf8(expected.expect("the file is there")).expect("text");
    let rows = sink.rows("blocks");
    for (row, line) in expected.lines().skip(1).take(rows.len()).enumerate() {
        let columns = ["height", "time", "bits", "nonce", "version", "transaction_count"];
        let ours: Vec<String> =
            columns.iter().map(|name| rows.int(name, row).to_string()).collect();
        assert_eq!(ours.join(","), line);
    }
}

#[test]
fn a_chain_over_two_files_with_little_undo_data() {
    let Some(data) = shared::dir("bitcoin/mainnet/chain/two-files") else { return };
    // A folder with a file of another name, which is left alone.
    let sink = index_both_ways(&data);
    assert_eq!(sink.rows("blocks").len(), 600);
}

#[test]
fn a_single_file_that_ends_within_a_record() {
    let Some(data) = shared::dir("bitcoin/mainnet/chain") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::copy(data.join("blk00000-000000-004521.dat"), dir.path().join("blk00000.dat"))
        .expect("copied");
    let sink = index_both_ways(dir.path());
    assert_eq!(sink.rows("blocks").len(), 4522);
}

#[test]
fn the_regtest_chain_of_another_tool() {
    let Some(data) = shared::dir("bitcoin/peers/blocksci-regtest") else { return };
    index_both_ways(&data);
}

#[test]
fn an_emulation_with_coinjoins() {
    let Some(data) = shared::dir("bitcoin/core-datadir/regtest-wasabi2") else { return };
    let sink = index_both_ways(&data.join("blocks"));
    assert_eq!(sink.rows("blocks").len(), 324);
    assert_eq!(sink.rows("inputs").len(), 170);
}
