//! `assay status`.

use std::fs;

use serde_json::Value;

use crate::common::{Place, Rows};

#[test]
fn status_tells_what_the_lake_holds() {
    let place = Place::with_lake();
    let text = place.run(&["status"]).ok();
    let last = Rows::valid().blocks[2]["hash"].as_str().expect("a hash").to_owned();
    for part in ["bitcoin (regtest)", &last, "2011-02-02T23:36:42Z", "2 blocks in 0.50 s"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = place.run(&["status", "-f", "json"]).ok();
    let chain = &serde_json::from_str::<Value>(&json).expect("JSON")[0];
    assert_eq!(chain["last_block"]["height"], 2);
    assert_eq!(chain["last_block"]["hash"], last);
    assert_eq!(chain["segments"], 2);
    assert_eq!(chain["block_bytes"], 3 * 285);
    assert_eq!(chain["last_run"]["blocks_per_second"], 4.0);
    let rows: Vec<_> = chain["tables"].as_array().expect("tables").iter().collect();
    let rows = rows.iter().map(|table| table["rows"].as_u64().expect("a number"));
    assert_eq!(rows.collect::<Vec<_>>(), [3, 4, 1, 6]);
}

#[test]
fn a_lake_without_blocks_is_not_an_error() {
    let place = Place::with_lake();
    fs::remove_file(place.path("lake/bitcoin/manifest.json")).expect("there");
    fs::remove_file(place.path("lake/bitcoin/last_run.json")).expect("there");
    assert!(place.run(&["status"]).ok().contains("none yet"));
    assert!(place.run(&["verify"]).ok().contains("no blocks yet"));
}

#[test]
fn a_lake_of_another_version_or_a_damaged_one_is_refused() {
    let place = Place::with_lake();
    let manifest = fs::read_to_string(place.path("lake/bitcoin/manifest.json")).expect("there");
    let other = manifest.replace("000000002-", "000000003-");
    for damaged in ["{", &manifest.replace("000000003-", "000000004-"), &other] {
        place.write("lake/bitcoin/manifest.json", damaged);
        let error = place.run(&["status"]).failed(2);
        assert!(error.contains("manifest.json"), "{error}");
    }
    place.write("lake/bitcoin/manifest.json", &manifest);
    place.write("lake/bitcoin/last_run.json", "{");
    let error = place.run(&["status"]).failed(2);
    assert!(error.contains("the lake is damaged") && error.contains("last_run.json"), "{error}");
    let info = r#"{"schema_version":99,"network":"regtest","with_scripts":false}"#;
    place.write("lake/bitcoin/lake.json", info);
    assert!(place.run(&["status"]).failed(2).contains("schema version 99"));
}
