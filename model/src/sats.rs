//! Bitcoin amounts.

/// Bitcoin value in satoshis.
///
/// Invariant: never above [`Sats::MAX`]. [`Sats::new`] is the only way in, so nothing downstream
/// of decode has to check again, and a sum of up to 4,000 of them fits 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sats(u64);

impl Sats {
    /// The most that can ever exist, `MAX_MONEY` of Bitcoin Core (`consensus/amount.h`).
    pub const MAX: Sats = Sats(21_000_000 * Sats::PER_BTC);
    /// Satoshis in one bitcoin.
    pub const PER_BTC: u64 = 100_000_000;
    /// Nothing.
    pub const ZERO: Sats = Sats(0);

    /// `sats` as an amount; `None` above [`Sats::MAX`].
    pub fn new(sats: u64) -> Option<Sats> {
        (sats <= Self::MAX.0).then_some(Sats(sats))
    }

    /// The number of satoshis.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The number of satoshis, as tables hold it.
    pub fn to_i64(self) -> i64 {
        self.0 as i64 // at most 2.1e15, far below 2^63
    }

    /// The sum; `None` above [`Sats::MAX`].
    pub fn checked_add(self, other: Sats) -> Option<Sats> {
        Sats::new(self.0 + other.0)
    }

    /// The difference; `None` below zero.
    pub fn checked_sub(self, other: Sats) -> Option<Sats> {
        self.0.checked_sub(other.0).map(Sats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_amount_exceeds_the_supply() {
        assert_eq!(Sats::new(2_100_000_000_000_000), Some(Sats::MAX));
        assert_eq!(Sats::new(2_100_000_000_000_001), None);
        assert_eq!(Sats::new(u64::MAX), None);
        assert_eq!(Sats::MAX.checked_add(Sats(1)), None);
        assert_eq!(Sats::ZERO.checked_sub(Sats(1)), None);
    }
}
