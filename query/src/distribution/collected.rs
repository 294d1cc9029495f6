//! Amounts as they come, in any order, kept small enough for any number of them.
//!
//! # Invariants
//!
//! * What is kept depends on the amounts alone: not on their order, nor on how they were divided into
//!   parts that were merged (but where some were removed again, it depends on how many there were
//!   before). Counts and sums are exact.
//! * Up to [`EXACT_AMOUNTS`] different amounts are all kept. Beyond, those whose first
//!   [`COARSE_BITS`] bits after the leading one are the same are kept as their count and sum.

use super::{Class, Classes};

/// How many different amounts are kept as they are: 8 MiB of them.
const EXACT_AMOUNTS: usize = 1 << 18;
/// How finely amounts are told apart where there are more: by 1 part in 2^12.
const COARSE_BITS: u32 = 12;
/// Bits of a floating-point number after the leading one.
const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
/// What is subtracted from the exponent of a number to get that of the last of its bits.
const EXPONENT_BIAS: i32 = 1075;
/// Amounts that are put aside, at least, before they are sorted in.
const LEAST_PENDING: usize = 1024;
/// Bytes of a bin in a state that is passed on.
const BIN_BYTES: usize = 32;

/// An amount that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not an amount that can be held: leave it out, as with filter (where x >= 0)")]
pub(crate) struct NotAnAmount(f64);

/// Amounts, each that of a holder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected {
    /// In the order of their keys, which is that of the amounts.
    bins: Vec<Bin>,
    /// Bits of the amounts that are yet to be sorted in.
    pending: Vec<u64>,
    is_coarse: bool,
}

/// Amounts that are kept as one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bin {
    /// The bits of the amounts, or the first of them: of numbers that are not negative, they are in
    /// the order of the numbers.
    key: u64,
    count: u64,
    /// The sum of the amounts, in the unit of the last bit, which is the same for all of them.
    sum: u128,
}

impl Bin {
    fn of(bits: u64, key: u64) -> Bin {
        let fraction = bits & ((1 << MANTISSA_BITS) - 1);
        let leading = if bits >> MANTISSA_BITS == 0 { 0 } else { 1 << MANTISSA_BITS };
        Bin { key, count: 1, sum: u128::from(fraction | leading) }
    }

    fn class(self, shift: u32) -> Class {
        let exponent = (self.key << shift) >> MANTISSA_BITS;
        // Numbers below the least exponent have it, too.
        let unit = exponent.max(1) as i32 - EXPONENT_BIAS;
        // In two steps: the unit of a small number is smaller than any number with all bits.
        let amount = self.sum as f64 * 2f64.powi(unit / 2) * 2f64.powi(unit - unit / 2);
        Class { holders: self.count, amount }
    }
}

impl Collected {
    /// Adds a holder of `amount`.
    pub(crate) fn add(&mut self, amount: f64) -> Result<(), NotAnAmount> {
        self.pending.push(bits(amount)?);
        if self.pending.len() >= self.bins.len().max(LEAST_PENDING) {
            self.sort_in();
        }
        Ok(())
    }

    /// Takes away a holder of `amount`, who was added before.
    pub(crate) fn remove(&mut self, amount: f64) -> Result<(), NotAnAmount> {
        let bits = bits(amount)?;
        self.sort_in();
        let gone = Bin::of(bits, bits >> self.shift());
        if let Ok(place) = self.bins.binary_search_by_key(&gone.key, |bin| bin.key) {
            let bin = &mut self.bins[place];
            bin.count -= 1;
            bin.sum -= gone.sum;
            if bin.count == 0 {
                self.bins.remove(place);
            }
        }
        Ok(())
    }

    /// Adds all holders of `other`.
    pub(crate) fn merge(&mut self, mut other: Collected) {
        self.sort_in();
        other.sort_in();
        if self.is_coarse != other.is_coarse {
            self.make_coarse();
            other.make_coarse();
        }
        self.merge_bins(&other.bins);
    }

