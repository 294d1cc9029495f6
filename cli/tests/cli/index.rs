//! The main path: block files of a real node into a lake, and SQL about it against the node's own
//! figures.

use assay_fixtures::bitcoin::golden::{self, sats};
use serde_json::Value;

use crate::common::{Place, Ran};

/// Indexes the golden chain in `place`; `more` are further arguments.
fn index(place: &Place, more: &[&str]) -> Ran {
    let dir = golden::blocks_dir();
    let dir = dir.to_str().expect("a path of text");
    place.run(&[&["index", "bitcoin", "--blocks-dir", dir], more].concat())
}

/// A folder with the golden chain in its lake.
fn indexed() -> Place {
    let place = Place::empty();
    let ran = index(&place, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.starts_with("indexed 151 blocks, heights 0 to 150"), "{ran:?}");
    place
}

/// The rows that `sql` answers.
fn rows(place: &Place, sql: &str) -> Vec<Value> {
    serde_json::from_str(&place.run(&["sql", "-f", "json", sql]).ok()).expect("JSON")
}

#[test]
fn the_readmes_question_has_the_readmes_answer() {
    let readme = include_str!("../../../README.md");
    let question = readme
        .lines()
        .find_map(|line| line.strip_prefix("cargo run --release -- sql \"")?.strip_suffix('"'))
        .expect("the README asks a question");
    let answer = readme
        .split_once("```text\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(answer, _)| answer)
        .expect("the README shows an answer");
    assert_eq!(indexed().run(&["sql", question]).ok(), answer);
}

#[test]
fn what_people_hold_is_what_the_node_says_is_unspent() {
    let place = indexed();
    let node = golden::lines("txoutset_by_height");
    let total = sats(&node[150]["total_amount"]);
    let utxos =
        &rows(&place, "select sum(value) as total, count(*) as utxos from bitcoin.utxos")[0];
    assert_eq!(utxos["total"], total);
    assert_eq!(utxos["utxos"], node[150]["txouts"]);
    let held = "select sum(balance) as total, sum(utxo_count) as utxos from bitcoin.balances";
    let unaddressed = "select coalesce(sum(value), 0) as total, count(*) as utxos \
                       from bitcoin.utxos where address is null";
    let (held, unaddressed) = (&rows(&place, held)[0], &rows(&place, unaddressed)[0]);
    for column in ["total", "utxos"] {
        let sum = held[column].as_i64().zip(unaddressed[column].as_i64()).map(|(a, b)| a + b);
        assert_eq!(sum, utxos[column].as_i64(), "{column}");
    }
}

#[test]
fn the_supply_at_every_height_is_that_of_the_node() {
    let supply = rows(
        &indexed(),
        "select sum(change) over (order by height) as supply from (
           select height, sum(change) as change from (
             select height, case when is_spendable then value else 0 end as change from bitcoin.outputs
             union all select height, -value from bitcoin.inputs) group by height)
         order by height",
    );
    let node = golden::lines("txoutset_by_height");
    assert_eq!(supply.len(), node.len());
    for (ours, node) in supply.iter().zip(&node) {
        assert_eq!(ours["supply"], sats(&node["total_amount"]), "{node}");
    }
}

#[test]
fn a_transaction_is_found_by_its_text() {
    let block = &golden::lines("blocks_v3")[150];
    let transaction = &block["tx"][0]["txid"];
    let sql = format!(
        "select height, hex(txid) as txid from bitcoin.transactions where txid = '{}'",
        transaction.as_str().expect("a txid")
    );
    let found = rows(&indexed(), &sql);
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["height"], &found[0]["txid"]), (&150.into(), transaction));
}

#[test]
fn what_is_indexed_verifies() {
    let report = indexed().run(&["verify", "--prevouts"]).ok();
    assert!(report.contains("bitcoin regtest, heights 0 to 150: no differences"), "{report}");
}

#[test]
fn running_again_adds_what_is_new_and_nothing_else() {
    let (whole, parts) = (indexed(), Place::empty());
    let first = index(&parts, &["--to", "69", "--threads", "1"]);
    assert!(first.err.starts_with("indexed 70 blocks, heights 0 to 69"), "{first:?}");
    let second = index(&parts, &["--ignore-undo"]);
    assert!(second.err.starts_with("indexed 81 blocks, heights 70 to 150"), "{second:?}");
    assert_eq!(index(&parts, &[]).err, "nothing new: the store is at height 150\n");
    assert_eq!(index(&parts, &["--quiet"]).ok(), "");
    for table in ["blocks", "transactions", "inputs", "outputs"] {
        let sql = format!("select * from bitcoin.{table}");
        let [whole, parts] =
            [&whole, &parts].map(|place| place.run(&["sql", "-f", "csv", &sql]).ok());
        assert_eq!(whole, parts, "{table}");
    }
}

#[test]
fn status_tells_what_was_done() {
    let status: Value =
        serde_json::from_str(&indexed().run(&["status", "-f", "json"]).ok()).expect("JSON");
    let text = status.to_string();
    let tip = golden::meta()["tip_hash"].clone();
    assert!(text.contains(tip.as_str().expect("a hash")), "{text}");
}

#[test]
fn scripts_are_kept_on_request_and_cannot_be_added_later() {
    let place = Place::empty();
    assert_eq!(index(&place, &["--with-scripts"]).code, Some(0));
    let sql =
        "select count(*) as n from bitcoin.inputs where script_sig is null or witness is null";
    assert_eq!(rows(&place, sql)[0]["n"], 0);
    let error = index(&indexed(), &["--with-scripts"]).failed(2);
    assert!(error.contains("was made without scripts"), "{error}");
}
