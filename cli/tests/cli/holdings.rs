//! `assay analyze holdings` and `assay holdings` over a simulated chain that the program indexed itself.

use serde_json::Value;

use crate::common::Place;

#[test]
fn the_history_is_computed_once_and_then_asked() {
    let place = Place::empty();
    place.run(&["demo", "--scale", "tiny", "--keep", "demo", "-q"]).ok();
    let lake = ["--lake", "demo/lake"];
    let run = |args: &[&str]| place.run(&[args, &lake].concat());
    let sql = |sql: &str| run(&["sql", sql, "-f", "json"]).ok();
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");

    run(&["analyze", "-q"]).ok();
    let both = "select asset, basis, count(*) > 300 as days, max(method) as method from analytics.holdings_daily group by 1, 2 order by 1";
    assert_eq!(
        value(&sql(both)),
        serde_json::json!([
            { "asset": "bitcoin", "basis": "address", "days": true, "method": "holdings/1" },
            { "asset": "ethereum", "basis": "address", "days": true, "method": "holdings/1" },
        ])
    );
    // What the history says of its last day is what balances at that height say.
    let last = value(&sql(
        "select height, holders, gini from analytics.holdings_daily where asset = 'bitcoin' order by day desc limit 1",
    ));
    let height = last[0]["height"].to_string();
    let json = run(&["holdings", "--at", &height, "--format", "json"]).ok();
    let at = value(&json);
    assert_eq!(at["holders"], last[0]["holders"]);
    let near =
        |a: &Value, b: &Value| (a.as_f64().expect("a") - b.as_f64().expect("b")).abs() < 1e-3;
    assert!(near(&at["gini"], &last[0]["gini"]), "{at}");
    let text = run(&["holdings", "--at", &height]).ok();
    for part in [
        "bitcoin by address at height",
        "of all addresses hold < ",
        "The richest 3 % of them hold ",
        "Gini 0.",
    ] {
        assert!(text.contains(part), "{text}");
    }
    // A second run finds nothing to do and leaves every file as it is.
    let before = sql("select * from analytics.holdings_metrics_daily order by 1, 2, 3, 4");
    run(&["analyze", "holdings", "--asset", "bitcoin", "-q"]).ok();
    assert_eq!(sql("select * from analytics.holdings_metrics_daily order by 1, 2, 3, 4"), before);

    let error = run(&["analyze", "holdings", "--asset", "gold"]).failed(2);
    assert!(error.contains("unknown asset 'gold'"), "{error}");
    let error = run(&["holdings", "--at", "tomorrow"]).failed(2);
    assert!(error.contains("'tomorrow' is no height, day or moment"), "{error}");
    let error =
        run(&["analyze", "holdings", "--asset", "bitcoin", "--entities", "none.csv"]).failed(2);
    assert!(error.contains("none.csv"), "{error}");
}
