//! Real blocks of mainnet, with their receipts.

use std::path::Path;

use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::rlp::{Block, Reader, Transaction};
use assay_model::{BlockHash, BlockRef};

/// The first block of proof of stake is full of what a single contract logged: not a usual one.
const LAST_UNUSUAL: u64 = 15_537_394;

/// The blocks of proof of stake in the folder `data` of the shared data, by height: from September
/// 2022 to July 2025, with what their senders are.
///
/// # Panics
///
/// If a file is damaged.
pub fn blocks(data: &Path) -> Vec<RawBlock> {
    let dir = data.join("rlp/mainnet");
    let entries = std::fs::read_dir(&dir).expect("a folder of blocks");
    let mut heights: Vec<u64> = entries
        .filter_map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.to_str()?.strip_suffix(".block.rlp")?.parse().ok()
        })
        .filter(|&height| height > LAST_UNUSUAL)
        .collect();
    heights.sort_unstable();
    heights.into_iter().map(|height| block(&dir, height)).collect()
}

fn block(dir: &Path, height: u64) -> RawBlock {
    let read = |kind: &str| {
        let path = dir.join(format!("{height}.{kind}.rlp"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let (bytes, receipts) = (read("block"), read("receipts"));
    let block = parse(&bytes);
    let [hash, parent] =
        [block.header.hash, block.header.parent_hash].map(|hash| BlockHash(hash.0));
    let senders = block.transactions.iter().map(Transaction::recover_sender).collect();
    let (place, block) = (format!("block {height}"), BlockRef { height, hash, parent });
    RawBlock { senders, ..RawBlock::new(block, bytes, receipts, place) }
}

/// A block that is known to be one.
pub(super) fn parse(bytes: &[u8]) -> Block<'_> {
    Block::read(&mut Reader::new(bytes)).expect("a block")
}

/// Number of transactions in `blocks`.
pub fn transactions(blocks: &[RawBlock]) -> usize {
    blocks.iter().map(|raw| parse(&raw.bytes).transactions.len()).sum()
}
