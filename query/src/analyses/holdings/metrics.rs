//! Concentration by the names and definitions of Coin Metrics (its product documentation, "Addresses" and
//! "Supply").
//!
//! Where a definition counts those with at least so many coins it is exact. Where it counts those with at
//! least so small a part of the supply, the holders of one bin of the histogram count by their mean.

use super::brackets::Edges;
use super::history::Spread;

/// Whole coins in the names of metrics: 10 to these powers.
const POWERS: std::ops::RangeInclusive<i32> = -3..=6;
/// Parts of the supply in the names of metrics: one in 10 to these powers.
const PARTS: std::ops::RangeInclusive<i32> = 3..=10;

/// Every metric of a day with its name. Supplies are in whole coins.
pub(super) fn metrics(spread: &Spread, edges: &Edges, decimals: u32) -> Vec<(String, Option<f64>)> {
    let (classes, counts) = (&spread.classes, &spread.counts);
    let supply = spread.supply as f64;
    let coins = |base_units: f64| base_units / 10f64.powi(decimals as i32);
    let all = counts.all();
    let mut metrics = vec![
        ("AdrBalCnt".to_owned(), Some(all.holders as f64)),
        ("SplyCur".to_owned(), Some(coins(supply))),
    ];
    for power in POWERS {
        let Some(rich) = counts.at_least(edges, power) else { continue };
        let name = written(power);
        metrics.push((format!("AdrBalNtv{name}Cnt"), Some(rich.holders as f64)));
        metrics.push((format!("SplyAdrBalNtv{name}"), Some(coins(rich.amount as f64))));
    }
    for power in PARTS {
        let rich = classes.at_least(supply / 10f64.powi(power));
        let name = written(power);
        metrics.push((format!("AdrBal1in{name}Cnt"), Some(rich.holders as f64)));
        metrics.push((format!("SplyAdrBal1in{name}"), Some(coins(rich.amount))));
    }
    let held = classes.all().amount;
    let top = |share: Option<f64>| share.map(|share| share * held);
    let top_percent = top(classes.top_fraction_share(0.01));
    let poor = held - classes.at_least(supply / 1e7).amount;
    metrics.extend([
        ("SplyAdrTop100".to_owned(), top(classes.top_share(100)).map(coins)),
        ("SplyAdrTop1Pct".to_owned(), top_percent.map(coins)),
        ("SplyAdrTop10Pct".to_owned(), top(classes.top_fraction_share(0.1)).map(coins)),
        // The supply equality ratio: the poorest against the richest.
        ("SER".to_owned(), top_percent.map(|rich| poor / rich)),
        // The network distribution factor.
        ("NDF".to_owned(), (supply > 0.0).then(|| classes.at_least(supply / 1e4).amount / supply)),
    ]);
    metrics.sort_by(|(a, _), (b, _)| a.cmp(b));
    metrics
}

/// 10 to `power` as it stands in names: 0.001, 1, 100, 1K, 10M, 1B.
fn written(power: i32) -> String {
    let (digits, unit) = match power {
        ..0 => return format!("0.{}1", "0".repeat((-power - 1) as usize)),
        0..3 => (power, ""),
        3..6 => (power - 3, "K"),
        6..9 => (power - 6, "M"),
        _ => (power - 9, "B"),
    };
    format!("1{}{unit}", "0".repeat(digits as usize))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::history::{Changes, History};
    use super::super::ledger::Holder;
    use super::*;
    use crate::analyses::calendar::Day;

    #[test]
    fn powers_are_written_as_in_the_names() {
        let names: Vec<_> = (-3..=10).map(written).collect();
        let expected = "0.001 0.01 0.1 1 10 100 1K 10K 100K 1M 10M 100M 1B 10B";
        assert_eq!(names.join(" "), expected);
    }

    /// 200 holders of a coin with two decimals: 198 of 1 coin, one of 100, one of 1,000.
    #[test]
    fn metrics_are_what_their_definitions_say() {
        let mut history = History::<i64>::new(2, 2);
        let mut day = Changes::new(Day { start: 0, last: 0 }, 2);
        let mut give = |number: u8, amount: i128| {
            day.receive(Holder::of(&[number]), amount).expect("small");
            day.issue(amount).expect("small");
        };
        (0..198).for_each(|number| give(number, 100));
        give(198, 10_000);
        give(199, 100_000);
        let spreads = history.live(&[day]).expect("small");
        let metrics: BTreeMap<_, _> =
            metrics(&spreads[0], history.edges(), 2).into_iter().collect();
        let is = |name: &str, expected: f64| {
            let value = metrics[name].expect(name);
            assert!((value - expected).abs() < 1e-9 * expected.max(1.0), "{name}: {value}");
        };
        is("AdrBalCnt", 200.0);
        is("SplyCur", 1_298.0);
        is("AdrBalNtv1Cnt", 200.0);
        is("AdrBalNtv10Cnt", 2.0);
        is("SplyAdrBalNtv10", 1_100.0);
        is("AdrBalNtv1KCnt", 1.0);
        is("AdrBalNtv10KCnt", 0.0);
        // A thousandth of the supply is 1.298 coins.
        is("AdrBal1in1KCnt", 2.0);
        is("SplyAdrBal1in1K", 1_100.0);
        is("AdrBal1in10KCnt", 200.0);
        is("SplyAdrTop100", 1_198.0);
        is("SplyAdrTop1Pct", 1_100.0);
        is("SplyAdrTop10Pct", 1_118.0);
        is("NDF", 1.0);
        is("SER", 0.0);
        // There is no edge below a hundredth of a coin that has two decimals.
        assert!(!metrics.contains_key("AdrBalNtv0.001Cnt"));
    }
}
