//! `assay reference`, `assay energy` and `assay analyze energy`: of hash rates that were imported, and of a chain.

use std::fmt::Write;
use std::fs;

use assay_fixtures::shared;
use serde_json::{Value, json};

use crate::common::Place;

fn asked(place: &Place, sql: &str, more: &[&str]) -> Value {
    let text = place.run(&[&["sql", sql, "-f", "json"], more].concat()).ok();
    serde_json::from_str(&text).expect("JSON")
}

/// Ten days of January 2020 at 100 EH/s, with one machine and one price: what can be computed by hand.
fn by_hand(place: &Place) {
    let mut rates = "chain,day,hash_rate_ehs,blocks,revenue,source\n".to_owned();
    for day in (1..=10).filter(|day| *day != 7) {
        writeln!(rates, "bitcoin,2020-01-{day:02},100,144,1900,hand").expect("memory");
    }
    fs::write(place.path("rates.csv"), rates).expect("written");
    fs::write(
        place.path("machines.csv"),
        "algorithm,kind,manufacturer,model,released,hash_rate_ths,power_w,efficiency_j_per_gh,source\n\
         sha256,asic,A,new,2019-06-01,50,1500,0.03,hand\n\
         sha256,asic,A,old,2017-06-01,10,1000,0.1,hand\n\
         sha256,asic,A,too late,2020-01-05,100,2000,0.02,hand\n\
         sha256,asic,A,too old,2014-01-01,,,0.2,hand\n\
         sha256,gpu,A,too hungry,2019-01-01,,,9,hand\n",
    )
    .expect("written");
    fs::write(place.path("prices.csv"), "Date;Close\n".replace(';', ",") + "2019-12-31,8000\n")
        .expect("written");
    let run = |line: &str| place.run(&line.split(' ').collect::<Vec<_>>()).ok();
    run("reference import hash_rates rates.csv -q");
    run("reference import mining_hardware machines.csv -q");
    run(
        "reference import prices prices.csv --column day=Date --column price=Close --set asset=bitcoin --set currency=usd --set source=hand -q",
    );
}

/// The names and bytes of the files that are kept.
fn kept(place: &Place) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(place.path("lake/analytics/energy-bitcoin")).expect("a folder");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("text");
        (name, fs::read(entry.path()).expect("a file"))
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}

