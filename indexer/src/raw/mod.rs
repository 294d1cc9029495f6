//! What a source hands to decode: blocks as they came, with what decoding them needs.

pub mod bitcoin;
pub mod dao;
pub mod ethereum;

use assay_model::{BlockRef, Chain};

/// What all chains' blocks have in common, as they came.
pub trait Raw: Send + Sync + 'static {
    /// The chain that such blocks are of.
    const CHAIN: Chain;

    /// Which block it is.
    fn block(&self) -> BlockRef;

    /// Size of the block itself, bytes: the column `size` of its row.
    fn size(&self) -> u64;
}
