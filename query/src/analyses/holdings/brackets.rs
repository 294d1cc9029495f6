//! How many holders hold between what and what, in whole coins, exactly.

use super::bins::Bin;
use super::ledger::Changed;

/// The first bracket ends at 10 to this power, in coins; each other is ten times as wide as the one below.
const FIRST_POWER: i32 = -3;
/// The last bracket begins at 10 to this power.
const LAST_POWER: i32 = 15;

/// The edges between brackets: for each power of ten from [`FIRST_POWER`] on, what that many coins are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edges {
    /// Base units, ascending.
    base_units: Vec<i128>,
    /// The power of the first of them.
    first_power: i32,
}

impl Edges {
    /// Of an asset whose coin has 10^`decimals` base units. Where the smallest edges are less than one
    /// base unit, there are none.
    pub(super) fn new(decimals: u32) -> Edges {
        let first_power = FIRST_POWER.max(-(decimals as i32));
        let powers = first_power..=LAST_POWER;
        let base_units = powers.filter_map(|power| {
            let exponent = u32::try_from(power + decimals as i32).ok()?;
            10i128.checked_pow(exponent)
        });
        Edges { base_units: base_units.collect(), first_power }
    }

    /// The bracket of those who hold `amount`.
    fn place(&self, amount: i128) -> usize {
        self.base_units.partition_point(|edge| *edge <= amount)
    }

    /// At 10 to which power of coins the bracket at `place` begins; `None` for the first, which begins
    /// above zero.
    fn begins_at(&self, place: usize) -> Option<i32> {
        Some(self.first_power + place.checked_sub(1)? as i32)
    }
}

/// Those who hold between an edge and the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// At 10 to which power of coins it begins, inclusive; `None` for the first, which begins above zero.
    pub from_power: Option<i32>,
    /// At 10 to which power it ends, exclusive; `None` for the last.
    pub to_power: Option<i32>,
    /// How many they are.
    pub holders: u64,
    /// What they hold together, base units.
    pub amount: i128,
}

/// Holders by bracket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts(Vec<Bin>);

impl Counts {
    pub(super) fn new(edges: &Edges) -> Counts {
        Counts(vec![Bin::default(); edges.base_units.len() + 1])
    }

    /// Goes along with a change.
    pub(super) fn change(&mut self, edges: &Edges, changed: Changed) {
        let Changed { before, after } = changed;
        if before > 0 {
            let bin = &mut self.0[edges.place(before)];
            bin.holders -= 1;
            bin.amount -= before;
        }
        if after > 0 {
            self.0[edges.place(after)].add(Bin { holders: 1, amount: after });
        }
    }

    /// Adds the holders of `other`.
    pub(super) fn add(&mut self, other: &Counts) {
        self.0.iter_mut().zip(&other.0).for_each(|(bin, other)| bin.add(*other));
    }

    /// All who hold anything.
    pub(super) fn all(&self) -> Bin {
        let mut all = Bin::default();
        self.0.iter().for_each(|bin| all.add(*bin));
        all
    }

    /// All who hold at least 10 to `power` coins; `None` if that is no edge.
    pub(super) fn at_least(&self, edges: &Edges, power: i32) -> Option<Bin> {
        let place = usize::try_from(power - edges.first_power).ok()?;
        let mut rich = Bin::default();
        self.0.get(place + 1..)?.iter().for_each(|bin| rich.add(*bin));
        Some(rich)
    }

    /// Every bracket up to the last in which there is anybody.
    pub(super) fn brackets(&self, edges: &Edges) -> Vec<Bracket> {
        let count = self.0.iter().rposition(|bin| bin.holders > 0).map_or(0, |last| last + 1);
        let bracket = |(place, bin): (usize, &Bin)| Bracket {
            from_power: edges.begins_at(place),
            to_power: edges.begins_at(place + 1).filter(|_| place < edges.base_units.len()),
            holders: bin.holders,
            amount: bin.amount,
        };
        self.0[..count].iter().enumerate().map(bracket).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In bitcoins: 0.0001, 0.001 twice, 0.01 less a satoshi, 10.
    #[test]
    fn an_edge_belongs_to_the_bracket_above_it() {
        let edges = Edges::new(8);
        let mut counts = Counts::new(&edges);
        for after in [10_000, 100_000, 100_000, 999_999, 1_000_000_000] {
            counts.change(&edges, Changed { before: 0, after });
        }
        counts.change(&edges, Changed { before: 100_000, after: 0 });
        counts.change(&edges, Changed { before: 0, after: -5 });
        let brackets = counts.brackets(&edges);
        let shown: Vec<_> =
            brackets.iter().map(|b| (b.from_power, b.to_power, b.holders, b.amount)).collect();
        assert_eq!(
            shown,
            [
                (None, Some(-3), 1, 10_000),
                (Some(-3), Some(-2), 2, 1_099_999),
                (Some(-2), Some(-1), 0, 0),
                (Some(-1), Some(0), 0, 0),
                (Some(0), Some(1), 0, 0),
                (Some(1), Some(2), 1, 1_000_000_000),
            ]
        );
        assert_eq!(counts.all(), Bin { holders: 4, amount: 1_001_109_999 });
    }

    #[test]
    fn a_coin_without_parts_has_whole_brackets_and_a_fine_one_has_all_that_fit() {
        let whole = Edges::new(0);
        assert_eq!((whole.first_power, whole.base_units[0]), (0, 1));
        let fine = Edges::new(30);
        assert_eq!(fine.base_units.last(), Some(&10i128.pow(38)));
        let mut counts = Counts::new(&whole);
        counts.change(&whole, Changed { before: 0, after: i128::MAX });
        let last = *counts.brackets(&whole).last().expect("somebody holds");
        assert_eq!((last.from_power, last.to_power), (Some(LAST_POWER), None));
    }
}
