//! `assay analyze holdings` and `assay holdings` over a simulated chain that the program indexed itself.

use std::collections::BTreeMap;

use assay_fixtures::shared;
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

    // A token of which there is more than any coin, and what the ten largest contracts hold.
    let token = value(&sql(
        "select '0x' || hex(token) as token from ethereum.token_balances group by 1 order by count(*) desc, 1 limit 1",
    ));
    let token = token[0]["token"].as_str().expect("a token").to_owned();
    run(&["analyze", "holdings", "--asset", &token, "--decimals", "2", "-q"]).ok();
    let held = value(&sql(&format!(
        "select max(held) = max(supply) as all_held from analytics.holdings_daily where asset = '{token}' and day = (select max(day) from analytics.holdings_daily where asset = '{token}')"
    )));
    assert_eq!(held[0]["all_held"], true);
    let text = run(&["holdings", "--asset", &token, "--decimals", "2"]).ok();
    assert!(text.contains(" tokens\n"), "{text}");
    let cr_10 = value(&sql(
        "select top_share(balance, 10) as share from ethereum.balances where balance > 0 and address in (select created_address from ethereum.transactions where created_address is not null and not is_failed)",
    ));
    assert!(cr_10[0]["share"].as_f64().is_some_and(|share| share > 0.1 && share <= 1.0), "{cr_10}");

    // Who shares the last letter is one holder.
    let entities =
        "select address, substr(address, length(address)) as entity from bitcoin.balances";
    let file = place.path("entities.csv");
    let file = file.to_str().expect("text");
    run(&["sql", entities, "-f", "csv", "-o", file, "-q"]).ok();
    let text = run(&["holdings", "--basis", "entity", "--entities", file]).ok();
    assert!(
        text.starts_with("bitcoin by entity at height") && text.contains("of all entities hold"),
        "{text}"
    );
    let error = run(&["holdings", "--basis", "entity"]).failed(2);
    assert!(error.contains("--entities"), "{error}");

    let error = run(&["analyze", "holdings", "--asset", "gold"]).failed(2);
    assert!(error.contains("unknown asset 'gold'"), "{error}");
    let error = run(&["holdings", "--at", "tomorrow"]).failed(2);
    assert!(error.contains("'tomorrow' is no height, day or moment"), "{error}");
    let error =
        run(&["analyze", "holdings", "--asset", "bitcoin", "--entities", "none.csv"]).failed(2);
    assert!(error.contains("none.csv"), "{error}");
}

/// Ethereum's first 8,192 blocks against the balances of another program (which has accounts of nothing, too),
/// by the definitions: brackets by the number of digits, Gini by ranks.
#[test]
fn balances_of_a_token_are_kept_up() {
    let place = Place::empty();
    place.run(&["demo", "--scale", "tiny", "--keep", "demo", "-q"]).ok();
    let lake = ["--lake", "demo/lake"];
    let run = |args: &[&str]| place.run(&[args, &lake].concat());
    let rows = |sql: &str| run(&["sql", sql, "-f", "csv"]).ok();
    let token = rows(
        "select '0x' || hex(token) as token from ethereum.token_balances group by 1 order by count(*) desc, 1 limit 1",
    );
    let token = token.lines().nth(1).expect("a token");
    let kept = format!(
        "select address, balance from analytics.balances where asset = '{token}' order by 1"
    );
    let mut counts = Vec::new();
    // In two runs, of which the second goes on from the first.
    for confirmations in ["60", "1"] {
        run(&["analyze", "balances", "--asset", token, "--confirmations", confirmations, "-q"])
            .ok();
        let height = rows(&format!(
            "select max(height) as height from analytics.balances where asset = '{token}'"
        ));
        let height = height.lines().nth(1).expect("a height");
        let all = format!(
            "select '0x' || hex(address) as address, cast(balance as decimal(38, 0)) as balance from balances_at('{token}', {height}) order by 1"
        );
        assert_eq!(rows(&kept), rows(&all));
        counts.push(rows(&kept).lines().count());
    }
    assert!(counts[0] > 2 && counts[0] != counts[1], "{counts:?}");
}

#[test]
fn ether_is_held_as_the_balances_of_another_program_say() {
    let Some(data) = shared::dir("ethereum") else { return };
    let text = shared::read(&data.join("expected/mainnet-balances-at-8191.csv.gz"));
    let text = String::from_utf8(text.expect("a file")).expect("CSV");
    let balance = |line: &str| line.split(',').nth(1).expect("a balance").to_owned();
    let mut balances: Vec<String> = text.lines().skip(1).map(balance).collect();
    balances.retain(|balance| balance != "0");
    balances.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));

    let place = Place::empty();
    let archive = data.join("era1/mainnet-00000-5ec1ffb8.era1");
    let archive = archive.to_str().expect("a path");
    place.run(&["index", "ethereum", "--era-dir", archive, "-q", "--lake", "lake"]).ok();
    let asked = ["holdings", "--chain", "ethereum", "--at", "8191", "-f", "json", "--lake", "lake"];
    let found: Value = serde_json::from_str(&place.run(&asked).ok()).expect("JSON");
    assert_eq!(found["holders"], balances.len());

    // 10^15 wei, a thousandth of an ether, have 16 digits.
    let mut digits: BTreeMap<usize, u64> = BTreeMap::new();
    balances.iter().for_each(|balance| *digits.entry(balance.len().max(15)).or_default() += 1);
    let brackets = found["brackets"].as_array().expect("brackets").iter();
    let brackets: Vec<u64> = brackets.map(|b| b["holders"].as_u64().expect("a count")).collect();
    let (least, most) = (15, *digits.keys().last().expect("somebody holds"));
    let expected: Vec<u64> =
        (least..=most).map(|length| digits.get(&length).copied().unwrap_or_default()).collect();
    assert_eq!(brackets, expected);

    let amounts: Vec<f64> = balances.iter().map(|b| b.parse().expect("a number")).collect();
    let (count, total) = (amounts.len() as f64, amounts.iter().sum::<f64>());
    let ranked: f64 = amounts.iter().enumerate().map(|(rank, x)| (rank + 1) as f64 * x).sum();
    let gini = 2.0 * ranked / (count * total) - (count + 1.0) / count;
    let near = |value: &Value, expected: f64| {
        let value = value.as_f64().expect("a number");
        assert!((value - expected).abs() < 1e-9, "{value} {expected}");
    };
    near(&found["gini"], gini);
    near(&found["hhi"], amounts.iter().map(|x| (x / total).powi(2)).sum());
    near(&found["top"][1]["share"], amounts.iter().rev().take(100).sum::<f64>() / total);
    let (mut held, mut fewest) = (0.0, 0);
    for amount in amounts.iter().rev() {
        held += amount;
        fewest += 1;
        if held > total / 2.0 {
            break;
        }
    }
    assert_eq!(found["nakamoto"], fewest);
}