#[test]
fn days_are_what_they_are_by_hand() {
    let place = Place::empty();
    by_hand(&place);
    place.run(&["analyze", "energy", "-q"]).ok();
    // Revenue 1,900 BTC at 8,000 USD over 10^8 TH/s and 86,400 s, and 0.05 USD a kWh.
    let threshold = 1900.0 * 8000.0 / (1e8 * 86_400.0) / (0.05 / 3.6e6) / 1e3;
    // Delivered two months after June 2019, so in its first year; the other in its third.
    let mean = (1.0 * 0.03 + 0.6 * 0.1) / 1.6;
    let gw = |efficiency: f64, pue: f64| efficiency * 1e8 * 1e3 / 1e9 * pue;
    let sql = "select * from analytics.energy_daily where method = 'hardware/1' and day = timestamp '2020-01-04'";
    let row = &asked(&place, sql, &[])[0];
    let close = |name: &str, expected: f64| {
        let found = row[name].as_f64().expect(name);
        assert!((found / expected - 1.0).abs() < 1e-9, "{name}: {found} is not {expected}");
    };
    close("threshold_j_per_gh", threshold);
    close("efficiency_j_per_gh", mean);
    close("power_gw_lower", gw(0.03, 1.01));
    close("power_gw", gw(mean, 1.10));
    close("power_gw_upper", gw(0.1, 1.20));
    close("annual_twh", gw(mean, 1.10) * 24.0 * 365.25 / 1e3);
    close("total_twh", gw(mean, 1.10) * 24.0 / 1e3 * 4.0);
    assert_eq!(row["machines"], 2);
    assert_eq!(row["era"], "asic");
    assert_eq!(row["price_day"], json!("2019-12-31T00:00:00Z"), "{row}");
    let [low, high] = ["power_gw_low_90", "power_gw_high_90"].map(|n| row[n].as_f64().expect(n));
    assert!(low < gw(mean, 1.10) && gw(mean, 1.10) < high, "{low} {high}");

    // Whoever has the same tables gets the same bytes.
    let other = Place::empty();
    by_hand(&other);
    other.run(&["analyze", "energy", "-q"]).ok();
    assert!(kept(&place) == kept(&other), "the files differ");

    // The day without a hash rate is as the one before, and says so.
    let carried = "select cast(day as date) as day, hash_rate_from, revenue_from from analytics.energy_daily where method = 'hardware/1' and hash_rate_from <> 'reference'";
    let expected =
        json!([{"day": "2020-01-07", "hash_rate_from": "carried", "revenue_from": "carried"}]);
    assert_eq!(asked(&place, carried, &[]), expected);

    // The other method, beside it: 60 % of revenue.
    let share = "select power_gw from analytics.energy_daily where method = 'revenue_share/1' and day = timestamp '2020-01-04'";
    let found = asked(&place, share, &[])[0]["power_gw"].as_f64().expect("a number");
    assert!((found - 1900.0 * 8000.0 * 0.6 / 0.05 / 24.0 / 1e6).abs() < 1e-9, "{found}");

    // One's own scenario: what does not pay at a dearer price does not count.
    let sql = format!(
        "select power_gw, power_gw_high_90, price_usd from energy(price_usd_per_kwh => {price}, pue => 1) where method = 'hardware/1' and day = timestamp '2020-01-04'",
        price = 0.05 * threshold / 0.09
    );
    let row = &asked(&place, &sql, &[])[0];
    let found = row["power_gw"].as_f64().expect("a number");
    assert!((found - gw(0.03, 1.0)).abs() < 1e-9, "{row}");
    // Nothing is uncertain of what was said.
    assert!((row["power_gw_high_90"].as_f64().expect("a number") - found).abs() < 1e-9, "{row}");
    for (call, reason) in [
        ("energy(pua => 1)", "there is no parameter pua: there are age_weight_year1"),
        ("energy(pue => 'x')", "pue is"),
        ("energy('dogecoin')", "unknown chain 'dogecoin'"),
        ("energy('ethereum')", "run `assay analyze energy` first"),
    ] {
        let ran = place.run(&["sql", &format!("select * from {call}")]);
        assert!(ran.code == Some(2) && ran.err.contains(reason), "{call}: {ran:?}");
    }
}

/// A year, and TWh at least, best guess, at most.
type OfYear = (i32, [f64; 3]);

/// What another program, in another language, makes of the tables that come with this one.
const BY_HEADERS: [OfYear; 5] = [
    (2011, [0.016_367_372_08, 0.063_108_694_85, 0.175_470_883_8]),
    (2014, [0.951_169_136_9, 4.180_196_174, 12.367_629_09]),
    (2017, [5.350_974_399, 19.069_699_28, 57.319_549_19]),
    (2020, [35.939_283_86, 63.415_533_02, 108.629_663_1]),
    (2024, [89.244_340_71, 171.596_144_2, 324.865_830_6]),
];
/// What it makes of the same with the daily hash rates of Coin Metrics.
const BY_DAYS: [OfYear; 4] = [
    (2011, [0.016_386_142_64, 0.063_283_335_73, 0.176_136_477_9]),
    (2014, [0.950_481_147_2, 4.186_202_385, 12.439_197_91]),
    (2017, [5.347_392_262, 19.161_232_94, 57.664_506_38]),
    (2020, [35.949_640_37, 63.638_279_68, 109.289_945]),
];
/// Bitcoin's best guess of 2020 by Cambridge, TWh, about.
const BY_CAMBRIDGE_2020: f64 = 68.0;

/// What the program tells, as JSON; of the years that are `expected` it has to be that.
fn told_years(place: &Place, expected: &[OfYear]) -> Value {
    let told = place.run(&["energy", "-f", "json"]).ok();
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let years = told["years"].as_array().expect("years");
    for (year, expected) in expected {
        let found = years.iter().find(|y| y["year"] == *year && y["method"] == "hardware/1");
        let twh = &found.expect("a year")["twh"];
        for (name, expected) in ["lower", "best", "upper"].into_iter().zip(expected) {
            let found = twh[name].as_f64().expect("a number");
            assert!((found / expected - 1.0).abs() < 1e-8, "{year} {name}: {found}");
        }
        if *year == 2020 {
            assert!((expected[1] / BY_CAMBRIDGE_2020 - 1.0).abs() < 0.1);
            assert!((expected[0]..expected[2]).contains(&BY_CAMBRIDGE_2020));
        }
    }
    told
}

