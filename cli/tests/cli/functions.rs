//! `assay functions`, which needs no lake.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::Place;

/// The page is made by the program: `assay functions -f markdown > docs/functions.md`.
#[test]
fn the_reference_is_what_the_program_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/functions.md");
    let page = fs::read_to_string(page).expect("readable");
    assert_eq!(Place::empty().run(&["functions", "-f", "markdown"]).ok(), page);
}

#[test]
fn functions_are_listed_and_explained() {
    let place = Place::empty();
    let list = place.run(&["functions"]).ok();
    for name in ["btc(value)", "gini(x)", "balances_at(asset, at)"] {
        assert!(list.contains(name), "{list}");
    }
    let one = place.run(&["functions", "NAKAMOTO"]).ok();
    assert!(one.contains("nakamoto(x [, threshold]) (aggregate)"), "{one}");
    assert!(one.contains("threshold") && one.contains("Example:\n  select nakamoto"), "{one}");
    let text = place.run(&["functions", "gini", "-f", "json"]).ok();
    let gini: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&gini[0]["name"], &gini[0]["kind"]), (&"gini".into(), &"aggregate".into()));
    let error = place.run(&["functions", "nothing"]).failed(2);
    assert!(error.contains("assay adds no function 'nothing'"), "{error}");
}
