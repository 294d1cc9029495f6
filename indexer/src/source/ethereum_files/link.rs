//! What links a block to the one before it.

use alloy_primitives::U256;
use assay_model::{BlockHash, BlockRef};

use super::error::FileFault;
use crate::rlp::Header;

/// The largest height that columns hold.
pub const MAX_HEIGHT: u64 = i64::MAX as u64;

/// A block's place in the chain.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The block.
    pub block: BlockRef,
    /// Its difficulty.
    pub difficulty: U256,
    /// Sum of the difficulties up to and with it, if the file says that.
    pub total_difficulty: Option<U256>,
}

impl Link {
    /// The place that `header` claims.
    pub fn new(header: &Header<'_>, total_difficulty: Option<U256>) -> Link {
        let block = BlockRef {
            height: header.height,
            hash: BlockHash(header.hash.0),
            parent: BlockHash(header.parent_hash.0),
        };
        let difficulty = U256::from(header.difficulty.unsigned_abs());
        Link { block, difficulty, total_difficulty }
    }

    /// Checks that the block is the one at `height`, and the child of `previous` if that is known.
    ///
    /// # Errors
    ///
    /// If it is another.
    pub fn check(&self, height: u64, previous: Option<&Link>) -> Result<(), FileFault> {
        let BlockRef { height: found, parent, .. } = self.block;
        if found != height {
            return Err(FileFault::WrongHeight { wanted: height, found });
        }
        let before = previous.filter(|previous| previous.block.hash != parent);
        if let Some(Link { block, .. }) = before {
            let (wanted, found) = (block.hash.0.into(), parent.0.into());
            return Err(FileFault::WrongParent { wanted, found });
        }
        let before = match height {
            0 => Some(U256::ZERO),
            _ => previous.and_then(|previous| previous.total_difficulty),
        };
        let Some((before, found)) = before.zip(self.total_difficulty) else { return Ok(()) };
        match before.wrapping_add(self.difficulty) {
            wanted if wanted == found => Ok(()),
            wanted => Err(FileFault::TotalDifficulty { wanted, found }),
        }
    }
}