    /// The holders in order.
    pub(crate) fn classes(&mut self) -> Classes {
        self.sort_in();
        let shift = self.shift();
        Classes::new(self.bins.iter().map(|bin| bin.class(shift)).collect())
    }

    /// Memory that is held, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bins.capacity() * size_of::<Bin>() + self.pending.capacity() * size_of::<u64>()
    }

    /// All of it, to be passed on to where it is merged.
    pub(crate) fn encode(&mut self) -> Vec<u8> {
        self.sort_in();
        let mut bytes = Vec::with_capacity(1 + self.bins.len() * BIN_BYTES);
        bytes.push(u8::from(self.is_coarse));
        for Bin { key, count, sum } in &self.bins {
            bytes.extend(key.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend(sum.to_le_bytes());
        }
        bytes
    }

    /// What [`Collected::encode`] gave; `None` if that is not what `bytes` are.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Collected> {
        let (is_coarse, bytes) = bytes.split_first()?;
        let (bins, rest) = bytes.as_chunks::<BIN_BYTES>();
        let bins = bins.iter().map(|bin| {
            let (key, rest) = bin.split_first_chunk()?;
            let (count, rest) = rest.split_first_chunk()?;
            let sum = rest.first_chunk()?;
            Some(Bin {
                key: u64::from_le_bytes(*key),
                count: u64::from_le_bytes(*count),
                sum: u128::from_le_bytes(*sum),
            })
        });
        let bins: Vec<Bin> = bins.collect::<Option<_>>()?;
        let is_sorted = bins.is_sorted_by(|a, b| a.key < b.key);
        let is_whole = *is_coarse <= 1 && rest.is_empty() && bins.iter().all(|bin| bin.count > 0);
        let collected = Collected { bins, pending: Vec::new(), is_coarse: *is_coarse == 1 };
        (is_sorted && is_whole).then_some(collected)
    }

    /// How many of the last bits of an amount are not part of its key.
    fn shift(&self) -> u32 {
        if self.is_coarse { MANTISSA_BITS - COARSE_BITS } else { 0 }
    }

    fn sort_in(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_unstable();
        let shift = self.shift();
        let mut added: Vec<Bin> = Vec::new();
        for bits in &pending {
            push(&mut added, Bin::of(*bits, bits >> shift));
        }
        self.merge_bins(&added);
        pending.clear();
        self.pending = pending;
    }

    /// Adds `added`, whose keys are of the same length and in order.
    fn merge_bins(&mut self, added: &[Bin]) {
        if added.is_empty() {
            return;
        }
        let mut bins = Vec::with_capacity(self.bins.len() + added.len());
        let (mut ours, mut theirs) = (self.bins.iter().peekable(), added.iter().peekable());
        while let Some(bin) = match (ours.peek(), theirs.peek()) {
            (Some(our), Some(their)) if our.key <= their.key => ours.next(),
            (_, Some(_)) => theirs.next(),
            (_, None) => ours.next(),
        } {
            push(&mut bins, *bin);
        }
        self.bins = bins;
        if !self.is_coarse && self.bins.len() > EXACT_AMOUNTS {
            self.make_coarse();
        }
    }

    fn make_coarse(&mut self) {
        if !self.is_coarse {
            self.is_coarse = true;
            let (shift, fine) = (self.shift(), std::mem::take(&mut self.bins));
            for bin in fine {
                push(&mut self.bins, Bin { key: bin.key >> shift, ..bin });
            }
        }
    }
}

/// Adds `bin`, whose key is not below the last one's.
fn push(bins: &mut Vec<Bin>, bin: Bin) {
    match bins.last_mut() {
        Some(last) if last.key == bin.key => {
            last.count += bin.count;
            last.sum += bin.sum;
        }
        _ => bins.push(bin),
    }
}

