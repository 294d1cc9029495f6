//! Every row of the golden chain against the account of the node that made it.

mod common;

use assay_fixtures::bitcoin::golden::{self, sats};
use common::Rows;
use serde_json::Value;

/// `field` of `value`, which must be there.
fn int(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_else(|| panic!("{field} in {value}"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("{field} in {value}"))
}

#[test]
fn blocks_are_those_of_the_node() {
    let sink = common::index(&golden::blocks_dir(), false);
    let rows = sink.rows("blocks");
    let (headers, stats) = (golden::lines("blockheaders"), golden::lines("blockstats"));
    let (blocks, facts) = (golden::lines("blocks_v3"), golden::lines("blocks_facts"));
    assert_eq!(rows.len(), headers.len());
    for row in 0..rows.len() {
        let (header, stats, block, facts) = (&headers[row], &stats[row], &blocks[row], &facts[row]);
        assert_eq!(rows.int("height", row), row as i64);
        assert_eq!(rows.hex("hash", row), text(header, "hash"));
        let parent = header["previousblockhash"].as_str().unwrap_or(ZERO_HASH);
        assert_eq!(rows.hex("parent_hash", row), parent);
        assert_eq!(rows.hex("merkle_root", row), text(header, "merkleroot"));
        assert_eq!(rows.hex("chain_work", row), text(header, "chainwork"));
        assert_eq!(format!("{:08x}", rows.int("bits", row)), text(header, "bits"));
        assert_eq!(rows.float("difficulty", row), header["difficulty"].as_f64().expect("a float"));
        for (column, field) in [
            ("time", "time"),
            ("median_time", "mediantime"),
            ("version", "version"),
            ("nonce", "nonce"),
            ("transaction_count", "nTx"),
        ] {
            assert_eq!(rows.int(column, row), int(header, field), "{column} at {row}");
        }
        for (column, field) in
            [("size", "size"), ("stripped_size", "strippedsize"), ("weight", "weight")]
        {
            assert_eq!(rows.int(column, row), int(block, field), "{column} at {row}");
        }
        // `ins` counts no coinbase inputs, `outs` counts all outputs.
        for (column, field) in [
            ("input_count", "ins"),
            ("output_count", "outs"),
            ("subsidy", "subsidy"),
            ("fees", "totalfee"),
        ] {
            assert_eq!(rows.int(column, row), int(stats, field), "{column} at {row}");
        }
        let coinbase = &list(block, "tx")[0];
        let paid: i64 = list(coinbase, "vout").iter().map(|out| sats(&out["value"])).sum();
        assert_eq!(rows.int("coinbase_value", row), paid);
        assert_eq!(rows.hex("coinbase_script", row), text(&list(coinbase, "vin")[0], "coinbase"));
        assert_eq!(rows.hex("hash", row), text(facts, "hash"));
        // `total_out` leaves the coinbase out.
        assert_eq!(rows.int("output_value", row) - paid, int(stats, "total_out"));
    }
}

const ZERO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn transactions_are_those_of_the_node() {
    let sink = common::index(&golden::blocks_dir(), false);
    let rows = sink.rows("transactions");
    let mut row = 0;
    for block in golden::lines("blocks_v3") {
        for (index, tx) in list(&block, "tx").iter().enumerate() {
            assert_eq!(rows.hex("txid", row), text(tx, "txid"));
            assert_eq!(rows.hex("wtxid", row), text(tx, "hash"));
            assert_eq!(rows.int("height", row), int(&block, "height"));
            assert_eq!(rows.int("time", row), int(&block, "time"));
            assert_eq!(rows.int("tx_index", row), index as i64);
            for (column, field) in [
                ("version", "version"),
                ("lock_time", "locktime"),
                ("size", "size"),
                ("virtual_size", "vsize"),
                ("weight", "weight"),
            ] {
                assert_eq!(
                    rows.int(column, row),
                    int(tx, field),
                    "{column} of {}",
                    text(tx, "txid")
                );
            }
            let (inputs, outputs) = (list(tx, "vin"), list(tx, "vout"));
            let is_coinbase = index == 0;
            assert_eq!(rows.bool("is_coinbase", row), is_coinbase);
            let spent: i64 = inputs
                .iter()
                .filter_map(|input| Some(sats(input.get("prevout")?.get("value")?)))
                .sum();
            let paid: i64 = outputs.iter().map(|output| sats(&output["value"])).sum();
            let count = if is_coinbase { 0 } else { inputs.len() as i64 };
            assert_eq!(rows.int("input_count", row), count);
            assert_eq!(rows.int("output_count", row), outputs.len() as i64);
            assert_eq!(rows.int("input_value", row), spent);
            assert_eq!(rows.int("output_value", row), paid);
            assert_eq!(rows.int("fee", row), tx.get("fee").map_or(0, sats));
            row += 1;
        }
    }
    assert_eq!(row, rows.len());
}

/// Our name for the type that the node gives a script.
fn type_name(script: &Value) -> &'static str {
    match text(script, "type") {
        "pubkey" => "p2pk",
        "pubkeyhash" => "p2pkh",
        "scripthash" => "p2sh",
        "witness_v0_keyhash" => "p2wpkh",
        "witness_v0_scripthash" => "p2wsh",
        "witness_v1_taproot" => "p2tr",
        "anchor" => "p2a",
        "witness_unknown" => "witness_unknown",
        "multisig" => "multisig",
        "nulldata" => "op_return",
        "nonstandard" => "nonstandard",
        other => panic!("unknown type {other}"),
    }
}

