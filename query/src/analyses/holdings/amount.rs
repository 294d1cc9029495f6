//! Amounts in a ledger: of 64 bits where all of an asset fits into that, of 128 elsewhere.

/// An amount in base units.
pub(super) trait Amount: Copy + Send + Sync + 'static {
    /// Bytes of an amount that is written down.
    const BYTES: usize;

    /// `None` if it is too large.
    fn new(amount: i128) -> Option<Self>;

    fn get(self) -> i128;
}

impl Amount for i64 {
    const BYTES: usize = 8;

    fn new(amount: i128) -> Option<i64> {
        amount.try_into().ok()
    }

    fn get(self) -> i128 {
        i128::from(self)
    }
}

/// An amount of 128 bits, as two halves: beside a holder it takes no room for alignment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide([u64; 2]);

impl Amount for Wide {
    const BYTES: usize = 16;

    fn new(amount: i128) -> Option<Wide> {
        Some(Wide([amount as u64, (amount >> 64) as u64]))
    }

    fn get(self) -> i128 {
        i128::from(self.0[1] as i64) << 64 | i128::from(self.0[0])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wide_amount_is_the_amount(amount in any::<i128>()) {
            prop_assert_eq!(Wide::new(amount).expect("all fit").get(), amount);
        }

        #[test]
        fn a_narrow_amount_is_the_amount_if_it_fits(amount in any::<i128>(), small in any::<i64>()) {
            prop_assert_eq!(i64::new(i128::from(small)).map(Amount::get), Some(i128::from(small)));
            prop_assert_eq!(i64::new(amount).is_some(), i64::try_from(amount).is_ok());
        }
    }
}
