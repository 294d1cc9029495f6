//! What rows of reference tables cannot be: told before a figure rests on them.

use assay_model::reference::{
    ELECTRICITY_USE, ENERGY_PARAMETERS, ETHEREUM_NODES, GPUS, GRID_INTENSITY, HASH_RATES,
    MINING_HARDWARE, MINING_SHARES, NODE_POWER, PRICES, ReferenceTable, TOKENS,
};
use assay_model::{Chain, ColumnType};

use super::Wrong;
use super::countries::is_country;
use super::months::year;
use super::rows::{Row, Rows, day, show_day};

/// The day on which rows are read, microseconds since 1970: none can be of a later one.
pub(crate) type Today = i64;

/// By how much efficiency may differ from power a hash rate, which are rounded.
const EFFICIENCY_TOLERANCE: f64 = 0.05;
/// By how much the shares of a month may differ from 1 together.
const SHARES_TOLERANCE: f64 = 1e-3;
/// How many times a hash rate may be what it was on the row before, or that what it is: no pair of days
/// differed by as much, and one unit from the next by a thousand.
const MAX_JUMP: f64 = 30.0;
/// How many times a hash rate may differ from what it was about at the time. On the day of Bitcoin's first
/// block, which no other followed for days, it was 145 times less.
const MAX_DISTANCE: f64 = 200.0;
/// What the hash rate was on the first of January, TH/s: difficulty times 2^32 over the time between blocks.
/// From the difficulty of the first block of the year, which any node has.
const BITCOIN_HASH_RATES: [(i32, f64); 17] = [
    (2009, 7.2e-6),
    (2010, 8.5e-6),
    (2011, 1.0e-1),
    (2012, 8.3),
    (2013, 2.1e1),
    (2014, 8.5e3),
    (2015, 2.9e5),
    (2016, 7.4e5),
    (2017, 2.3e6),
    (2018, 1.4e7),
    (2019, 4.0e7),
    (2020, 9.9e7),
    (2021, 1.33e8),
    (2022, 1.74e8),
    (2023, 2.53e8),
    (2024, 5.2e8),
    (2025, 7.9e8),
];
/// The same of Ethereum, from its difficulty and 13 to 15 seconds between blocks; 2015 is its first day.
const ETHEREUM_HASH_RATES: [(i32, f64); 8] = [
    (2015, 3e-2),
    (2016, 6e-1),
    (2017, 6.0),
    (2018, 1.4e2),
    (2019, 1.7e2),
    (2020, 1.5e2),
    (2021, 2.9e2),
    (2022, 9.1e2),
];

/// Why `row` cannot be one of `table`.
pub(crate) fn check_row(table: &ReferenceTable, row: &Row, today: Today) -> Result<(), String> {
    for (place, column) in table.columns.iter().enumerate() {
        match column.kind {
            ColumnType::Text if row.text(place).is_empty() => {
                return Err(format!("{} is missing", column.name));
            }
            ColumnType::Time => {
                let day = row.whole(place).unwrap_or_default();
                if day > today {
                    let (day, today) = (show_day(day), show_day(today));
                    return Err(format!("{} is {day}, and today is {today}", column.name));
                }
            }
            _ => {}
        }
    }
    Checked { table, row }.all()
}

/// One row that is checked.
struct Checked<'a> {
    table: &'a ReferenceTable,
    row: &'a Row,
}

