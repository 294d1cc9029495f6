//! Archives with blocks like today's: those of mainnet end where proof of stake begins, and only
//! the first of them, with tiny blocks, are at hand.

use std::path::Path;

use alloy_primitives::U256;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::rlp::Reader;
use assay_indexer::rlp::encode::list;

use self::era1::Made;
use super::chain::MadeChain;

#[path = "../../../indexer/tests/common/era1.rs"]
mod era1;

/// Blocks of a full archive.
const EPOCH_BLOCKS: u64 = 8192;

/// The first height of the archive `epoch`.
pub fn first_height(epoch: u64) -> u64 {
    epoch * EPOCH_BLOCKS
}

/// Writes an archive with the blocks of `chain`, which begins where an archive does, into `dir`.
///
/// # Panics
///
/// If it cannot be written.
pub fn write(chain: &MadeChain, dir: &Path) {
    let blocks: Vec<Made> = (0..chain.blocks.len()).map(|place| made(&chain.raw(place))).collect();
    let first = chain.blocks[0].height;
    let archive = era1::archive(&blocks, first);
    let name = era1::name("mainnet", first / EPOCH_BLOCKS, era1::accumulator(&blocks));
    std::fs::create_dir_all(dir).expect("a folder");
    std::fs::write(dir.join(name), archive).expect("writable");
}

/// The parts of `raw`. Since proof of stake there is no difficulty to be added up.
fn made(raw: &RawBlock) -> Made {
    let mut items = Reader::new(&raw.bytes).list().expect("a block");
    let header = items.raw().expect("a header").to_vec();
    let rest = &raw.bytes[items.position()..];
    let (mut body, total_difficulty) = (Vec::new(), U256::from(1));
    list(&mut body, |out| out.extend_from_slice(rest));
    Made { header, body, receipts: raw.receipts.clone(), total_difficulty }
}
