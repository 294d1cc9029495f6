//! Which of the scanned blocks form the best chain, and at which heights.
//!
//! # Invariants
//!
//! * The best chain is the one with most work; of two with equal work the one whose last block
//!   arrived first, as in Bitcoin Core.
//! * Every block that hangs together with the genesis block has a height, on the best chain or
//!   not; all others are unlinked.

use std::collections::HashMap;

use assay_model::{BlockHash, Network};
use bitcoin::pow::Work;

use super::scan::Scanned;
use crate::wire::Hash;

/// Blocks over whose times the median is taken (BIP 113).
const MEDIAN_SPAN: usize = 11;
/// "No block" in the arrays below.
const NONE: u32 = u32::MAX;

/// The best chain among scanned blocks.
#[derive(Debug)]
pub struct BestChain {
    /// Every distinct block, in the order of arrival.
    pub blocks: Vec<Scanned>,
    /// By height: the block, as its place in `blocks`.
    best: Vec<u32>,
    /// By height: the work up to there.
    work: Vec<Work>,
    /// By height: bytes of block data below.
    bytes_below: Vec<u64>,
    /// By place in `blocks`: the height, or `NONE` for unlinked blocks.
    heights: Vec<u32>,
}

impl BestChain {
    /// Links `scanned` from the genesis block of `network` on; `None` if that is not among them.
    pub fn new(network: Network, scanned: Vec<Scanned>) -> Option<BestChain> {
        let mut places: HashMap<Hash, u32> = HashMap::with_capacity(scanned.len());
        let mut blocks: Vec<Scanned> = Vec::with_capacity(scanned.len());
        for block in scanned {
            // A block that was stored twice counts where it was first.
            places.entry(block.hash).or_insert_with(|| {
                blocks.push(block);
                blocks.len() as u32 - 1
            });
        }
        let genesis = *places.get(&network.genesis().to_wire())?;
        let (heights, parents, works) = link(&blocks, &places, genesis);

        let tip = (0..blocks.len() as u32)
            .filter(|&place| heights[place as usize] != NONE)
            .max_by_key(|&place| (works[place as usize], std::cmp::Reverse(place)))
            .expect("the genesis block has a height");
        let mut best = vec![NONE; heights[tip as usize] as usize + 1];
        let mut place = tip;
        for slot in best.iter_mut().rev() {
            *slot = place;
            place = parents[place as usize];
        }
        let work = best.iter().map(|&place| works[place as usize]).collect();
        let mut below = 0;
        let bytes_below = best
            .iter()
            .map(|&place| {
                below += u64::from(blocks[place as usize].record.size);
                below - u64::from(blocks[place as usize].record.size)
            })
            .collect();
        Some(BestChain { blocks, best, work, bytes_below, heights })
    }

    /// Height of the last block.
    pub fn tip(&self) -> u64 {
        self.best.len() as u64 - 1
    }

    /// The block at `height`, as its place in `blocks`; `None` above the tip.
    pub fn place_at(&self, height: u64) -> Option<usize> {
        self.best.get(usize::try_from(height).ok()?).map(|&place| place as usize)
    }

    /// The height of the block at `place` in `blocks`; `None` if it is unlinked.
    pub fn height_of(&self, place: usize) -> Option<u64> {
        Some(self.heights[place]).filter(|&height| height != NONE).map(u64::from)
    }

    /// Hashes expected to make the chain up to `height`, which is on it.
    pub fn work_at(&self, height: u64) -> Work {
        self.work[height as usize]
    }

    /// Bytes of block data below `height`, which is on the chain.
    pub fn bytes_below(&self, height: u64) -> u64 {
        self.bytes_below[height as usize]
    }

    /// Median time of the block at `height`, which is on the chain, and the ten before it.
    pub fn median_time(&self, height: u64) -> u32 {
        let end = height as usize + 1;
        let mut times: Vec<u32> = self.best[end.saturating_sub(MEDIAN_SPAN)..end]
            .iter()
            .map(|&place| self.blocks[place as usize].header.time)
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// The blocks that do not hang together with the genesis block, in order of arrival, and among
    /// them first those whose parent is in no file.
    pub fn unlinked(&self) -> Vec<&Scanned> {
        let known: std::collections::HashSet<&Hash> = match self.heights.contains(&NONE) {
            true => self.blocks.iter().map(|block| &block.hash).collect(),
            false => return Vec::new(),
        };
        let mut unlinked: Vec<&Scanned> = (self.blocks.iter().zip(&self.heights))
            .filter_map(|(block, &height)| (height == NONE).then_some(block))
            .collect();
        unlinked.sort_by_key(|block| known.contains(&block.header.parent));
        unlinked
    }

    /// Hash of the block at `place`, for people.
    pub fn hash_of(&self, place: usize) -> BlockHash {
        BlockHash::from_wire(self.blocks[place].hash)
    }
}

/// Heights, parents and works of all blocks that descend from the one at `genesis`.
fn link(
    blocks: &[Scanned],
    places: &HashMap<Hash, u32>,
    genesis: u32,
) -> (Vec<u32>, Vec<u32>, Vec<Work>) {
    // Children as linked lists in two arrays.
    let mut first_child = vec![NONE; blocks.len()];
    let mut next_sibling = vec![NONE; blocks.len()];
    let mut parents = vec![NONE; blocks.len()];
    for (place, block) in blocks.iter().enumerate() {
        if let Some(&parent) = places.get(&block.header.parent) {
            parents[place] = parent;
            next_sibling[place] = first_child[parent as usize];
            first_child[parent as usize] = place as u32;
        }
    }
    let mut heights = vec![NONE; blocks.len()];
    let mut works: Vec<Work> = blocks.iter().map(|block| block.header.work()).collect();
    heights[genesis as usize] = 0;
    let mut open = vec![genesis];
    while let Some(parent) = open.pop() {
        let mut child = first_child[parent as usize];
        while child != NONE {
            heights[child as usize] = heights[parent as usize] + 1;
            works[child as usize] = works[child as usize] + works[parent as usize];
            open.push(child);
            child = next_sibling[child as usize];
        }
    }
    (heights, parents, works)
}
