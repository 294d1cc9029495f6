//! `assay analyze network` over simulated chains, against the same figures asked for in another way.

use serde_json::{Value, json};

use crate::common::Place;

/// Asks `sql` of the lake that `place` has and returns the rows.
fn asked(place: &Place, sql: &str) -> Value {
    let text = place.run(&["sql", sql, "-f", "json", "--lake", "demo/lake"]).ok();
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn days_add_up_to_what_the_chains_did() {
    let place = Place::empty();
    place.run(&["demo", "--scale", "tiny", "--keep", "demo", "-q"]).ok();
    place.run(&["analyze", "network", "-q", "--lake", "demo/lake"]).ok();
    let same = |history: &str, direct: &str| {
        let (history, direct) = (asked(&place, history), asked(&place, direct));
        assert_eq!(history, direct);
    };
    let last = |chain: &str| {
        let sql = format!(
            "select max(height) as last from analytics.network_daily where chain = '{chain}'"
        );
        asked(&place, &sql)[0]["last"].as_i64().expect("a height")
    };
    let (bitcoin, ethereum) = (last("bitcoin"), last("ethereum"));
    assert!(bitcoin > 100 && ethereum > 50, "{bitcoin} {ethereum}");

    same(
        "select sum(blocks) as blocks, sum(transactions) as txs, sum(fees) as fees, sum(issued) as issued, sum(size) as size from analytics.network_daily where chain = 'bitcoin'",
        &format!(
            "select count(*) as blocks, sum(transaction_count) as txs, cast(sum(fees) as decimal(38,0)) as fees, cast(sum(coinbase_value - fees) as decimal(38,0)) as issued, sum(size) as size from bitcoin.blocks where height <= {bitcoin}"
        ),
    );
    same(
        "select sum(new_addresses) as addresses from analytics.network_daily where chain = 'bitcoin'",
        &format!(
            "select count(distinct address) as addresses from bitcoin.outputs where height <= {bitcoin}"
        ),
    );
    same(
        "select sum(new_addresses) as addresses from analytics.network_daily where chain = 'ethereum'",
        &format!(
            "select count(distinct to_address) as addresses from ethereum.value_flows where height <= {ethereum}"
        ),
    );
    // Joined and counted, where the analysis asks what does not exist.
    same(
        "select sum(transfer_value) as raw, sum(transfer_value_adjusted) as adjusted from analytics.network_daily where chain = 'bitcoin'",
        &format!(
            "select cast(sum(value) as decimal(38,0)) as raw, cast(sum(case when own = 0 and soon = 0 then value else 0 end) as decimal(38,0)) as adjusted
             from (
                select o.txid, o.output_index, o.height, max(o.value) as value,
                    count(own.txid) as own,
                    count(case when soon.time < o.time + interval '1 hour' then 1 end) as soon
                from bitcoin.outputs as o
                left join bitcoin.inputs as own on own.txid = o.txid and own.address = o.address
                left join bitcoin.inputs as soon on soon.spent_txid = o.txid
                    and soon.spent_output_index = cast(o.output_index as bigint) and soon.spent_height = o.height
                where o.tx_index > 0 and o.height <= {bitcoin}
                group by 1, 2, 3
             )"
        ),
    );
    // The supply is what is unspent, and what all hold.
    for (chain, held) in [
        (
            "bitcoin",
            format!(
                "select cast(sum(balance) as decimal(38,0)) as supply from balances_at('bitcoin', {bitcoin})"
            ),
        ),
        (
            "ethereum",
            format!("select sum(balance) as supply from balances_at('ethereum', {ethereum})"),
        ),
    ] {
        let row = asked(
            &place,
            &format!(
                "select supply from analytics.network_daily where chain = '{chain}' order by day desc limit 1"
            ),
        );
        let held = asked(&place, &held);
        let number = |value: &Value| {
            value[0]["supply"].to_string().trim_matches('"').parse::<f64>().expect("a number")
        };
        let (supply, held) = (number(&row), number(&held));
        // Outputs without an address are in the supply, and are nobody's.
        assert!(held <= supply && supply - held < supply * 0.01, "{chain}: {supply} {held}");
    }
    // The busiest day, alone.
    let busiest = asked(
        &place,
        "select day, height, transactions, active_addresses, coin_days_destroyed, fee_median from analytics.network_daily where chain = 'bitcoin' order by transactions desc, day limit 1",
    );
    let (day, to) = (busiest[0]["day"].as_str().expect("a day"), &busiest[0]["height"]);
    let from = asked(
        &place,
        &format!(
            "select max(height) as height from analytics.network_daily where chain = 'bitcoin' and day < '{day}'"
        ),
    );
    let heights = format!("height > {} and height <= {to}", from[0]["height"]);
    let alone = asked(&place, &format!(
        "select (select count(distinct address) from (select address from bitcoin.outputs where {heights} union all select address from bitcoin.inputs where {heights})) as active,
                (select sum(i.value / 1e8 * (to_unixtime(i.time) - to_unixtime(b.time)) / 86400.0) from bitcoin.inputs as i join bitcoin.blocks as b on b.height = i.spent_height where i.{heights2}) as age,
                (select median(cast(fee as double)) from bitcoin.transactions where {heights} and not is_coinbase) as fee",
        heights2 = heights.replace(" and height", " and i.height"),
    ));
    assert_eq!(busiest[0]["active_addresses"], alone[0]["active"]);
    assert_eq!(busiest[0]["fee_median"], alone[0]["fee"]);
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let (age, expected) = (number(&busiest[0]["coin_days_destroyed"]), number(&alone[0]["age"]));
    assert!((age - expected).abs() < 1e-6 * expected.max(1.0), "{age} {expected}");

    // Again: there is nothing to add, and no row changes.
    let all = "select * from analytics.network_daily order by chain, day";
    let before = asked(&place, all);
    place.run(&["analyze", "network", "--chain", "bitcoin", "-q", "--lake", "demo/lake"]).ok();
    assert_eq!(asked(&place, all), before);
    let stored = asked(&place, "select distinct method from analytics.network_daily");
    assert_eq!(stored, json!([{ "method": "network/1" }]));
}
