//! Brings a sink onto the chain of its source before anything is added.

use assay_model::BlockRef;

use super::{PipelineError, unless_stopped};
use crate::metrics::Meter;
use crate::sink::Sink;
use crate::source::Source;
use crate::stop::Stop;

/// What to do next, so that what is stored follows the canonical chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the chain has no block that is not stored.
    Wait,
    /// Add blocks from this one on.
    Append(BlockRef),
    /// Remove all blocks above this one, then look again.
    RevertTo(BlockRef),
    /// No common block is known.
    TooDeep,
}

/// Decides the next step; does no I/O.
///
/// Both slices start at the same height, oldest first, each linked by parent hash: `stored` is what
/// we hold, `canonical` what the source says.
pub fn plan(stored: &[BlockRef], canonical: &[BlockRef]) -> Step {
    let common = stored.iter().zip(canonical).take_while(|(ours, theirs)| ours == theirs).count();
    match (stored.get(common), canonical.get(common)) {
        // Nothing new. A source that is merely behind us never costs us rows.
        (_, None) => Step::Wait,
        (None, Some(next)) => Step::Append(*next),
        (Some(_), Some(_)) if common == 0 => Step::TooDeep,
        (Some(_), Some(_)) => Step::RevertTo(stored[common - 1]),
    }
}

/// Removes from `sink` what the chain of `source` no longer has; returns the height to go on from
/// and the number of blocks removed. Nothing is removed once `stop` is asked.
pub(super) async fn align<S: Source, K: Sink>(
    source: &S,
    sink: &K,
    max_reorg: u64,
    stop: &Stop,
) -> Result<(u64, u64), PipelineError> {
    let Some(watermark) = sink.watermark().await? else { return Ok((sink.first_height(), 0)) };
    let next = watermark.height + 1;
    if unless_stopped(stop, source.block_at(watermark.height)).await? == Some(watermark) {
        return Ok((next, 0));
    }
    // One block more than may be removed: the common one.
    let stored = sink.blocks_up_to(watermark.height, max_reorg + 1).await?;
    let first = stored.first().map_or(0, |first| first.height);
    let canonical = chain_from(source, first, next, stop).await?;
    match plan(&stored, &canonical) {
        Step::Wait => Ok((next, 0)),
        Step::RevertTo(common) => {
            // A final block that the sink does not have makes none of its blocks final.
            if let Some(finalized) = sink.finality().await?.finalized
                && finalized.height > common.height
                && stored.contains(&finalized)
            {
                let (finalized, common_height) = (Box::new(finalized), common.height);
                return Err(PipelineError::FinalTakenBack { finalized, common_height });
            }
            let depth = watermark.height - common.height;
            tracing::warn!(from = watermark.height, to = common.height, depth, "chain reorganised");
            sink.revert(common, &canonical).await?;
            Meter::of::<S::Block>().reorganised(depth);
            Ok((common.height + 1, depth))
        }
        // The chain got back what it had when it was asked for the first time.
        Step::Append(_) => Ok((next, 0)),
        // A source that ends below what is stored, or has another chain from there on.
        Step::TooDeep => Err(PipelineError::TooDeep { max_reorg, stored: watermark }),
    }
}

/// The blocks of the chain of `source` from height `first` to `last`, as far as it has them.
async fn chain_from<S: Source>(
    source: &S,
    first: u64,
    last: u64,
    stop: &Stop,
) -> Result<Vec<BlockRef>, PipelineError> {
    let mut chain: Vec<BlockRef> = Vec::new();
    for height in first..=last {
        let block = unless_stopped(stop, source.block_at(height)).await?;
        let Some(block) = block else { break };
        if chain.last().is_some_and(|below| below.hash != block.parent) {
            return Err(PipelineError::ChainChanged { height });
        }
        chain.push(block);
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use assay_model::BlockHash;

    use super::*;

    /// Blocks whose hashes are told by letters, each the child of the one before.
    fn chain(from: u64, letters: &str) -> Vec<BlockRef> {
        let mut parent = BlockHash::default();
        let blocks = letters.bytes().enumerate().map(|(at, letter)| {
            let block =
                BlockRef { height: from + at as u64, hash: BlockHash([letter; 32]), parent };
            parent = block.hash;
            block
        });
        blocks.collect()
    }

    #[test]
    fn each_case_has_its_step() {
        let stored = chain(5, "abc");
        assert_eq!(plan(&stored, &chain(5, "abc")), Step::Wait);
        assert_eq!(plan(&stored, &chain(5, "ab")), Step::Wait);
        assert_eq!(plan(&stored, &chain(5, "abcd")), Step::Append(chain(5, "abcd")[3]));
        assert_eq!(plan(&stored, &chain(5, "abxy")), Step::RevertTo(stored[1]));
        assert_eq!(plan(&stored, &chain(5, "xyz")), Step::TooDeep);
        assert_eq!(plan(&[], &chain(0, "a")), Step::Append(chain(0, "a")[0]));
        assert_eq!(plan(&[], &[]), Step::Wait);
    }
}