#[test]
fn without_a_chain_bitcoin_burns_what_its_headers_say() {
    let place = Place::empty();
    let told = told_years(&place, &BY_HEADERS);
    assert_eq!(told["height"], Value::Null);
    let years = told["years"].as_array().expect("years");
    let days = |year: i32| {
        let found = years.iter().find(|y| y["year"] == year && y["method"] == "hardware/1");
        found.map(|year| year["days"].as_i64().expect("days"))
    };
    assert_eq!(
        [2009, 2010, 2011, 2024, 2026].map(days),
        [None, Some(184), Some(365), Some(366), Some(163)]
    );
    let told = place.run(&["energy", "--year", "2020"]).ok();
    let from = "On 366 days hash rates are from reference.hash_rates, not from blocks.";
    assert!(told.contains(from), "{told}");
    // Nothing was written, until it is to be kept; then it can be asked.
    assert!(!place.path("lake").exists());
    let ran = place.run(&["sql", "select 1"]);
    assert!(ran.err.contains("no lake in"), "{ran:?}");
    place.run(&["analyze", "energy", "-q"]).ok();
    let sql = "select share from analytics.energy_compare where method = 'hardware/1' and year = 2020 and country = 'CHE'";
    let share = asked(&place, sql, &[])[0]["share"].as_f64().expect("a number");
    assert!((0.9..1.2).contains(&share), "{share}");
}

#[test]
fn hash_rates_of_days_come_before_those_of_headers() {
    let Some(data) = shared::dir("reference/energy") else { return };
    let place = Place::empty();
    let rates = data.join("bitcoin_difficulty_hashrate_daily_coinmetrics.csv");
    let columns = ["--column", "day=date", "--column", "hash_rate_ths=hashrate_th_s"];
    let constants = ["--set", "chain=bitcoin", "--set", "source=Coin Metrics", "-q"];
    let import = ["reference", "import", "hash_rates", rates.to_str().expect("text")];
    place.run(&[&import[..], &columns, &constants].concat()).ok();
    told_years(&place, &BY_DAYS);
}

