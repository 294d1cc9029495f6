use std::fs;

use assay_model::reference::{HASH_RATES, MINING_HARDWARE, MINING_SHARES, PRICES};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::analyses::energy::target_difficulty;

/// A day on which rows of tests can be read.
fn late() -> Today {
    day("2026-01-01").expect("a day")
}

fn read(table: &'static ReferenceTable, text: &str) -> Result<Rows, Wrong> {
    Rows::read(table, text.as_bytes(), &Columns::default(), late())
}

fn refused(table: &'static ReferenceTable, text: &str) -> (u64, String) {
    let wrong = read(table, text).expect_err(text);
    (wrong.line, wrong.reason)
}

#[test]
fn what_comes_with_the_program_can_be_exported_and_read_again() {
    for table in TABLES {
        let rows = shipped(table);
        let text = rows.to_csv();
        let again = Rows::read(table, &text, &Columns::default(), today()).expect(table.name);
        assert_eq!(again.to_csv(), text, "{}", table.name);
        assert_eq!(again.to_batch().expect(table.name).num_rows(), rows.rows.len());
        assert!(!rows.rows.is_empty(), "{}", table.name);
    }
}

#[test]
fn rows_that_cannot_be_are_refused_with_their_line() {
    let header = "asset,currency,day,price,source\n";
    for (row, line, reason) in [
        ("bitcoin,usd,2020-01-01,,x", 2, "price is missing"),
        ("bitcoin,usd,2020-01-01,-3,x", 2, "price is -3"),
        ("bitcoin,usd,2020-01-01,nan,x", 2, "price: 'nan' is not a number"),
        ("bitcoin,usd,2020-01-01,1e12,x", 2, "cannot be outside of"),
        ("bitcoin,usd,2020-13-01,1,x", 2, "day: '2020-13-01' is not a day"),
        ("bitcoin,usd,2030-01-01,1,x", 2, "day is 2030-01-01, and today is 2026-01-01"),
        ("bitcoin,usd,2008-01-01,1,x", 2, "before 2009-01-03"),
        ("dogecoin,usd,2020-01-01,1,x", 2, "asset: 'dogecoin' is no chain"),
        ("bitcoin,dollar,2020-01-01,1,x", 2, "currency: 'dollar'"),
        ("bitcoin,usd,2020-01-01,1,", 2, "source is missing"),
        ("bitcoin,usd,2020-01-01,1", 2, "4 values where the header has 5 names"),
        ("bitcoin,usd,2020-01-01,1,x\nbitcoin,usd,2020-01-01,2,x", 3, "was on line 2 already"),
    ] {
        let (found, why) = refused(&PRICES, &format!("{header}{row}\n"));
        assert!(found == line && why.contains(reason), "{row}: line {found}: {why}");
    }
    let (line, why) = refused(&PRICES, "date,close\n2020-01-01,3\n");
    assert!(line == 1 && why.contains("--column asset=…") && why.contains("date, close"), "{why}");
}

