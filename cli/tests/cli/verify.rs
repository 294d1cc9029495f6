//! `assay verify`: a valid lake passes, and each kind of damage is found by its check.

use std::fs;

use serde_json::{Value, json};

use crate::common::{BTC, Place, Ran, Rows, id, segment};

const CHECKS: [&str; 9] = [
    "segments",
    "heights",
    "links",
    "headers",
    "transactions",
    "counts",
    "values",
    "subsidy",
    "supply",
];

/// The names of the checks that found differences, after `change` of a valid lake's rows.
fn found(change: impl FnOnce(&mut Rows)) -> Vec<String> {
    let place = Place::with(change);
    let ran = place.run(&["verify", "--prevouts", "-f", "json"]);
    let checks = names(&ran);
    assert_eq!(ran.code, Some(i32::from(!checks.is_empty())), "{ran:?}");
    checks
}

fn names(ran: &Ran) -> Vec<String> {
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let checks = report[0]["checks"].as_array().expect("checks").iter();
    let different = checks.filter(|check| check["differences"] != 0);
    different.map(|check| check["name"].as_str().expect("a name").to_owned()).collect()
}

fn add(row: &mut Value, column: &str, amount: i64) {
    row[column] = json!(row[column].as_i64().expect("a number") + amount);
}

#[test]
fn a_valid_lake_passes_every_check() {
    let place = Place::with_lake();
    let text = place.run(&["verify"]).ok();
    for check in CHECKS {
        let line = text.lines().find(|line| line.starts_with(check));
        assert!(line.is_some_and(|line| line.contains(" OK ")), "{check}: {text}");
    }
    assert!(text.contains("bitcoin regtest, heights 0 to 2: no differences in"), "{text}");
    assert!(!text.contains("prevouts"), "{text}");
    let text = place.run(&["verify", "bitcoin", "--prevouts"]).ok();
    assert!(text.contains("prevouts      OK"), "{text}");
}

#[test]
fn a_difference_is_shown_with_what_was_expected() {
    let place = Place::with(|rows| add(&mut rows.blocks[2], "fees", 1));
    let ran = place.run(&["verify"]);
    assert_eq!((ran.code, &*ran.err), (Some(1), ""), "{ran:?}");
    let expected = "    height 2: fees\n        expected 5\n        found    6\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
    assert!(ran.out.contains("values        1 difference "), "{}", ran.out);
}

#[test]
fn damage_to_blocks_is_found() {
    assert_eq!(found(|rows| rows.blocks[1]["nonce"] = json!(0)), ["headers"]);
    assert_eq!(found(|rows| rows.blocks[1]["parent_hash"] = json!(id(1))), ["links", "headers"]);
    assert!(found(|rows| _ = rows.blocks.remove(1)).contains(&"heights".to_owned()));
    assert!(
        found(|rows| rows.blocks.insert(1, rows.blocks[1].clone())).contains(&"heights".into())
    );
    assert_eq!(found(|rows| add(&mut rows.blocks[2], "output_count", 1)), ["counts"]);
    assert_eq!(found(|rows| add(&mut rows.blocks[2], "output_value", 1)), ["values"]);
    assert_eq!(found(|rows| add(&mut rows.blocks[2], "subsidy", 1)), ["subsidy"]);
}

#[test]
fn damage_to_transactions_inputs_and_outputs_is_found() {
    assert_eq!(found(|rows| add(&mut rows.transactions[3], "input_value", 1)), ["transactions"]);
    assert_eq!(found(|rows| _ = rows.transactions.remove(3)), ["transactions", "counts", "values"]);
    assert_eq!(found(|rows| _ = rows.inputs.remove(0)), ["transactions", "counts", "supply"]);
    // An output of nothing is missed by its count alone.
    assert_eq!(found(|rows| _ = rows.outputs.remove(3)), ["transactions", "counts"]);
    let values = found(|rows| add(&mut rows.outputs[5], "value", 1));
    assert_eq!(values, ["transactions", "values", "supply"]);
    // The spent coinbase turned unspendable: supply is the same, the spend is impossible.
    assert_eq!(found(|rows| rows.outputs[1]["is_spendable"] = json!(false)), ["prevouts"]);
}

#[test]
fn damage_to_spends_is_found() {
    for (column, value) in [
        ("spent_txid", json!(id(99))),
        ("spent_output_index", json!(1)),
        ("spent_height", json!(0)),
        ("spent_height", json!(3)),
        ("spent_height", json!(-1)),
        ("script_type", json!("p2tr")),
        ("address", Value::Null),
    ] {
        assert_eq!(found(|rows| rows.inputs[0][column] = value), ["prevouts"], "{column}");
    }
}

#[test]
fn an_output_spent_twice_is_found() {
    let place = Place::with(|rows| {
        let mut again = rows.inputs[0].clone();
        again["input_index"] = json!(1);
        rows.inputs.push(again);
    });
    let ran = place.run(&["verify", "--prevouts"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let expected = format!(
        "    height 2: input 1 of transaction 1, which spends {}:0\n        \
         expected an unspent output\n        found    spent at height 2, transaction 1, input 0\n",
        id(10)
    );
    assert!(ran.out.contains(&expected), "{}", ran.out);
}

#[test]
fn a_spend_that_disagrees_with_its_output_is_shown_with_both() {
    let place = Place::with(|rows| rows.inputs[0]["address"] = json!("other"));
    let ran = place.run(&["verify", "--prevouts"]);
    let value = 50 * BTC;
    let expected = format!(
        "        expected {value} p2wpkh bcrt1qa spendable\n        \
         found    {value} p2wpkh other spendable\n"
    );
    assert!(ran.out.contains(&expected), "{}", ran.out);
}

#[test]
fn damage_to_files_is_found() {
    let place = Place::with_lake();
    let segment = segment(&place.path("lake"), 1);
    let json = segment.join("segment.json");
    let text = fs::read_to_string(&json).expect("there");
    fs::write(&json, text.replace("\"rows\":4", "\"rows\":5")).expect("writable");
    let ran = place.run(&["verify", "-f", "json"]);
    assert_eq!((ran.code, names(&ran)), (Some(1), vec!["segments".to_owned()]), "{ran:?}");
    fs::write(&json, text).expect("writable");

    let outputs = segment.join("outputs.parquet");
    let bytes = fs::read(&outputs).expect("there");
    fs::write(&outputs, &bytes[..bytes.len() / 2]).expect("writable");
    let ran = place.run(&["verify"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("outputs.parquet"), "{}", ran.out);
    assert!(ran.out.contains("The rows cannot be checked: "), "{}", ran.out);
}
