//! Who holds how much, while a chain is gone through in order.
//!
//! # Invariants
//!
//! * Who holds nothing takes no room: memory follows the number of holders, not of all that ever were.
//! * Holders are told apart by 128 bits of a hash. Among 10^9 of them the chance that two share one is
//!   10^18 / 2^129, less than 10^-20.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;

use siphasher::sip128::SipHasher13;

use super::amount::Amount;

/// Parts of a ledger. Each grows by itself, so that while one is copied into twice the room the others are
/// not.
const SHARDS: usize = 64;

/// A holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder([u64; 2]);

impl Holder {
    /// Bytes of a holder that is written down.
    pub(super) const BYTES: usize = 16;

    /// The holder whose address is `address`, as text or as bytes.
    pub(super) fn of(address: &[u8]) -> Holder {
        let hash = SipHasher13::new().hash(address);
        Holder([hash.h1, hash.h2])
    }

    /// Which of `count` workers keeps the account of this holder.
    pub(super) fn worker(self, count: usize) -> usize {
        // By other bits than those that choose the shard and the place in it.
        (self.0[1] >> 32) as usize % count
    }

    pub(super) fn to_bytes(self) -> [u8; Holder::BYTES] {
        let [first, second] = self.0.map(u64::to_le_bytes);
        let mut bytes = [0; Holder::BYTES];
        bytes[..8].copy_from_slice(&first);
        bytes[8..].copy_from_slice(&second);
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; Holder::BYTES]) -> Holder {
        let number = u128::from_le_bytes(bytes);
        Holder([number as u64, (number >> 64) as u64])
    }

    fn shard(self) -> usize {
        self.0[1] as usize % SHARDS
    }
}

impl std::hash::Hash for Holder {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Takes what is a hash already as it is.
#[derive(Clone, Copy, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a holder is hashed as one number");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Shard<A> = HashMap<Holder, A, BuildHasherDefault<AsItIs>>;

/// What each holder holds.
#[derive(Debug)]
pub(super) struct Ledger<A> {
    shards: Vec<Shard<A>>,
}

impl<A> Default for Ledger<A> {
    fn default() -> Ledger<A> {
        Ledger { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

/// What a holder held before a change and holds after it, base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) before: i128,
    pub(super) after: i128,
}

impl<A: Amount> Ledger<A> {
    /// Looks at the places of `changes`, so that the memory in which they are is fetched for all of them at
    /// once: a ledger does not fit into any cache, and waiting for one place after the other takes most of
    /// the time.
    pub(super) fn fetch(&self, changes: &[(Holder, A)]) {
        let held =
            changes.iter().filter(|(holder, _)| self.shards[holder.shard()].contains_key(holder));
        black_box(held.count());
    }

    /// Adds `change`, which may be below zero, to what `holder` holds; `None` if that is more than an
    /// amount can be.
    pub(super) fn apply(&mut self, holder: Holder, change: i128) -> Option<Changed> {
        match self.shards[holder.shard()].entry(holder) {
            Entry::Occupied(mut entry) => {
                let before = entry.get().get();
                let after = before.checked_add(change)?;
                if after == 0 {
                    entry.remove();
                } else {
                    *entry.get_mut() = A::new(after)?;
                }
                Some(Changed { before, after })
            }
            Entry::Vacant(entry) => {
                if change != 0 {
                    entry.insert(A::new(change)?);
                }
                Some(Changed { before: 0, after: change })
            }
        }
    }

    /// All who hold something, or owe it, in no order.
    pub(super) fn holdings(&self) -> impl Iterator<Item = (Holder, A)> + '_ {
        self.shards.iter().flatten().map(|(holder, amount)| (*holder, *amount))
    }

    /// How many there are in [`Ledger::holdings`].
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(HashMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::amount::Wide;
    use super::*;

    proptest! {
        #[test]
        fn a_ledger_is_a_map_without_zeros(changes in vec((0u8..20, -5i128..9), 0..200)) {
            let (mut narrow, mut wide) = (Ledger::<i64>::default(), Ledger::<Wide>::default());
            let mut expected: BTreeMap<Holder, i128> = BTreeMap::new();
            for (address, change) in changes {
                let holder = Holder::of(&[address]);
                let balance = expected.entry(holder).or_default();
                let changed = Changed { before: *balance, after: *balance + change };
                *balance += change;
                prop_assert_eq!(narrow.apply(holder, change), Some(changed));
                prop_assert_eq!(wide.apply(holder, change), Some(changed));
            }
            expected.retain(|_, balance| *balance != 0);
            let left: BTreeMap<_, _> =
                narrow.holdings().map(|(holder, amount)| (holder, amount.get())).collect();
            prop_assert_eq!(narrow.len(), expected.len());
            prop_assert_eq!(left, expected.clone());
            let left: BTreeMap<_, _> =
                wide.holdings().map(|(holder, amount)| (holder, amount.get())).collect();
            prop_assert_eq!(left, expected);
        }
    }

    #[test]
    fn a_holder_is_written_down_and_read_back() {
        let holder = Holder::of(b"bc1qexample");
        assert_eq!(Holder::from_bytes(holder.to_bytes()), holder);
        assert_ne!(holder, Holder::of(b"bc1qexamplf"));
    }

    #[test]
    fn more_than_an_amount_can_be_is_noticed() {
        let mut ledger = Ledger::<i64>::default();
        let holder = Holder::of(b"a");
        assert!(ledger.apply(holder, i128::from(i64::MAX)).is_some());
        assert_eq!(ledger.apply(holder, 1), None);
        assert_eq!(Ledger::<Wide>::default().apply(holder, i128::MAX).map(|c| c.before), Some(0));
    }
}
