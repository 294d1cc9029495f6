//! Measures of concentration, over holders in the order of what they hold.
//!
//! # Invariants
//!
//! * Holders of one class count as equal: each measure is that of holders who hold their class's mean.
//! * Sums are compensated, so that 10^9 holders cost no digits.

use std::iter::Sum;

/// Holders of about the same amount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Class {
    /// How many they are; at least one.
    pub(crate) holders: u64,
    /// What they hold together.
    pub(crate) amount: f64,
}

impl Class {
    fn mean(self) -> f64 {
        self.amount / self.holders as f64
    }
}

/// All holders, the poorest first. Shares are fractions of what all hold together; there are none where
/// nothing is held.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Classes {
    classes: Vec<Class>,
    holders: u64,
    amount: f64,
}

impl Classes {
    /// Those of `classes`, which are in the order of their means.
    pub(crate) fn new(classes: Vec<Class>) -> Classes {
        let holders = classes.iter().map(|class| class.holders).sum();
        let amount = classes.iter().map(|class| class.amount).sum::<Compensated>().value();
        Classes { classes, holders, amount }
    }

    fn is_empty(&self) -> bool {
        self.amount <= 0.0
    }

    /// Gini's coefficient: 0 if all hold the same, near 1 if one holds everything.
    ///
    /// With amounts in ascending order and ranks i from 1 to n it is 2·Σ(i·xᵢ) / (n·Σxᵢ) − (n + 1) / n
    /// (Gini 1912), which is 1 less twice the area under Lorenz's curve. That is what is summed here.
    pub(crate) fn gini(&self) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let (mut below, mut area) = (Compensated::default(), Compensated::default());
        for class in &self.classes {
            area.add(class.holders as f64 * (2.0 * below.value() + class.amount));
            below.add(class.amount);
        }
        Some(1.0 - area.value() / (self.holders as f64 * self.amount))
    }

    /// Theil's index T: the mean of (x / μ)·ln(x / μ), in nats, from 0 (all hold the same) to ln(n)
    /// (one holds everything); who holds nothing adds nothing (Theil 1967).
    pub(crate) fn theil(&self) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let mean = self.amount / self.holders as f64;
        let held = self.classes.iter().filter(|class| class.amount > 0.0);
        let parts = held.map(|class| class.amount / self.amount * (class.mean() / mean).ln());
        Some(parts.sum::<Compensated>().value())
    }

    /// The index of Herfindahl and Hirschman: the sum of the squares of all shares, from 1/n to 1.
    pub(crate) fn hhi(&self) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let share = |class: &Class| class.amount / self.amount;
        let squares = self.classes.iter().map(|class| share(class).powi(2) / class.holders as f64);
        Some(squares.sum::<Compensated>().value())
    }

    /// The least number of holders who hold more than `threshold` of everything together (Srinivasan
    /// and Lee 2017, whose threshold is 0.51; more than 0.5 is what a majority is).
    pub(crate) fn nakamoto(&self, threshold: f64) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        let wanted = threshold * self.amount;
        let (mut holders, mut held) = (0, Compensated::default());
        for class in self.classes.iter().rev() {
            if held.value() + class.amount > wanted {
                let whole = ((wanted - held.value()) / class.mean()).floor() as u64;
                return Some(holders + (whole + 1).min(class.holders));
            }
            holders += class.holders;
            held.add(class.amount);
        }
        Some(holders)
    }

    /// The share of the `count` richest holders.
    pub(crate) fn top_share(&self, count: u64) -> Option<f64> {
        self.share_of_richest(count as f64)
    }

    /// The share of the richest `fraction` of all holders. Where that is no whole number of holders, a
    /// part of one counts, as on Lorenz's curve.
    pub(crate) fn top_fraction_share(&self, fraction: f64) -> Option<f64> {
        self.share_of_richest(fraction * self.holders as f64)
    }

    fn share_of_richest(&self, mut wanted: f64) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let mut held = Compensated::default();
        for class in self.classes.iter().rev() {
            let holders = class.holders as f64;
            if holders > wanted {
                held.add(wanted * class.mean());
                break;
            }
            wanted -= holders;
            held.add(class.amount);
        }
        Some((held.value() / self.amount).min(1.0))
    }

    /// Those who hold at least `amount`: a class of holders counts by their mean.
    pub(crate) fn at_least(&self, amount: f64) -> Class {
        let from = self.classes.partition_point(|class| class.mean() < amount);
        let rich = &self.classes[from..];
        Class {
            holders: rich.iter().map(|class| class.holders).sum(),
            amount: rich.iter().map(|class| class.amount).sum::<Compensated>().value(),
        }
    }

    /// All holders.
    pub(crate) fn all(&self) -> Class {
        Class { holders: self.holders, amount: self.amount }
    }

    /// Lorenz's curve: what share the poorest 0/`points`, 1/`points` … `points`/`points` of all holders
    /// hold, straight between holders; `points` + 1 values.
    pub(crate) fn lorenz(&self, points: u32) -> Option<Vec<f64>> {
        if self.is_empty() {
            return None;
        }
        let mut rest = self.classes.iter();
        let (mut class, mut below, mut held) = (rest.next()?, 0, Compensated::default());
        let mut curve = Vec::with_capacity(points as usize + 1);
        for point in 0..points {
            let wanted = f64::from(point) / f64::from(points) * self.holders as f64;
            while (below + class.holders) as f64 <= wanted {
                below += class.holders;
                held.add(class.amount);
                class = rest.next()?;
            }
            let part = (wanted - below as f64) * class.mean();
            curve.push((held.value() + part) / self.amount);
        }
        curve.push(1.0);
        Some(curve)
    }
}

