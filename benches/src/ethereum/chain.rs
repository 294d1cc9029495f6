//! A chain of blocks like mainnet's: real ones again and again, each made the child of the one
//! before by another height and another parent, which only its hash depends on.

use alloy_primitives::B256;
use alloy_rlp::Encodable;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::rlp::Reader;
use assay_indexer::rlp::encode::list;
use assay_model::{BlockHash, BlockRef};

use super::real::parse;

/// Places of parent and height in a header.
const PARENT_PLACE: usize = 0;
const HEIGHT_PLACE: usize = 8;

/// A chain.
#[derive(Debug)]
pub struct MadeChain {
    /// What its blocks are made of, in turn.
    pub real: Vec<RawBlock>,
    /// Its blocks, in order.
    pub blocks: Vec<BlockRef>,
}

impl MadeChain {
    /// A chain of `count` blocks from the height `first` on.
    pub fn new(real: Vec<RawBlock>, first: u64, count: u64) -> MadeChain {
        let mut blocks: Vec<BlockRef> = Vec::new();
        for height in first..first + count {
            let parent = blocks.last().map_or(BlockHash([7; 32]), |block| block.hash);
            let of = &real[blocks.len() % real.len()];
            let hash = parse(&with_place(&of.bytes, height, parent)).header.hash;
            blocks.push(BlockRef { height, hash: BlockHash(hash.0), parent });
        }
        MadeChain { real, blocks }
    }

    /// What the block at `place` is made of: its position in [`MadeChain::real`].
    pub fn real_of(&self, place: usize) -> usize {
        place % self.real.len()
    }

    /// The block at `place`.
    pub fn raw(&self, place: usize) -> RawBlock {
        let (block, of) = (self.blocks[place], &self.real[self.real_of(place)]);
        RawBlock { block, bytes: with_place(&of.bytes, block.height, block.parent), ..of.clone() }
    }
}

/// The block in `bytes` with another height and parent.
fn with_place(bytes: &[u8], height: u64, parent: BlockHash) -> Vec<u8> {
    let mut items = Reader::new(bytes).list().expect("a block");
    let mut header = items.list().expect("a header");
    let body = items.position();
    let mut out = Vec::with_capacity(bytes.len() + 8);
    list(&mut out, |out| {
        list(out, |out| {
            for place in 0.. {
                if header.is_empty() {
                    break;
                }
                let field = header.raw().expect("a field");
                match place {
                    PARENT_PLACE => B256::new(parent.0).encode(out),
                    HEIGHT_PLACE => height.encode(out),
                    _ => out.extend_from_slice(field),
                }
            }
        });
        out.extend_from_slice(&bytes[body..]);
    });
    out
}
