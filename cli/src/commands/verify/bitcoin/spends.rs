//! Inputs against the outputs that they spend, as fingerprints: 24 bytes an output and 40 an input,
//! whatever scripts and addresses they have.
//!
//! Two different outputs have the same key with a chance of one in 2¹²⁸ a pair: never.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What identifies an output: its transaction, index and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64, u64);

impl Key {
    /// The key of an output.
    pub fn new(txid: &[u8], index: i64, height: i64) -> Key {
        let half = |seed: u8| fingerprint(&(seed, txid, index, height));
        Key(half(0), half(1))
    }
}

/// What an output says of itself and an input of it.
pub fn content(value: i64, script_type: &str, address: Option<&str>, is_spendable: bool) -> u64 {
    fingerprint(&(value, script_type, address, is_spendable))
}

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A row of `outputs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Created {
    pub key: Key,
    pub content: u64,
}

/// A row of `inputs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spent {
    pub key: Key,
    pub content: u64,
    pub by: InputPlace,
}

/// Where an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputPlace {
    pub height: u32,
    pub tx_index: u32,
    pub input_index: u32,
}

/// What is wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The output that it spends does not exist at the height that it names.
    NoOutput,
    /// The output that it spends exists more than once.
    ManyOutputs,
    /// The output has another value, script type or address, or cannot be spent.
    Disagrees,
    /// An earlier input spends the same output.
    SpentBefore(InputPlace),
}

/// Hands every input among `spent` that has a fault to `report`, together with it.
///
/// `created` holds every output that one of `spent` may spend. Sorts both.
pub fn compare(
    created: &mut [Created],
    spent: &mut [Spent],
    mut report: impl FnMut(InputPlace, Fault),
) {
    created.sort_unstable();
    // By key and then by place, because which of two spends is the earlier one matters.
    spent.sort_unstable_by_key(|spent| (spent.key, spent.by));
    let mut outputs = &created[..];
    let mut previous: Option<&Spent> = None;
    for input in spent.iter() {
        let before = outputs.iter().take_while(|output| output.key < input.key).count();
        outputs = &outputs[before..];
        let same = outputs.iter().take(2).filter(|output| output.key == input.key).count();
        match same {
            0 => report(input.by, Fault::NoOutput),
            1 if outputs[0].content != input.content => report(input.by, Fault::Disagrees),
            1 => {}
            _ => report(input.by, Fault::ManyOutputs),
        }
        if let Some(earlier) = previous.filter(|earlier| earlier.key == input.key) {
            report(input.by, Fault::SpentBefore(earlier.by));
        }
        previous = Some(input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u32 = 50;

    fn place(tx_index: u32) -> InputPlace {
        InputPlace { height: 9, tx_index, input_index: 0 }
    }

    /// Outputs 0 to 49, of which every second one is spent, by transaction `index`.
    fn rows() -> (Vec<Created>, Vec<Spent>) {
        let key = |index: u32| Key::new(&[7; 32], i64::from(index), 3);
        let content = |index: u32| content(i64::from(index), "p2tr", Some("bc1"), true);
        let created = (0..COUNT).map(|index| Created { key: key(index), content: content(index) });
        let spent = (0..COUNT).step_by(2).map(|index| Spent {
            key: key(index),
            content: content(index),
            by: place(index),
        });
        (created.collect(), spent.collect())
    }

    fn faults(change: impl Fn(&mut Vec<Created>, &mut Vec<Spent>)) -> Vec<(InputPlace, Fault)> {
        let (mut created, mut spent) = rows();
        change(&mut created, &mut spent);
        let mut faults = Vec::new();
        compare(&mut created, &mut spent, |place, fault| faults.push((place, fault)));
        faults
    }

    #[test]
    fn spends_that_agree_pass() {
        assert_eq!(faults(|_, _| {}), []);
    }

    #[test]
    fn each_fault_is_found_at_its_input() {
        assert_eq!(faults(|created, _| _ = created.remove(20)), [(place(20), Fault::NoOutput)]);
        assert_eq!(
            faults(|created, _| created.push(created[20])),
            [(place(20), Fault::ManyOutputs)]
        );
        assert_eq!(faults(|created, _| created[20].content ^= 1), [(place(20), Fault::Disagrees)]);
        assert_eq!(
            faults(|_, spent| spent.insert(0, Spent { by: place(99), ..spent[10] })),
            [(place(99), Fault::SpentBefore(place(20)))]
        );
        assert_eq!(faults(|created, _| _ = created.remove(21)), []);
    }

    #[test]
    fn every_part_of_an_output_is_part_of_its_fingerprint() {
        let key = Key::new(&[1; 32], 2, 3);
        assert_ne!(key, Key::new(&[2; 32], 2, 3));
        assert_ne!(key, Key::new(&[1; 32], 3, 3));
        assert_ne!(key, Key::new(&[1; 32], 2, 4));
        let all = content(1, "p2tr", Some("a"), true);
        assert_ne!(all, content(2, "p2tr", Some("a"), true));
        assert_ne!(all, content(1, "p2wsh", Some("a"), true));
        assert_ne!(all, content(1, "p2tr", None, true));
        assert_ne!(all, content(1, "p2tr", Some("a"), false));
    }
}
