//! `assay tables`, which needs no lake.

use assay_model::bitcoin;
use serde_json::Value;

use crate::common::Place;

#[test]
fn every_table_and_column_is_listed_without_a_lake() {
    let place = Place::empty();
    let list = place.run(&["tables"]).ok();
    for table in bitcoin::TABLES {
        assert!(list.contains(table.doc), "{list}");
        let columns = place.run(&["tables", &table.full_name()]).ok();
        for column in table.columns {
            let line = columns.lines().find(|line| line.split(' ').next() == Some(column.name));
            let line = line.unwrap_or_else(|| panic!("{} is missing", column.name));
            assert!(line.contains(column.kind.sql_name()), "{line}");
        }
    }
    for view in ["bitcoin.utxos", "bitcoin.balances"] {
        assert!(list.contains(view), "{list}");
    }
}

#[test]
fn tables_in_json_are_what_programs_expect() {
    let place = Place::empty();
    let all: Value =
        serde_json::from_str(&place.run(&["tables", "-f", "json"]).ok()).expect("JSON");
    assert!(all.as_array().is_some_and(|tables| tables.len() > 5));
    let text = place.run(&["tables", "bitcoin.blocks", "-f", "json"]).ok();
    let blocks: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&blocks["schema"], &blocks["name"]), (&"bitcoin".into(), &"blocks".into()));
    assert_eq!(blocks["columns"][0]["name"], "height");
    assert_eq!(blocks["columns"][0]["nullable"], false);
}

#[test]
fn an_unknown_table_is_an_error() {
    let error = Place::empty().run(&["tables", "blocks"]).failed(2);
    assert!(error.contains("may be bitcoin.blocks or ethereum.blocks"), "{error}");
    let error = Place::empty().run(&["tables", "nothing"]).failed(2);
    assert!(error.contains("there is no table 'nothing'"), "{error}");
}
