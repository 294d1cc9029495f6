//! What an era1 file is known by: the SSZ `hash_tree_root` of `List[HeaderRecord, 8192]`, where a
//! record is a block's hash and its total difficulty.

use alloy_primitives::{B256, U256};
use sha2::{Digest, Sha256};

/// Most blocks that an archive holds.
pub const MAX_BLOCKS: u64 = 1 << DEPTH;

/// Levels of the tree above its leaves.
const DEPTH: u32 = 13;

/// Root of one header record, a leaf of the tree.
pub fn leaf(hash: [u8; 32], total_difficulty: U256) -> B256 {
    pair(hash.into(), total_difficulty.to_le_bytes::<32>().into())
}

/// Root of the list with these leaves, at most [`MAX_BLOCKS`].
pub fn root(leaves: Vec<B256>) -> B256 {
    let count = U256::from(leaves.len());
    let (mut level, mut empty) = (leaves, B256::ZERO);
    for _ in 0..DEPTH {
        let parent = |nodes: &[B256]| pair(nodes[0], nodes.get(1).copied().unwrap_or(empty));
        level = level.chunks(2).map(parent).collect();
        empty = pair(empty, empty);
    }
    pair(level.first().copied().unwrap_or(empty), count.to_le_bytes::<32>().into())
}

fn pair(left: B256, right: B256) -> B256 {
    let digest: [u8; 32] = Sha256::new().chain_update(left).chain_update(right).finalize().into();
    digest.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the definition has it: all 8192 leaves, most of them zero.
    fn root_by_definition(leaves: &[B256]) -> B256 {
        let mut level = leaves.to_vec();
        level.resize(MAX_BLOCKS as usize, B256::ZERO);
        while level.len() > 1 {
            level = level.chunks(2).map(|nodes| pair(nodes[0], nodes[1])).collect();
        }
        pair(level[0], U256::from(leaves.len()).to_le_bytes::<32>().into())
    }

    #[test]
    fn the_root_agrees_with_its_definition() {
        for count in [0, 1, 2, 3, 5, 8, 1000, 8191, 8192] {
            let leaves: Vec<B256> =
                (0..count).map(|n| leaf([n as u8; 32], U256::from(n * n))).collect();
            assert_eq!(root(leaves.clone()), root_by_definition(&leaves), "{count} leaves");
        }
    }
}
