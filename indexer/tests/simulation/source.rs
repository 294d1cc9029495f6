//! A node as nodes are: its chain grows, is reorganised and stalls while it is read, the node falls
//! behind, fails, and announces blocks too early, twice or not at all.
//!
//! # Invariants
//!
//! * It keeps the contract of `Source` at every moment: each answer is of one chain of valid blocks.
//! * Equal seeds and equal calls give equal answers.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_fixtures::rng::Rng;
use assay_indexer::attempt::Attempt;
use assay_indexer::raw::bitcoin::RawBlock;
use assay_indexer::source::ethereum_rpc::{RpcError, RpcFault};
use assay_indexer::source::{Finality, Live, Source, SourceError};
use assay_model::{BlockHash, BlockRef};
use async_trait::async_trait;

use crate::block::raw_block;
use crate::mined;

/// Most blocks that a reorganisation takes back.
pub const MOST_REORGANISED: u64 = 60;
/// Blocks below the tip of a chain that is never reorganised below its final block.
const FINAL_DEPTH: usize = 20;
/// Heights from which on a chain hardly grows any more: most histories stay short, so that there can
/// be many, and reorganisations of all depths have their place in the others.
const LENGTHS: [u64; 4] = [6, 12, 25, 90];

/// How a node behaves.
#[derive(Clone, Debug)]
pub struct Habits {
    /// How many of a thousand calls change the chain.
    pub change_per_mille: u64,
    /// How many of a thousand calls fail, and may go well later.
    pub passing_per_mille: u64,
    /// How many of ten thousand calls fail for good.
    pub lasting_per_ten_thousand: u64,
    /// Whether it says how far its chain is final.
    pub tells_finality: bool,
    /// How many blocks the chain grows by at once, at most.
    pub growth: u64,
    /// Height from which on it grows by one block at once.
    pub length: u64,
}

impl Habits {
    /// Those of a node whose chain stands still.
    pub fn calm() -> Habits {
        Habits {
            change_per_mille: 0,
            passing_per_mille: 0,
            lasting_per_ten_thousand: 0,
            tells_finality: false,
            growth: 1,
            length: 0,
        }
    }

    /// Some at random.
    pub fn any(rng: &mut Rng) -> Habits {
        let often = |rng: &mut Rng, values: [u64; 4]| values[rng.index(4)];
        Habits {
            change_per_mille: often(rng, [0, 5, 20, 100]),
            passing_per_mille: often(rng, [0, 0, 10, 50]),
            lasting_per_ten_thousand: often(rng, [0, 0, 0, 20]),
            tells_finality: rng.chance(250),
            growth: often(rng, [1, 3, 10, 40]),
            length: often(rng, LENGTHS),
        }
    }
}

/// A node whose chain goes on.
pub struct Node {
    state: Mutex<State>,
}

struct State {
    rng: Rng,
    habits: Habits,
    /// All blocks that there ever were.
    known: HashMap<BlockHash, u64>,
    best: Chain,
    /// How many blocks of it the node has.
    seen: usize,
    /// Chains that were the best before.
    earlier: Vec<Chain>,
    /// Height of the final block.
    finalized: usize,
    /// The best chains since a process began, as far as the node had them.
    shown: Vec<Chain>,
    lasting_failures: u64,
}

/// A chain from the genesis block on.
pub type Chain = Vec<Arc<RawBlock>>;

impl Node {
    /// A node that has a chain of `blocks` blocks.
    pub fn new(seed: u64, habits: Habits, blocks: usize) -> Node {
        let state = State {
            rng: Rng::new(seed),
            habits,
            known: HashMap::new(),
            best: Vec::new(),
            seen: 0,
            earlier: Vec::new(),
            finalized: 0,
            shown: Vec::new(),
            lasting_failures: 0,
        };
        let node = Node { state: state.into() };
        node.state().grow(blocks);
        node
    }

    /// A node that has `chain` and `blocks` more, and does not change.
    pub fn on(seed: u64, chain: Chain, blocks: usize) -> Node {
        let node = Node::new(seed, Habits::calm(), 0);
        let mut state = node.state();
        state.known = chain.iter().map(|raw| (raw.block.hash, raw.block.height)).collect();
        (state.seen, state.best) = (chain.len(), chain);
        state.grow(blocks);
        drop(state);
        node
    }