/// The type and address of a row against the node's; the node gives a bare public key no address.
fn check_script(rows: &Rows, row: usize, script: &Value) {
    let kind = type_name(script);
    assert_eq!(rows.text("script_type", row).as_deref(), Some(kind));
    if kind != "p2pk" {
        assert_eq!(rows.text("address", row).as_deref(), script["address"].as_str());
    } else {
        assert!(rows.text("address", row).is_some());
    }
}

fn inputs_are_those_of_the_node(ignore_undo: bool) {
    let sink = common::index(&golden::blocks_dir(), ignore_undo);
    let rows = sink.rows("inputs");
    let mut row = 0;
    for block in golden::lines("blocks_v3") {
        for (tx_index, tx) in list(&block, "tx").iter().enumerate().skip(1) {
            for (index, input) in list(tx, "vin").iter().enumerate() {
                let prevout = &input["prevout"];
                assert_eq!(rows.hex("txid", row), text(tx, "txid"));
                assert_eq!(rows.int("height", row), int(&block, "height"));
                assert_eq!(rows.int("time", row), int(&block, "time"));
                assert_eq!(rows.int("tx_index", row), tx_index as i64);
                assert_eq!(rows.int("input_index", row), index as i64);
                assert_eq!(rows.hex("spent_txid", row), text(input, "txid"));
                assert_eq!(rows.int("spent_output_index", row), int(input, "vout"));
                assert_eq!(rows.int("spent_height", row), int(prevout, "height"));
                assert_eq!(rows.int("value", row), sats(&prevout["value"]));
                assert_eq!(rows.int("sequence", row), int(input, "sequence"));
                assert_eq!(rows.hex("script_sig", row), text(&input["scriptSig"], "hex"));
                check_script(&rows, row, &prevout["scriptPubKey"]);
                check_witness(&rows, row, input);
                row += 1;
            }
        }
    }
    assert_eq!(row, rows.len());
}

fn check_witness(rows: &Rows, row: usize, input: &Value) {
    use arrow::array::AsArray;
    let witness = rows.0.column_by_name("witness").expect("a column").as_list::<i32>().value(row);
    let items: Vec<String> =
        witness.as_binary::<i32>().iter().flatten().map(assay_model::hex::encode).collect();
    let expected: Vec<&str> = input
        .get("txinwitness")
        .and_then(Value::as_array)
        .map_or(Vec::new(), |items| items.iter().filter_map(Value::as_str).collect());
    assert_eq!(items, expected);
}

#[test]
fn inputs_with_undo_data_are_those_of_the_node() {
    inputs_are_those_of_the_node(false);
}