/// A sum with what rounding took from it (Neumaier 1974).
#[derive(Clone, Copy, Debug, Default)]
struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.lost
    }
}

impl Sum<f64> for Compensated {
    fn sum<I: Iterator<Item = f64>>(values: I) -> Compensated {
        let mut sum = Compensated::default();
        values.for_each(|value| sum.add(value));
        sum
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Each holder in a class of their own.
    fn of(amounts: &[u64]) -> Classes {
        let mut amounts = amounts.to_vec();
        amounts.sort_unstable();
        let class = |amount: u64| Class { holders: 1, amount: amount as f64 };
        Classes::new(amounts.into_iter().map(class).collect())
    }

    /// All who hold the same in one class.
    fn grouped(amounts: &[u64]) -> Classes {
        let mut amounts = amounts.to_vec();
        amounts.sort_unstable();
        let classes = amounts.chunk_by(|a, b| a == b).map(|same| Class {
            holders: same.len() as u64,
            amount: same.iter().sum::<u64>() as f64,
        });
        Classes::new(classes.collect())
    }

    /// Half the mean difference between two holders, in terms of the mean.
    fn gini_by_definition(amounts: &[u64]) -> f64 {
        let differences = amounts.iter().flat_map(|a| amounts.iter().map(|b| a.abs_diff(*b)));
        let (n, total) = (amounts.len() as f64, amounts.iter().sum::<u64>() as f64);
        differences.sum::<u64>() as f64 / (2.0 * n * total)
    }

    fn theil_by_definition(amounts: &[u64]) -> f64 {
        let mean = amounts.iter().sum::<u64>() as f64 / amounts.len() as f64;
        let ratios =
            amounts.iter().map(|amount| *amount as f64 / mean).filter(|ratio| *ratio > 0.0);
        ratios.map(|ratio| ratio * ratio.ln()).sum::<f64>() / amounts.len() as f64
    }

    fn nakamoto_by_definition(amounts: &[u64], percent: u64) -> u64 {
        let mut amounts = amounts.to_vec();
        amounts.sort_unstable_by(|a, b| b.cmp(a));
        let total: u64 = amounts.iter().sum();
        let has_enough =
            |count: &usize| amounts[..*count].iter().sum::<u64>() * 100 > percent * total;
        (0..=amounts.len()).find(has_enough).expect("all have all") as u64
    }

    fn share_by_definition(amounts: &[u64], count: usize) -> f64 {
        let mut amounts = amounts.to_vec();
        amounts.sort_unstable_by(|a, b| b.cmp(a));
        let top: u64 = amounts.iter().take(count).sum();
        top as f64 / amounts.iter().sum::<u64>() as f64
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    proptest! {
        #[test]
        fn measures_agree_with_their_definitions(
            amounts in vec(prop_oneof![0u64..50, 0u64..1 << 40], 1..60),
            percent in 1u64..100,
            count in 1usize..70,
        ) {
            prop_assume!(amounts.iter().any(|amount| *amount > 0));
            let total: u64 = amounts.iter().sum();
            let hhi = amounts.iter().map(|x| (*x as f64 / total as f64).powi(2)).sum::<f64>();
            for classes in [of(&amounts), grouped(&amounts)] {
                prop_assert!(near(classes.gini().expect("held"), gini_by_definition(&amounts)));
                prop_assert!(near(classes.theil().expect("held"), theil_by_definition(&amounts)));
                prop_assert!(near(classes.hhi().expect("held"), hhi));
                let share = classes.top_share(count as u64).expect("held");
                prop_assert!(near(share, share_by_definition(&amounts, count)));
                let fraction = count.min(amounts.len()) as f64 / amounts.len() as f64;
                let share = classes.top_fraction_share(fraction).expect("held");
                prop_assert!(near(share, share_by_definition(&amounts, count)));
                // Percents are no binary fractions: at the very edge either answer is right.
                let found = classes.nakamoto(percent as f64 / 100.0).expect("held");
                let held = share_by_definition(&amounts, found as usize);
                let fewer = share_by_definition(&amounts, found as usize - 1);
                prop_assert!(held > percent as f64 / 100.0 - 1e-12);
                prop_assert!(fewer <= percent as f64 / 100.0 + 1e-12);
                let majority = classes.nakamoto(0.5).expect("held");
                prop_assert_eq!(majority, nakamoto_by_definition(&amounts, 50));
            }
        }

        #[test]
        fn those_with_enough_are_counted(amounts in vec(0u64..50, 1..60), enough in 0u64..55) {
            let rich = amounts.iter().filter(|amount| **amount >= enough);
            let (holders, amount) = rich.fold((0, 0), |(n, sum), amount| (n + 1, sum + amount));
            for classes in [of(&amounts), grouped(&amounts)] {
                let found = classes.at_least(enough as f64);
                prop_assert_eq!(found, Class { holders, amount: amount as f64 });
                prop_assert_eq!(classes.at_least(0.0), classes.all());
            }
        }

        #[test]
        fn lorenz_is_the_other_side_of_the_top(
            amounts in vec(0u64..1000, 1..60),
            points in 1u32..40,
        ) {
            prop_assume!(amounts.iter().any(|amount| *amount > 0));
            for classes in [of(&amounts), grouped(&amounts)] {
                let curve = classes.lorenz(points).expect("held");
                prop_assert_eq!(curve.len(), points as usize + 1);
                for (point, share) in curve.into_iter().enumerate() {
                    let fraction = 1.0 - point as f64 / f64::from(points);
                    let top = classes.top_fraction_share(fraction).expect("held");
                    prop_assert!(near(share + top, 1.0));
                }
            }
        }
    }

    #[test]
    fn nothing_held_has_no_measure() {
        for classes in [of(&[]), of(&[0, 0])] {
            assert_eq!(classes.gini(), None);
            assert_eq!(classes.theil(), None);
            assert_eq!(classes.hhi(), None);
            assert_eq!(classes.nakamoto(0.5), None);
            assert_eq!(classes.top_share(1), None);
            assert_eq!(classes.lorenz(4), None);
        }
    }

    /// The mean of 10^9 holders of 1/3 is 1/3, and nothing is unequal about them.
    #[test]
    fn a_billion_holders_cost_no_digits() {
        let class = Class { holders: 1000, amount: 1000.0 / 3.0 };
        let classes = Classes::new(vec![class; 1_000_000]);
        assert!((classes.amount - 1e9 / 3.0).abs() < 1e-6);
        assert!(classes.gini().expect("held").abs() < 1e-12);
        assert!((classes.hhi().expect("held") - 1e-9).abs() < 1e-20);
    }
}