#[test]
fn units_that_are_mixed_up_show() {
    let machine = |hash_rate, power, efficiency| {
        format!(
            "algorithm,kind,manufacturer,model,released,hash_rate_ths,power_w,efficiency_j_per_gh,source\nsha256,asic,A,B,2020-01-01,{hash_rate},{power},{efficiency},x\n"
        )
    };
    read(&MINING_HARDWARE, &machine("110", "3250", "0.02955")).expect("a machine");
    read(&MINING_HARDWARE, &machine("", "", "0.02955")).expect("a machine");
    for text in [machine("11000", "3250", "0.02955"), machine("110", "3250", "29.55")] {
        let (line, why) = refused(&MINING_HARDWARE, &text);
        assert!(line == 2 && why.contains("units"), "{why}");
    }
    let rates = |unit: &str, rates: [&str; 2]| {
        format!(
            "chain,day,hash_rate_{unit},source\nbitcoin,2020-01-01,{},x\nbitcoin,2020-01-02,{},x\n",
            rates[0], rates[1]
        )
    };
    let in_ths = read(&HASH_RATES, &rates("ths", ["100000000", "110000000"])).expect("rates");
    let in_ehs = read(&HASH_RATES, &rates("ehs", ["100", "110"])).expect("rates");
    assert_eq!(in_ths.to_csv(), in_ehs.to_csv());
    let named = Columns {
        names: [("hash_rate_ehs".to_owned(), "Rate".to_owned())].into(),
        ..Columns::default()
    };
    let text = "chain,day,Rate,source\nbitcoin,1577836800,100,x\nbitcoin,2020-01-02,110,x\n";
    let renamed = Rows::read(&HASH_RATES, text.as_bytes(), &named, late()).expect("rates");
    assert_eq!(renamed.to_csv(), in_ths.to_csv());
    // Gigahashes and exahashes that are said to be terahashes, and a row that is in another unit.
    for wrong in [["100000000000", "110000000000"], ["100", "110"]] {
        let (line, why) = refused(&HASH_RATES, &rates("ths", wrong));
        assert!(line == 2 && why.contains("another unit"), "{why}");
    }
    let (line, why) = refused(&HASH_RATES, &rates("ths", ["100000000", "3300000"]));
    assert!(line == 3 && why.contains("on line 2"), "{why}");
}

#[test]
fn countries_are_known_and_shares_add_up() {
    let header = "chain,country,month,share,source\n";
    read(
        &MINING_SHARES,
        &format!("{header}bitcoin,CHN,2020-01-01,0.7,x\nbitcoin,other,2020-01-01,0.3,x\n"),
    )
    .expect("shares");
    let (line, why) = refused(&MINING_SHARES, &format!("{header}bitcoin,CN,2020-01-01,1,x\n"));
    assert!(line == 2 && why.contains("ISO 3166-1"), "{why}");
    let (line, why) = refused(&MINING_SHARES, &format!("{header}bitcoin,CHN,2020-01-01,0.7,x\n"));
    assert!(line == 2 && why.contains("add up to 0.7"), "{why}");
}

#[test]
fn an_import_takes_the_place_of_its_series_alone() {
    let dir = TempDir::new().expect("a folder");
    let file = dir.path().join("prices.csv");
    let columns = Columns {
        names: [("day".to_owned(), "Date".to_owned()), ("price".to_owned(), "Close".to_owned())]
            .into(),
        ..Columns::constant([("asset", "bitcoin"), ("currency", "usd"), ("source", "me")])
    };
    let before = Reference::open(dir.path()).expect("tables");
    fs::write(
        &file,
        "\u{feff}Date,Close,Volume\n2020-01-02 00:00:00,7000.5,1\n2020-01-01,7100,2\n",
    )
    .expect("written");
    let imported = import(dir.path(), "prices", &file, &columns).expect("imported");
    let ethers = shipped(&PRICES).rows.iter().filter(|row| row.text(0) == "ethereum").count();
    assert_eq!(imported, Imported { table: "prices", rows: 2, all: 2 + ethers });
    let after = Reference::open(dir.path()).expect("tables");
    assert!(!after.is_as(&before));
    let prices = after.prices().expect("prices");
    let at = |text| prices.at("bitcoin", "usd", day(text).expect("a day")).map(|price| price.price);
    assert_eq!(at("2019-12-31"), None);
    assert_eq!(at("2020-01-01"), Some(7100.0));
    assert_eq!(at("2021-01-01"), Some(7000.5));
    let exported = export(dir.path(), "prices").expect("exported");
    fs::write(&file, &exported).expect("written");
    import(dir.path(), "prices", &file, &Columns::default()).expect("imported");
    assert_eq!(export(dir.path(), "prices").expect("exported"), exported);
    assert!(reset(dir.path(), "prices").expect("removed"));
    assert!(!reset(dir.path(), "prices").expect("nothing to remove"));
    let error = import(dir.path(), "price", &file, &Columns::default()).expect_err("no table");
    assert!(error.to_string().contains("it is one of electricity_use"), "{error}");
}

