//! Double SHA-256 and the merkle tree.

use sha2::{Digest, Sha256};

/// A hash in wire order: as Bitcoin computes it, the reverse of how people write it.
pub type Hash = [u8; 32];

/// SHA-256 of the SHA-256 of `pieces`, one after the other.
#[inline]
pub fn sha256d(pieces: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    Sha256::digest(hasher.finalize()).into()
}

/// The root of the merkle tree over `leaves`, which it overwrites; `None` where two equal
/// neighbours make the root ambiguous (CVE-2012-2459), and for no leaves at all.
pub fn merkle_root(leaves: &mut [Hash]) -> Option<Hash> {
    let mut width = leaves.len();
    while width > 1 {
        for pair in 0..width.div_ceil(2) {
            let left = leaves[2 * pair];
            // The last of an odd row is paired with itself.
            let right = if 2 * pair + 1 < width { leaves[2 * pair + 1] } else { left };
            if 2 * pair + 1 < width && left == right {
                return None;
            }
            leaves[pair] = sha256d(&[&left, &right]);
        }
        width = width.div_ceil(2);
    }
    leaves.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_one_leaf_is_the_leaf() {
        assert_eq!(merkle_root(&mut [[7; 32]]), Some([7; 32]));
        assert_eq!(merkle_root(&mut []), None);
    }

    #[test]
    fn an_odd_leaf_is_paired_with_itself() {
        let [a, b, c] = [[1; 32], [2; 32], [3; 32]];
        let root = sha256d(&[&sha256d(&[&a, &b]), &sha256d(&[&c, &c])]);
        assert_eq!(merkle_root(&mut [a, b, c]), Some(root));
    }

    #[test]
    fn a_repeated_pair_is_told_apart_from_an_odd_leaf() {
        let [a, b, c] = [[1; 32], [2; 32], [3; 32]];
        assert_eq!(merkle_root(&mut [a, b, c, c]), None);
    }
}