    /// Has it say that its block at `height` is final.
    pub fn finalize(&self, height: usize) {
        let mut state = self.state();
        state.habits.tells_finality = true;
        state.finalized = height;
    }

    /// Its chain.
    pub fn chain(&self) -> Chain {
        self.state().best.clone()
    }

    /// Has it behave otherwise from now on.
    pub fn set_habits(&self, habits: Habits) {
        self.state().habits = habits;
    }

    /// Settles on one chain that is longer than `height`; returns it.
    pub fn settle(&self, height: u64) -> Chain {
        let mut state = self.state();
        state.habits = Habits { tells_finality: state.habits.tells_finality, ..Habits::calm() };
        if state.rng.chance(300) {
            state.reorganise();
        }
        state.seen = state.best.len();
        let missing = (height as usize + 2).saturating_sub(state.seen);
        let more = state.rng.index(8);
        state.grow(missing + more);
        state.best.clone()
    }

    /// Whether there ever was such a block.
    pub fn knows(&self, block: &BlockRef) -> bool {
        self.state().known.get(&block.hash) == Some(&block.height)
    }

    /// Forgets what it showed to the process before.
    pub fn begin(&self) {
        let mut state = self.state();
        state.shown.clear();
        state.lasting_failures = 0;
        state.show();
    }

    /// Whether it failed for good since `begin`.
    pub fn has_failed_for_good(&self) -> bool {
        self.state().lasting_failures > 0
    }

    /// Whether a chain that it showed since `begin` has another block at `block`'s height.
    pub fn contradicted(&self, block: &BlockRef) -> bool {
        let at = block.height as usize;
        let other = |chain: &Chain| chain.get(at).is_some_and(|found| found.block != *block);
        self.state().shown.iter().any(other)
    }