#[test]
fn headers_become_hash_rates() {
    let dir = TempDir::new().expect("a folder");
    let file = dir.path().join("headers.csv");
    let begin = day("2009-02-01").expect("a day") / 1_000_000;
    let header = |height: i64| format!("{height},{},1d00ffff\n", begin + (height - 100) * 600);
    let text = |heights: std::ops::Range<i64>| -> String {
        std::iter::once("height,time,bits\n".to_owned()).chain(heights.map(header)).collect()
    };
    let take = |text: &str| {
        fs::write(&file, text).expect("written");
        let columns = Columns::constant([("chain", "bitcoin")]);
        import(dir.path(), "headers", &file, &columns)
    };
    let imported = take(&text(100..100 + 3 * 144)).expect("imported");
    // The third day may go on.
    assert_eq!(imported, Imported { table: "hash_rates", rows: 2, all: 2 });
    let rows = Reference::open(dir.path()).expect("tables");
    let rows = rows.rows(&HASH_RATES).expect("rows");
    let rate = rows.rows[0].number(2).expect("a rate");
    assert!((rate - 7.158e-6).abs() < 1e-9, "{rate}");
    assert_eq!(rows.rows[0].whole(3), Some(144));
    for (change, line, reason) in [
        (text(100..110) + &header(109), 12, "109 is out of order: 110 to 2016 is to come here"),
        (text(100..110) + &header(2017), 12, "2017 is out of order: 110 to 2016 is to come here"),
        (text(2015..2016) + &header(2017), 3, "2017 is out of order: 2016 is to come here"),
        (text(100..110) + &header(2016 * 60_000), 12, "beyond all that bitcoin can have"),
        (text(100..102) + "102,1233400000,1d00ffff\n", 4, "hours before"),
        (text(100..102) + "102,1,1d00ffff\n", 4, "before 2009"),
        (text(100..102) + "102,9999999999,1d00ffff\n", 4, "or is to come"),
        (text(100..102) + "102,1233450000,00000000\n", 4, "no difficulty"),
        (text(100..102) + "x,1,1d00ffff\n", 4, "'x' is no height"),
        ("height,bits\n".to_owned(), 1, "no column 'time'"),
        ("height,time,bits\n".to_owned(), 1, "no headers"),
    ] {
        let error = take(&change).expect_err(reason).to_string();
        assert!(error.contains(&format!("line {line}:")) && error.contains(reason), "{error}");
    }
    // The day of the first is whole if it is the first of all, or if they begin with it.
    for (heights, whole) in [(0..500, 3), (172..672, 2), (100..600, 3)] {
        let rows = take(&text(heights.clone())).expect("imported").rows;
        assert_eq!(rows, whole, "{heights:?}");
    }
    let misspelt = Columns::constant([("chian", "bitcoin")]);
    let error = import(dir.path(), "headers", &file, &misspelt).expect_err("a mistake").to_string();
    assert_eq!(error, "headers has no column 'chian': it has chain, source");
}

#[test]
fn headers_with_which_difficulty_may_change_are_enough() {
    let columns = Columns::constant([("chain", "bitcoin")]);
    let begin = day("2020-01-01").expect("a day") / 1_000_000;
    let header = |height: i64| {
        // Three blocks in two thousand seconds.
        let time = begin + (height - 2_016 * 300) * 2_000 / 3;
        let bits = if height < 2_016 * 301 { "17130c78" } else { "171320bc" };
        format!("{height},{time},{bits}\n")
    };
    let rates = |heights: &mut dyn Iterator<Item = i64>| {
        let text: String =
            std::iter::once("height,time,bits\n".to_owned()).chain(heights.map(header)).collect();
        headers::hash_rates(text.as_bytes(), &columns, late()).expect("rates").rows
    };
    let all = rates(&mut (2_016 * 300..=2_016 * 302));
    let few = rates(&mut [300, 301, 302].map(|period| 2_016 * period).into_iter());
    assert_eq!(all.len(), 31);
    assert_eq!(all.len(), few.len());
    for (all, few) in all.iter().zip(&few) {
        assert_eq!(all.cells[..4], few.cells[..4]);
    }
    assert!(few[0].text(5).contains("3 of them"), "{}", few[0].text(5));
}

