//! The same commands over a ClickHouse server: what they answer is what they answer over a lake.

use std::path::Path;

use assay_fixtures::bitcoin::golden;
use assay_fixtures::clickhouse::ClickHouse;
use assay_model::derived;
use serde_json::Value;

use crate::common::{Place, Ran};

/// The address of the database `name` on the one server; `None` where there is none to start.
fn address(name: &str) -> Option<String> {
    Some(format!("clickhouse://127.0.0.1:{}/{name}", ClickHouse::shared()?.port()))
}

/// Indexes the golden chain into the store that `more` names.
fn index(place: &Place, more: &[&str]) -> Ran {
    let dir = golden::blocks_dir();
    let dir = dir.to_str().expect("a path of text");
    place.run(&[&["index", "bitcoin", "--with-scripts", "--blocks-dir", dir], more].concat())
}

/// What both stores are asked.
const QUESTIONS: [&str; 8] = [
    "select script_type, count(*), sum(value) from bitcoin.outputs group by 1 order by 3 desc",
    "select * from bitcoin.blocks order by height desc limit 5",
    "select * from bitcoin.transactions order by height, tx_index",
    "select * from bitcoin.inputs order by height, tx_index, input_index",
    "select * from bitcoin.outputs order by height, tx_index, output_index",
    "select * from bitcoin.balances order by balance desc, address",
    "select * from bitcoin.utxos order by height, txid, output_index",
    "select block_height('bitcoin', time), block_time('bitcoin', height) from bitcoin.blocks \
     order by height",
];

fn ask(place: &Place, question: &str, more: &[&str]) -> String {
    place.run(&[&["sql", "-f", "csv", question], more].concat()).ok()
}

fn status(place: &Place, more: &[&str]) -> Value {
    let status = place.run(&[&["status", "-f", "json"], more].concat()).ok();
    serde_json::from_str::<Value>(&status).expect("JSON")[0].clone()
}

#[test]
fn every_command_answers_from_a_server_as_from_a_lake() {
    let Some(address) = address("commands") else { return };
    let place = Place::empty();
    let server = ["--store", address.as_str()];
    assert_eq!(index(&place, &[]).code, Some(0));
    let ran = index(&place, &server);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.starts_with("indexed 151 blocks, heights 0 to 150"), "{ran:?}");
    let again = index(&place, &server);
    assert!(again.err.contains("nothing new: the store is at height 150"), "{again:?}");
    for question in QUESTIONS {
        let (lake, clickhouse) = (ask(&place, question, &[]), ask(&place, question, &server));
        assert!(lake.lines().count() > 1, "{question}");
        assert_eq!(lake, clickhouse, "{question}");
    }
    let verified = place.run(&[&["verify", "--prevouts"], &server[..]].concat());
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.out.contains("no differences"), "{verified:?}");
    let (lake, clickhouse) = (status(&place, &[]), status(&place, &server));
    for key in ["chain", "network", "from_height", "extras", "last_block", "block_bytes"] {
        assert_eq!(lake[key], clickhouse[key], "{key}");
    }
    for (lake, clickhouse) in (lake["tables"].as_array().into_iter().flatten())
        .zip(clickhouse["tables"].as_array().into_iter().flatten())
    {
        assert_eq!((&lake["name"], &lake["rows"]), (&clickhouse["name"], &clickhouse["rows"]));
        assert!(clickhouse["bytes"].as_u64() > Some(0), "{clickhouse}");
    }
    assert_eq!(clickhouse["last_run"]["blocks"], 151);
}

#[test]
fn verify_finds_what_somebody_changed() {
    let Some(address) = address("changed") else { return };
    let server = ClickHouse::shared().expect("it is there");
    let place = Place::empty();
    let store = ["--store", address.as_str()];
    assert_eq!(index(&place, &store).code, Some(0));
    server
        .query(
            "INSERT INTO changed.bitcoin_outputs SELECT * FROM changed.bitcoin_outputs \
             WHERE height = 7",
        )
        .expect("inserted");
    let verified = place.run(&[&["verify"], &store[..]].concat());
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.out.contains("height 7"), "{verified:?}");
    assert!(verified.out.contains("rows of outputs"), "{verified:?}");
}

