//! Blocks among themselves: every height once, each linked to the one before, each header hashing
//! to its hash and carrying the work that it claims.

use assay_model::{BlockHash, Network};
use sha2::{Digest, Sha256};

use crate::commands::verify::check::Check;

/// What is compared of a row of `blocks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRow {
    pub height: i64,
    pub hash: BlockHash,
    pub parent: BlockHash,
    /// Header time, Unix seconds.
    pub time: i64,
    pub version: i32,
    pub merkle_root: BlockHash,
    pub bits: i64,
    pub nonce: i64,
    pub transaction_count: i64,
    pub input_count: i64,
    pub output_count: i64,
    pub output_value: i64,
    pub subsidy: i64,
    pub fees: i64,
    pub coinbase_value: i64,
}

/// The checks of blocks, fed in order of height.
pub struct Blocks {
    network: Network,
    next_height: u64,
    previous: Option<(u64, BlockHash)>,
    heights: Check,
    links: Check,
    headers: Check,
}

impl Blocks {
    /// Checks of a chain of `network` from height 0.
    pub fn new(network: Network) -> Blocks {
        Blocks {
            network,
            next_height: 0,
            previous: None,
            heights: Check::new("heights", "every height has exactly one block"),
            links: Check::new("links", "every block's parent is the block below it"),
            headers: Check::new(
                "headers",
                "every header hashes to the block's hash, which meets the header's target",
            ),
        }
    }

    /// Checks the next row.
    pub fn add(&mut self, row: &BlockRow) {
        // Rows of negative heights are not part of any window.
        let height = row.height as u64;
        self.heights.compared += 1;
        if height < self.next_height {
            self.heights.differ(height, format_args!("blocks at this height"), 1, "another one");
        } else {
            self.skip_to(height);
            self.next_height = height + 1;
        }
        self.link(height, row);
        self.headers.compare(
            height,
            format_args!("hash of the header"),
            header_hash(row),
            row.hash,
        );
        self.headers.compared += 1;
        if !meets_target(row.hash, row.bits, self.network) {
            let target = format!("at most the target {:#010x}", row.bits);
            self.headers.differ(height, format_args!("work of the hash"), target, row.hash);
        }
    }

    /// Notes that no row came for the heights below `height`.
    pub fn skip_to(&mut self, height: u64) {
        if height > self.next_height {
            let missing = height - self.next_height;
            self.heights.compared += missing;
            self.heights.differ(
                self.next_height,
                format_args!("blocks from this height to {}", height - 1),
                missing,
                0,
            );
            // Each height counts, not each gap.
            self.heights.differences += missing - 1;
            self.next_height = height;
        }
    }

    /// What was found.
    pub fn finish(self) -> [Check; 3] {
        [self.heights, self.links, self.headers]
    }

    fn link(&mut self, height: u64, row: &BlockRow) {
        match self.previous {
            _ if height == 0 => {
                self.links.compare(
                    height,
                    format_args!("parent_hash"),
                    BlockHash::default(),
                    row.parent,
                );
                let genesis = self.network.genesis();
                self.links.compare(
                    height,
                    format_args!("hash of the genesis block"),
                    genesis,
                    row.hash,
                );
            }
            Some((below, hash)) if below + 1 == height => {
                self.links.compare(height, format_args!("parent_hash"), hash, row.parent);
            }
            // Where a height is missing or double there is nothing to link to, and that was said.
            _ => {}
        }
        self.previous = Some((height, row.hash));
    }
}

/// The hash of the 80 bytes that the columns of `row` stand for.
fn header_hash(row: &BlockRow) -> BlockHash {
    let mut header = [0; 80];
    header[..4].copy_from_slice(&row.version.to_le_bytes());
    header[4..36].copy_from_slice(&row.parent.to_wire());
    header[36..68].copy_from_slice(&row.merkle_root.to_wire());
    // Numbers that 32 bits cannot hold give another hash, as they must.
    header[68..72].copy_from_slice(&(row.time as u32).to_le_bytes());
    header[72..76].copy_from_slice(&(row.bits as u32).to_le_bytes());
    header[76..].copy_from_slice(&(row.nonce as u32).to_le_bytes());
    BlockHash::from_wire(Sha256::digest(Sha256::digest(header)).into())
}

/// Whether `hash`, read as a number, is not above the target that `bits` stands for in compact form
/// (Bitcoin Core's `CheckProofOfWork`), and the target not above the network's limit.
fn meets_target(hash: BlockHash, bits: i64, network: Network) -> bool {
    let limit = target(network.pow_limit_bits()).expect("the limit is a target");
    let target = u32::try_from(bits).ok().and_then(target);
    target.is_some_and(|target| target <= limit && hash.0 <= target)
}