/// Consensus ties what comes with the program together: each step of difficulty follows from the time that
/// the blocks before it took, but for the ten minutes or so between two of them.
#[test]
fn headers_that_come_with_the_program_keep_to_the_rule_of_difficulty() {
    let text = std::str::from_utf8(SHIPPED_HEADERS).expect("text");
    let headers: Vec<(u64, f64, f64)> = text
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<_> = line.split(',').collect();
            let bits = u32::from_str_radix(cells[2], 16).expect("bits");
            let difficulty = target_difficulty(bits).expect("a target");
            (cells[0].parse().expect("a height"), cells[1].parse().expect("a time"), difficulty)
        })
        .filter(|(height, ..)| *height != 1)
        .collect();
    for pair in headers.windows(2) {
        let [(height, begin, before), (next, end, after)] = [pair[0], pair[1]];
        assert_eq!(height + 2_016, next);
        let by_rule = (before * 1_209_600.0 / (end - begin).clamp(302_400.0, 4_838_400.0)).max(1.0);
        assert!((after / by_rule - 1.0).abs() < 0.02, "{next}: {after} is not {by_rule}");
    }
    let rows = &shipped(&HASH_RATES).rows;
    let on = |at: &str| {
        let row = rows.iter().find(|row| row.whole(1) == day(at)).expect(at);
        (row.number(2).expect("a rate"), row.whole(3).expect("blocks"))
    };
    // The first block, and none for days; then seven megahashes a second.
    assert_eq!((on("2009-01-03").1, on("2009-01-05")), (1, (0.0, 0)));
    let (rate, _) = on("2009-06-01");
    assert!((2e-6..8e-6).contains(&rate), "{rate}");
    // About a hundred exahashes a second.
    let (rate, blocks) = on("2020-01-01");
    assert!((9e7..1.1e8).contains(&rate) && (140..160).contains(&blocks), "{rate} {blocks}");
}

proptest! {
    /// Whatever a file holds, there are rows or there is a reason.
    #[test]
    fn no_text_is_too_odd(table in 0..TABLES.len(), lines in vec("[-0-9a-z.,:x\"é ]{0,40}", 0..4)) {
        let table = TABLES[table];
        let names = table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",");
        let text = format!("{names}\n{}\n", lines.join("\n"));
        let _ = read(table, &text);
        let _ = read(table, &lines.join("\n"));
        let headers = format!("height,time,bits\n{}\n", lines.join("\n"));
        let columns = Columns::constant([("chain", "bitcoin")]);
        let _ = headers::hash_rates(headers.as_bytes(), &columns, late());
    }

    /// Rows of the right form, with numbers of every size.
    #[test]
    fn no_number_is_too_large(height in any::<u64>(), time in any::<i64>(), number in any::<f64>(), day in any::<i64>()) {
        let text = format!("height,time,difficulty\n{height},{time},{number}\n{},{time},{number}\n", height.wrapping_add(1));
        let columns = Columns::constant([("chain", "ethereum")]);
        let _ = headers::hash_rates(text.as_bytes(), &columns, late());
        let rates = format!("chain,day,hash_rate_ehs,source\nbitcoin,{day},{number},x\n");
        let _ = read(&HASH_RATES, &rates);
        let machine = format!("algorithm,kind,manufacturer,model,released,hash_rate_ths,power_w,efficiency_j_per_gh,source\nsha256,asic,A,B,2020-01-01,{number},{number},{number},x\n");
        let _ = read(&MINING_HARDWARE, &machine);
    }
}