    /// What happens at every call: the chain changes or not, the call fails or not.
    async fn call(&self) -> Result<(), SourceError> {
        let waits = self.state().rng.index(3);
        for _ in 0..waits {
            tokio::task::yield_now().await;
        }
        let mut state = self.state();
        let Habits { change_per_mille, passing_per_mille, lasting_per_ten_thousand, .. } =
            state.habits;
        if state.rng.chance(change_per_mille) {
            state.change();
        }
        if state.rng.chance(passing_per_mille) {
            return Err(failure(RpcFault::Unreachable { attempts: 1, reason: "asleep".into() }));
        }
        if state.rng.below(10_000) < lasting_per_ten_thousand {
            state.lasting_failures += 1;
            return Err(failure(RpcFault::Denied { status: 401 }));
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Something happens to the chain.
    fn change(&mut self) {
        match self.rng.below(100) {
            0..45 => {
                let most = self.habits.length.saturating_sub(self.best.len() as u64);
                let blocks = self.rng.range(1, most.clamp(1, self.habits.growth) + 1);
                self.grow(blocks as usize);
                self.seen = self.best.len();
            }
            45..70 => self.reorganise(),
            70..78 => self.return_to_earlier(),
            // The node falls behind, or is another one that is.
            78..88 => self.seen = 1 + self.rng.index(self.best.len()),
            88..94 => self.seen = self.best.len(),
            _ => {} // It stalls.
        }
        self.finalized = self.finalized.max(self.seen.saturating_sub(FINAL_DEPTH));
        self.show();
    }

    fn show(&mut self) {
        let chain = self.best[..self.seen].to_vec();
        self.shown.push(chain);
    }

    /// How many blocks a reorganisation leaves.
    fn fork(&mut self) -> usize {
        let most = (self.best.len() as u64 - 1).min(MOST_REORGANISED);
        let few = self.rng.chance(600);
        let depth = self.rng.below(if few { most.min(5) + 1 } else { most + 1 }) as usize;
        let least = if self.habits.tells_finality { self.finalized + 1 } else { 1 };
        (self.best.len() - depth).max(least.min(self.best.len()))
    }

    /// A new branch takes the place of the last blocks: a longer one, nearly always.
    fn reorganise(&mut self) {
        let before = self.best.clone();
        let kept = self.fork();
        self.best.truncate(kept);
        let depth = before.len() - kept;
        let blocks = match self.rng.below(10) {
            0 => self.rng.index(depth + 1),
            1 => depth,
            _ => depth + 1 + self.rng.index(3),
        };
        self.grow(blocks);
        self.seen = self.best.len();
        self.earlier.push(before);
    }

    /// A chain that had lost wins again, with another block or without.
    fn return_to_earlier(&mut self) {
        if self.earlier.is_empty() || self.habits.tells_finality {
            return;
        }
        let place = self.rng.index(self.earlier.len());
        let returned = self.earlier.swap_remove(place);
        self.earlier.push(std::mem::replace(&mut self.best, returned));
        let blocks = self.rng.index(3);
        self.grow(blocks);
        self.seen = self.best.len();
    }

    fn grow(&mut self, blocks: usize) {
        let was_at_tip = self.seen == self.best.len();
        for _ in 0..blocks {
            let block = mine(self.best.last(), &mut self.rng);
            self.known.insert(block.block.hash, block.block.height);
            self.best.push(Arc::new(block));
        }
        if was_at_tip {
            self.seen = self.best.len();
        }
    }

    fn block_at(&self, height: u64) -> Option<BlockRef> {
        self.best[..self.seen].get(height as usize).map(|raw| raw.block)
    }
}

fn failure(fault: RpcFault) -> SourceError {
    let url = "http://node".to_owned();
    SourceError::Rpc(Box::new(RpcError { url, method: "any", height: None, fault }))
}

#[async_trait]
impl Source for Node {
    type Block = RawBlock;

    async fn tip(&self) -> Result<Option<BlockRef>, SourceError> {
        self.call().await?;
        let state = self.state();
        Ok(state.block_at(state.seen as u64 - 1))
    }

    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        self.call().await?;
        Ok(self.state().block_at(height))
    }

    fn plan(&self, heights: Range<u64>, bytes: u64) -> u64 {
        (heights.start + 1 + bytes / 400).min(heights.end)
    }

    fn bytes_of(&self, _: Range<u64>) -> u64 {
        0
    }

    async fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<RawBlock>, SourceError> {
        let mut done = Vec::new();
        let failure = loop {
            if let Err(error) = self.call().await {
                break Some(error);
            }
            let state = self.state();
            let next = heights.start + done.len() as u64;
            let some = done.len() + 8;
            let end = heights.end.min(heights.start + some as u64).min(state.seen as u64);
            if end <= next {
                break (next < heights.end).then(|| failure(RpcFault::Null { what: "block" }));
            }
            let next = &state.best[next as usize..end as usize];
            let follows = |last: &RawBlock| last.block.hash == next[0].block.parent;
            if !done.last().is_none_or(follows) {
                break Some(failure(RpcFault::Mixed { what: "block" }));
            }
            done.extend(next.iter().map(|block| RawBlock::clone(block)));
        };
        Attempt { done, failure }
    }
}

#[async_trait]
impl Live for Node {
    async fn changed(&self) {
        let waits = self.state().rng.index(4);
        for _ in 0..waits {
            tokio::task::yield_now().await;
        }
        let mut state = self.state();
        // What is announced is not there yet, or was announced before, or really is new.
        if state.habits.growth > 1 || state.habits.change_per_mille > 0 {
            for _ in 0..state.rng.index(3) {
                state.change();
            }
        }
    }

    async fn finality(&self) -> Result<Finality, SourceError> {
        self.call().await?;
        let state = self.state();
        if !state.habits.tells_finality {
            return Ok(Finality::default());
        }
        let finalized = state.block_at(state.finalized as u64);
        Ok(Finality { safe: None, finalized })
    }
}

/// A block on top of `below`.
fn mine(below: Option<&Arc<RawBlock>>, rng: &mut Rng) -> RawBlock {
    let height = below.map_or(0, |below| below.block.height + 1);
    let parent = below.map_or([0; 32], |below| below.block.hash.to_wire());
    let mut extra = rng.bits().to_le_bytes().to_vec();
    extra.resize(extra.len() + rng.index(80), 0);
    raw_block(height, mined::block(height, parent, &extra), &[])
}