#[test]
fn a_lake_is_copied_and_the_copy_kept_up() {
    let Some(address) = address("copied") else { return };
    let place = Place::empty();
    assert_eq!(index(&place, &["--to", "100"]).code, Some(0));
    let copy = |from: &str| place.run(&["store", "copy", from, &address]);
    let ran = copy("lake");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("bitcoin: copied 101 blocks, heights 0 to 100"), "{ran:?}");
    assert_eq!(index(&place, &[]).code, Some(0));
    let ran = copy(place.path("lake").to_str().expect("a path of text"));
    assert!(ran.err.contains("copied 50 blocks, heights 101 to 150"), "{ran:?}");
    let ran = copy("lake");
    assert!(ran.err.contains("nothing new"), "{ran:?}");
    let server = ["--store", address.as_str()];
    for question in QUESTIONS {
        assert_eq!(ask(&place, question, &[]), ask(&place, question, &server), "{question}");
    }
    // And indexing goes on there.
    let again = index(&place, &server);
    assert!(again.err.contains("nothing new: the store is at height 150"), "{again:?}");
}

#[test]
fn both_chains_of_a_demo_are_copied_whole() {
    let Some(address) = address("demo") else { return };
    let place = Place::empty();
    place.run(&["demo", "-q", "--scale", "tiny", "--keep", "kept"]).ok();
    let ran = place.run(&["store", "copy", "kept/lake", &address]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let server = ["--store", address.as_str()];
    let verified = place.run(&[&["verify"], &server[..]].concat());
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let balances = "select * from ethereum.balances order by balance desc, address";
    let lake = place.run(&["sql", "-f", "csv", "--lake", "kept/lake", balances]).ok();
    assert_eq!(ask(&place, balances, &server), lake);
}

#[test]
fn analyses_of_a_server_are_those_of_a_lake() {
    let Some(address) = address("analysed") else { return };
    let place = Place::empty();
    place.run(&["demo", "-q", "--scale", "tiny", "--keep", "kept"]).ok();
    assert_eq!(place.run(&["store", "copy", "kept/lake", &address]).code, Some(0));
    let over_lake = ["--lake", "kept/lake"];
    // What is computed of a server is kept in a folder.
    let over_server = ["--store", address.as_str(), "--lake", "results"];
    let part = ["analyze", "-q", "holdings", "--confirmations", "100"];
    place.run(&[&part[..], &over_server].concat()).ok();
    for more in [&over_lake[..], &over_server] {
        place.run(&[&["analyze", "-q"], more].concat()).ok();
    }
    for table in derived::TABLES {
        let key = table.key.join(", ");
        let all = format!("select * from analytics.{} order by {key}", table.name);
        let (lake, server) = (ask(&place, &all, &over_lake), ask(&place, &all, &over_server));
        assert!(lake.lines().count() > 2, "{}", table.name);
        assert_eq!(lake, server, "{}", table.name);
    }
}

#[test]
fn a_store_is_migrated_once() {
    let Some(address) = address("migrated") else { return };
    let place = Place::empty();
    let migrate = || place.run(&["store", "migrate", "--store", &address]);
    let ran = migrate();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("applied 0001_log") && ran.err.contains("applied 0004"), "{ran:?}");
    let ran = migrate();
    assert!(ran.err.contains("is up to date"), "{ran:?}");
    // Nothing is there yet.
    let error = place.run(&["status", "--store", &address]).failed(2);
    assert!(error.contains("no chain in clickhouse://"), "{error}");
}

#[test]
fn what_cannot_be_is_said() {
    let place = Place::empty();
    let error = place.run(&["store", "migrate"]).failed(2);
    assert!(error.contains("--store clickhouse://"), "{error}");
    let error = place.run(&["sql", "select 1", "--store", "http://localhost"]).failed(2);
    assert!(error.contains("clickhouse://"), "{error}");
    let error = place.run(&["sql", "select 1", "--store", "clickhouse://u:geheim@h/d"]).failed(2);
    assert!(error.contains("--store-password-file") && !error.contains("geheim"), "{error}");
    let error = place.run(&["sql", "select 1", "--store", "clickhouse://127.0.0.1:9/d"]).failed(2);
    assert!(error.contains("clickhouse://127.0.0.1:9/d: cannot"), "{error}");
    let missing = ["--store", "clickhouse://h/d", "--store-password-file", "nowhere"];
    let error = place.run(&[&["sql", "select 1"], &missing[..]].concat()).failed(2);
    assert!(error.contains("cannot read the password in 'nowhere'"), "{error}");
    assert!(!Path::new("nowhere").exists());
}
