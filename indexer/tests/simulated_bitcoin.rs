//! The simulated Bitcoin chain, whose owners and balances are known: what is read of its block files
//! makes the same balances, whichever way spent outputs are found.

mod common;
#[path = "../../fixtures/tests/simulated/table.rs"]
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{UInt32Type, UInt64Type};
use assay_fixtures::simulate::options::{Chains, Options, Scale};
use assay_fixtures::simulate::output;
use common::{MemorySink, index};
use tempfile::TempDir;

/// Satoshis by address.
type Balances = BTreeMap<String, i64>;

fn simulated() -> TempDir {
    let dir = TempDir::new().expect("a folder");
    let scale: Scale = "tiny".parse().expect("a scale");
    let options = Options { seed: 3, scale, ..Options::default() };
    let go_on = &mut |_| ControlFlow::Continue(());
    output::write(&options, Chains::Bitcoin, dir.path(), go_on).expect("simulated");
    dir
}

/// What each address holds at each height of the truth.
fn told(dir: &Path) -> BTreeMap<i64, Balances> {
    let rows = truth::table(dir, "bitcoin_balances");
    let heights = rows["height"].as_primitive::<UInt32Type>();
    let addresses = rows["address"].as_string::<i32>();
    let satoshis = rows["satoshis"].as_primitive::<UInt64Type>();
    let mut told = BTreeMap::<i64, Balances>::new();
    for row in 0..rows.num_rows() {
        let balances = told.entry(heights.value(row).into()).or_default();
        balances.insert(addresses.value(row).to_owned(), satoshis.value(row) as i64);
    }
    told
}

/// What outputs up to and with `height` hold that no input up to there spends.
fn unspent(sink: &MemorySink, height: i64) -> Balances {
    let mut balances = Balances::new();
    for (name, sign) in [("outputs", 1), ("inputs", -1)] {
        let rows = sink.rows(name);
        let is_held = |row| name == "inputs" || rows.bool("is_spendable", row);
        for row in (0..rows.len()).filter(|&row| rows.int("height", row) <= height && is_held(row))
        {
            let address = rows.text("address", row).expect("everybody here has an address");
            *balances.entry(address).or_default() += sign * rows.int("value", row);
        }
    }
    balances.retain(|_, satoshis| *satoshis != 0);
    balances
}

#[test]
fn what_is_unspent_is_what_is_told_at_every_height() {
    let dir = simulated();
    let known = told(dir.path());
    assert_eq!(known.len(), 11);
    for ignore_undo in [false, true] {
        let sink = index(&dir.path().join("bitcoin/blocks"), ignore_undo);
        for (height, balances) in &known {
            assert_eq!(&unspent(&sink, *height), balances, "height {height}");
        }
    }
}

#[test]
fn transactions_and_addresses_are_those_that_are_told() {
    let dir = simulated();
    let sink = index(&dir.path().join("bitcoin/blocks"), false);
    let rows = truth::table(dir.path(), "bitcoin_transactions");
    let txids = rows["txid"].as_fixed_size_binary();
    let [heights, places] =
        ["height", "tx_index"].map(|name| rows[name].as_primitive::<UInt32Type>());
    let told: BTreeSet<(i64, i64, String)> = (0..rows.num_rows())
        .map(|row| {
            let place = (heights.value(row).into(), places.value(row).into());
            (place.0, place.1, assay_model::hex::encode(txids.value(row)))
        })
        .collect();
    let found = sink.rows("transactions");
    let found: BTreeSet<(i64, i64, String)> = (0..found.len())
        .map(|row| (found.int("height", row), found.int("tx_index", row), found.hex("txid", row)))
        .collect();
    assert_eq!(found, told);

    // Those of stale blocks are told, too.
    let rows = truth::table(dir.path(), "bitcoin_addresses");
    let told: BTreeSet<String> =
        rows["address"].as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    let outputs = sink.rows("outputs");
    for row in (0..outputs.len()).filter(|&row| outputs.bool("is_spendable", row)) {
        let address = outputs.text("address", row).expect("everybody here has an address");
        assert!(told.contains(&address), "{address}");
    }
}