impl Checked<'_> {
    fn all(&self) -> Result<(), String> {
        let table = self.table;
        if *table == PRICES {
            self.asset("asset")?;
            let currency = self.text("currency");
            if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
                return Err(format!("currency: '{currency}' is not a code like usd"));
            }
            self.since("day", "2009-01-03")?;
            self.within("price", 1e-12, 1e8)
        } else if *table == TOKENS {
            self.asset("token")?;
            self.within("decimals", 0.0, 36.0)
        } else if *table == MINING_HARDWARE {
            self.one_of("algorithm", &["sha256"])?;
            self.one_of("kind", &["cpu", "gpu", "fpga", "asic"])?;
            self.since("released", "1995-01-01")?;
            self.within("hash_rate_ths", 1e-8, 1e5)?;
            self.within("power_w", 0.1, 1e5)?;
            self.within("efficiency_j_per_gh", 1e-4, 1e6)?;
            self.efficiency()
        } else if *table == GPUS {
            self.one_of("kind", &["gpu", "asic"])?;
            self.since("released", "2005-01-01")?;
            self.within("memory_gb", 0.1, 1024.0)?;
            self.within("hash_rate_mhs", 0.1, 1e5)?;
            self.within("power_w", 1.0, 1e5)
        } else if *table == HASH_RATES {
            let chain = self.chain()?;
            self.since("day", "2009-01-03")?;
            self.within("hash_rate_ths", 0.0, 1e12)?;
            self.within("blocks", 0.0, 1e5)?;
            self.within("revenue", 0.0, 1e6)?;
            self.order_of_magnitude(chain)
        } else if *table == NODE_POWER {
            self.one_of("configuration", &["config4", "config5", "config6"])?;
            self.within("watts", 0.0, 5e3)
        } else if *table == ETHEREUM_NODES {
            self.since("day", "2015-07-30")?;
            self.within("nodes", 1.0, 1e6)
        } else if *table == ENERGY_PARAMETERS {
            self.chain()?;
            ["lower", "best", "upper"].iter().try_for_each(|name| self.within(name, 0.0, 1e6))
        } else if *table == MINING_SHARES {
            self.chain()?;
            self.since("month", "2009-01-01")?;
            self.country(&["other"])?;
            self.within("share", 0.0, 1.0)
        } else if *table == GRID_INTENSITY {
            self.country(&["WLD"])?;
            self.within("year", 1950.0, 2200.0)?;
            self.within("g_co2e_per_kwh", 0.0, 2e3)
        } else {
            debug_assert_eq!(*table, ELECTRICITY_USE);
            self.country(&[])?;
            self.within("year", 1950.0, 2200.0)?;
            self.within("twh", 1e-6, 2e4)
        }
    }

    fn text(&self, name: &str) -> &str {
        self.row.text(self.table.place(name))
    }

    fn one_of(&self, name: &str, all: &[&str]) -> Result<(), String> {
        let text = self.text(name);
        match all.contains(&text) {
            true => Ok(()),
            false => Err(format!("{name}: '{text}' is not one of {}", all.join(", "))),
        }
    }

    fn chain(&self) -> Result<Chain, String> {
        let names = Chain::ALL.map(Chain::name);
        self.one_of("chain", &names)?;
        let place = names.iter().position(|name| *name == self.text("chain"));
        Ok(Chain::ALL[place.expect("it is one of them")])
    }

    fn asset(&self, name: &str) -> Result<(), String> {
        let text = self.text(name);
        let digits = text.strip_prefix("0x").unwrap_or_default();
        let is_token = digits.len() == 40
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_coin = name == "asset" && Chain::ALL.iter().any(|chain| chain.name() == text);
        match is_token || is_coin {
            true => Ok(()),
            false => Err(format!(
                "{name}: '{text}' is no {}address of a contract in lower case",
                if name == "asset" { "chain and no " } else { "" }
            )),
        }
    }

    fn country(&self, others: &[&str]) -> Result<(), String> {
        let text = self.text("country");
        match is_country(text) || others.contains(&text) {
            true => Ok(()),
            false => Err(format!(
                "country: '{text}' is no code of three letters of ISO 3166-1, like CHE"
            )),
        }
    }

    fn since(&self, name: &str, first: &str) -> Result<(), String> {
        let found = self.row.whole(self.table.place(name)).unwrap_or_default();
        match found >= day(first).expect("a day") {
            true => Ok(()),
            false => Err(format!("{name} is {}, before {first}", show_day(found))),
        }
    }

    fn within(&self, name: &str, least: f64, most: f64) -> Result<(), String> {
        match self.row.number(self.table.place(name)) {
            Some(number) if !(least..=most).contains(&number) => {
                Err(format!("{name} is {number}, and cannot be outside of {least} to {most}"))
            }
            _ => Ok(()),
        }
    }

    /// Efficiency is power a hash rate, where both are known.
    fn efficiency(&self) -> Result<(), String> {
        let number = |name| self.row.number(self.table.place(name));
        let (Some(hash_rate), Some(power), Some(efficiency)) =
            (number("hash_rate_ths"), number("power_w"), number("efficiency_j_per_gh"))
        else {
            return Ok(());
        };
        let computed = power / hash_rate / 1e3;
        if (computed / efficiency - 1.0).abs() <= EFFICIENCY_TOLERANCE {
            return Ok(());
        }
        Err(format!(
            "{power} W at {hash_rate} TH/s are {computed:.5} J/GH, not {efficiency}: are these the units?"
        ))
    }

    /// Hash rates are about what they were, so that a wrong unit shows.
    fn order_of_magnitude(&self, chain: Chain) -> Result<(), String> {
        let known: &[(i32, f64)] = match chain {
            Chain::Bitcoin => &BITCOIN_HASH_RATES,
            Chain::Ethereum => &ETHEREUM_HASH_RATES,
        };
        let day = self.row.whole(self.table.place("day")).unwrap_or_default();
        let year = year(day);
        let at = |year: i32| known.iter().find(|(known, _)| *known == year).map(|(_, rate)| *rate);
        let rate = self.row.number(self.table.place("hash_rate_ths")).unwrap_or_default();
        let Some(begin) = at(year).or_else(|| at(year - 1)) else { return Ok(()) };
        let end = at(year + 1).unwrap_or(begin);
        let (least, most) = (begin.min(end) / MAX_DISTANCE, begin.max(end) * MAX_DISTANCE);
        // Ethereum's proof of work has ended: nothing is hashed since.
        if rate == 0.0 || (least..=most).contains(&rate) {
            return Ok(());
        }
        Err(format!(
            "hash_rate_ths is {rate}: {chain} had about {begin} TH/s at the beginning of {year}. Is it in another unit? Columns may be called hash_rate_ghs and so on"
        ))
    }
}