#[test]
fn inputs_from_the_utxo_store_are_those_of_the_node() {
    inputs_are_those_of_the_node(true);
}

#[test]
fn outputs_are_those_of_the_node() {
    let sink = common::index(&golden::blocks_dir(), false);
    let rows = sink.rows("outputs");
    let mut row = 0;
    for block in golden::lines("blocks_v3") {
        for (tx_index, tx) in list(&block, "tx").iter().enumerate() {
            for (index, output) in list(tx, "vout").iter().enumerate() {
                let script = &output["scriptPubKey"];
                assert_eq!(rows.hex("txid", row), text(tx, "txid"));
                assert_eq!(rows.int("height", row), int(&block, "height"));
                assert_eq!(rows.int("time", row), int(&block, "time"));
                assert_eq!(rows.int("tx_index", row), tx_index as i64);
                assert_eq!(rows.int("output_index", row), index as i64);
                assert_eq!(rows.int("value", row), sats(&output["value"]));
                assert_eq!(rows.hex("script", row), text(script, "hex"));
                let lost = int(&block, "height") == 0 || type_name(script) == "op_return";
                assert_eq!(rows.bool("is_spendable", row), !lost);
                check_script(&rows, row, script);
                row += 1;
            }
        }
    }
    assert_eq!(row, rows.len());
}

#[test]
fn the_supply_at_every_height_is_that_of_the_node() {
    let sink = common::index(&golden::blocks_dir(), false);
    let (outputs, inputs) = (sink.rows("outputs"), sink.rows("inputs"));
    let mut change = vec![0i64; 151];
    let mut unspendable = vec![0i64; 151];
    for row in 0..outputs.len() {
        let sum = if outputs.bool("is_spendable", row) { &mut change } else { &mut unspendable };
        sum[outputs.int("height", row) as usize] += outputs.int("value", row);
    }
    for row in 0..inputs.len() {
        change[inputs.int("height", row) as usize] -= inputs.int("value", row);
    }
    let (mut supply, blocks) = (0, sink.rows("blocks"));
    for (height, node) in golden::lines("txoutset_by_height").iter().enumerate() {
        supply += change[height];
        assert_eq!(supply, sats(&node["total_amount"]), "at height {height}");
        let kinds = &node["block_info"]["unspendables"];
        let lost = sats(&kinds["genesis_block"]) + sats(&kinds["scripts"]) + sats(&kinds["bip30"]);
        assert_eq!(unspendable[height], lost, "at height {height}");
        let allowed = blocks.int("subsidy", height) + blocks.int("fees", height);
        let unclaimed = allowed - blocks.int("coinbase_value", height);
        assert_eq!(unclaimed, sats(&kinds["unclaimed_rewards"]), "at height {height}");
    }
}

#[test]
fn the_unspent_outputs_at_the_tip_are_those_of_the_node() {
    let sink = common::index(&golden::blocks_dir(), false);
    let (outputs, inputs) = (sink.rows("outputs"), sink.rows("inputs"));
    let spent: std::collections::HashSet<(String, i64)> = (0..inputs.len())
        .map(|row| (inputs.hex("spent_txid", row), inputs.int("spent_output_index", row)))
        .collect();
    let mut ours: Vec<(String, i64, i64, i64, String)> = (0..outputs.len())
        .map(|row| {
            let int = |column| outputs.int(column, row);
            let (txid, script) = (outputs.hex("txid", row), outputs.hex("script", row));
            (txid, int("output_index"), int("value"), int("height"), script)
        })
        .zip(0..)
        .filter(|((txid, index, ..), row)| {
            outputs.bool("is_spendable", *row) && !spent.contains(&(txid.clone(), *index))
        })
        .map(|(output, _)| output)
        .collect();
    let mut theirs: Vec<(String, i64, i64, i64, String)> = golden::lines("utxos")
        .iter()
        .map(|utxo| {
            let script = text(utxo, "scriptpubkey").to_owned();
            let int = |field| int(utxo, field);
            (text(utxo, "txid").to_owned(), int("vout"), int("value"), int("height"), script)
        })
        .collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}