fn bits(amount: f64) -> Result<u64, NotAnAmount> {
    // Of the two zeros, the negative one is none of a holder's.
    match amount + 0.0 {
        amount if amount >= 0.0 && amount.is_finite() => Ok(amount.to_bits()),
        amount => Err(NotAnAmount(amount)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn collected(amounts: &[f64]) -> Collected {
        let mut collected = Collected::default();
        for amount in amounts {
            collected.add(*amount).expect("an amount");
        }
        collected
    }

    /// More different amounts than are kept, over many orders of magnitude.
    fn many() -> Vec<f64> {
        let amounts = (0..EXACT_AMOUNTS as u64 * 3).map(|number| {
            let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
            (spread as f64 / 2f64.powi(53) * 40.0).exp2()
        });
        amounts.collect()
    }

    fn amounts() -> impl Strategy<Value = Vec<f64>> {
        let amount = prop_oneof![
            Just(0.0),
            (0u64..20).prop_map(|amount| amount as f64),
            0.0..1e18,
            Just(f64::MIN_POSITIVE / 4.0),
        ];
        vec(amount, 1..200)
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_came(amounts in amounts()) {
            let mut sorted = amounts.clone();
            sorted.sort_by(f64::total_cmp);
            let classes = sorted.chunk_by(|a, b| a == b).map(|same| Class {
                holders: same.len() as u64,
                amount: same[0] * same.len() as f64,
            });
            let expected = Classes::new(classes.collect());
            prop_assert_eq!(collected(&amounts).classes(), expected);
        }

        #[test]
        fn parts_merge_to_the_whole(amounts in amounts(), cut in 0usize..200) {
            let (left, right) = amounts.split_at(cut.min(amounts.len()));
            let mut merged = collected(right);
            let passed_on = collected(left).encode();
            merged.merge(Collected::decode(&passed_on).expect("whole"));
            prop_assert_eq!(merged.encode(), collected(&amounts).encode());
        }

        #[test]
        fn what_is_removed_was_never_there(amounts in amounts(), cut in 0usize..200) {
            let (gone, kept) = amounts.split_at(cut.min(amounts.len()));
            let mut all = collected(&amounts);
            for amount in gone {
                all.remove(*amount).expect("an amount");
            }
            prop_assert_eq!(all.encode(), collected(kept).encode());
        }

        #[test]
        fn a_damaged_state_is_noticed_or_is_one(
            bytes in vec(any::<u8>(), 0..200),
        ) {
            if let Some(mut collected) = Collected::decode(&bytes) {
                prop_assert_eq!(collected.encode(), bytes);
            }
        }
    }

    #[test]
    fn many_amounts_are_kept_in_little_room_and_in_any_order() {
        let amounts = many();
        let mut whole = collected(&amounts);
        assert!(whole.is_coarse && whole.bins.len() <= 41 << COARSE_BITS);
        let mut parts = Collected::default();
        for part in amounts.rchunks(EXACT_AMOUNTS / 3) {
            parts.merge(collected(part));
        }
        assert_eq!(parts.encode(), whole.encode());
    }

    /// The bound that the documentation states: each amount is off by less than one part in 2^12, and
    /// so is each sum of them.
    #[test]
    fn many_amounts_are_measured_within_the_bound() {
        let amounts = many();
        let mut sorted = amounts.clone();
        sorted.sort_by(f64::total_cmp);
        let each = sorted.iter().map(|amount| Class { holders: 1, amount: *amount });
        let (exact, coarse) = (Classes::new(each.collect()), collected(&amounts).classes());
        let bound = 2f64.powi(-(COARSE_BITS as i32));
        let off = |measure: fn(&Classes) -> Option<f64>| {
            let [exact, coarse] = [&exact, &coarse].map(|classes| measure(classes).expect("held"));
            (coarse - exact).abs() / exact
        };
        assert!(off(Classes::gini) < bound);
        assert!(off(Classes::theil) < bound);
        assert!(off(Classes::hhi) < bound);
        assert!(off(|classes| classes.top_share(1000)) < bound);
        assert!(off(|classes| classes.top_fraction_share(0.03)) < bound);
        assert!(off(|classes| classes.nakamoto(0.5).map(|count| count as f64)) < bound);
    }

    #[test]
    fn what_nobody_can_hold_is_refused() {
        for amount in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Collected::default().add(amount).is_err(), "{amount}");
        }
        assert_eq!(collected(&[-0.0]).encode(), collected(&[0.0]).encode());
    }
}
