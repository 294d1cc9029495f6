//! The merkle tree.

use assay_model::sha256::{Hash, Messages};

/// The root of the merkle tree over `leaves`; `None` where two equal neighbours make the root
/// ambiguous (CVE-2012-2459), and for no leaves at all.
pub fn merkle_root(mut leaves: Vec<Hash>) -> Option<Hash> {
    let pairs = leaves.len().div_ceil(2);
    let mut messages = Messages::with_capacity(pairs, pairs * 64);
    while leaves.len() > 1 {
        for pair in leaves.chunks(2) {
            match pair {
                [left, right] if left == right => return None,
                [left, right] => messages.push(&[left, right]),
                // The last of an odd row is paired with itself.
                odd => messages.push(&[&odd[0], &odd[0]]),
            }
        }
        leaves = messages.sha256d();
    }
    leaves.pop()
}

#[cfg(test)]
mod tests {
    use assay_model::sha256::sha256d;

    use super::*;

    #[test]
    fn the_root_of_one_leaf_is_the_leaf() {
        assert_eq!(merkle_root(vec![[7; 32]]), Some([7; 32]));
        assert_eq!(merkle_root(vec![]), None);
    }

    #[test]
    fn an_odd_leaf_is_paired_with_itself() {
        let [a, b, c] = [[1; 32], [2; 32], [3; 32]];
        let root = sha256d(&[&sha256d(&[&a, &b]), &sha256d(&[&c, &c])]);
        assert_eq!(merkle_root(vec![a, b, c]), Some(root));
    }

    #[test]
    fn a_repeated_pair_is_told_apart_from_an_odd_leaf() {
        let [a, b, c] = [[1; 32], [2; 32], [3; 32]];
        assert_eq!(merkle_root(vec![a, b, c, c]), None);
    }
}
