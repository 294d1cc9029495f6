//! The order of blocks in a store, whatever the store is.

use assay_model::lake::Replaced;
use assay_model::{BlockHash, BlockRef};

use super::SinkError;

/// Whether the blocks `first` to `last` come next in a store that begins at height `from` and ends
/// with `tip`; they do not if they were committed before.
///
/// # Errors
///
/// [`SinkError::NotNext`] if they belong nowhere.
pub(super) fn is_next(
    tip: Option<BlockRef>,
    from: u64,
    first: &BlockRef,
    last: &BlockRef,
) -> Result<bool, SinkError> {
    let next = tip.map_or(from, |tip| tip.height + 1);
    if last.height < next {
        return Ok(false);
    }
    // What the first block follows, only the genesis block tells.
    let parent = match tip {
        Some(tip) => Some(tip.hash),
        None => (next == 0).then(BlockHash::default),
    };
    let follows = parent.is_none_or(|parent| parent == first.parent);
    if first.height != next || !follows {
        return Err(SinkError::NotNext { expected: next, found: first.height });
    }
    Ok(true)
}

/// The record of `blocks`, whose place the blocks `by` take.
pub(super) fn replaced(
    blocks: impl IntoIterator<Item = BlockRef>,
    by: &[BlockRef],
) -> Vec<Replaced> {
    let by = |height| by.iter().find(|block| block.height == height).map(|block| block.hash);
    let replaced = blocks.into_iter().map(|BlockRef { height, hash, .. }| Replaced {
        height,
        hash,
        by: by(height),
    });
    replaced.collect()
}