#[test]
fn a_year_is_told_with_what_it_rests_on() {
    let place = Place::empty();
    by_hand(&place);
    let told = place.run(&["energy", "--year", "2020"]).ok();
    for part in [
        "bitcoin burnt",
        "These are 10 days of the year.",
        "of the electricity that countries used:",
        "By the method revenue_share/1:",
        "price_usd_per_kwh",
        "docs/energy.md",
        "On 1 days something is what it was on the day before",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let json = place.run(&["energy", "--year", "2020", "-f", "json", "--set", "pue=2"]).ok();
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let twh = &json["years"][0]["twh"];
    let mean = (1.0 * 0.03 + 0.6 * 0.1) / 1.6;
    // Ten days; on the last of them a third machine is there, but not delivered yet.
    let expected = mean * 1e8 * 1e3 / 1e9 * 2.0 * 24.0 / 1e3 * 10.0;
    assert!((twh["best"].as_f64().expect("a number") / expected - 1.0).abs() < 1e-9, "{twh}");
    assert_eq!(json["parameters"]["pue"], json!({"lower": 2.0, "best": 2.0, "upper": 2.0}));
    let ran = place.run(&["energy", "--year", "1999"]);
    assert!(ran.code == Some(2) && ran.err.contains("no estimate of bitcoin in 1999"), "{ran:?}");
    let ran = place.run(&["energy", "--chain", "ethereum"]);
    assert!(ran.err.contains("nothing says how much ethereum was mined"), "{ran:?}");
    let ran = place.run(&["energy", "--set", "pua=1"]);
    assert!(ran.err.contains("there is no parameter pua"), "{ran:?}");
}

#[test]
fn a_wrong_file_is_refused_with_its_line() {
    let place = Place::empty();
    fs::write(
        place.path("bad.csv"),
        "asset,currency,day,price,source\nbitcoin,usd,2020-01-01,-1,x\n",
    )
    .expect("written");
    let ran = place.run(&["reference", "import", "prices", "bad.csv"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("'bad.csv', line 2: price is -1"), "{ran:?}");
    let ran = place.run(&["reference", "import", "price", "bad.csv"]);
    assert!(ran.err.contains("there is no table reference.price"), "{ran:?}");
    // Nothing was imported, and everything is as it came.
    assert!(!place.path("lake").exists());
    let exported = place.run(&["reference", "export", "prices"]).ok();
    assert!(exported.starts_with("asset,currency,day,price,source\nbitcoin,usd,2010-07-01"));
    assert!(place.run(&["reference", "list"]).ok().contains("mining_hardware"));
}

#[test]
fn a_simulated_chain_burns_something_every_day() {
    let place = Place::empty();
    place.run(&["demo", "--scale", "tiny", "--keep", "demo", "-q"]).ok();
    let lake = ["--lake", "demo/lake"];
    place.run(&[&["analyze", "-q"], &lake[..]].concat()).ok();
    let again = place.run(&[&["analyze", "energy"], &lake[..]].concat());
    assert!(again.err.contains("as it was"), "{again:?}");
    let counts = "select chain, method, count(*) as days, count(height) as heights, bool_and(power_gw_lower <= power_gw and power_gw <= power_gw_upper) as ordered, min(hash_rate_from) as \"from\" from analytics.energy_daily group by 1, 2 order by 1, 2";
    let counts = asked(&place, counts, &lake);
    let counts = counts.as_array().expect("rows");
    assert!(counts.len() >= 3, "{counts:?}");
    for row in counts {
        assert_eq!(row["ordered"], true, "{row}");
        assert_eq!((&row["days"], &row["from"]), (&row["heights"], &json!("chain")), "{row}");
    }
    // In fiat, and beside what chains did.
    let fees = "select count(*) as days, count(fees) as fees from analytics.network_fiat_daily";
    let row = &asked(&place, fees, &lake)[0];
    assert!(row["days"].as_u64() > Some(0) && row["days"] == row["fees"], "{row}");
    let per_use = "select count(*) as days, min(kwh_per_transaction) as least from analytics.energy_per_use_daily";
    let row = &asked(&place, per_use, &lake)[0];
    assert!(row["days"].as_u64() > Some(0) && row["least"].as_f64() > Some(0.0), "{row}");
    let compared = "select count(*) as rows from analytics.energy_compare where country = 'CHE'";
    assert!(asked(&place, compared, &lake)[0]["rows"].as_u64() > Some(0));
    // A token that somebody knows, at a price of somebody's.
    let token = "select '0x' || hex(token) as token, cast(sum(balance) as varchar) as supply from ethereum.token_balances group by 1 order by count(*) desc, 1 limit 1";
    let row = &asked(&place, token, &lake)[0];
    let token = row["token"].as_str().expect("a token");
    let tokens = format!("token,symbol,decimals,project,source\n{token},ABC,0,Someone,me\n");
    fs::write(place.path("tokens.csv"), tokens).expect("written");
    let prices = format!("asset,currency,day,price,source\n{token},usd,2009-02-01,2,me\n");
    fs::write(place.path("prices.csv"), prices).expect("written");
    for table in ["tokens", "prices"] {
        let file = format!("{table}.csv");
        place.run(&[&["reference", "import", "-q", table, &file], &lake[..]].concat()).ok();
    }
    let worth = "select asset, project, cast(value as varchar) as value from analytics.market_values order by 1";
    let worth = asked(&place, worth, &lake);
    let double = 2 * row["supply"].as_str().expect("a supply").parse::<i128>().expect("whole");
    let value = format!("{double}.000000");
    assert_eq!(worth[0], json!({"asset": token, "project": "Someone", "value": value}));
    assert_eq!((&worth[1]["asset"], &worth[2]["asset"]), (&json!("bitcoin"), &json!("ethereum")));
    let emitted = "select min(g_co2e_per_kwh) as least, max(known_share) as known from analytics.emissions_daily";
    let row = &asked(&place, emitted, &lake)[0];
    assert!(row["least"].as_f64() > Some(50.0) && row["known"].as_f64() > Some(0.7), "{row}");
}