/// Why `rows`, each of which may be one, cannot be together.
pub(crate) fn check_rows(rows: &Rows) -> Result<(), Wrong> {
    if *rows.table == MINING_SHARES {
        shares_add_up(rows)
    } else if *rows.table == HASH_RATES {
        hash_rates_do_not_jump(rows)
    } else {
        Ok(())
    }
}

fn shares_add_up(rows: &Rows) -> Result<(), Wrong> {
    let [chain, month, share] = ["chain", "month", "share"].map(|name| rows.table.place(name));
    let is_same =
        |a: &Row, b: &Row| a.text(chain) == b.text(chain) && a.whole(month) == b.whole(month);
    for month_rows in rows.rows.chunk_by(is_same) {
        let sum: f64 = month_rows.iter().filter_map(|row| row.number(share)).sum();
        if (sum - 1.0).abs() > SHARES_TOLERANCE {
            let first = &month_rows[0];
            let month = show_day(first.whole(month).unwrap_or_default());
            let chain = first.text(chain);
            let reason = format!(
                "the shares of {chain} in the month of {month} add up to {sum:.4}, not to 1: the rest is 'other'"
            );
            return Err(Wrong::at(first.line, reason));
        }
    }
    Ok(())
}

fn hash_rates_do_not_jump(rows: &Rows) -> Result<(), Wrong> {
    let [chain, rate] = ["chain", "hash_rate_ths"].map(|name| rows.table.place(name));
    for pair in rows.rows.windows(2) {
        if pair[0].text(chain) != pair[1].text(chain) {
            continue;
        }
        let rates = [&pair[0], &pair[1]].map(|row| row.number(rate).unwrap_or_default());
        let [before, after] = rates;
        if before > 0.0 && after > 0.0 && !(1.0 / MAX_JUMP..=MAX_JUMP).contains(&(after / before)) {
            let reason = format!(
                "hash_rate_ths goes from {before} on line {} to {after}: are they in one unit?",
                pair[0].line
            );
            return Err(Wrong::at(pair[1].line, reason));
        }
    }
    Ok(())
}
