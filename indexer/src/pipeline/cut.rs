//! Cuts the blocks that a source gives into batches, and sees to it that they follow each other.

use std::collections::VecDeque;

use assay_model::BlockRef;
use futures::stream::{self, Stream, StreamExt};

use super::PipelineError;
use crate::attempt::Attempt;
use crate::metrics::Meter;
use crate::raw::Raw;
use crate::sink::Cuts;

/// Where the blocks to be cut come in the chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The block below the first; `None` if it is not known.
    pub below: Option<BlockRef>,
    /// Bytes of block data below the first.
    pub bytes: u64,
}

/// Blocks on their way into batches.
struct Cutter<B: Raw> {
    cuts: Cuts,
    start: Start,
    waiting: Vec<B>,
    ready: VecDeque<Attempt<Vec<B>, PipelineError>>,
    is_done: bool,
}

/// The blocks of `fetched` in batches that end where `cuts` says. The first failure ends the stream,
/// and so does a block that does not follow the one below: the chain has changed.
pub(super) fn cut<B: Raw>(
    fetched: impl Stream<Item = Attempt<Vec<B>, PipelineError>>,
    cuts: Cuts,
    start: Start,
) -> impl Stream<Item = Attempt<Vec<B>, PipelineError>> {
    let ready = VecDeque::new();
    let cutter = Cutter { cuts, start, waiting: Vec::new(), ready, is_done: false };
    stream::unfold((Box::pin(fetched), cutter), |(mut fetched, mut cutter)| async {
        while cutter.ready.is_empty() && !cutter.is_done {
            match fetched.next().await {
                Some(attempt) => cutter.take(attempt),
                None => cutter.finish(None),
            }
        }
        Meter::of::<B>().waiting(cutter.waiting.len());
        let batch = cutter.ready.pop_front()?;
        Some((batch, (fetched, cutter)))
    })
}

impl<B: Raw> Drop for Cutter<B> {
    fn drop(&mut self) {
        Meter::of::<B>().waiting(0);
    }
}

impl<B: Raw> Cutter<B> {
    fn take(&mut self, attempt: Attempt<Vec<B>, PipelineError>) {
        for block in attempt.done {
            let next = block.block();
            if self.start.below.is_some_and(|below| below.hash != next.parent) {
                return self.finish(Some(PipelineError::ChainChanged { height: next.height }));
            }
            let before = self.start.bytes;
            self.start = Start { below: Some(next), bytes: before + block.size() };
            self.waiting.push(block);
            if self.cuts.ends_batch(before, self.start.bytes) {
                let done = std::mem::take(&mut self.waiting);
                self.ready.push_back(Attempt { done, failure: None });
            }
        }
        if attempt.failure.is_some() {
            self.finish(attempt.failure);
        }
    }

    /// No more blocks come.
    fn finish(&mut self, failure: Option<PipelineError>) {
        self.is_done = true;
        let done = std::mem::take(&mut self.waiting);
        if !done.is_empty() || failure.is_some() {
            self.ready.push_back(Attempt { done, failure });
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_model::{BlockHash, Chain};

    use super::*;

    struct Sized(BlockRef, u64);

    impl Raw for Sized {
        const CHAIN: Chain = Chain::Bitcoin;

        fn block(&self) -> BlockRef {
            self.0
        }

        fn size(&self) -> u64 {
            self.1
        }
    }

    fn block(height: u64, size: u64) -> Sized {
        let hash = |height: u64| BlockHash([height as u8; 32]);
        Sized(BlockRef { height, hash: hash(height), parent: hash(height.wrapping_sub(1)) }, size)
    }

    /// The heights of each batch, and the failure.
    fn batches(
        fetched: Vec<Attempt<Vec<Sized>, PipelineError>>,
        bytes: u64,
    ) -> (Vec<Vec<u64>>, Option<PipelineError>) {
        let cuts = Cuts { batch_bytes: 10, segment_bytes: 25 };
        let start = Start { below: None, bytes };
        let all = cut(stream::iter(fetched), cuts, start).collect::<Vec<_>>();
        let mut failure = None;
        let batches = futures::executor::block_on(all).into_iter().map(|attempt| {
            failure = attempt.failure.or(failure.take());
            attempt.done.iter().map(|block| block.0.height).collect()
        });
        (batches.collect(), failure)
    }

    fn good(blocks: Vec<Sized>) -> Attempt<Vec<Sized>, PipelineError> {
        Attempt { done: blocks, failure: None }
    }

    #[test]
    fn batches_end_at_the_same_blocks_however_they_were_fetched() {
        let sizes = [4, 4, 4, 8, 5, 1, 30, 3, 3, 3, 3];
        let wanted = [vec![0, 1, 2], vec![3], vec![4], vec![5, 6], vec![7, 8], vec![9, 10]];
        for fetched_at_once in 1..12 {
            let blocks: Vec<_> = (0..).zip(sizes).collect();
            let parts = blocks.chunks(fetched_at_once);
            let parts =
                parts.map(|part| good(part.iter().map(|&(h, size)| block(h, size)).collect()));
            let (batches, failure) = batches(parts.collect(), 0);
            assert_eq!(batches, wanted, "{fetched_at_once} at once");
            assert!(failure.is_none());
        }
        // Going on in the middle makes no difference either.
        let rest = (4..).zip(&sizes[4..]).map(|(height, &size)| block(height, size)).collect();
        assert_eq!(batches(vec![good(rest)], 20).0, wanted[2..]);
    }

    #[test]
    fn what_comes_before_a_failure_is_kept() {
        let changed = || Some(PipelineError::ChainChanged { height: 7 });
        let fetched = vec![Attempt { done: vec![block(0, 4)], failure: changed() }];
        let (kept, failure) = batches(fetched, 0);
        assert_eq!(kept, [[0]]);
        assert!(matches!(failure, Some(PipelineError::ChainChanged { height: 7 })));

        let other = Sized(BlockRef { parent: BlockHash([9; 32]), ..block(1, 1).0 }, 4);
        let (kept, failure) = batches(vec![good(vec![block(0, 4), other, block(2, 4)])], 0);
        assert_eq!(kept, [[0]]);
        assert!(matches!(failure, Some(PipelineError::ChainChanged { height: 1 })));
    }
}