/// The target of the compact form `bits`, most significant byte first; `None` where it is zero,
/// negative or has more than 256 bits.
fn target(bits: u32) -> Option<[u8; 32]> {
    let mantissa = (bits & 0x007f_ffff).to_be_bytes();
    let is_negative = bits & 0x0080_0000 != 0;
    let length = (bits >> 24) as usize;
    let mut target = [0; 32];
    for (place, &byte) in mantissa[1..].iter().enumerate() {
        // The first byte of the mantissa is byte `length` from the end.
        let from_end = length as i64 - place as i64;
        if byte == 0 || from_end <= 0 {
            continue;
        }
        let index = 32usize.checked_sub(from_end as usize)?;
        target[index] = byte;
    }
    (!is_negative && target != [0; 32]).then_some(target)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The genesis block of regtest and two blocks mined on top of it.
    pub fn chain() -> Vec<BlockRow> {
        let merkle_root = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
        let mut rows = vec![BlockRow {
            height: 0,
            hash: Network::Regtest.genesis(),
            parent: BlockHash::default(),
            time: 1_296_688_602,
            version: 1,
            merkle_root: merkle_root.parse().expect("a hash"),
            bits: 0x207f_ffff,
            nonce: 2,
            transaction_count: 1,
            input_count: 0,
            output_count: 1,
            output_value: 5_000_000_000,
            subsidy: 5_000_000_000,
            fees: 0,
            coinbase_value: 5_000_000_000,
        }];
        for height in 1..3 {
            let below = &rows[height - 1];
            let row = BlockRow { height: height as i64, parent: below.hash, ..below.clone() };
            rows.push(mined(row));
        }
        rows
    }

    /// `row` with a nonce and hash that make it valid.
    pub fn mined(mut row: BlockRow) -> BlockRow {
        loop {
            row.nonce += 1;
            row.hash = header_hash(&row);
            if meets_target(row.hash, row.bits, Network::Regtest) {
                return row;
            }
        }
    }

    /// How many differences each check finds in `rows`, which go up to `end`.
    fn found(rows: &[BlockRow], end: u64) -> [u64; 3] {
        let mut blocks = Blocks::new(Network::Regtest);
        rows.iter().for_each(|row| blocks.add(row));
        blocks.skip_to(end);
        blocks.finish().map(|check| check.differences)
    }

    #[test]
    fn a_valid_chain_passes() {
        assert_eq!(found(&chain(), 3), [0, 0, 0]);
    }

    #[test]
    fn missing_and_double_heights_are_found() {
        let rows = chain();
        assert_eq!(found(&rows, 5), [2, 0, 0]);
        assert_eq!(found(&[rows[0].clone(), rows[2].clone()], 3), [1, 0, 0]);
        assert_eq!(found(&rows[1..], 3), [1, 0, 0]);
        let double = [rows[0].clone(), rows[1].clone(), rows[1].clone(), rows[2].clone()];
        assert_eq!(found(&double, 3), [1, 0, 0]);
    }

    #[test]
    fn a_block_on_another_parent_is_found() {
        let mut rows = chain();
        rows[2] = mined(BlockRow { parent: rows[0].hash, ..rows[2].clone() });
        assert_eq!(found(&rows, 3), [0, 1, 0]);
        let foreign = [mined(BlockRow { time: 1, ..chain()[0].clone() })];
        assert_eq!(found(&foreign, 1), [0, 1, 0]);
    }

    #[test]
    fn every_field_of_the_header_is_part_of_its_hash() {
        let changes: [fn(&mut BlockRow); 5] = [
            |row| row.version += 1,
            |row| row.merkle_root.0[5] ^= 1,
            |row| row.time += 1,
            |row| row.bits -= 1,
            |row| row.nonce += 1,
        ];
        for change in changes {
            let mut rows = chain();
            change(&mut rows[2]);
            assert_eq!(found(&rows, 3), [0, 0, 1]);
        }
    }

    #[test]
    fn a_hash_without_its_work_is_found() {
        let mut rows = chain();
        // A harder target than the block was mined for, and one easier than the network allows.
        for bits in [0x1d00_ffff, 0x217f_ffff] {
            rows[2].bits = bits;
            rows[2].hash = header_hash(&rows[2]);
            assert_eq!(found(&rows, 3), [0, 0, 1], "{bits:x}");
        }
    }

    #[test]
    fn compact_targets_are_read_as_nodes_do() {
        let at = |bits| target(bits).map(|target| BlockHash(target).to_string());
        let text =
            |zeros: usize, digits: &str| Some(format!("{:0<64}", "0".repeat(zeros) + digits));
        assert_eq!(at(0x1d00_ffff), text(8, "ffff"));
        assert_eq!(at(0x207f_ffff), text(0, "7fffff"));
        assert_eq!(at(0x0112_3456), text(62, "12"));
        for bits in [0, 0x0100_3456, 0x0492_3456, 0x2300_0100, 0xff12_3456] {
            assert_eq!(at(bits), None, "{bits:x}");
        }
        // Leading zeros of the mantissa may lie beyond 256 bits.
        assert_eq!(at(0x2200_0001), text(0, "01"));
    }
}
