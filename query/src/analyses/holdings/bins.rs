//! How many holders hold about how much: a histogram that a change of a balance updates in two places.
//!
//! # Invariants
//!
//! * Counts and sums are exact, so what all hold is, too.
//! * Holders of one bin hold the same to 1 part in 2^[`PRECISION_BITS`]; below 2^[`PRECISION_BITS`] base
//!   units, exactly the same.

use crate::distribution::{Class, Classes};

use super::ledger::Changed;

/// How finely amounts are told apart.
const PRECISION_BITS: u32 = 10;

/// Holders of about the same amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bin {
    pub(super) holders: u64,
    /// What they hold together, base units.
    pub(super) amount: i128,
}

impl Bin {
    pub(super) fn add(&mut self, other: Bin) {
        self.holders += other.holders;
        self.amount += other.amount;
    }
}

/// The histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bins {
    /// From the poorest up.
    bins: Vec<Bin>,
}

/// The place of the bin of those who hold `amount`, which is above zero.
fn place(amount: i128) -> usize {
    let bits = i128::BITS - amount.leading_zeros();
    // What is not larger than the precision has a bin of its own.
    let octave = bits.saturating_sub(PRECISION_BITS + 1);
    ((octave as usize) << PRECISION_BITS) + (amount >> octave) as usize
}

impl Bins {
    /// Goes along with a change. Who holds nothing, or less, is in no bin.
    pub(super) fn change(&mut self, changed: Changed) {
        let Changed { before, after } = changed;
        let after_place = (after > 0).then(|| place(after));
        if before > 0 {
            let before_place = place(before);
            let bin = &mut self.bins[before_place];
            if after_place == Some(before_place) {
                bin.amount += after - before;
                return;
            }
            bin.holders -= 1;
            bin.amount -= before;
        }
        if let Some(place) = after_place {
            if place >= self.bins.len() {
                self.bins.resize(place + 1, Bin::default());
            }
            self.bins[place].add(Bin { holders: 1, amount: after });
        }
    }

    /// Those bins that have holders, with their places, from the poorest up.
    pub(super) fn held(&self) -> Vec<(u32, Bin)> {
        let held = self.bins.iter().enumerate().filter(|(_, bin)| bin.holders > 0);
        held.map(|(place, bin)| (place as u32, *bin)).collect()
    }
}

/// All holders of several histograms, each with different holders.
pub(super) fn classes<'a>(parts: impl IntoIterator<Item = &'a [(u32, Bin)]>) -> Classes {
    let mut all: Vec<(u32, Bin)> = parts.into_iter().flatten().copied().collect();
    // Each part is in order already: this sort finds that and merges.
    all.sort_by_key(|(place, _)| *place);
    let same = all.chunk_by(|(a, _), (b, _)| a == b);
    let classes = same.map(|bins| {
        let mut whole = Bin::default();
        bins.iter().for_each(|(_, bin)| whole.add(*bin));
        Class { holders: whole.holders, amount: whole.amount as f64 }
    });
    Classes::new(classes.collect())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn amounts() -> impl Strategy<Value = i128> {
        // As many of each order of magnitude.
        (0u32..100, any::<u128>()).prop_map(|(bits, random)| {
            let top = 1u128 << bits;
            (top | (random & (top - 1))) as i128
        })
    }

    proptest! {
        #[test]
        fn places_follow_the_amounts_and_are_as_fine_as_stated(
            mut amounts in vec(amounts(), 2..50)
        ) {
            amounts.sort_unstable();
            for pair in amounts.windows(2) {
                let (small, large) = (pair[0], pair[1]);
                prop_assert!(place(small) <= place(large));
                if place(small) == place(large) {
                    prop_assert!((large - small) << PRECISION_BITS < small || large == small);
                }
                prop_assert!(place(large + 1) - place(large) <= 1);
            }
        }

        #[test]
        fn bins_after_changes_are_those_of_what_is_held(
            changes in vec((0usize..8, -1_000_000i128..2_000_000), 0..200)
        ) {
            let (mut balances, mut bins) = ([0i128; 8], Bins::default());
            for (holder, change) in changes {
                let before = balances[holder];
                balances[holder] += change;
                bins.change(Changed { before, after: balances[holder] });
            }
            let mut anew = Bins::default();
            for after in balances {
                anew.change(Changed { before: 0, after });
            }
            prop_assert_eq!(bins.held(), anew.held());
            let held = balances.into_iter().filter(|balance| *balance > 0);
            let sum: i128 = bins.held().iter().map(|(_, bin)| bin.amount).sum();
            prop_assert_eq!(sum, held.sum::<i128>());
        }
    }

    /// The bound that the documentation states, on holders of very different amounts: measures by bins are
    /// off by less than one part in 2^10 of those by each holder.
    #[test]
    fn measures_by_bins_are_within_the_bound() {
        let amounts: Vec<i128> = (0..100_000u64)
            .map(|number| {
                let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
                1 + (spread as f64 / 2f64.powi(53) * 45.0).exp2() as i128
            })
            .collect();
        let mut bins = Bins::default();
        for after in &amounts {
            bins.change(Changed { before: 0, after: *after });
        }
        let mut sorted = amounts;
        sorted.sort_unstable();
        let each = sorted.iter().map(|amount| Class { holders: 1, amount: *amount as f64 });
        let (exact, binned) = (Classes::new(each.collect()), classes([bins.held().as_slice()]));
        let bound = 2f64.powi(-(PRECISION_BITS as i32));
        let off = |measure: fn(&Classes) -> Option<f64>| {
            let [exact, binned] = [&exact, &binned].map(|classes| measure(classes).expect("held"));
            (binned - exact).abs() / exact
        };
        assert!(off(Classes::gini) < bound);
        assert!(off(Classes::theil) < bound);
        assert!(off(Classes::hhi) < bound);
        assert!(off(|classes| classes.top_share(100)) < bound);
        assert!(off(|classes| classes.top_fraction_share(0.01)) < bound);
        assert!(off(|classes| classes.nakamoto(0.5).map(|count| count as f64)) < bound);
    }

    #[test]
    fn parts_are_taken_together() {
        let of = |amounts: &[i128]| {
            let mut bins = Bins::default();
            amounts.iter().for_each(|after| bins.change(Changed { before: 0, after: *after }));
            bins.held()
        };
        let (left, right) = (of(&[5, 7, 1 << 40]), of(&[7, 9]));
        let together = classes([left.as_slice(), right.as_slice()]);
        assert_eq!(together, classes([of(&[5, 7, 7, 9, 1 << 40]).as_slice()]));
    }
}
